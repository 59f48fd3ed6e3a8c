"""Reading from Kafka: as a member of a group, behind :class:`arbkit.stream.base.Consumer`, or a stretch without one."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping, Sequence
from typing import TypeAlias

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException
from confluent_kafka import Consumer as KafkaClient
from confluent_kafka import Message as KafkaMessage
from confluent_kafka import TopicPartition as KafkaTopicPartition

from arbkit.core.closing import Closing
from arbkit.core.errors import StreamError, UsageError
from arbkit.stream.base import MAX_POLL_BYTES, Message, Offsets, OnRevoke, TopicPartition
from arbkit.stream.holes import skip_command
from arbkit.stream.kafka_errors import PATIENCE_S, TRANSIENT, is_fatal, to_stream_error, with_retry, wrap_kafka_errors

logger = logging.getLogger(__name__)

KafkaOptions: TypeAlias = Mapping[str, str | int | float | bool]
"""librdkafka's own settings."""

_CHUNK = 50
"""Messages taken from the client's queue at once, between looks at how large the batch has grown."""
_READ_AT_ONCE = 500
_SESSION_S = 10.0
_REFUSED = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH, KafkaError.FENCED_MEMBER_EPOCH, KafkaError.FENCED_INSTANCE_ID,
        KafkaError._ASSIGNMENT_LOST, KafkaError._STATE, KafkaError._NO_OFFSET, KafkaError._FATAL,
    }
)  # fmt: skip
_TAKEN_NAMES = (KafkaError.FENCED_INSTANCE_ID, KafkaError.UNRELEASED_INSTANCE_ID)


