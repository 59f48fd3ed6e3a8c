"""Whether the rows of the embedded store are what was written, as their digests say."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from arbkit.core.sqlite import DigestCheck, SqlValue, connect, fetch_damaged, wrap_errors
from arbkit.store.sqlite import rows
from arbkit.store.sqlite.schema import is_current

_AT_ONCE = 500


class DamagedRow(NamedTuple):
    """The key of a damaged row of ``offers`` or ``history``, whatever has become of it."""

    table: str
    asin: SqlValue
    market: SqlValue


def find_damaged(connection: sqlite3.Connection) -> list[DamagedRow]:
    """The damaged rows of offers and histories; all of them are read."""
    return [row for row, intact, _ in _checked(connection) if not intact]


def drop_damaged(connection: sqlite3.Connection, damaged: Sequence[DamagedRow]) -> None:
    """Remove damaged rows, within a write transaction, where nobody has written them anew meanwhile."""
    for row in damaged:
        where = "WHERE asin = ? AND market = ?"
        columns = rows.OFFER_VALUES if row.table == "offers" else rows.HISTORY_COLUMNS
        query = f"SELECT {columns} FROM {row.table} {where}"  # noqa: S608 - ours
        if not all(_is_intact(row.table, found) for found in fetch_damaged(connection, query, row[1:])):
            connection.execute(f"DELETE FROM {row.table} {where}", row[1:])  # noqa: S608 - ours


def check_digests(path: Path) -> DigestCheck:
    """Read every offer and history of the store at ``path``, and see whether it is what was written.

    Raises:
        StoreError: the file cannot be read.
    """
    checked = unmarked = 0
    damaged = []
    with wrap_errors(path, "store"):
        connection = connect(path, read_only=True)
        try:
            if not is_current(connection, path):
                return DigestCheck(0, 0, ())
            for row, intact, marked in _checked(connection):
                checked += 1
                unmarked += not marked
                if not intact:
                    damaged.append(f"{row.table} {row.asin!s}:{row.market!s}")
        finally:
            connection.close()
    return DigestCheck(checked, unmarked, tuple(damaged))


def _checked(connection: sqlite3.Connection) -> Iterator[tuple[DamagedRow, bool, bool]]:
    """The key of each row, whether it is intact, and whether it has a digest at all."""
    for table, columns in (("offers", rows.OFFER_VALUES), ("history", rows.HISTORY_COLUMNS)):
        after: tuple[SqlValue, ...] = ("", "")
        query = f"SELECT {columns} FROM {table} WHERE (asin, market) > (?, ?) ORDER BY asin, market LIMIT {_AT_ONCE}"  # noqa: S608
        while found := fetch_damaged(connection, query, after):
            for row in found:
                yield DamagedRow(table, row[0], row[1]), _is_intact(table, row), row[-1] is not None
            after = found[-1][:2]


def _is_intact(table: str, row: Sequence[SqlValue]) -> bool:
    return rows.is_intact(row) if table == "offers" else rows.is_history_intact(row)
