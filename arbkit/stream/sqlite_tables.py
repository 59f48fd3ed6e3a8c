"""The tables of a stream in its SQLite file, and reading messages out of them."""

from __future__ import annotations

import json
import sqlite3
import struct
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbkit.core.errors import StreamError
from arbkit.core.sqlite import digest, immediate, read_statements
from arbkit.stream.base import Message, TopicPartition

_VERSION = 4

_CLOCK_SINCE = 3
"""The format of the first files that note the time."""

_OFFSET_BITS = 40
"""A message's id is its partition's id and its offset side by side: one B-tree gives ranges in order."""

_GROUP_TABLES = read_statements("arbkit.stream", "group_tables.sql")
_FROM_VERSION_3 = read_statements("arbkit.stream", "compaction.sql")
_FROM_VERSION_2 = (*read_statements("arbkit.stream", "clock_and_digests.sql"), *_FROM_VERSION_3)
_FROM_VERSION_1 = (*_GROUP_TABLES, *read_statements("arbkit.stream", "from_version_1.sql"), *_FROM_VERSION_2)
_TABLES = (*read_statements("arbkit.stream", "tables.sql"), *_GROUP_TABLES, *_FROM_VERSION_2)

_STATEMENTS = {None: _TABLES, 1: _FROM_VERSION_1, 2: _FROM_VERSION_2, 3: _FROM_VERSION_3}
"""What makes the tables of a file of this version (None: of one without) those of today."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A row of ``log_partitions``."""

    id: int
    topic_partition: TopicPartition
    oldest: int
    next: int
    bytes: int
    clean: int
    kept: int


def ensure_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Make the stream's tables if they are missing, and bring those of an older arbkit up to date.

    Raises:
        StreamError: a newer arbkit has made them.
    """
    if (version := _version(connection)) != _VERSION:
        with immediate(connection):
            # Another process may have been faster.
            version = _version(connection)
            for statement in _STATEMENTS.get(version, ()):
                connection.execute(statement)
            if version is None or version < _CLOCK_SINCE:
                # The messages of a file of before say what time it was.
                seen = newest_at(connection)
                connection.execute("INSERT INTO log_clock VALUES (1, ?, 0)", (time.time() if seen is None else seen,))
    if version is not None and version > _VERSION:
        raise StreamError(
            f"a newer arbkit has written the log in {path}: format {version}, this one knows {_VERSION}",
            remedy="Update arbkit, or set ARBKIT_LOG to another file",
        )


def _version(connection: sqlite3.Connection) -> int | None:
    """The format of the tables; None where there are none."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'log_meta'"
    if connection.execute(query).fetchone() is None:
        return None
    (version,) = connection.execute("SELECT value FROM log_meta WHERE name = 'version'").fetchone()
    return int(version)


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the tables are there, and of this arbkit."""
    return _version(connection) == _VERSION


def unmarked_messages(connection: sqlite3.Connection) -> int:
    """How many messages were written before there were digests."""
    (count,) = connection.execute("SELECT count(*) FROM log_messages WHERE digest IS NULL").fetchone()
    return int(count)


def newest_at(connection: sqlite3.Connection, topic: str | None = None) -> float | None:
    """The time (Unix seconds) of the newest message of a topic, or of all; None where there is none."""
    ends = connection.execute(
        "SELECT id, next FROM log_partitions WHERE next > oldest AND topic = coalesce(?, topic)", (topic,)
    ).fetchall()
    query = "SELECT timestamp FROM log_messages WHERE id = ?"
    found = (connection.execute(query, (message_id(number, end - 1),)).fetchone() for number, end in ends)
    return max((row[0] for row in found if row), default=None)


def committed_by(connection: sqlite3.Connection, group: str) -> dict[int, int]:
    """A group's committed offsets by the ids of the partitions."""
    rows = connection.execute("SELECT partition_id, committed FROM log_offsets WHERE group_name = ?", (group,))
    return dict(rows.fetchall())


def partitions_of(connection: sqlite3.Connection, topic: str) -> list[Partition]:
    """The partitions of a topic, by number.

    Raises:
        StreamError: there is no such topic.
    """
    rows = connection.execute(
        "SELECT id, partition, oldest, next, bytes, clean, kept FROM log_partitions WHERE topic = ? ORDER BY partition",
        (topic,),
    ).fetchall()
    if not rows:
        known = connection.execute("SELECT name FROM log_topics ORDER BY name").fetchall()
        raise StreamError(
            "no such topic",
            field="topic",
            value=topic,
            remedy=f"Create it first; there are: {', '.join(name for (name,) in known) or 'none'}",
        )
    return [Partition(row[0], TopicPartition(topic, row[1]), *row[2:]) for row in rows]


def message_id(partition_id: int, offset: int) -> int:
    """Where a message lies in ``log_messages``."""
    return (partition_id << _OFFSET_BITS) | offset


def offset_in(found: int) -> int:
    """The offset in a message's id."""
    return found & ((1 << _OFFSET_BITS) - 1)


def messages_from(
    connection: sqlite3.Connection, partition: Partition, offset: int, *, max_records: int, max_bytes: int | None
) -> list[Message]:
    """The messages of a partition from ``offset`` on, in order.

    Ends with the one that fills ``max_bytes`` of values, so there is at least one if there is any.
    """
    # As bytes: a damaged text need not be one.
    query = """
        SELECT id, CAST(timestamp AS REAL), CAST(key AS BLOB), CAST(headers AS BLOB), CAST(value AS BLOB), digest
        FROM log_messages
        WHERE id >= ? AND id < ? ORDER BY id LIMIT ?
    """
    bounds = message_id(partition.id, offset), message_id(partition.id + 1, 0)
    found: list[Message] = []
    left = max_bytes
    with closing(connection.execute(query, (*bounds, max_records))) as rows:
        for row in rows:
            found.append(_message(partition.topic_partition, row))
            if left is not None and (left := left - len(row[4] or b"")) <= 0:
                break
    return found


def message_digest(found: int, timestamp: float, key: bytes, headers: bytes | None, value: bytes) -> bytes:
    """What a message is known by again: what it says, and where and when."""
    return digest(struct.pack("<qd", found, timestamp), key, headers or b"", value)


def _message(at: TopicPartition, row: Sequence[Any]) -> Message:
    found, timestamp, key, headers, value, written = row
    # Whatever a damaged row has become, it is a message.
    timestamp, key, value = timestamp or 0.0, key or b"", value or b""
    damaged = written is not None and written != message_digest(found, timestamp, key, headers, value)
    try:
        read = json.loads(headers) if headers else {}
    except ValueError:
        damaged, read = True, {}
    text = key.decode(errors="replace")
    return Message(at.topic, at.partition, offset_in(found), text, value, read, timestamp, damaged)