class KafkaConsumer(Closing):
    """Implements :class:`arbkit.stream.base.Consumer`; made by :meth:`arbkit.stream.kafka.KafkaStream.consumer`.

    A group begins at the oldest message; afterwards what retention has removed unread is an error and never
    skipped.
    """

    def __init__(
        self,
        options: KafkaOptions,
        *,
        group: str,
        topics: Sequence[str],
        on_revoke: OnRevoke,
        protocol: str,
        max_silence_s: float,
        instance_id: str,
    ) -> None:
        if not topics:
            raise UsageError("a consumer needs a topic at least", field="topics")
        self._group = group
        self._servers = str(options["bootstrap.servers"])
        self._on_revoke = on_revoke
        # Where each partition began: its committed offset, or a negative number for its oldest message.
        self._owned: dict[TopicPartition, int] = {}
        self._paused = self._closed = self._fatal = False
        self._error: StreamError | None = None
        settings = {
            **options,
            "group.id": group,
            "group.protocol": protocol,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "max.poll.interval.ms": round(max_silence_s * 1000),
            "fetch.message.max.bytes": 4 << 20,
            "queued.max.messages.kbytes": 16 << 10,
            "fetch.wait.max.ms": 100,
            # By default a full queue is filled again only a second later, long after it has been emptied.
            "fetch.queue.backoff.ms": 20,
        }
        if protocol == "classic":
            settings |= {
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": round(min(_SESSION_S, max_silence_s) * 1000),
                "heartbeat.interval.ms": round(min(_SESSION_S, max_silence_s) * 1000 / 4),
            }
        self._instance_id = instance_id
        if instance_id:
            settings["group.instance.id"] = instance_id
        self._client = KafkaClient(settings, logger=logger)
        self._client.subscribe(list(topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Message]:
        """See :meth:`arbkit.stream.base.Consumer.poll`."""
        if max_records < 1:
            raise UsageError("must be 1 or more", field="max_records", value=max_records)
        self._require_open()
        self._raise_kept()
        usable = [to_message(m) for m in self._take(max_records, timeout_s) if self._usable(m)]
        # What was taken before an error must still be given out: the error waits for the next poll.
        if not usable:
            self._raise_kept()
        return usable

    def _take(self, max_records: int, timeout_s: float) -> list[KafkaMessage]:
        """What the client has, messages and errors."""
        found: list[KafkaMessage] = []
        size = 0
        try:
            first = self._client.poll(timeout_s)
            more = [] if first is None else [first]
            while more:
                found += more
                size += sum(map(len, more))
                full = len(found) >= max_records or size >= MAX_POLL_BYTES
                more = [] if full else self._client.consume(min(_CHUNK, max_records - len(found)), timeout=0)
        except StreamError as error:
            # A rebalance inside the call has raised it.
            self._error = error
        except KafkaException as error:
            self._keep(self._to_stream_error(error.args[0]), fatal=is_fatal(error.args[0]))
        return found

    def _keep(self, error: StreamError, *, fatal: bool) -> None:
        self._fatal = self._fatal or fatal
        self._error = self._error or error

    def _raise_kept(self) -> None:
        """Raise the error that was kept, if there is one; a fatal one stays for the next polls."""
        error, self._error = self._error, self._error if self._fatal else None
        if error is not None:
            raise error

    def commit(self, offsets: Offsets) -> None:
        """See :meth:`arbkit.stream.base.Consumer.commit`."""
        self._require_open()
        if not offsets:
            return
        foreign = offsets.keys() - self._owned
        if foreign:
            raise _refused(self._group, f"it does not own {', '.join(sorted(map(str, foreign)))} any more")
        partitions = [KafkaTopicPartition(p.topic, p.partition, offset) for p, offset in offsets.items()]
        try:
            answers = self._client.commit(offsets=partitions, asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() in _REFUSED:
                raise _refused(self._group, error.args[0].str()) from error
            raise to_stream_error(error, self._servers, f"group {self._group} cannot commit") from error
        for answer in answers or ():
            if answer.error is not None:
                raise _refused(self._group, answer.error.str())

    def pause(self) -> None:
        """See :meth:`arbkit.stream.base.Consumer.pause`."""
        self._paused = True
        self._client.pause(self._kafka_partitions())

    def resume(self) -> None:
        """See :meth:`arbkit.stream.base.Consumer.resume`."""
        self._paused = False
        self._client.resume(self._kafka_partitions())

    def assignment(self) -> frozenset[TopicPartition]:
        """See :meth:`arbkit.stream.base.Consumer.assignment`."""
        return frozenset(self._owned)

    def lag(self) -> dict[TopicPartition, int]:
        """See :meth:`arbkit.stream.base.Consumer.lag`."""
        self._require_open()
        with wrap_kafka_errors(self._servers, f"the lag of group {self._group} cannot be read"):
            return dict(map(self._behind, self._client.position(self._kafka_partitions())))

    def _behind(self, position: KafkaTopicPartition) -> tuple[TopicPartition, int]:
        topic_partition = TopicPartition(position.topic, position.partition)
        # The end that came with the last messages is an old one where none have come since it was assigned or paused.
        fresh = position.offset >= 0 and not self._paused
        oldest, end = self._client.get_watermark_offsets(position, timeout=_SESSION_S, cached=fresh)
        at = position.offset if position.offset >= 0 else self._owned[topic_partition]
        return topic_partition, max(0, end - max(at, oldest))

    def close(self) -> None:
        """See :meth:`arbkit.stream.base.Consumer.close`."""
        if not self._closed:
            self._closed = True
            try:
                self._client.close()
            except Exception as error:  # noqa: BLE001 - the C client raises what is no subclass of its own
                # What counts was committed before; the broker notices that this member is gone.
                logger.warning("group %s was not left in order: %s", self._group, error)

    # Called by the client from inside poll

    def _assigned(self, client: KafkaClient, partitions: list[KafkaTopicPartition]) -> None:
        if self._closed:
            # Nothing will be read any more, and a client that closes answers no questions.
            client.incremental_assign(partitions)
            return
        with wrap_kafka_errors(self._servers, f"the offsets of group {self._group} cannot be read"):
            committed = with_retry(lambda: _committed(client, partitions))
        for partition in committed:
            if partition.offset < 0:
                partition.offset = OFFSET_BEGINNING
        client.incremental_assign(committed)
        if self._paused:
            client.pause(committed)
        self._owned |= {TopicPartition(p.topic, p.partition): p.offset for p in committed}

    def _revoked(self, client: KafkaClient, partitions: list[KafkaTopicPartition]) -> None:
        if not self._closed:
            self._on_revoke(frozenset(TopicPartition(p.topic, p.partition) for p in partitions))
        self._give_up(client, partitions)

    def _lost(self, client: KafkaClient, partitions: list[KafkaTopicPartition]) -> None:
        logger.warning("group %s has taken this member for dead: it joins again", self._group)
        self._give_up(client, partitions)

    def _give_up(self, client: KafkaClient, partitions: list[KafkaTopicPartition]) -> None:
        for p in partitions:
            self._owned.pop(TopicPartition(p.topic, p.partition), None)
        client.incremental_unassign(partitions)

    def _usable(self, message: KafkaMessage) -> bool:
        """Whether it is a message of ours; a transient error is passed over, any other kept to be raised."""
        topic_partition = TopicPartition(message.topic() or "", message.partition() or 0)
        error = message.error()
        if error is None:
            return topic_partition in self._owned
        if error.code() in TRANSIENT:
            logger.warning("%s", error.str())
            return False
        removed = error.code() == KafkaError._AUTO_OFFSET_RESET
        found = self._offset_out_of_range(topic_partition) if removed else self._to_stream_error(error)
        self._keep(found, fatal=is_fatal(error))
        return False

    def _offset_out_of_range(self, topic_partition: TopicPartition) -> StreamError:
        at = KafkaTopicPartition(topic_partition.topic, topic_partition.partition)
        try:
            wanted = self._client.committed([at], timeout=_SESSION_S)[0].offset
            oldest, _ = self._client.get_watermark_offsets(at, timeout=_SESSION_S)
        except KafkaException as error:
            return to_stream_error(error, self._servers, f"{topic_partition} cannot be read")
        return StreamError(
            f"group {self._group} should read offset {wanted} of {topic_partition}, but the "
            f"oldest offset kept is {oldest}",
            remedy=f"Retention removed what was not read yet: import or fetch it again. To go on after the hole: "
            f"{skip_command(self._group, topic_partition)}",
        )

    def _to_stream_error(self, error: KafkaError) -> StreamError:
        # Only the words of the client's error say which fatal error it was.
        if any(KafkaError(code).str() in error.str() for code in _TAKEN_NAMES):
            return StreamError(
                f"another member of group {self._group} has this name, or had it and was killed a moment ago",
                field="ARBKIT_KAFKA_INSTANCE_ID", value=self._instance_id,
                remedy="Give each member a name of its own, or none; after a kill, wait until its session has ended",
            )  # fmt: skip
        return to_stream_error(KafkaException(error), self._servers, "the log cannot be read")

    def _kafka_partitions(self) -> list[KafkaTopicPartition]:
        return [KafkaTopicPartition(p.topic, p.partition) for p in self._owned]

    def _require_open(self) -> None:
        if self._closed:
            raise StreamError("this consumer is closed")


def _committed(client: KafkaClient, partitions: list[KafkaTopicPartition]) -> list[KafkaTopicPartition]:
    """The group's committed offsets; one that cannot be read must not look like none."""
    found = client.committed(partitions, timeout=_SESSION_S)
    for partition in found:
        if partition.error is not None:
            raise KafkaException(partition.error)
    return found


def to_message(message: KafkaMessage) -> Message:
    """Kafka's message as ours; what others put there without key, value or text headers is taken as empty."""
    key, value = message.key(), message.value()
    _, milliseconds = message.timestamp()
    return Message(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_decoded(key),
        value=value if isinstance(value, bytes) else b"",
        headers={str(header[0]): _decoded(header[1]) for header in message.headers() or ()},
        timestamp=milliseconds / 1000 if milliseconds > 0 else time.time(),
    )


def _decoded(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)


def _refused(group: str, why: str) -> StreamError:
    return StreamError(
        f"the commit is refused by group {group}: {why}",
        remedy="Poll to join again; what was not committed will be delivered again",
    )


def read_range(
    options: KafkaOptions,
    topic_partition: TopicPartition,
    start: int,
    end: int,
    *,
    max_records: int = _READ_AT_ONCE,
    max_bytes: float = MAX_POLL_BYTES,
) -> Generator[list[Message], None, None]:
    """The messages of a partition from offset ``start`` up to ``end``, in batches of about this number or size.

    Args:
        options: of the client, with its ``bootstrap.servers``.
        topic_partition: where to read.
        start: offset of the first message, which is kept.
        end: offset after the last message.
        max_records: messages of one batch.
        max_bytes: bytes of one batch's values, give or take a message.

    Raises:
        StreamError: the partition cannot be read, or gives nothing for :data:`PATIENCE_S` seconds.
    """
    if start >= end:
        return
    settings = {**options, "group.id": "arbkit-reader", "enable.auto.commit": False, "enable.partition.eof": True}
    client = KafkaClient(settings, logger=logger)
    try:
        client.assign([KafkaTopicPartition(topic_partition.topic, topic_partition.partition, start)])
        found: list[Message] = []
        size = 0
        deadline = time.monotonic() + PATIENCE_S
        while start < end:
            for one in client.consume(min(_READ_AT_ONCE, max_records - len(found)), timeout=0.5):
                if (error := one.error()) is None:
                    found.append(to_message(one))
                    size += len(found[-1].value)
                    start = found[-1].offset + 1
                    deadline = time.monotonic() + PATIENCE_S
                elif error.code() == KafkaError._PARTITION_EOF:
                    # What is left up to the end are no messages: marks of transactions.
                    start = end
                elif error.code() not in TRANSIENT:
                    what = f"{topic_partition.topic} cannot be read"
                    raise to_stream_error(KafkaException(error), str(options["bootstrap.servers"]), what)
            if len(found) >= max_records or size >= max_bytes or (found and start >= end):
                yield [m for m in found if m.offset < end]
                found, size = [], 0
                # The caller may take long over them.
                deadline = time.monotonic() + PATIENCE_S
            if time.monotonic() > deadline:
                raise StreamError(f"{topic_partition} gives nothing from offset {start} on")
    finally:
        client.close()
