"""The store rebuilt from the log, beside the one that is read meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from arbkit.core.errors import ServiceError
from arbkit.core.models import Update
from arbkit.core.results import Progress
from arbkit.core.settings import Settings
from arbkit.pipeline.decode import decode_batch
from arbkit.store import Rebuilt, open_store
from arbkit.store.kept_facts import restore_facts
from arbkit.store.mode import takes_demo
from arbkit.stream import RAW_TOPIC, Stream, TopicPartition, open_stream


@dataclass(slots=True)
class Replayed:
    """What a replay did.

    ``read`` messages, of which ``unusable`` (dead letters already) and ``unknown`` to the source; ``rebuilt`` counts
    the store's offers: made anew, and kept because the log has them no more.
    """

    read: int = 0
    unusable: int = 0
    unknown: int = 0
    rebuilt: Rebuilt = field(default_factory=lambda: Rebuilt(0, 0))


def replay(settings: Settings, *, stop: threading.Event, progress: Progress) -> Replayed:
    """Rebuild offers, histories and products from the raw topic; what the log no longer holds is kept.

    What users typed in stays, and is brought into a store that is new.

    Needs no other service to stand still, and moves no consumer group.

    Raises:
        StreamError: the log cannot be read.
        StoreError: the store cannot be written; it is as it was.
        ServiceError: ``stop`` was set; the store is as it was.
    """
    done = Replayed()
    with open_stream(settings) as stream, open_store(settings) as store:
        demo = takes_demo(settings, store)
        done.rebuilt = store.rebuild(_updates(stream, done, stop, progress, demo=demo))
        restore_facts(settings, store)
    return done


def _updates(
    stream: Stream, done: Replayed, stop: threading.Event, progress: Progress, *, demo: bool
) -> Iterator[Sequence[Update]]:
    """The updates of the whole topic, and then of what was published meanwhile; invented ones only with ``demo``."""
    positions: dict[TopicPartition, int] = {}
    total = sum(end - oldest for oldest, end in stream.watermarks(RAW_TOPIC).values())
    progress(0, total)
    before = -1
    while done.read > before:
        before = done.read
        for messages in stream.scan(RAW_TOPIC, start=positions):
            if stop.is_set():
                raise ServiceError("stopped half-way: the store is as it was", remedy="Run `arbkit replay` again")
            found = decode_batch(messages, demo=demo)
            yield found.updates
            positions[messages[-1].topic_partition] = messages[-1].offset + 1
            done.read += len(messages)
            done.unusable += len(found.rejected)
            done.unknown += found.unknown
            progress(done.read, max(total, done.read))
