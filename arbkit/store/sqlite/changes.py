"""The number of changes of the embedded store, and what the stored detection was made of."""

from __future__ import annotations

import sqlite3

from arbkit.store.base import Basis

_COUNT_UP = """
    INSERT INTO store_meta VALUES ('changes', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value
"""


def count_up(connection: sqlite3.Connection) -> int:
    """The number of the change that this write transaction makes."""
    (number,) = connection.execute(_COUNT_UP).fetchone()
    return int(number)


def read_changes(connection: sqlite3.Connection) -> int:
    """The number of the last change; 0 before the first."""
    row = connection.execute("SELECT value FROM store_meta WHERE name = 'changes'").fetchone()
    return int(row[0]) if row else 0


def write_basis(connection: sqlite3.Connection, basis: Basis | None) -> None:
    """Note what the detection that is being stored was made of; None: it does not say."""
    connection.execute("DELETE FROM detection_basis")
    if basis is not None:
        connection.execute("INSERT INTO detection_basis VALUES (?, ?)", (basis.changes, basis.inputs))


def read_basis(connection: sqlite3.Connection) -> Basis | None:
    """What the stored detection was made of, if it says so."""
    row = connection.execute("SELECT changes, inputs FROM detection_basis").fetchone()
    return None if row is None else Basis(changes=row[0], inputs=row[1])


def count_unpriced(connection: sqlite3.Connection, *, real_only: bool) -> int:
    """The products that changed after what the stored detection was made of."""
    basis = read_basis(connection)
    # Of which product an arbkit of before knew nothing, that one is 0 and has been detected.
    where = " AND demo = 0" if real_only else ""
    query = f"SELECT count(*) FROM products WHERE changed > ?{where}"  # noqa: S608 - ours
    (number,) = connection.execute(query, (basis.changes if basis else 0,)).fetchone()
    return int(number)
