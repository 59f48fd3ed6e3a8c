"""What a stream is to its callers: durable topics, keyed partitions, consumer groups.

Two implementations stand behind it, SQLite (embedded: one consumer a group) and Apache Kafka (scale-out: several
share a group's partitions), and one contract suite. People set it with ``ARBKIT_LOG`` and read of "the log".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from arbkit.core.closing import Closing
from arbkit.core.errors import MessageTooLargeError, UsageError

RAW_TOPIC = "raw.keepa_updates"
ENRICHED_TOPIC = "products.enriched"
ALERTS_TOPIC = "arbitrage.alerts"
CHANGES_TOPIC = "arbitrage.changes"
ENRICH_GROUP = "arbkit-enrich"
DETECT_GROUP = "arbkit-detect"
ALERTS_GROUP = "arbkit-alerts"
GROUPS: Mapping[str, str] = {ENRICH_GROUP: RAW_TOPIC, DETECT_GROUP: ENRICHED_TOPIC, ALERTS_GROUP: ALERTS_TOPIC}
"""Consumer groups of arbkit's own, and the topic that each reads."""

MAX_MESSAGE = 16 << 20
"""Bytes of the largest message: a raw product has 3 to 200 KB, in rare cases some MB."""

MAX_DEAD_LETTER = 64 << 20
"""The same for dead letters: what is too large elsewhere is kept here. A Kafka broker takes requests of 100 MB."""

MAX_POLL_BYTES = 16 << 20
"""Bytes of values in one poll, give or take a message: about 90 full Keepa products of 171 KB, enough to make a
store's transaction worth while, little enough to keep a consumer's memory flat."""

Setting = str | float | None
"""The value of a topic's setting."""
_DEAD_LETTERS = ".dlq"


def dead_letter_topic(topic: str) -> str:
    """The name of a topic's dead-letter topic."""
    return f"{topic}{_DEAD_LETTERS}"


def is_dead_letter_topic(topic: str) -> bool:
    """Whether a topic is one of dead letters."""
    return topic.endswith(_DEAD_LETTERS)


def max_bytes_of(topic: str) -> int:
    """Bytes of the largest message that a topic takes."""
    return MAX_DEAD_LETTER if is_dead_letter_topic(topic) else MAX_MESSAGE


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic's settings. ``max_age_s`` and ``max_bytes`` (per topic) None: keep for ever.

    ``compacted``: of each key only the last message is sure to be kept, for ever.
    """

    name: str
    partitions: int = 4
    max_age_s: float | None = None
    max_bytes: int | None = None
    compacted: bool = False


def topic_difference(topic: str, there: Mapping[str, Setting], asked: Mapping[str, Setting]) -> str:
    """How the settings of a topic differ from those that are asked for, in words; empty if they do not."""
    parts = [f"{name} is {there[name]}, asked for {value}" for name, value in asked.items() if there[name] != value]
    return f"topic {topic}: {'; '.join(parts)}" if parts else ""


def is_missing(topic: str) -> str:
    """What is said of a topic that is not there."""
    return f"topic {topic} is missing"


def now_compacted(topic: str) -> str:
    """What is said of a topic whose retention was changed."""
    return f"topic {topic}: changed, of each key only the last message is kept from now on"


_WEEK_S = 7 * 86_400.0
TOPICS: tuple[TopicSpec, ...] = (
    TopicSpec(RAW_TOPIC, 4, _WEEK_S, 2 << 30),
    TopicSpec(ENRICHED_TOPIC, 4, compacted=True),
    TopicSpec(ALERTS_TOPIC, 4, 4 * _WEEK_S, 128 << 20),
    TopicSpec(CHANGES_TOPIC, 4, _WEEK_S, 256 << 20),
    *(TopicSpec(dead_letter_topic(t), 1, 4 * _WEEK_S, 512 << 20) for t in (RAW_TOPIC, ENRICHED_TOPIC, ALERTS_TOPIC)),
)


@dataclass(frozen=True, slots=True)
class Record:
    """What a caller publishes. ``key`` chooses the partition; records of one key keep their order."""

    key: str
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        size = len(self.key.encode()) + len(self.value)
        if self.headers:
            size += sum(len(name.encode()) + len(text.encode()) for name, text in self.headers.items())
        return size

    @property
    def characters(self) -> int:
        """Characters of key and headers."""
        if not self.headers:
            return len(self.key)
        return len(self.key) + sum(map(len, self.headers)) + sum(map(len, self.headers.values()))


def check_sizes(topic: str, records: Sequence[Record]) -> None:
    """Refuse a batch that no stream would take whole.

    Raises:
        MessageTooLargeError: these of its records are too large for the topic.
    """
    limit = max_bytes_of(topic)
    # A character has 4 bytes at most: the exact size is counted only where it may matter.
    sizes = {
        index: size
        for index, record in enumerate(records)
        if len(record.value) + 4 * record.characters > limit and (size := record.size) > limit
    }
    if sizes:
        keys = {index: records[index].key for index in sizes}
        raise MessageTooLargeError(topic, keys=keys, sizes=sizes, limit=limit, rest_published=False)


class TopicPartition(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Message(NamedTuple):
    """What a consumer gets. ``timestamp`` is when it became durable, in Unix seconds.

    ``damaged``: it is no longer what was published; the disk, or somebody else, has changed it.
    """

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]
    timestamp: float
    damaged: bool = False

    @property
    def topic_partition(self) -> TopicPartition:
        """Where the message lies."""
        return TopicPartition(self.topic, self.partition)


def no_such_group(group: str) -> UsageError:
    """The error where a group has never read anything."""
    return UsageError("no such consumer group", field="GROUP", value=group, remedy="See `arbkit log show`")


Offsets = Mapping[TopicPartition, int]
"""Partition → the next offset to read (the last one done plus one)."""
OnRevoke = Callable[[frozenset[TopicPartition]], None]
"""Called with the partitions that are about to go to another consumer of the group."""


class Consumer(Closing, Protocol):
    """A consumer of a group. A context manager; not for use by several threads at once."""

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Message]:
        """The next messages of the partitions this consumer owns, in order within each partition.

        Waits up to ``timeout_s`` for the first one. Where several consumers share a group it also keeps this one a
        member and takes part in rebalances (``on_revoke`` of :meth:`Stream.consumer` is called from inside, before
        partitions go).

        Raises:
            UsageError: ``max_records`` is below 1.
            StreamError: the stream cannot be read, or retention has removed the next offset.
        """
        ...

    def commit(self, offsets: Offsets) -> None:
        """Make these the group's committed offsets, durably. Partitions lost meanwhile are refused.

        Raises:
            StreamError: the commit did not happen; the messages will be delivered again.
        """
        ...

    def pause(self) -> None:
        """Deliver nothing until :meth:`resume`, and stay in the group (``poll`` must go on being called)."""
        ...

    def resume(self) -> None:
        """Deliver again after :meth:`pause`."""
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions this consumer owns as of its last poll."""
        ...

    def lag(self) -> dict[TopicPartition, int]:
        """Messages that this consumer has not been given yet, by partition it owns.

        Costs little: from a broker, the end is the one that came with the last messages.

        Raises:
            StreamError: the stream cannot be asked.
        """
        ...

    def close(self) -> None:
        """Leave the group, so that another consumer takes over at once."""
        ...


