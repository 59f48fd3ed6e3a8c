"""The log: rate of publishing, embedded and on Kafka; there, how long consumer groups take to settle."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import IO

from confluent_kafka import Producer

from arbkit.core.sqlite import connect, immediate
from arbkit.stream import Consumer, Record, TopicPartition, TopicSpec
from arbkit.stream.kafka import KafkaStream
from arbkit.stream.sqlite import SqliteStream
from tests.benchmarks.measuring import Report, skip
from tests.benchmarks.scale import prepared_records
from tests.servers.launch import Kafka, ServersMissingError

__all__ = ["run"]

_PROTOCOLS = ("consumer", "classic")
_RECORDS = 100_000
_BATCH = 9_000
"""Records of 900 bytes in the 8 MB that the producer publishes at once."""
_ANSWER = 100
"""Products of one answer of Keepa."""
_PRODUCTS = 1_000
_REPEATS = 5
_PATIENCE_S = 120.0


class _Shipped(Kafka):
    """A broker with the sessions that a user's has, not those of the tests."""

    def prepare(self) -> None:
        super().prepare()
        with (self.folder / "server.properties").open("a") as file:
            file.write("group.consumer.session.timeout.ms=9000\ngroup.consumer.heartbeat.interval.ms=2000\n")


@contextmanager
def _kafka(name: str) -> Iterator[Kafka | None]:
    try:
        server = _Shipped()
    except ServersMissingError as error:
        skip(name, str(error))
        yield None
        return
    with server as running:
        yield running


def run(report: Report) -> None:
    """All of this file."""
    for benchmark in (_embedded, _producing, _takeover, _groups):
        benchmark(report)


def _embedded(report: Report) -> None:
    """Records into the embedded log, each batch durable before the next, against a bare loop that is as durable."""
    products = prepared_records(_PRODUCTS)
    answers = [products[start : start + _ANSWER] for start in range(0, len(products), _ANSWER)]
    for name, batches in (
        (f"900 bytes, batches of {_BATCH:,}", _batches(_BATCH)),
        (f"900 bytes, batches of {_ANSWER}", _batches(_ANSWER)),
        (f"raw products, batches of {_ANSWER}", answers),
    ):
        count = sum(map(len, batches))
        taken = [(_seconds(_publish_embedded, batches), _seconds(_insert_bare, batches)) for _ in range(_REPEATS + 1)]
        # The very first has warmed everything up.
        ratio = median(bare / ours for ours, bare in taken[1:])
        rate, bare_rate = (count / median(row[column] for row in taken[1:]) for column in (0, 1))
        figures = f"{ratio:.2f} × ({rate:,.0f} of {bare_rate:,.0f} records/s)"
        report(f"publish, embedded / bare inserts, {name}", figures, "at least 0.5 ×")


def _batches(size: int) -> list[list[Record]]:
    rng = random.Random(1)
    records = [Record(f"B0{n:08}", _value(rng)) for n in range(_RECORDS)]
    return [records[start : start + size] for start in range(0, _RECORDS, size)]


def _publish_embedded(batches: list[list[Record]]) -> None:
    with tempfile.TemporaryDirectory() as folder, SqliteStream(Path(folder) / "log.db") as log:
        log.create_topics([TopicSpec("ours", 4)])
        for batch in batches:
            log.publish("ours", batch)


def _insert_bare(batches: list[list[Record]]) -> None:
    """A table of keys and values: no partitions, offsets of groups, digests, or sizes."""
    with tempfile.TemporaryDirectory() as folder, closing(connect(Path(folder) / "bare.db")) as connection:
        # SQLite's own: where it has a bug with several processes, arbkit folds the log back otherwise.
        connection.execute("PRAGMA wal_autocheckpoint = 1000")
        connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, key TEXT, value BLOB)")
        for batch in batches:
            with immediate(connection):
                rows = [(record.key, record.value) for record in batch]
                connection.executemany("INSERT INTO bare (key, value) VALUES (?, ?)", rows)


def _producing(report: Report) -> None:
    """Records through the log in the producer's batches, each durable before the next, against a bare client."""
    with _kafka("log: producing") as server:
        if server is None:
            return
        batches = _batches(_BATCH)
        with KafkaStream(server.address) as log:
            log.create_topics([TopicSpec("ours", 4), TopicSpec("bare", 4)])

            def ours(batches: list[list[Record]]) -> None:
                for batch in batches:
                    log.publish("ours", batch)

            bare = _Bare(server.address)
            for act in (ours, bare.at_once, bare.in_batches):
                _seconds(act, batches)
            taken = [[_seconds(act, batches) for act in (bare.at_once, ours, bare.in_batches)] for _ in range(_REPEATS)]
        for column, name in ((0, "all at once"), (2, "in the same batches")):
            ratio = median(row[column] / row[1] for row in taken)
            rate = _RECORDS / median(row[1] for row in taken)
            report(f"publish / bare producer, {name}", f"{ratio:.2f} × ({rate:,.0f} records/s)", "at least 0.8 ×")


