"""From messages of the raw topic to updates for the store, for the consumer and `arbkit replay`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from arbkit.core.errors import BadRecordError
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


def decode_batch(messages: Sequence[Message], *, demo: bool = True) -> DecodedBatch:
    """Decode messages in their order; one that cannot be decoded never stops the others.

    Without ``demo``, what the demo market invented is left out.
    """
    found = DecodedBatch()
    for message in messages:
        if is_damaged(message):
            found.rejected.append((message, DAMAGED))
            continue
        try:
            update = from_envelope(orjson.loads(message.value))
        except orjson.JSONDecodeError as error:
            found.rejected.append((message, f"not JSON: {error}"))
        except BadRecordError as error:
            found.rejected.append((message, str(error)))
        except Exception as error:
            # Whatever one record does, it must not stop the others.
            logger.exception("%s/%d, offset %d", message.topic, message.partition, message.offset)
            found.rejected.append((message, f"a fault of arbkit: {error!r}"))
        else:
            if update is None:
                found.unknown += 1
            elif demo or not update.offer.demo:
                found.updates.append(update)
                found.origins.append(message)
    return found
