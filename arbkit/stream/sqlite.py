"""The embedded stream: topics, partitions and committed offsets in one SQLite file, for several processes."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from arbkit.core.errors import StreamError
from arbkit.core.sqlite import bound_wal, connect, immediate, snapshot, wrap_errors
from arbkit.stream.base import (
    MAX_POLL_BYTES,
    Message,
    Offsets,
    OnRevoke,
    Record,
    Stream,
    TopicPartition,
    TopicSpec,
    check_sizes,
    is_missing,
    no_such_group,
    now_compacted,
    topic_difference,
)
from arbkit.stream.sqlite_consumer import SqliteConsumer, take_group
from arbkit.stream.sqlite_retention import retention_of, topic_specs, trim
from arbkit.stream.sqlite_tables import (
    Partition,
    committed_by,
    ensure_tables,
    message_digest,
    message_id,
    messages_from,
    partitions_of,
)

logger = logging.getLogger(__name__)

_SCANNED_AT_ONCE = 500
_as_json = json.JSONEncoder(ensure_ascii=False).encode
_INSERT = "INSERT INTO log_messages (id, timestamp, key, headers, value, digest) VALUES (?, ?, ?, ?, ?, ?)"


class SqliteStream(Stream):
    """Implements :class:`arbkit.stream.base.Stream` on the file at ``path``.

    Many groups, each with one consumer at a time: a second one waits ``join_wait_s`` seconds for the first to leave,
    and is then refused.

    Raises:
        StreamError: the file cannot be used, is damaged, or was made by a newer arbkit.
    """

    def __init__(self, path: Path, *, join_wait_s: float = 2.0) -> None:
        self._path = path
        self._join_wait_s = join_wait_s
        self._lock = threading.Lock()
        with wrap_errors(path, "log"):
            self._connection = connect(path)
            try:
                ensure_tables(self._connection, path)
            except BaseException:
                self._connection.close()
                raise

    def create_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        """See :meth:`arbkit.stream.base.Stream.create_topics`."""
        asked = list(specs)
        with self._using() as connection:
            known = {spec.name: spec for spec in topic_specs(connection)}
            missing = [spec for spec in asked if spec.name not in known]
            uncompacted = [s for s in asked if s.compacted and s.name in known and not known[s.name].compacted]
            if missing or uncompacted:
                with immediate(connection):
                    for spec in missing:
                        _create(connection, spec)
                    for spec in uncompacted:
                        _begin_to_compact(connection, spec)
        changed = [now_compacted(spec.name) for spec in uncompacted]
        known |= {spec.name: replace(spec, partitions=known[spec.name].partitions) for spec in uncompacted}
        compared = (topic_difference(s.name, asdict(known[s.name]), asdict(s)) for s in asked if s.name in known)
        return [*changed, *filter(None, compared)]

    def compare_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        """See :meth:`arbkit.stream.base.Stream.compare_topics`."""
        with self._using() as connection:
            known = {spec.name: spec for spec in topic_specs(connection)}
        compared = (
            topic_difference(s.name, asdict(known[s.name]), asdict(s)) if s.name in known else is_missing(s.name)
            for s in specs
        )
        return list(filter(None, compared))

    def adopt_retention(self, specs: Iterable[TopicSpec]) -> list[str]:
        """See :meth:`arbkit.stream.base.Stream.adopt_retention`."""
        with self._using() as connection:
            known = {spec.name: spec for spec in topic_specs(connection)}
            asked = [
                spec for spec in specs if spec.name in known and not (spec.compacted or known[spec.name].compacted)
            ]
            changed = [spec for spec in asked if retention_of(spec) != retention_of(known[spec.name])]
            if changed:
                with immediate(connection):
                    connection.executemany(
                        "UPDATE log_topics SET max_age_s = ?, max_bytes = ? WHERE name = ?",
                        [(*retention_of(spec), spec.name) for spec in changed],
                    )
        return [f"topic {spec.name}: changed, it keeps as much as the settings say from now on" for spec in changed]

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        """See :meth:`arbkit.stream.base.Stream.publish`."""
        check_sizes(topic, records)
        with self._using() as connection:
            if not records:
                partitions_of(connection, topic)
                return
            with immediate(connection):
                _append(connection, partitions_of(connection, topic), records)
            bound_wal(connection, self._path)

    def prove_writable(self, topic: str) -> None:
        """See :meth:`arbkit.stream.base.Stream.prove_writable`: a small row is committed, and durable."""
        with self._using() as connection, immediate(connection):
            partitions_of(connection, topic)
            connection.execute("INSERT OR REPLACE INTO log_meta VALUES ('proved', ?)", (time.time_ns(),))

    def consumer(self, group: str, topics: Sequence[str], *, on_revoke: OnRevoke) -> SqliteConsumer:  # noqa: ARG002
        """Become the one consumer of ``group``; ``on_revoke`` is never called, for no other one can take over.

        Raises:
            GroupBusyError: the group has a consumer.
            StreamError: a topic is unknown, or the file cannot be used.
        """
        return SqliteConsumer(self._path, group, topics, wait_s=self._join_wait_s)

    def read(self, topic: str, *, partition: int = 0, offset: int = 0, max_records: int = 100) -> list[Message]:
        """See :meth:`arbkit.stream.base.Stream.read`."""
        with self._using() as connection, snapshot(connection):
            found = [p for p in partitions_of(connection, topic) if p.topic_partition.partition == partition]
            if not found:
                raise StreamError(f"topic {topic} has no such partition", field="partition", value=partition)
            return messages_from(connection, found[0], offset, max_records=max_records, max_bytes=None)

    def scan(self, topic: str, *, start: Offsets | None = None) -> Iterator[Sequence[Message]]:
        """See :meth:`arbkit.stream.base.Stream.scan`."""
        for topic_partition, (oldest, end) in self.watermarks(topic).items():
            at = max((start or {}).get(topic_partition, oldest), oldest)
            while at < end:
                with self._using() as connection, snapshot(connection):
                    partition = partitions_of(connection, topic)[topic_partition.partition]
                    found = messages_from(
                        connection, partition, at, max_records=_SCANNED_AT_ONCE, max_bytes=MAX_POLL_BYTES
                    )  # fmt: skip
                if not (found := [m for m in found if m.offset < end]):
                    break
                yield found
                at = found[-1].offset + 1

    def committed_offsets(self, group: str, topic: str) -> dict[TopicPartition, int]:
        """See :meth:`arbkit.stream.base.Stream.committed_offsets`."""
        with self._using() as connection, snapshot(connection):
            committed = committed_by(connection, group)
            return {p.topic_partition: committed[p.id] for p in partitions_of(connection, topic) if p.id in committed}

    def watermarks(self, topic: str) -> dict[TopicPartition, tuple[int, int]]:
        """See :meth:`arbkit.stream.base.Stream.watermarks`."""
        with self._using() as connection:
            return {p.topic_partition: (p.oldest, p.next) for p in partitions_of(connection, topic)}

    def forget_group(self, group: str) -> None:
        """See :meth:`arbkit.stream.base.Stream.forget_group`."""
        with self._using() as connection:
            lock = take_group(connection, self._path, group, wait_s=self._join_wait_s)
            try:
                with immediate(connection):
                    gone = connection.execute("DELETE FROM log_offsets WHERE group_name = ?", (group,)).rowcount
            finally:
                lock.release()
        if not gone:
            raise no_such_group(group)

    def apply_retention(self) -> int:
        """Message by message, the oldest first, and none that a group has not read; Kafka removes whole segments.

        Nothing goes by its age where that would be all of a topic, nor for a day after a jump of the clock.
        """
        with self._using() as connection:
            gone = trim(connection)
            bound_wal(connection, self._path)
        if gone:
            logger.info("retention removed %d messages", gone)
        return gone

    def close(self) -> None:
        """See :meth:`arbkit.stream.base.Stream.close`."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, wrap_errors(self._path, "log"):
            yield self._connection


