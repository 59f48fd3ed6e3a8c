"""The scale-out stream: Apache Kafka behind the same interface."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

from confluent_kafka import Consumer as KafkaClient
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the stubs do not export what the docs name
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    OffsetSpec,
    ResourceType,
)

from arbkit.core.errors import MessageTooLargeError, StreamError
from arbkit.stream.base import (
    MAX_DEAD_LETTER,
    Message,
    Offsets,
    OnRevoke,
    Record,
    Setting,
    Stream,
    TopicPartition,
    TopicSpec,
    check_sizes,
    is_missing,
    no_such_group,
    now_compacted,
    topic_difference,
)
from arbkit.stream.kafka_consumer import KafkaConsumer, KafkaOptions, read_range
from arbkit.stream.kafka_errors import (
    PATIENCE_S,
    is_fatal,
    refusing_options,
    result,
    to_stream_error,
    with_retry,
    wrap_kafka_errors,
)
from arbkit.stream.kafka_topics import OVERHEAD, RETENTION, SEGMENTS, new_topic, topic_settings

logger = logging.getLogger(__name__)

_SERVE_EVERY = 500
_DELIVERY_S = 30.0
_REACH_S = 5.0
_Delivered: TypeAlias = Callable[[KafkaError | None, KafkaMessage], None]


class KafkaStream(Stream):
    """Implements :class:`arbkit.stream.base.Stream` on the brokers at ``servers`` (``host:port[,host:port]``).

    ``options`` are librdkafka's own settings (SASL, TLS, …); ``protocol`` is that of consumer groups: ``consumer``
    (KIP-848, Kafka 4) or ``classic``; ``max_silence_s`` is how long a member may not poll before others take over.
    A consumer with an ``instance_id`` keeps its partitions while it restarts, for as long as a session lasts.

    Raises:
        ConfigError: librdkafka does not know the options, or one of their values.
        StreamError: no broker answers.
    """

    def __init__(
        self,
        servers: str,
        *,
        options: KafkaOptions | None = None,
        protocol: str = "consumer",
        max_silence_s: float = 300.0,
        instance_id: str = "",
    ) -> None:
        self._servers = servers
        self._options = {"bootstrap.servers": servers, "client.id": "arbkit", **(options or {})}
        self._join = partial(
            KafkaConsumer, self._options, protocol=protocol, max_silence_s=max_silence_s, instance_id=instance_id
        )
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._readers: dict[str, KafkaClient] = {}
        self._partitions: dict[str, int] = {}
        with refusing_options():
            self._admin = AdminClient(dict(self._options), logger=logger)
        self._topics()

    def create_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        """See :meth:`arbkit.stream.base.Stream.create_topics`."""
        there = self._topics()
        specs = list(specs)
        missing = [s for s in specs if s.name not in there]
        made = {s.name for s in missing}
        if missing:
            for name, future in self._admin.create_topics([new_topic(s) for s in missing]).items():
                try:
                    result(future)
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                        raise to_stream_error(error, self._servers, f"topic {name} cannot be created") from error
                    # Made a moment ago, by others, and to be compared as any.
                    made.discard(name)
            self._await_topics({s.name for s in missing})
            there = self._topics()
        return list(chain.from_iterable(self._compare(s, there[s.name]) for s in specs if s.name not in made))

    def compare_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        """See :meth:`arbkit.stream.base.Stream.compare_topics`."""
        there = self._topics()
        return [
            said
            for spec in specs
            for said in (self._differences(spec, there[spec.name]) if spec.name in there else [is_missing(spec.name)])
        ]

    def adopt_retention(self, specs: Iterable[TopicSpec]) -> list[str]:  # noqa: ARG002
        """Change nothing: whoever runs the broker has tools of its own."""
        return []

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        """See :meth:`arbkit.stream.base.Stream.publish`."""
        self._require_topic(topic)
        check_sizes(topic, records)
        refused = self._send(topic, records) if records else []
        # The broker refuses whole batches: on its own, a record of one goes if it is not too large itself.
        # It may come after later ones of its key; the store knows by the version which is newer.
        too_large = [index for index in refused if self._send(topic, [records[index]])]
        if too_large:
            raise MessageTooLargeError(
                topic,
                keys={index: records[index].key for index in too_large},
                sizes={index: records[index].size for index in too_large},
                rest_published=True,
            )

    def prove_writable(self, topic: str) -> None:
        """See :meth:`arbkit.stream.base.Stream.prove_writable`: a broker answers, and each partition has a leader."""
        self._require_topic(topic)
        with wrap_kafka_errors(self._servers, f"topic {topic} cannot be looked at"):
            # Asking for it by name would create it on some brokers.
            found = self._admin.list_topics(timeout=_REACH_S).topics[topic]
        if silent := sorted(number for number, one in found.partitions.items() if one.leader < 0):
            why = f"no broker leads these partitions of {topic}: {', '.join(map(str, silent))}"
            raise StreamError(why, remedy="Look at the brokers' disks and logs")

    def _send(self, topic: str, records: Sequence[Record]) -> list[int]:
        """Publish, and wait for every answer; the indices in the batch of those that the broker finds too large."""
        producer = self._produce_with()
        refused: list[tuple[KafkaError, KafkaMessage]] = []
        waiting = len(records)

        def delivered(error: KafkaError | None, message: KafkaMessage) -> None:
            nonlocal waiting
            waiting -= 1
            if error is not None:
                refused.append((error, message))

        deadline = time.monotonic() + _DELIVERY_S + 5
        try:
            for start in range(0, len(records), _SERVE_EVERY):
                # What is known already is taken in while the rest is under way.
                producer.poll(0)
                for record in records[start : start + _SERVE_EVERY]:
                    _enqueue(producer, topic, record, delivered)
            while waiting and time.monotonic() < deadline:
                # Flushing does not linger for more records; it waits for those of other threads too, so not for long.
                producer.flush(0.02)
        except KafkaException as error:
            raise self._failed(producer, error, f"nothing can be published to {topic}") from error
        too_large = [message for error, message in refused if error.code() == KafkaError.MSG_SIZE_TOO_LARGE]
        if others := [error for error, _ in refused if error.code() != KafkaError.MSG_SIZE_TOO_LARGE]:
            worst = max(others, key=is_fatal)
            raise self._failed(producer, KafkaException(worst), f"{len(others)} messages to {topic} failed")
        if waiting:
            raise StreamError(f"{waiting} messages to {topic} were not acknowledged by {self._servers} in time")
        return _indices(records, too_large)

    def _failed(self, producer: Producer, error: KafkaException, what: str) -> StreamError:
        """The error to raise; after a fatal one the producer is unusable and the next call makes a new one."""
        with self._lock:
            if is_fatal(error.args[0]) and self._producer is producer:
                self._producer = None
        return to_stream_error(error, self._servers, what)

    def consumer(self, group: str, topics: Sequence[str], *, on_revoke: OnRevoke) -> KafkaConsumer:
        """See :meth:`arbkit.stream.base.Stream.consumer`."""
        for topic in topics:
            self._require_topic(topic)
        return self._join(group=group, topics=topics, on_revoke=on_revoke)

    def read(self, topic: str, *, partition: int = 0, offset: int = 0, max_records: int = 100) -> list[Message]:
        """See :meth:`arbkit.stream.base.Stream.read`."""
        if partition >= self._require_topic(topic):
            raise StreamError(f"topic {topic} has no such partition", field="partition", value=partition)
        at = TopicPartition(topic, partition)
        oldest, end = self.watermarks(topic)[at]
        start = max(offset, oldest)
        batches = read_range(self._options, at, start, end, max_records=max_records, max_bytes=math.inf)
        with closing(batches):
            return next(batches, [])

    def scan(self, topic: str, *, start: Offsets | None = None) -> Iterator[Sequence[Message]]:
        """See :meth:`arbkit.stream.base.Stream.scan`."""
        for topic_partition, (oldest, end) in sorted(self.watermarks(topic).items()):
            first = max((start or {}).get(topic_partition, oldest), oldest)
            yield from read_range(self._options, topic_partition, first, end)

    def committed_offsets(self, group: str, topic: str) -> dict[TopicPartition, int]:
        """See :meth:`arbkit.stream.base.Stream.committed_offsets`."""
        partitions = self._partitions_of(topic)
        with wrap_kafka_errors(self._servers, f"the offsets of {group} cannot be read"):
            reader = self._reader(group)
            found = with_retry(lambda: reader.committed(partitions, PATIENCE_S))
        return {TopicPartition(topic, p.partition): p.offset for p in found if p.offset >= 0}

    def watermarks(self, topic: str) -> dict[TopicPartition, tuple[int, int]]:
        """See :meth:`arbkit.stream.base.Stream.watermarks`."""
        partitions = self._partitions_of(topic)
        with wrap_kafka_errors(self._servers, f"the offsets of {topic} cannot be read"):
            oldest, ends = [
                with_retry(partial(self._offsets, dict.fromkeys(partitions, spec)))
                for spec in (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]
            ]
        return {TopicPartition(topic, p): (oldest[p], ends[p]) for p in sorted(oldest)}

    def _offsets(self, asked: dict[KafkaTopicPartition, OffsetSpec]) -> dict[int, int]:
        try:
            return {p.partition: result(f).offset for p, f in self._admin.list_offsets(asked).items()}
        except KafkaException:
            # What the client knows of a broker that has started again is out of date, and it does not ask on its own.
            self._topics()
            raise

    def forget_group(self, group: str) -> None:
        """See :meth:`arbkit.stream.base.Stream.forget_group`."""
        # librdkafka 2.16 ends the process if an admin request finds no coordinator: one must answer just before.
        with wrap_kafka_errors(self._servers, f"group {group} cannot be looked at"):
            reader, known = self._reader(group), [KafkaTopicPartition(topic, 0) for topic in self._topics()]
            with_retry(lambda: reader.committed(known, PATIENCE_S))
        try:
            with_retry(lambda: result(self._admin.delete_consumer_groups([group])[group]))
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                raise no_such_group(group) from error
            what = f"group {group} cannot be forgotten"
            if error.args[0].code() == KafkaError.NON_EMPTY_GROUP:
                raise StreamError(f"{what}: it has members", remedy="Stop them first, then try again") from error
            raise to_stream_error(error, self._servers, what) from error

    def apply_retention(self) -> int:
        """Nothing to do: the broker applies retention."""
        return 0

    def close(self) -> None:
        """See :meth:`arbkit.stream.base.Stream.close`."""
        with self._lock:
            producer, self._producer = self._producer, None
            readers, self._readers = self._readers, {}
        for reader in readers.values():
            reader.close()
        if producer is not None:
            producer.flush(_DELIVERY_S)

    def _produce_with(self) -> Producer:
        with self._lock:
            if self._producer is None:
                self._producer = Producer(
                    {
                        **self._options,
                        "enable.idempotence": True,
                        "acks": "all",
                        "compression.type": "zstd",
                        "linger.ms": 5,
                        "message.max.bytes": MAX_DEAD_LETTER + OVERHEAD,
                        "delivery.timeout.ms": round(_DELIVERY_S * 1000),
                        "partitioner": "consistent_random",
                    },
                    logger=logger,
                )
            return self._producer

    def _reader(self, group: str) -> KafkaClient:
        """A client that reads a group's offsets and never joins it.

        The admin client would do, but librdkafka 2.16 ends the process there if the group's coordinator is moving.
        """
        with self._lock:
            if group not in self._readers:
                options = {**self._options, "group.id": group, "enable.auto.commit": False}
                self._readers[group] = KafkaClient(options, logger=logger)
            return self._readers[group]

    def _topics(self) -> dict[str, int]:
        """Topic → how many partitions it has."""
        with wrap_kafka_errors(self._servers, "the log cannot be reached"):
            found = self._admin.list_topics(timeout=_REACH_S).topics
        self._partitions = {name: len(topic.partitions) for name, topic in found.items() if topic.error is None}
        return self._partitions

    def _require_topic(self, topic: str) -> int:
        """How many partitions a topic has."""
        partitions = self._partitions.get(topic) or self._topics().get(topic)
        if not partitions:
            raise StreamError(f"there is no such topic: {topic}", remedy="Create arbkit's topics with `arbkit init`")
        return partitions

    def _partitions_of(self, topic: str) -> list[KafkaTopicPartition]:
        return [KafkaTopicPartition(topic, number) for number in range(self._require_topic(topic))]

    def _await_topics(self, names: set[str]) -> None:
        """New topics are not known to every broker at once."""
        deadline = time.monotonic() + PATIENCE_S
        while not names <= self._topics().keys() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _compare(self, spec: TopicSpec, partitions: int) -> Iterator[str]:
        """What differs, in words; a topic that is to be compacted, and is not, is from now on.

        Segments that nobody has chosen get the size and age that fit its retention.
        """
        found = self._describe(spec.name)
        there = _settings_there(found, partitions)
        asked = topic_settings(spec)
        if spec.compacted and there["cleanup.policy"] != asked["cleanup.policy"]:
            there |= self._change(spec.name, {name: asked[name] for name in RETENTION})
            yield now_compacted(spec.name)
        chosen = {name for name, entry in found.items() if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value}
        unfit = {n: asked[n] for n in SEGMENTS if n in asked and n not in chosen and there[n] != asked[n]}
        if unfit:
            there |= self._change(spec.name, unfit)
            yield f"topic {spec.name}: changed, its segments fit its retention from now on"
        if differs := topic_difference(spec.name, there, {"partitions": spec.partitions, **asked}):
            yield differs

    def _differences(self, spec: TopicSpec, partitions: int) -> list[str]:
        """What differs, in words."""
        there = _settings_there(self._describe(spec.name), partitions)
        differs = topic_difference(spec.name, there, {"partitions": spec.partitions, **topic_settings(spec)})
        return [differs] if differs else []

    def _describe(self, topic: str) -> Mapping[str, Any]:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        with wrap_kafka_errors(self._servers, f"topic {topic} cannot be looked at"):
            found: Mapping[str, Any] = result(self._admin.describe_configs([resource])[resource])
        return found

    def _change(self, topic: str, settings: dict[str, str]) -> dict[str, str]:
        """Give a topic these settings, and leave its others; answers them."""
        entries = [ConfigEntry(n, v, incremental_operation=AlterConfigOpType.SET) for n, v in settings.items()]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        with wrap_kafka_errors(self._servers, f"topic {topic} cannot be changed"):
            result(self._admin.incremental_alter_configs([resource])[resource])
        return settings


def _enqueue(producer: Producer, topic: str, record: Record, delivered: _Delivered) -> None:
    """Hand one record to the producer, waiting for room in its queue."""
    more: dict[str, Any] = {}
    if record.headers:
        more["headers"] = [(name, text.encode()) for name, text in record.headers.items()]
    while True:
        try:
            return producer.produce(topic, record.value, record.key, on_delivery=delivered, **more)
        except BufferError:
            # The local queue is full: what is under way makes room.
            producer.poll(0.2)


def _indices(records: Sequence[Record], messages: Sequence[KafkaMessage]) -> list[int]:
    """Where these messages are among the records; of equal ones the first, for they are refused alike."""
    found = Counter((message.key(), message.value()) for message in messages)
    indices = []
    for index, record in enumerate(records if found else ()):
        content = record.key.encode(), record.value
        if found[content]:
            found[content] -= 1
            indices.append(index)
    return indices


def _settings_there(found: Mapping[str, Any], partitions: int) -> dict[str, Setting]:
    """A topic's settings as they are compared with what is asked for."""
    return {"partitions": partitions, **{name: entry.value for name, entry in found.items()}}