class Stream(Closing, Protocol):
    """A stream. A context manager; safe to use from several threads and processes at once."""

    def create_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        """Create what is missing; returns how existing topics differ, in words, and changes none of that.

        But a topic that is to be compacted, and is not, is from now on, which is among the words.

        Raises:
            StreamError: a topic cannot be created, described or changed.
        """
        ...

    def compare_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        """What is missing, and how existing topics differ, in words; changes nothing.

        Raises:
            StreamError: the topics cannot be described.
        """
        ...

    def adopt_retention(self, specs: Iterable[TopicSpec]) -> list[str]:
        """Keep messages of existing topics as long, and as many, as is asked for; returns what changed, in words.

        Only where nobody else can: the topics of a broker are changed with its own tools.

        Raises:
            StreamError: the stream cannot be written.
        """
        ...

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        """Append a batch and return only when all of it is durable.

        Raises:
            MessageTooLargeError: some records are larger than the topic takes (:func:`max_bytes_of`, or less where
                an operator has said so); it says which, and whether the others are there.
            StreamError: the topic is unknown, the disk is full, the file is damaged…: nothing of the batch
                that was not acknowledged may be counted on.
        """
        ...

    def prove_writable(self, topic: str) -> None:
        """Make sure that the topic takes messages now, without leaving one: for who pays for what he publishes.

        Raises:
            StreamError: the topic is unknown, the disk is full, another process holds the file, no broker answers…
        """
        ...

    def consumer(self, group: str, topics: Sequence[str], *, on_revoke: OnRevoke) -> Consumer:
        """Join ``group``. A new group begins at the oldest message.

        Raises:
            GroupBusyError: the embedded stream has a consumer of this group already.
            StreamError: a topic is unknown, or the stream cannot be used.
        """
        ...

    def read(self, topic: str, *, partition: int = 0, offset: int = 0, max_records: int = 100) -> list[Message]:
        """Look at some messages of a partition without joining a group.

        Raises:
            StreamError: there is no such topic or partition, or it cannot be read.
        """
        ...

    def scan(self, topic: str, *, start: Offsets | None = None) -> Iterator[Sequence[Message]]:
        """Every message that is on the topic now, without joining a group: partition by partition, in batches.

        Begins at ``start`` where that names the partition, else at the oldest message kept.

        Raises:
            StreamError: there is no such topic, or it cannot be read.
        """
        ...

    def lag(self, group: str, topic: str) -> dict[TopicPartition, int]:
        """Messages the group has not committed yet, by partition.

        Raises:
            StreamError: there is no such topic, or it cannot be asked.
        """
        committed = self.committed_offsets(group, topic)
        return {
            partition: end - max(committed.get(partition, oldest), oldest)
            for partition, (oldest, end) in self.watermarks(topic).items()
        }

    def committed_offsets(self, group: str, topic: str) -> dict[TopicPartition, int]:
        """The group's committed offsets, without partitions where it has none: empty for a group that never was.

        Raises:
            StreamError: there is no such topic, or it cannot be asked.
        """
        ...

    def watermarks(self, topic: str) -> dict[TopicPartition, tuple[int, int]]:
        """Partition → (oldest offset kept, next offset to be written).

        Raises:
            StreamError: there is no such topic, or it cannot be asked.
        """
        ...

    def forget_group(self, group: str) -> None:
        """Forget how far a group has read, which keeps an embedded stream from removing what it has not.

        Raises:
            UsageError: there is no such group.
            GroupBusyError: the embedded stream has a consumer of it.
            StreamError: it has members, or cannot be forgotten.
        """
        ...

    def apply_retention(self) -> int:
        """Apply retention by age and size; returns how many messages were removed.

        Raises:
            StreamError: the stream cannot be written.
        """
        ...

    def close(self) -> None:
        """Give up connections; nothing that was acknowledged is lost."""
        ...
