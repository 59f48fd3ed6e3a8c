"""The log's tables in the SQLite file, and reading messages out of them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from arbkit.core.errors import StreamError
from arbkit.core.sqlite import immediate
from arbkit.stream.base import Message, TopicPartition

__all__ = ["Partition", "ensure_tables", "message_id", "messages_from", "offset_in", "partitions_of"]

_VERSION = 1

_OFFSET_BITS = 40
"""A message's id is its partition's id and its offset side by side: one B-tree gives ranges in order."""

_TABLES = (
    "CREATE TABLE log_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE log_topics (
        name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, max_age_s REAL, max_bytes INTEGER
    ) WITHOUT ROWID
    """,
    # oldest: first offset kept; next: offset of the next message; bytes: sum of the values kept
    """
    CREATE TABLE log_partitions (
        id INTEGER PRIMARY KEY,
        topic TEXT NOT NULL REFERENCES log_topics (name),
        partition INTEGER NOT NULL,
        oldest INTEGER NOT NULL DEFAULT 0,
        next INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        UNIQUE (topic, partition)
    )
    """,
    # headers: a JSON object, or NULL for none; value is last because it overflows the page
    """
    CREATE TABLE log_messages (
        id INTEGER PRIMARY KEY, timestamp REAL NOT NULL, key TEXT NOT NULL, headers TEXT, value BLOB NOT NULL
    )
    """,
    # generation: goes up whenever members must look at their claims again
    "CREATE TABLE log_groups (name TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE log_members (
        id TEXT PRIMARY KEY,
        group_name TEXT NOT NULL REFERENCES log_groups (name),
        topics TEXT NOT NULL,
        seen REAL NOT NULL,
        timeout_s REAL NOT NULL
    ) WITHOUT ROWID
    """,
    # owner: who may read and commit now; target: who shall, as soon as the owner has let go
    """
    CREATE TABLE log_claims (
        group_name TEXT NOT NULL REFERENCES log_groups (name),
        partition_id INTEGER NOT NULL REFERENCES log_partitions (id),
        committed INTEGER NOT NULL,
        owner TEXT,
        target TEXT,
        PRIMARY KEY (group_name, partition_id)
    ) WITHOUT ROWID
    """,
)


@dataclass(frozen=True, slots=True)
class Partition:
    """A row of ``log_partitions``."""

    id: int
    topic_partition: TopicPartition
    oldest: int
    next: int
    bytes: int


def ensure_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Make the log's tables if they are not there.

    Raises:
        StreamError: a newer arbkit has made them.
    """
    if not _has_tables(connection):
        with immediate(connection):
            if not _has_tables(connection):
                for statement in _TABLES:
                    connection.execute(statement)
                connection.execute("INSERT INTO log_meta VALUES ('version', ?)", (_VERSION,))
    (version,) = connection.execute("SELECT value FROM log_meta WHERE name = 'version'").fetchone()
    if version > _VERSION:
        raise StreamError(
            f"a newer arbkit has written the log in {path}: format {version}, this one knows {_VERSION}",
            remedy="Update arbkit, or set ARBKIT_LOG to another file",
        )


def _has_tables(connection: sqlite3.Connection) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'log_meta'"
    return connection.execute(query).fetchone() is not None


def partitions_of(connection: sqlite3.Connection, topic: str) -> list[Partition]:
    """The partitions of a topic, by number.

    Raises:
        StreamError: there is no such topic.
    """
    rows = connection.execute(
        "SELECT id, partition, oldest, next, bytes FROM log_partitions WHERE topic = ? ORDER BY partition",
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
    connection: sqlite3.Connection,
    partition: Partition,
    offset: int,
    *,
    max_records: int,
    max_bytes: int | None,
) -> list[Message]:
    """The messages of a partition from ``offset`` on, in order.

    Ends with the one that fills ``max_bytes`` of values, so there is at least one if there is any.
    """
    query = """
        SELECT id, timestamp, key, headers, value FROM log_messages
        WHERE id >= ? AND id < ? ORDER BY id LIMIT ?
    """
    bounds = message_id(partition.id, offset), message_id(partition.id + 1, 0)
    found: list[Message] = []
    left = max_bytes
    with closing(connection.execute(query, (*bounds, max_records))) as rows:
        for found_id, timestamp, key, headers, value in rows:
            topic, number = partition.topic_partition.topic, partition.topic_partition.partition
            headers = json.loads(headers) if headers else {}
            found.append(Message(topic, number, offset_in(found_id), key, value, headers, timestamp))
            if left is not None and (left := left - len(value)) <= 0:
                break
    return found
