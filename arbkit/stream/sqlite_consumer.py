"""A member of a consumer group, with the group's state in the log's file.

There is no coordinator: whoever changes the membership (joins, leaves, finds another one dead) works out in
the same transaction who shall have which partition. Each member then lets go of what it shall not have,
inside its own ``poll``, and takes what it shall have once that is free. So no partition ever has two owners,
and a commit is refused unless its owner asks.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from arbkit.core.closing import Closing
from arbkit.core.errors import StreamError, UsageError
from arbkit.core.sqlite import bound_wal, immediate, snapshot, wrap_errors
from arbkit.stream.base import MAX_POLL_BYTES, Message, Offsets, TopicPartition
from arbkit.stream.sqlite_assignment import assign
from arbkit.stream.sqlite_tables import Partition, messages_from, partitions_of

__all__ = ["SqliteConsumer"]

logger = logging.getLogger(__name__)

_BEATS_PER_SESSION = 3
_SHORTEST_WAIT_S = 0.005
_LONGEST_WAIT_S = 0.05
_WAIT_GROWTH = 1.5


class SqliteConsumer(Closing):
    """Implements :class:`arbkit.stream.base.Consumer`; made by :meth:`arbkit.stream.sqlite.SqliteStream.consumer`.

    A member that has not polled or committed for ``session_timeout_s`` may be taken for dead by another one.
    :meth:`close` does not call ``on_revoke``: commit first what shall count.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        group: str,
        topics: Sequence[str],
        on_revoke: Callable[[frozenset[TopicPartition]], None],
        session_timeout_s: float,
        on_close: Callable[[sqlite3.Connection], None],
    ) -> None:
        self._connection = connection
        self._path = path
        self._group = group
        self._topics = tuple(dict.fromkeys(topics))
        self._on_revoke = on_revoke
        self._timeout_s = session_timeout_s
        self._on_close = on_close
        self._member = f"{os.getpid()}-{uuid.uuid4().hex}"
        self._places: dict[int, TopicPartition] = {}
        self._ids: dict[TopicPartition, int] = {}
        self._positions: dict[int, int] = {}
        self._generation: int | None = None
        self._beat_at = 0.0
        self._turn = 0
        self._paused = False
        self._closed = False
        if not self._topics:
            raise UsageError("a consumer needs a topic at least", field="topics")
        with immediate(connection):
            self._join()

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Message]:
        if max_records < 1:
            raise UsageError("must be 1 or more", field="max_records", value=max_records)
        self._require_open()
        deadline = time.monotonic() + timeout_s
        wait = _SHORTEST_WAIT_S
        while True:
            version = self._data_version()
            if time.monotonic() >= self._beat_at:
                self._take_part()
            while (messages := self._fetch(max_records)) is None:
                self._take_part()
            if messages:
                return messages
            while version == self._data_version() and time.monotonic() < self._beat_at:
                left = deadline - time.monotonic()
                if left <= 0:
                    return []
                time.sleep(min(wait, left))
                wait = min(wait * _WAIT_GROWTH, _LONGEST_WAIT_S)
            if time.monotonic() >= deadline:
                return []

    def commit(self, offsets: Offsets) -> None:
        """Also moves the member on where it has not come that far: the way past a hole in the log."""
        self._require_open()
        if not offsets:
            return
        with wrap_errors(self._path, "log"):
            with immediate(self._connection):
                if not self._beat():
                    raise StreamError(
                        f"the commit is refused: group {self._group} has taken this member for dead",
                        remedy="Poll to join again; what was not committed will be delivered again",
                    )
                for place, offset in offsets.items():
                    self._commit_one(place, offset)
            bound_wal(self._connection, self._path)
        for place, offset in offsets.items():
            self._positions[self._ids[place]] = max(self._positions.get(self._ids[place], 0), offset)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._places[found] for found in self._positions)

    def lag(self) -> dict[TopicPartition, int]:
        self._require_open()
        with wrap_errors(self._path, "log"), snapshot(self._connection):
            partitions = [p for topic in self._topics for p in partitions_of(self._connection, topic)]
        return {
            p.topic_partition: p.next - max(self._positions[p.id], p.oldest)
            for p in partitions
            if p.id in self._positions
        }

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._positions.clear()
        try:
            with immediate(self._connection):
                self._remove(self._member)
                self._rebalance()
        except sqlite3.Error as error:
            # The others find out by themselves when the session has timed out.
            logger.warning("could not leave group %s: %s", self._group, error)
        finally:
            self._on_close(self._connection)

    # Reading

    def _fetch(self, max_records: int) -> list[Message] | None:
        """The next messages; None if the group has changed and this member must take part in that first."""
        with wrap_errors(self._path, "log"), snapshot(self._connection):
            if self._read_generation() != self._generation:
                return None
            if self._paused or not self._positions:
                return []
            waiting = [
                (partition, self._positions[partition.id])
                for topic in self._topics
                for partition in partitions_of(self._connection, topic)
                if self._positions.get(partition.id, partition.next) < partition.next
            ]
            for partition, position in waiting:
                self._require_kept(partition, position)
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

    def _fair_batches(self, waiting: list[tuple[Partition, int]], max_records: int) -> list[list[Message]]:
        """An equal share for each partition of the records and bytes that those before it have left."""
        batches: list[list[Message]] = []
        records, size = max_records, MAX_POLL_BYTES
        for served, (partition, position) in enumerate(waiting):
            if records < 1 or size < 1:
                break
            shares = len(waiting) - served
            batch = messages_from(
                self._connection,
                partition,
                position,
                max_records=-(-records // shares),
                max_bytes=-(-size // shares),
            )
            records -= len(batch)
            size -= sum(len(message.value) for message in batch)
            batches.append(batch)
        return batches

    def _require_kept(self, partition: Partition, position: int) -> None:
        if position < partition.oldest:
            place = partition.topic_partition
            raise StreamError(
                f"group {self._group} should read offset {position} of {place.topic}, partition "
                f"{place.partition}, but retention has removed it; oldest offset kept is {partition.oldest}",
                remedy=f"{partition.oldest - position} messages are lost to this group. To go on after them "
                f"commit offset {partition.oldest}; keep the log for longer to avoid it",
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

    def _commit_one(self, place: TopicPartition, offset: int) -> None:
        found = self._ids.get(place)
        claim = self._connection.execute(
            "SELECT owner, next FROM log_claims JOIN log_partitions ON id = partition_id "
            "WHERE group_name = ? AND partition_id = ?",
            (self._group, found),
        ).fetchone()
        if claim is None or claim[0] != self._member:
            raise StreamError(
                f"the commit is refused: {place.topic}, partition {place.partition} is not this member's",
                remedy="Another member of the group has it; what was not committed will be delivered again",
            )
        if not 0 <= offset <= claim[1]:
            raise StreamError(
                f"the commit is refused: {place.topic}, partition {place.partition} ends at {claim[1]}",
                field="offset",
                value=offset,
                remedy="Commit the offset of the last message done plus one",
            )
        self._connection.execute(
            "UPDATE log_claims SET committed = ? WHERE group_name = ? AND partition_id = ?",
            (offset, self._group, found),
        )

    # Membership

    def _take_part(self) -> None:
        """Keep the membership alive, bury the dead, let go of partitions and take others."""
        with wrap_errors(self._path, "log"), immediate(self._connection):
            if not self._beat():
                logger.warning("group %s has taken this member for dead; joining again", self._group)
                self._positions.clear()
                self._join()
            self._bury()
            generation = self._read_generation()
            mine = self._claim()
        leaving = [found for found in self._positions if found not in mine]
        if leaving:
            self._on_revoke(frozenset(self._places[found] for found in leaving))
            with wrap_errors(self._path, "log"), immediate(self._connection):
                self._release(leaving)
            for found in leaving:
                self._positions.pop(found, None)
        for found, committed in mine.items():
            self._positions.setdefault(found, committed)
        # Last: whatever is raised above, the next poll comes here again.
        self._generation = generation

    def _join(self) -> None:
        """Become a member. A partition that the group has never had begins at its oldest message."""
        partitions = [partition for topic in self._topics for partition in partitions_of(self._connection, topic)]
        self._places = {partition.id: partition.topic_partition for partition in partitions}
        self._ids = {partition.topic_partition: partition.id for partition in partitions}
        self._connection.execute("INSERT OR IGNORE INTO log_groups VALUES (?, 0)", (self._group,))
        self._connection.executemany(
            "INSERT OR IGNORE INTO log_claims (group_name, partition_id, committed) VALUES (?, ?, ?)",
            [(self._group, partition.id, partition.oldest) for partition in partitions],
        )
        self._connection.execute(
            "INSERT INTO log_members VALUES (?, ?, ?, ?, ?)",
            (self._member, self._group, json.dumps(self._topics), time.time(), self._timeout_s),
        )
        self._rebalance()

    def _beat(self) -> bool:
        """Say that this member lives; whether it still is one."""
        self._beat_at = time.monotonic() + self._timeout_s / _BEATS_PER_SESSION
        updated = self._connection.execute("UPDATE log_members SET seen = ? WHERE id = ?", (time.time(), self._member))
        return updated.rowcount == 1

    def _bury(self) -> None:
        """Remove the members that have timed out."""
        # A heartbeat from the future is as dead as an old one: the clock has been set back.
        dead = self._connection.execute(
            "SELECT id FROM log_members WHERE group_name = ? AND id <> ? AND abs(? - seen) > timeout_s",
            (self._group, self._member, time.time()),
        ).fetchall()
        for (member,) in dead:
            logger.warning("member %s of group %s has timed out", member, self._group)
            self._remove(member)
        if dead:
            self._rebalance()

    def _remove(self, member: str) -> None:
        self._connection.execute("DELETE FROM log_members WHERE id = ?", (member,))
        self._connection.execute(
            "UPDATE log_claims SET owner = NULL WHERE group_name = ? AND owner = ?", (self._group, member)
        )

    def _rebalance(self) -> None:
        """Work out who shall have what, and make every member look."""
        members = self._connection.execute(
            "SELECT id, topics FROM log_members WHERE group_name = ?", (self._group,)
        ).fetchall()
        claims = self._connection.execute(
            "SELECT id, topic, partition, coalesce(owner, target) FROM log_claims "
            "JOIN log_partitions ON id = partition_id WHERE group_name = ?",
            (self._group,),
        ).fetchall()
        targets = assign(
            {TopicPartition(topic, partition): holder for _, topic, partition, holder in claims},
            {member: json.loads(topics) for member, topics in members},
        )
        self._connection.executemany(
            "UPDATE log_claims SET target = ? WHERE group_name = ? AND partition_id = ?",
            [(targets[TopicPartition(topic, partition)], self._group, found) for found, topic, partition, _ in claims],
        )
        self._next_generation()

    def _claim(self) -> dict[int, int]:
        """Take what is free and shall be this member's; partition id → committed of all it is to have."""
        mine = (self._member, self._group, self._member)
        self._connection.execute(
            "UPDATE log_claims SET owner = ? WHERE group_name = ? AND target = ? AND owner IS NULL", mine
        )
        return dict(
            self._connection.execute(
                "SELECT partition_id, committed FROM log_claims WHERE owner = ? AND group_name = ? AND target = ?",
                mine,
            ).fetchall()
        )

    def _release(self, leaving: list[int]) -> None:
        self._connection.executemany(
            "UPDATE log_claims SET owner = NULL WHERE group_name = ? AND partition_id = ? AND owner = ?",
            [(self._group, found, self._member) for found in leaving],
        )
        self._next_generation()

    def _next_generation(self) -> None:
        self._connection.execute("UPDATE log_groups SET generation = generation + 1 WHERE name = ?", (self._group,))

    def _read_generation(self) -> int:
        (generation,) = self._connection.execute(
            "SELECT generation FROM log_groups WHERE name = ?", (self._group,)
        ).fetchone()
        return int(generation)
