"""From messages of the raw topic to updates for the store, for the consumer and `arbkit replay`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from arbkit.core.errors import BadRecordError
from arbkit.core.history.facts import with_history_facts
from arbkit.core.models import Update
from arbkit.sources.envelope import from_envelope
from arbkit.stream import Message
from arbkit.stream.dead_letters import is_damaged

DAMAGED = "its bytes are not those that were published: the disk or the file is damaged"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class DecodedBatch:
    """A batch of messages, decoded.

    ``updates`` and ``origins`` (the message of each update) go side by side; ``rejected`` are the unusable messages and
    why; ``unknown`` counts those of products that the source does not know.
    """

    updates: list[Update] = field(default_factory=list)
    origins: list[Message] = field(default_factory=list)
    rejected: list[tuple[Message, str]] = field(default_factory=list)
    unknown: int = 0

    def keep(self, positions: Iterable[int]) -> None:
        """Go on with the updates at these positions, and their messages."""
        kept = [*positions]
        self.updates = [self.updates[position] for position in kept]
        self.origins = [self.origins[position] for position in kept]


Decoded = Update | str | None
"""Of a message: its update, why it is unusable, or None where the source does not know the product."""


def decode_batch(
    messages: Sequence[Message], *, demo: bool = True, decode: Callable[[Message], Decoded] | None = None
) -> DecodedBatch:
    """Decode messages in their order; one that cannot be decoded never stops the others.

    Without ``demo``, what the demo market invented is left out. ``decode`` has them decoded elsewhere already.
    """
    found = DecodedBatch()
    for message in messages:
        if is_damaged(message):
            found.rejected.append((message, DAMAGED))
            continue
        try:
            decoded = decode_value(message.value) if decode is None else decode(message)
        except Exception as error:
            # Whatever one record does, it must not stop the others.
            logger.exception("%s/%d, offset %d", message.topic, message.partition, message.offset)
            decoded = f"a fault of arbkit: {error!r}"
        if decoded is None:
            found.unknown += 1
        elif isinstance(decoded, str):
            found.rejected.append((message, decoded))
        elif demo or not decoded.offer.demo:
            found.updates.append(decoded)
            found.origins.append(message)
    _add_history_facts(found)
    return found


def _add_history_facts(batch: DecodedBatch) -> None:
    """Have each offer say what the history beside it says; one whose history cannot be read is rejected."""
    try:
        batch.updates = with_history_facts(batch.updates)
        return
    except Exception:
        logger.exception("the histories of a batch of %d updates: each is read alone", len(batch.updates))
    kept: list[int] = []
    for position, (update, message) in enumerate(zip(batch.updates, batch.origins, strict=True)):
        try:
            batch.updates[position] = with_history_facts([update])[0]
        except Exception as error:  # noqa: BLE001 - whatever one record does, it must not stop the others
            batch.rejected.append((message, f"a fault of arbkit: {error!r}"))
        else:
            kept.append(position)
    batch.keep(kept)


def decode_value(value: bytes) -> Decoded:
    """Decode the value of one message."""
    try:
        return from_envelope(orjson.loads(value))
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error}"
    except BadRecordError as error:
        return str(error)
