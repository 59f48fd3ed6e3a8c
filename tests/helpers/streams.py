"""Records for a stream, consumers that are driven by hand, and an empty broker."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import orjson
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from arbkit.stream import Consumer, Message, Record, TopicPartition
from tests.servers.launch import Kafka

__all__ = ["commit", "drain", "empty", "good", "ignore", "raw", "records", "until"]


def empty(server: Kafka) -> None:
    """Remove what the test before left: each begins with an empty broker."""
    admin = AdminClient({"bootstrap.servers": server.address})
    groups = [g.group_id for g in admin.list_consumer_groups().result().valid]
    topics = [name for name in admin.list_topics().topics if not name.startswith("__")]
    for future in [*(admin.delete_topics(topics) if topics else {}).values()]:
        future.result()
    for future in [*(admin.delete_consumer_groups(groups) if groups else {}).values()]:
        with contextlib.suppress(KafkaException):
            future.result()
    while any(name in admin.list_topics().topics for name in topics):
        time.sleep(0.05)


def records(count: int, *, first: int = 0) -> list[Record]:
    return [Record(f"K{i % 7}", f"{i}".encode(), {"n": str(i)}) for i in range(first, first + count)]


def drain(consumer: Consumer, count: int) -> list[Message]:
    """Poll until ``count`` messages have come."""
    got: list[Message] = []
    for _ in range(2_000):
        got += consumer.poll(max_records=10, timeout_s=0.05)
        if len(got) >= count:
            return got
    raise AssertionError(f"only {len(got)} of {count} messages came")


def until(condition: Callable[[], bool], *consumers: Consumer) -> None:
    """Let all members poll until it holds."""
    for _ in range(1_000):
        for consumer in consumers:
            consumer.poll(max_records=1, timeout_s=0.02)
        if condition():
            return
    raise AssertionError("it never came to hold")


def commit(consumer: Consumer, messages: list[Message]) -> None:
    consumer.commit({m.topic_partition: m.offset + 1 for m in messages})


def ignore(_: frozenset[TopicPartition]) -> None:
    return


def raw(asin: str, *, version: int = 8_000_000, fetched_at: str = "2026-11-01T00:00:00Z", **product: Any) -> Record:
    shown = {
        "asin": asin, "domainId": 3, "title": f"Product {asin}", "csv": None, "productType": 0, "lastUpdate": version,
        **product,
    }  # fmt: skip
    message = {
        "v": 1, "asin": asin, "market": "DE", "source": "keepa", "fetched_at": fetched_at, "run_id": "r",
        "product": shown,
    }  # fmt: skip
    return Record(asin, orjson.dumps(message))


def good(count: int, *, first: int = 0) -> list[Record]:
    return [raw(f"B{i:09}") for i in range(first, first + count)]
