"""Leases in the SQLite file."""

from __future__ import annotations

import sqlite3
import time
from contextlib import AbstractContextManager, closing
from pathlib import Path

from arbkit.core.leases.lease import Lease, lease_after
from arbkit.core.sqlite import connect, immediate, wrap_errors

_READ = "SELECT name, holder, taken_at, expires_at FROM leases WHERE name = ?"
_PUT = "INSERT OR REPLACE INTO leases (name, holder, taken_at, expires_at) VALUES (?, ?, ?, ?)"
_DROP = "DELETE FROM leases WHERE name = ? AND holder = ?"


class SqliteLeases:
    """Implements :class:`arbkit.core.leases.store.LeaseStore`."""

    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def take_lease(self, name: str, holder: str, *, seconds: float, now: float | None = None) -> Lease:
        """See :meth:`arbkit.core.leases.store.LeaseStore.take_lease`."""
        with self._using() as connection, immediate(connection):
            row = connection.execute(_READ, (name,)).fetchone()
            there = None if row is None else Lease(*row)
            # Only here: whoever waited for others to write asks of this moment.
            at = time.time() if now is None else now
            after = lease_after(there, name, holder, seconds=seconds, now=at)
            if after is not there:
                connection.execute(_PUT, (name, holder, after.taken_at, after.expires_at))
        return after

    def drop_lease(self, name: str, holder: str) -> None:
        """See :meth:`arbkit.core.leases.store.LeaseStore.drop_lease`."""
        with self._using() as connection, immediate(connection):
            connection.execute(_DROP, (name, holder))


def drop_all(path: Path) -> None:
    """Forget all leases in the file of a store that nobody uses: a copy must not carry those of its moment.

    Raises:
        StoreError: it cannot be written.
    """
    with wrap_errors(path, "store"), closing(connect(path)) as connection:
        connection.execute("DELETE FROM leases")
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
