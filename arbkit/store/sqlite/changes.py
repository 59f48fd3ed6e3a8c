"""The number of changes of the embedded store, and what its routes were made of."""

from __future__ import annotations

import sqlite3

_COUNT_UP = """
    INSERT INTO store_meta VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value
"""
_ROUTED = "SELECT name, value FROM store_meta WHERE name IN ('routed', 'routes_removed', 'decided')"


def count_up(connection: sqlite3.Connection) -> int:
    """The number of the change that this write transaction makes."""
    return _next(connection, "changes")


def count_routed(connection: sqlite3.Connection) -> int:
    """The number of the routes that this write transaction writes."""
    return _next(connection, "routed")


def read_routed(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """The number of the routes that were written last, how often any were removed without others, and of decisions."""
    known = dict(connection.execute(_ROUTED).fetchall())
    return int(known.get("routed", 0)), int(known.get("routes_removed", 0)), int(known.get("decided", 0))


def _next(connection: sqlite3.Connection, name: str) -> int:
    (number,) = connection.execute(_COUNT_UP, (name,)).fetchone()
    return int(number)


def number_inputs(connection: sqlite3.Connection, inputs: str) -> int:
    """The generation of these inputs, within a write transaction: a new one where the last is of others."""
    if (known := read_generation(connection, inputs)) is not None:
        return known
    (number,) = connection.execute(
        "INSERT INTO detection_inputs (inputs) VALUES (?) RETURNING generation", (inputs,)
    ).fetchone()
    return int(number)


def read_generation(connection: sqlite3.Connection, inputs: str) -> int | None:
    """The last generation, if it is of these inputs."""
    last = connection.execute("SELECT generation, inputs FROM detection_inputs ORDER BY generation DESC LIMIT 1")
    return next((int(number) for number, known in last if known == inputs), None)


def write_swept(connection: sqlite3.Connection, inputs: str) -> None:
    """Note that every product has been priced with these inputs."""
    connection.execute("DELETE FROM swept")
    connection.execute("INSERT INTO swept VALUES (?)", (inputs,))


def read_swept(connection: sqlite3.Connection) -> str | None:
    """The inputs with which every product was priced last, if that ever was."""
    return next((str(inputs) for (inputs,) in connection.execute("SELECT inputs FROM swept")), None)


def read_unpriced(connection: sqlite3.Connection, limit: int, *, real_only: bool) -> list[str]:
    """Products that changed after their routes were made."""
    query = f"SELECT asin FROM products WHERE changed > priced{_real(real_only)} ORDER BY asin LIMIT ?"  # noqa: S608 - ours
    return [asin for (asin,) in connection.execute(query, (limit,))]


def count_unpriced(connection: sqlite3.Connection, *, real_only: bool) -> int:
    """How many products changed after their routes were made."""
    query = f"SELECT count(*) FROM products WHERE changed > priced{_real(real_only)}"  # noqa: S608 - ours
    (number,) = connection.execute(query).fetchone()
    return int(number)


def _real(real_only: bool) -> str:
    return " AND demo = 0" if real_only else ""
