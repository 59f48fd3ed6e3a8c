"""The state of a stream at a moment, and how fast records pass it between moments."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arbkit.stream import ENRICH_GROUP, GROUPS, RAW_TOPIC, TOPICS, Message, Stream, dead_letter_topic
from arbkit.stream.dead_letters import REPLAY_GROUP

DEAD_TOPICS: tuple[str, ...] = tuple(
    t.name for t in TOPICS if any(other.name == dead_letter_topic(t.name) for other in TOPICS)
)
"""The topics that have dead letters."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """Offsets of all topics and groups at ``at`` (Unix seconds).

    ``watermarks``: topic → partition → (oldest kept, next); ``committed``: group → partition → committed, always of
    the group that enriches, of the others only if they exist; ``replayed``: topic → partition of its dead letters →
    committed by the group that replays them.
    """

    at: float
    watermarks: Mapping[str, Mapping[int, tuple[int, int]]]
    committed: Mapping[str, Mapping[int, int]]
    replayed: Mapping[str, Mapping[int, int]]

    def lag(self, group: str) -> dict[int, int]:
        """Messages that the group has not committed, by partition."""
        return self._lag(GROUPS[group], self.committed[group])

    def _lag(self, topic: str, committed: Mapping[int, int]) -> dict[int, int]:
        return {p: end - max(committed.get(p, oldest), oldest) for p, (oldest, end) in self.watermarks[topic].items()}

    def processed(self, group: str) -> int:
        """Messages that the group has passed since the topic began."""
        return self.published(GROUPS[group]) - sum(self.lag(group).values())

    def retained(self, topic: str) -> int:
        """Messages that the topic still keeps."""
        return sum(end - oldest for oldest, end in self.watermarks[topic].values())

    def published(self, topic: str) -> int:
        """Messages since the topic began, also those that retention has removed."""
        return sum(end for _, end in self.watermarks[topic].values())

    def dead_letters(self) -> dict[str, int]:
        """Topic → its dead letters."""
        return {topic: self.retained(dead_letter_topic(topic)) for topic in DEAD_TOPICS}

    def dead_letter_watermarks(self) -> dict[str, Mapping[int, tuple[int, int]]]:
        """Topic → partition of its dead letters → (oldest kept, next): changes when dead letters come or go."""
        return {topic: self.watermarks[dead_letter_topic(topic)] for topic in DEAD_TOPICS}

    def unreplayed(self, topic: str) -> int:
        """Dead letters of a topic that a replay of all would take."""
        return sum(self._lag(dead_letter_topic(topic), self.replayed[topic]).values())


def read_stream_state(log: Stream, *, now: float) -> StreamState:
    """The state of the stream at ``now`` (Unix seconds).

    Raises:
        StreamError: it cannot be asked.
    """
    ends = {t.name: {tp.partition: both for tp, both in log.watermarks(t.name).items()} for t in TOPICS}
    committed = {group: _committed(log, group, topic) for group, topic in GROUPS.items()}
    return StreamState(
        now,
        ends,
        {group: found for group, found in committed.items() if found or group == ENRICH_GROUP},
        {topic: _committed(log, REPLAY_GROUP, dead_letter_topic(topic)) for topic in DEAD_TOPICS},
    )


def _committed(log: Stream, group: str, topic: str) -> dict[int, int]:
    return {tp.partition: offset for tp, offset in log.committed_offsets(group, topic).items()}


@dataclass(frozen=True, slots=True)
class GroupDelay:
    """How far a group is behind: messages that it has not committed, and for how many seconds the oldest has waited.

    ``reads``: whether it has ever committed; ``waits_s`` is None where nothing waits.
    """

    group: str
    topic: str
    reads: bool
    lag: int
    waits_s: float | None


def read_delay(log: Stream, group: str, topic: str, *, now: float) -> GroupDelay:
    """How far a group is behind at ``now`` (Unix seconds).

    Raises:
        StreamError: there is no such topic, or it cannot be read.
    """
    committed = log.committed_offsets(group, topic)
    lag = 0
    waiting: list[Message] = []
    for at, (oldest, end) in log.watermarks(topic).items():
        offset = max(committed.get(at, oldest), oldest)
        lag += end - offset
        if offset < end:
            waiting += log.read(topic, partition=at.partition, offset=offset, max_records=1)
    waits_s = max((max(0.0, now - message.timestamp) for message in waiting), default=None)
    return GroupDelay(group, topic, bool(committed), lag, waits_s)


@dataclass(frozen=True, slots=True)
class Pace:
    """Records a minute at a moment, over the ``over_s`` before it."""

    at: float
    over_s: float
    published: float
    enriched: float


_WINDOW_S = 60.0
_LEAST_S = 1.0
_MOST_STATES = 2_000


class Throughput:
    """What differs between states of the stream: nothing is known before the second one.

    A pace is over the minute before it, or over the time between two states where that was longer.
    """

    def __init__(self) -> None:
        self._states: deque[tuple[float, int, int]] = deque(maxlen=_MOST_STATES)
        self._paces: deque[Pace] = deque(maxlen=_MOST_STATES)
        self.progressed_at: float | None = None
        """when it was last seen that the enriching group had committed more"""

    def note(self, state: StreamState) -> None:
        """Take in the state of the stream at another moment."""
        published, enriched = state.published(RAW_TOPIC), state.processed(ENRICH_GROUP)
        if self._states:
            at, before, done = self._states[-1]
            if published < before or enriched < done:
                # Another log, or a group set back: what was before says nothing about it.
                self._states.clear()
                self._paces.clear()
            elif state.at - at < _LEAST_S:
                # Over moments, one batch looks like a flood.
                return
            elif enriched > done:
                self.progressed_at = state.at
        self._states.append((state.at, published, enriched))
        if len(self._states) > 1:
            begin, before, done = self._before(state.at)
            over = state.at - begin
            self._paces.append(Pace(state.at, over, (published - before) / over * 60, (enriched - done) / over * 60))

    def _before(self, now: float) -> tuple[float, int, int]:
        """The oldest state in the window, but at least the one before the last."""
        earlier = list(self._states)[:-1]
        return next((one for one in earlier if now - one[0] <= _WINDOW_S), earlier[-1])

    @property
    def paces(self) -> Sequence[Pace]:
        """All that is known, the oldest first."""
        return tuple(self._paces)

    @property
    def latest(self) -> Pace | None:
        """The last of them; None before the second state."""
        return self._paces[-1] if self._paces else None

    @property
    def observed_s(self) -> float:
        """Seconds between the first state and the last."""
        return self._states[-1][0] - self._states[0][0] if self._states else 0.0