class _Bare:
    """A producer of one's own with the log's settings."""

    def __init__(self, address: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": address, "enable.idempotence": True, "acks": "all", "compression.type": "zstd",
                "linger.ms": 5, "partitioner": "consistent_random",
            }
        )  # fmt: skip

    def at_once(self, batches: list[list[Record]]) -> None:
        for batch in batches:
            self._produce(batch)
        self._producer.flush()

    def in_batches(self, batches: list[list[Record]]) -> None:
        for batch in batches:
            self._produce(batch)
            self._producer.flush()

    def _produce(self, batch: list[Record]) -> None:
        for record in batch:
            while True:
                try:
                    self._producer.produce("bare", record.value, record.key, on_delivery=_acknowledged)
                    break
                except BufferError:
                    self._producer.poll(0.2)


def _acknowledged(error: object, _: object) -> None:
    assert error is None, error


def _value(rng: random.Random) -> bytes:
    return ",".join(str(rng.randrange(100_000)) for _ in range(160)).encode()[:900]


_MEMBER = """
import sys
from arbkit.stream.kafka import KafkaStream
address, protocol, group = sys.argv[1:]
held = None
with KafkaStream(address, protocol=protocol) as log, log.consumer(group, ["t"], on_revoke=lambda _: None) as consumer:
    while True:
        consumer.poll(max_records=1, timeout_s=0.05)
        if len(consumer.assignment()) != held:
            held = len(consumer.assignment())
            print(held, flush=True)
"""


def _takeover(report: Report) -> None:
    """From `kill -9` of one of two members until the other has all partitions."""
    with _kafka("log: takeover") as server:
        if server is None:
            return
        with KafkaStream(server.address) as log:
            log.create_topics([TopicSpec("t", 4)])
        for protocol in _PROTOCOLS:
            taken = [_taken_over(server, protocol, f"{protocol}-{number}") for number in range(3)]
            shown = ", ".join(f"{one:.1f}" for one in taken)
            report(f"kill -9 → the other member has all, {protocol}", f"{max(taken):.1f} s ({shown})", "at most 12 s")


def _taken_over(server: Kafka, protocol: str, group: str) -> float:
    command = [sys.executable, "-c", _MEMBER, server.address, protocol, group]
    with (
        subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, text=True) as one,
        subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, text=True) as two,
    ):
        assert one.stdout is not None
        assert two.stdout is not None
        try:
            # Whoever came first has had all of them for a while.
            _until_held(one.stdout, 2)
            _until_held(two.stdout, 2)
            one.kill()
            start = time.perf_counter()
            _until_held(two.stdout, 4)
            return time.perf_counter() - start
        finally:
            one.kill()
            two.kill()


def _until_held(lines: IO[str], partitions: int) -> None:
    """Wait until a member says that it holds that many."""
    assert any(int(line) == partitions for line in lines), "the member has ended"


def _groups(report: Report) -> None:
    """First message of a new group, and a member that joins and leaves, under both protocols."""
    with _kafka("log: groups") as server:
        if server is None:
            return
        for protocol in _PROTOCOLS:
            with KafkaStream(server.address, protocol=protocol) as log:
                log.create_topics([TopicSpec("t", 4)])
                log.publish("t", [Record("k", b"x")])
                rows = [_group(log, f"{protocol}-{number}") for number in range(_REPEATS)]
            for column, name in enumerate(("first message of a new group", "second member joins", "it leaves")):
                taken = [row[column] for row in rows]
                report(f"{name}, {protocol}", f"{median(taken):.2f} s (at most {max(taken):.2f})", "for comparison")


def _group(log: KafkaStream, group: str) -> tuple[float, float, float]:
    start = time.perf_counter()
    with log.consumer(group, ["t"], on_revoke=_ignore) as first:
        while not first.poll(max_records=1, timeout_s=0.02):
            assert time.perf_counter() - start < _PATIENCE_S
        message = time.perf_counter() - start
        _settle(lambda: len(first.assignment()) == 4, first)
        start = time.perf_counter()
        with log.consumer(group, ["t"], on_revoke=_ignore) as second:
            _settle(lambda: len(first.assignment()) == len(second.assignment()) == 2, first, second)
            join = time.perf_counter() - start
            start = time.perf_counter()
        _settle(lambda: len(first.assignment()) == 4, first)
        return message, join, time.perf_counter() - start


def _settle(settled: Callable[[], bool], *members: Consumer) -> None:
    deadline = time.perf_counter() + _PATIENCE_S
    while not settled():
        assert time.perf_counter() < deadline
        for member in members:
            member.poll(max_records=1, timeout_s=0.02)


def _ignore(_: frozenset[TopicPartition]) -> None:
    return


def _seconds(act: Callable[[list[list[Record]]], None], batches: list[list[Record]]) -> float:
    start = time.perf_counter()
    act(batches)
    return time.perf_counter() - start
