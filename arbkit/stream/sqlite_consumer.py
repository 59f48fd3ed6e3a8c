"""The consumer of a group on a stream in a SQLite file: one at a time, and it owns every partition.

The group belongs to whoever holds the lock on a file beside the database. The system lets go of it when the
process dies, so there are no heartbeats, time-outs or rebalances: several consumers of one group are Kafka's work.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from arbkit.core.closing import Closing
from arbkit.core.errors import GroupBusyError, StreamError, UsageError
from arbkit.core.sqlite import bound_wal, connect, immediate, snapshot, wrap_errors
from arbkit.stream.base import MAX_POLL_BYTES, Message, Offsets, TopicPartition
from arbkit.stream.holes import skip_command
from arbkit.stream.sqlite_tables import Partition, committed_by, messages_from, partitions_of

logger = logging.getLogger(__name__)

_SHORTEST_WAIT_S = 0.005
_LONGEST_WAIT_S = 0.05
_WAIT_GROWTH = 1.5


def take_group(connection: sqlite3.Connection, path: Path, group: str, *, wait_s: float) -> FileLock:
    """The lock of a group on the stream at ``path``, held.

    Raises:
        GroupBusyError: another consumer of the group kept it for ``wait_s`` seconds.
    """
    file = path.resolve()
    lock = FileLock(file.with_name(f"{file.name}.{quote(group, safe='')}.lock"), thread_local=False)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout:
        row = connection.execute("SELECT pid FROM log_owners WHERE group_name = ?", (group,)).fetchone()
        raise GroupBusyError(group, pid=row[0] if row else None) from None
    return lock


class SqliteConsumer(Closing):
    """Implements :class:`arbkit.stream.base.Consumer` on the stream at ``path``.

    Waits at most ``wait_s`` seconds for another consumer of ``group`` to leave. A partition that the group has never
    had begins at its oldest message.

    Raises:
        GroupBusyError: another consumer of the group runs, in this process or in another one.
        StreamError: a topic is unknown, or the file cannot be used.
        UsageError: there is no topic.
    """

    def __init__(self, path: Path, group: str, topics: Sequence[str], *, wait_s: float) -> None:
        if not topics:
            raise UsageError("a consumer needs a topic at least", field="topics")
        self._path = path
        self._group = group
        self._topics = tuple(dict.fromkeys(topics))
        self._positions: dict[int, int] = {}
        self._turn = 0
        self._paused = False
        self._closed = False
        with wrap_errors(path, "log"), ExitStack() as undo:
            self._connection = connect(path)
            undo.callback(self._connection.close)
            self._lock = take_group(self._connection, path, group, wait_s=wait_s)
            undo.callback(self._lock.release)
            with immediate(self._connection):
                partitions = self._read_partitions()
                self._connection.executemany(
                    "INSERT OR IGNORE INTO log_offsets VALUES (?, ?, ?)", [(group, p.id, p.oldest) for p in partitions]
                )
                self._connection.execute("INSERT OR REPLACE INTO log_owners VALUES (?, ?)", (group, os.getpid()))
            undo.pop_all()
        self._partitions = {p.id: p.topic_partition for p in partitions}
        self._ids = {topic_partition: found for found, topic_partition in self._partitions.items()}

    def _read_partitions(self) -> list[Partition]:
        return [partition for topic in self._topics for partition in partitions_of(self._connection, topic)]

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Message]:
        """See :meth:`arbkit.stream.base.Consumer.poll`."""
        if max_records < 1:
            raise UsageError("must be 1 or more", field="max_records", value=max_records)
        self._require_open()
        if not self._positions:
            with wrap_errors(self._path, "log"):
                committed = committed_by(self._connection, self._group)
            self._positions = {found: committed[found] for found in self._partitions}
        deadline = time.monotonic() + timeout_s
        wait = _SHORTEST_WAIT_S
        while True:
            version = self._data_version()
            if messages := self._fetch(max_records):
                return messages
            while version == self._data_version():
                left = deadline - time.monotonic()
                if left <= 0:
                    return []
                time.sleep(min(wait, left))
                wait = min(wait * _WAIT_GROWTH, _LONGEST_WAIT_S)
            if time.monotonic() >= deadline:
                return []

    def commit(self, offsets: Offsets) -> None:
        """Also moves the consumer on where it has not come that far: the way past what retention has removed.

        Raises:
            StreamError: the commit did not happen.
        """
        self._require_open()
        if not offsets:
            return
        with wrap_errors(self._path, "log"):
            with immediate(self._connection):
                for topic_partition, offset in offsets.items():
                    self._commit_one(topic_partition, offset)
            bound_wal(self._connection, self._path)
        for topic_partition, offset in offsets.items():
            found = self._ids[topic_partition]
            if found in self._positions:
                self._positions[found] = max(self._positions[found], offset)

    def pause(self) -> None:
        """See :meth:`arbkit.stream.base.Consumer.pause`."""
        self._paused = True

    def resume(self) -> None:
        """See :meth:`arbkit.stream.base.Consumer.resume`."""
        self._paused = False

    def assignment(self) -> frozenset[TopicPartition]:
        """See :meth:`arbkit.stream.base.Consumer.assignment`."""
        return frozenset(self._partitions[found] for found in self._positions)

    def lag(self) -> dict[TopicPartition, int]:
        """See :meth:`arbkit.stream.base.Consumer.lag`."""
        self._require_open()
        with wrap_errors(self._path, "log"), snapshot(self._connection):
            found = [p for p in self._read_partitions() if p.id in self._positions]
        return {p.topic_partition: p.next - max(self._positions[p.id], p.oldest) for p in found}

    def close(self) -> None:
        """Leave the group: the next consumer may have it."""
        if self._closed:
            return
        self._closed = True
        self._positions.clear()
        try:
            self._connection.close()
        finally:
            self._lock.release()

    # Reading

    def _fetch(self, max_records: int) -> list[Message]:
        """The next messages, none where none has come."""
        if self._paused:
            return []
        with wrap_errors(self._path, "log"), snapshot(self._connection):
            waiting = [p for p in self._read_partitions() if self._positions[p.id] < p.next]
            for partition in waiting:
                self._require_kept(partition)
            if not waiting:
                return []
            # Another partition goes first each time, so that none is starved by a busy one.
            self._turn = (self._turn + 1) % len(waiting)
            waiting = waiting[self._turn :] + waiting[: self._turn]
            batches = self._fair_batches(waiting, max_records)
        for batch in batches:
            if batch:
                self._positions[self._ids[batch[-1].topic_partition]] = batch[-1].offset + 1
        return list(chain.from_iterable(batches))

    def _fair_batches(self, waiting: list[Partition], max_records: int) -> list[list[Message]]:
        """An equal share for each partition of the records and bytes that those before it have left."""
        batches: list[list[Message]] = []
        records, size = max_records, MAX_POLL_BYTES
        for served, partition in enumerate(waiting):
            if records < 1 or size < 1:
                break
            shares = len(waiting) - served
            batch = messages_from(
                self._connection, partition, self._positions[partition.id],
                max_records=-(-records // shares), max_bytes=-(-size // shares),
            )  # fmt: skip
            records -= len(batch)
            size -= sum(len(message.value) for message in batch)
            batches.append(batch)
        return batches

    def _require_kept(self, partition: Partition) -> None:
        position = self._positions[partition.id]
        if position < partition.oldest:
            topic, number = partition.topic_partition.topic, partition.topic_partition.partition
            raise StreamError(
                f"group {self._group} should read offset {position} of {topic}, partition "
                f"{number}, but it is gone; oldest offset kept is {partition.oldest}",
                remedy=f"{partition.oldest - position} messages are lost to this group. To go on after them: "
                f"{skip_command(self._group, partition.topic_partition)}",
            )

    def _data_version(self) -> int:
        """A number that changes when another connection has committed anything."""
        with wrap_errors(self._path, "log"):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _require_open(self) -> None:
        if self._closed:
            raise StreamError("this consumer is closed", remedy="Join the group with a new one")

    # Committing

    def _commit_one(self, topic_partition: TopicPartition, offset: int) -> None:
        found = self._ids.get(topic_partition)
        if found is None:
            raise StreamError(f"the commit is refused: this consumer does not read {topic_partition}")
        (end,) = self._connection.execute("SELECT next FROM log_partitions WHERE id = ?", (found,)).fetchone()
        if not 0 <= offset <= end:
            raise StreamError(
                f"the commit is refused: {topic_partition} ends at {end}",
                field="offset",
                value=offset,
                remedy="Commit the offset of the last message done plus one",
            )
        self._connection.execute(
            "UPDATE log_offsets SET committed = ? WHERE group_name = ? AND partition_id = ?",
            (offset, self._group, found),
        )
