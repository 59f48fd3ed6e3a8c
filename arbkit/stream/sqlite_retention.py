"""Retention of a stream in a SQLite file: what is too old or too much goes, if every group has read it.

Of a compacted topic that is what a later message of the same key has replaced, and nothing else.

Ages are counted by this machine's clock, which may be wrong, and what is removed does not come back. So nothing goes
by its age where all of a topic would go at once, nor for a day after the clock has jumped.
"""

from __future__ import annotations

import logging
import sqlite3
import time

from arbkit.core.formatting import age_words
from arbkit.core.sqlite import immediate
from arbkit.stream.base import ENRICH_GROUP, RAW_TOPIC, TopicPartition, TopicSpec, is_dead_letter_topic
from arbkit.stream.sqlite_tables import Partition, message_id, newest_at, offset_in, partitions_of

logger = logging.getLogger(__name__)

_REMOVED_AT_ONCE = 2_000
"""Messages removed in one transaction: retention must not hold up the producer for long."""

_LEAST_DIRTY = 1_000
"""New messages after which a partition is compacted at least: each time all its keys are read."""

JUMP_S = 86_400.0
"""Seconds between two looks at the clock that count as a jump. Less removes at most what is a day younger than asked
for; a machine that was switched off overnight must not look like one whose clock is wrong."""

HOLD_S = 86_400.0
"""How long after a jump nothing is removed by its age: time to notice a wrong clock and set it right."""


def trim(connection: sqlite3.Connection) -> int:
    """Remove what is too old or too much of every topic, the oldest first; how many messages went."""
    ages_count = _look_at_clock(connection)
    gone = 0
    for spec in topic_specs(connection):
        partitions = partitions_of(connection, spec.name)
        if spec.compacted:
            gone += sum(_compact(connection, spec, partition) for partition in partitions)
            continue
        before = _too_old(connection, spec, partitions) if ages_count else None
        for partition in partitions:
            while removed := _remove_oldest(connection, spec, partition.topic_partition, before):
                gone += removed
    return gone


def topic_specs(connection: sqlite3.Connection) -> list[TopicSpec]:
    """The settings of all topics."""
    found = connection.execute("SELECT name, partitions, max_age_s, max_bytes, compacted FROM log_topics").fetchall()
    return [TopicSpec(name, count, age, size, bool(compacted)) for name, count, age, size, compacted in found]


def retention_of(spec: TopicSpec) -> tuple[float | None, int | None]:
    """How long a topic keeps messages (seconds), and how many bytes of them; None: any."""
    return spec.max_age_s, spec.max_bytes


def _look_at_clock(connection: sqlite3.Connection) -> bool:
    """Note the time, and whether it has jumped; whether ages count now."""
    now = time.time()
    with immediate(connection):
        seen, held_until = connection.execute("SELECT seen, held_until FROM log_clock").fetchone()
        jump = now - seen
        if abs(jump) > JUMP_S:
            held_until = now + HOLD_S
            which = "ahead of" if jump > 0 else "behind"
            logger.warning(
                "the clock is %s %s the time that the log saw last: for %s nothing is removed by its age",
                age_words(abs(jump), days="days"), which, age_words(HOLD_S, days="days"),
            )  # fmt: skip
        connection.execute("INSERT OR REPLACE INTO log_clock VALUES (1, ?, ?)", (now, held_until))
    return bool(now >= held_until)


def _too_old(connection: sqlite3.Connection, spec: TopicSpec, partitions: list[Partition]) -> float | None:
    """The time before which messages of a topic are too old; None: none is."""
    if spec.max_age_s is None or not any(p.next > p.oldest for p in partitions):
        return None
    before = time.time() - spec.max_age_s
    newest = newest_at(connection, spec.name)
    if newest is not None and newest < before:
        logger.info("%s: all of it is older than its retention; it is kept until something newer comes", spec.name)
        return None
    return before


def _unread_from(connection: sqlite3.Connection, spec: TopicSpec, partition: Partition) -> int:
    """The first offset that some group has still to read, or the partition's end."""
    if is_dead_letter_topic(spec.name):
        # Kept to be looked at: nobody need ever read them as a group.
        return partition.next
    rows = connection.execute(
        "SELECT group_name, committed FROM log_offsets WHERE partition_id = ?", (partition.id,)
    ).fetchall()
    committed = dict(rows)
    if spec.name == RAW_TOPIC:
        committed.setdefault(ENRICH_GROUP, 0)
    return min(committed.values(), default=partition.next)


def _remove_oldest(
    connection: sqlite3.Connection, spec: TopicSpec, topic_partition: TopicPartition, before: float | None
) -> int:
    """Remove up to :data:`_REMOVED_AT_ONCE` messages that are from ``before`` or too many; how many went."""
    with immediate(connection):
        partition = next(p for p in partitions_of(connection, spec.name) if p.topic_partition == topic_partition)
        unread = _unread_from(connection, spec, partition)
        allowed = None if spec.max_bytes is None else spec.max_bytes / spec.partitions
        upto, size = partition.oldest, 0
        rows = connection.execute(
            "SELECT id, timestamp, length(value) FROM log_messages WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (message_id(partition.id, partition.oldest), message_id(partition.id, unread), _REMOVED_AT_ONCE),
        ).fetchall()
        for found, timestamp, length in rows:
            over = allowed is not None and partition.bytes - size > allowed
            if not over and (before is None or timestamp >= before):
                break
            upto, size = offset_in(found) + 1, size + length
        removed = upto - partition.oldest
        if removed:
            connection.execute(
                "DELETE FROM log_messages WHERE id >= ? AND id < ?",
                (message_id(partition.id, partition.oldest), message_id(partition.id, upto)),
            )
            connection.execute(
                "UPDATE log_partitions SET oldest = ?, bytes = bytes - ? WHERE id = ?", (upto, size, partition.id)
            )
    return removed


def _compact(connection: sqlite3.Connection, spec: TopicSpec, partition: Partition) -> int:
    """Remove what later messages have replaced; how many messages went.

    Only once as many are new as were kept, so that what is read for it stays in proportion.
    """
    unread = _unread_from(connection, spec, partition)
    if unread - partition.clean < max(_LEAST_DIRTY, partition.kept):
        return 0
    bounds = message_id(partition.id, partition.oldest), message_id(partition.id, partition.next)
    # As bytes: a damaged text need not be one.
    query = "SELECT id, CAST(key AS BLOB) FROM log_messages WHERE id >= ? AND id < ? ORDER BY id"
    keys: dict[int, bytes] = dict(connection.execute(query, bounds).fetchall())
    last = frozenset({key: found for found, key in keys.items()}.values())
    ids = [found for found in keys if offset_in(found) < unread]
    replaced = [found for found in ids if found not in last]
    for start in range(0, len(replaced), _REMOVED_AT_ONCE):
        _remove(connection, partition, replaced[start : start + _REMOVED_AT_ONCE])
    with immediate(connection):
        connection.execute(
            "UPDATE log_partitions SET clean = ?, kept = ? WHERE id = ?",
            (unread, len(ids) - len(replaced), partition.id),
        )
    return len(replaced)


def _remove(connection: sqlite3.Connection, partition: Partition, ids: list[int]) -> None:
    one = [(found,) for found in ids]
    with immediate(connection):
        size = sum(
            length for found in one
            for (length,) in connection.execute("SELECT length(value) FROM log_messages WHERE id = ?", found)
        )  # fmt: skip
        connection.executemany("DELETE FROM log_messages WHERE id = ?", one)
        connection.execute("UPDATE log_partitions SET bytes = bytes - ? WHERE id = ?", (size, partition.id))
