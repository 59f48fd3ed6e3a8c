"""Reading a stretch of a Kafka partition without joining a group."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator

from confluent_kafka import Consumer as KafkaClient
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition

from arbkit.core.errors import StreamError
from arbkit.stream.base import MAX_POLL_BYTES, Message, TopicPartition
from arbkit.stream.kafka_consumer import KafkaOptions, to_message
from arbkit.stream.kafka_errors import PATIENCE_S, TRANSIENT, to_stream_error

logger = logging.getLogger(__name__)

_AT_ONCE = 500


def read_range(
    options: KafkaOptions,
    topic_partition: TopicPartition,
    start: int,
    end: int,
    *,
    max_records: int = _AT_ONCE,
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
            for one in client.consume(min(_AT_ONCE, max_records - len(found)), timeout=0.5):
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
