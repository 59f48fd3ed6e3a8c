"""The store's tables in the SQLite file, made from the models, and their migrations."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from arbkit.core.errors import StoreError
from arbkit.core.sqlite import immediate, read_statements
from arbkit.store.fields import OFFER_KINDS

OFFER_COLUMNS = tuple(OFFER_KINDS)
_AFFINITIES = {"float": "REAL", "int": "INTEGER", "bool": "INTEGER"}
_TYPED = ", ".join(f"{name} {_AFFINITIES.get(kind, 'TEXT')}" for name, kind in OFFER_KINDS.items())
_OFFER_TABLE = f"CREATE TABLE offers ({_TYPED}, PRIMARY KEY (asin, market)) WITHOUT ROWID"
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (_OFFER_TABLE, *read_statements("arbkit.store.sqlite", "tables.sql")),
    read_statements("arbkit.store.sqlite", "slim_opportunities.sql"),
)
"""What brings a file from version n to n + 1, for n = 0, 1, …"""


def ensure_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the file to the newest schema.

    Raises:
        StoreError: a newer arbkit has written it.
    """
    if _version(connection, path) == len(MIGRATIONS):
        return
    with immediate(connection):
        connection.execute("CREATE TABLE IF NOT EXISTS store_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        for statements in MIGRATIONS[_version(connection, path) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute("INSERT OR REPLACE INTO store_meta VALUES ('version', ?)", (len(MIGRATIONS),))


def is_there(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether a reader can use the file as it is.

    Raises:
        StoreError: a newer arbkit has written it.
    """
    return _version(connection, path) == len(MIGRATIONS)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'store_meta'").fetchone()
    row = connection.execute("SELECT value FROM store_meta WHERE name = 'version'").fetchone() if there else None
    version = row[0] if row else 0
    if version > len(MIGRATIONS):
        raise StoreError(
            f"a newer arbkit has written the store in {path}: its format is {version}, "
            f"this one knows {len(MIGRATIONS)}",
            remedy="Update arbkit, or set ARBKIT_STORE to another file",
        )
    return int(version)
