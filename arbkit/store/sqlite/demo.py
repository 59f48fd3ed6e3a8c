"""Products of the demo market in an embedded store that holds real ones too: hidden, and removed when asked to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from arbkit.core.sqlite import read_statements

Condition = tuple[str, list[Any]]
"""A condition of a query, and its values."""

_HOLDS = "SELECT EXISTS (SELECT 1 FROM products WHERE demo = ?)"
DEMO_ASINS = "SELECT asin FROM products WHERE demo = 1"
"""The query for the products of the demo market."""
REAL_PRODUCT: Condition = ("demo = 0", [])
"""What holds of a product that is not of the demo market."""
REAL: Condition = (f"asin NOT IN ({DEMO_ASINS})", [])
"""What holds of whatever has the ``asin`` of a real product."""
NOT_INVENTED = "NOT (source = 'demo' AND asin IN (SELECT asin FROM products WHERE demo = 0))"
"""What holds of every offer but those that the demo market invented for a product that has real ones."""
_REMOVALS = read_statements("arbkit.store.sqlite", "remove_demo.sql")


def holds(connection: sqlite3.Connection, *, demo: bool) -> bool:
    """Whether there is a product that is (``demo``), or is not, of the demo market."""
    return bool(connection.execute(_HOLDS, (demo,)).fetchone()[0])


def hidden(connection: sqlite3.Connection, asins: Iterable[str]) -> set[str]:
    """Those of these products that are of the demo market."""
    wanted = set(asins)
    return wanted & {asin for (asin,) in connection.execute(DEMO_ASINS)} if wanted else wanted


def count_demo(connection: sqlite3.Connection) -> tuple[int, int]:
    """The products with offers that the demo market invented, and these offers."""
    found = "SELECT count(DISTINCT asin), count(*) FROM offers WHERE source = 'demo'"
    products, offers = connection.execute(found).fetchone()
    return int(products), int(offers)


def remove_demo(connection: sqlite3.Connection) -> Sequence[str]:
    """Remove what the demo market invented, within a write transaction.

    Returns:
        The products that have real offers too: they must be composed anew.
    """
    for statement in _REMOVALS:
        connection.execute(statement)
    return [asin for (asin,) in connection.execute(DEMO_ASINS)]
