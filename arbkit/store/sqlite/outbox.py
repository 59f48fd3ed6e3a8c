"""The outbox of the embedded store: records that must follow a change, in the transaction of that change."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from arbkit.store.base import Notice

_KEEP = "INSERT INTO outbox (id, topic, key, value) VALUES (?, ?, ?, ?)"
_UNSENT = "SELECT id, topic, key, value FROM outbox WHERE sent = 0 ORDER BY number LIMIT ?"


def keep_notices(connection: sqlite3.Connection, notices: Sequence[Notice]) -> None:
    """Keep notices, within a write transaction, and forget those that have been sent."""
    connection.execute("DELETE FROM outbox WHERE sent = 1")
    connection.executemany(_KEEP, [(n.id, n.topic, n.key, n.value) for n in notices])


def read_unsent(connection: sqlite3.Connection, limit: int) -> list[Notice]:
    """The oldest notices that are not marked as sent."""
    return [Notice(*row) for row in connection.execute(_UNSENT, (limit,)).fetchall()]


def mark_sent(connection: sqlite3.Connection, notices: Sequence[Notice]) -> None:
    """Mark notices as sent, within a write transaction."""
    connection.executemany("UPDATE outbox SET sent = 1 WHERE id = ?", [(notice.id,) for notice in notices])