def _append(connection: sqlite3.Connection, partitions: list[Partition], records: Sequence[Record]) -> None:
    """Inside a write transaction, so that the times of a partition never run against its offsets."""
    now = time.time()
    nexts = [partition.next for partition in partitions]
    sizes = [0] * len(partitions)
    rows = []
    for record in records:
        number = zlib.crc32(record.key.encode()) % len(partitions)
        headers = _as_json(dict(record.headers)) if record.headers else None
        found, value = message_id(partitions[number].id, nexts[number]), record.value
        known_by = message_digest(found, now, record.key.encode(), headers.encode() if headers else None, value)
        rows.append((found, now, record.key, headers, value, known_by))
        nexts[number] += 1
        sizes[number] += len(record.value)
    connection.executemany(_INSERT, rows)
    connection.executemany(
        "UPDATE log_partitions SET next = ?, bytes = bytes + ? WHERE id = ?",
        [(nexts[n], sizes[n], p.id) for n, p in enumerate(partitions) if nexts[n] != p.next],
    )


def _create(connection: sqlite3.Connection, spec: TopicSpec) -> None:
    added = connection.execute(
        "INSERT OR IGNORE INTO log_topics VALUES (?, ?, ?, ?, ?)",
        (spec.name, spec.partitions, spec.max_age_s, spec.max_bytes, spec.compacted),
    )
    if added.rowcount:
        connection.executemany(
            "INSERT INTO log_partitions (topic, partition) VALUES (?, ?)",
            [(spec.name, number) for number in range(spec.partitions)],
        )


def _begin_to_compact(connection: sqlite3.Connection, spec: TopicSpec) -> None:
    connection.execute(
        "UPDATE log_topics SET compacted = 1, max_age_s = ?, max_bytes = ? WHERE name = ?",
        (spec.max_age_s, spec.max_bytes, spec.name),
    )
