"""What happened, from the log: alerts, and routes that became opportunities or ceased to be any.

Each reader has a position of its own, an offset for each partition, which outlives connections and processes. What
many ask for at the end of the log is read once.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args

import orjson
from starlette.concurrency import run_in_threadpool

from arbkit.core.errors import StreamError, UsageError
from arbkit.core.results import JsonObject
from arbkit.core.sqlite import FileIdentity, file_identity
from arbkit.stream import ALERTS_TOPIC, CHANGES_TOPIC, Message, Stream, TopicPartition

T = TypeVar("T")

logger = logging.getLogger(__name__)

EventKind = Literal["opportunity", "ended", "alert"]
LOOK_EVERY_S = 0.5
"""How soon a reader hears of what is on the log."""
_TOPICS = {"a": ALERTS_TOPIC, "c": CHANGES_TOPIC}
"""Letter in a position → topic."""
_POSITION = re.compile(r"(?:(?:^|-)[ac][0-9]{1,18}(?:\.[0-9]{1,18}){0,255}){2}")
_READ_AT_ONCE = 50
_KEPT_READS = 32
Watermarks = Mapping[TopicPartition, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset of each partition."""

    offsets: Mapping[TopicPartition, int]

    @classmethod
    def parse(cls, text: str) -> Position:
        """The position that an id of an event stands for.

        Raises:
            UsageError: it is not one that arbkit made.
        """
        parts = text.split("-") if _POSITION.fullmatch(text) else []
        if sorted(part[0] for part in parts) != sorted(_TOPICS):
            remedy = "Send the last `id` as it came, or none to begin with what happens from now on"
            raise UsageError("is no id of an event", field="Last-Event-ID", value=text[:80], remedy=remedy)
        return cls(
            {
                TopicPartition(_TOPICS[part[0]], number): int(offset)
                for part in parts
                for number, offset in enumerate(part[1:].split("."))
            }
        )

    def __str__(self) -> str:
        parts = []
        for letter, topic in _TOPICS.items():
            offsets = [offset for at, offset in sorted(self.offsets.items()) if at.topic == topic]
            parts.append(letter + ".".join(map(str, offsets)))
        return "-".join(parts)

    def moved(self, to: Mapping[TopicPartition, int]) -> Position:
        """The position with these offsets in place of its own."""
        return Position({**self.offsets, **to})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; ``position`` is where whoever has seen it goes on."""

    kind: EventKind
    position: Position
    data: JsonObject


@dataclass(frozen=True, slots=True)
class Batch:
    """The next events of a reader; ``gap``: some before them are kept no longer."""

    events: Sequence[Event]
    position: Position
    gap: bool


class EventFeed:
    """Reads the log for all readers of a process, on one event loop.

    Args:
        open_log: opens it, when it is first needed, and again when it failed.
        file: of an embedded log: where another one has taken its name, that is opened.
    """

    def __init__(self, open_log: Callable[[], Stream], *, file: Path | None = None) -> None:
        self._open_log = open_log
        self._file = file
        self._identity: FileIdentity | None = None
        self._log: Stream | None = None
        self._lock = asyncio.Lock()
        self._marks: Watermarks = {}
        self._marks_at = 0.0
        self._reads: OrderedDict[tuple[TopicPartition, int], Sequence[Message]] = OrderedDict()
        self._stopped = asyncio.Event()

    @property
    def stopped(self) -> bool:
        """Whether readers are to end."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Let all readers end soon."""
        self._stopped.set()

    async def rest(self) -> None:
        """Wait until it is worth while to look again, or readers are to end."""
        try:
            await asyncio.wait_for(self._stopped.wait(), LOOK_EVERY_S)
        except TimeoutError:
            return

    async def now(self) -> Position:
        """The position behind all that has happened.

        Raises:
            StreamError: the log cannot be read.
        """
        async with self._lock:
            marks = await self._watermarks(fresh=True)
        return Position({at: end for at, (_, end) in marks.items()})

    async def after(self, position: Position) -> Batch:
        """What happened after this, in time's order as far as partitions allow; empty: nothing yet.

        Raises:
            StreamError: the log cannot be read.
        """
        async with self._lock:
            marks = await self._watermarks()
            # An id of another log, such as one put back from a backup, may be beyond its end.
            starts = {at: min(max(position.offsets.get(at, 0), old), end) for at, (old, end) in marks.items()}
            gap = any(starts[at] != offset for at, offset in position.offsets.items() if at in starts)
            found = [await self._read(at, start) for at, start in starts.items() if start < marks[at][1]]
        start = Position(starts)
        events = list(_events(found, start))
        ends = {m.topic_partition: m.offset + 1 for messages in found for m in messages[-1:]}
        return Batch(events, start.moved(ends), gap)

    async def close(self) -> None:
        """Give the log back."""
        self.stop()
        async with self._lock:
            await self._forget()

    async def _watermarks(self, *, fresh: bool = False) -> Watermarks:
        if fresh or time.monotonic() - self._marks_at >= LOOK_EVERY_S:
            self._marks = await self._ask(_watermarks)
            self._marks_at = time.monotonic()
        return self._marks

    async def _read(self, at: TopicPartition, offset: int) -> Sequence[Message]:
        known = self._reads.get((at, offset))
        if known is None:
            known = await self._ask(
                lambda log: log.read(at.topic, partition=at.partition, offset=offset, max_records=_READ_AT_ONCE)
            )
            if known:
                self._reads[at, offset] = known
            if len(self._reads) > _KEPT_READS:
                self._reads.popitem(last=False)
        return known

    async def _ask(self, question: Callable[[Stream], T]) -> T:
        try:
            if self._log is not None and self._identity != self._there():
                await self._forget()
            if self._log is None:
                self._log = await run_in_threadpool(self._open_log)
                self._identity = self._there()
            return await run_in_threadpool(question, self._log)
        except StreamError:
            # Another file may lie in its place by now.
            await self._forget()
            raise

    def _there(self) -> FileIdentity | None:
        return None if self._file is None else file_identity(self._file)

    async def _forget(self) -> None:
        log, self._log = self._log, None
        self._marks_at = 0.0
        self._reads.clear()
        if log is not None:
            await run_in_threadpool(log.close)


def _watermarks(log: Stream) -> Watermarks:
    return {at: marks for topic in _TOPICS.values() for at, marks in log.watermarks(topic).items()}


def _events(found: Sequence[Sequence[Message]], start: Position) -> Iterator[Event]:
    """The events of some partitions' messages, those of each in their order."""
    position = start
    for message in heapq.merge(*found, key=lambda m: m.timestamp):
        position = position.moved({message.topic_partition: message.offset + 1})
        event = _event(message, position)
        if event is not None:
            yield event


def _event(message: Message, position: Position) -> Event | None:
    try:
        data = None if message.damaged else orjson.loads(message.value)
    except orjson.JSONDecodeError:
        data = None
    kind = "alert" if message.topic == ALERTS_TOPIC else data.get("event") if isinstance(data, dict) else None
    if not isinstance(data, dict) or kind not in get_args(EventKind):
        logger.warning("%s, offset %d: is no event and left out", message.topic_partition, message.offset)
        return None
    return Event(cast("EventKind", kind), position, data)
