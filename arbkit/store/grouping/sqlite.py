"""Groups of opportunities in the SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager

from arbkit.core.decisions.rules import DecisionsInForce
from arbkit.core.sqlite import snapshot
from arbkit.store.decisions.applying import choice_of
from arbkit.store.grouping.groups import CATEGORY_NAMES, Group, GroupedBy, group_of, ordered
from arbkit.store.queries import OpportunityQuery, check_query
from arbkit.store.sqlite.queries import MatchedProducts, opportunities_where

_KEYS: dict[GroupedBy, str] = {
    "brand": "brand",
    "category": "coalesce(shown, category)",
    "route": "source || ':' || target",
    "source": "source",
    "target": "target",
}
_GROUPS = """
    WITH found AS ({found}),
    placed AS (
        SELECT name, profit, expected_profit, count(*) OVER (PARTITION BY name) AS size,
            row_number() OVER (PARTITION BY name ORDER BY profit) AS place
        FROM found
    )
    SELECT name, count(*), sum(profit), avg(CASE WHEN place IN ((size + 1) / 2, size / 2 + 1) THEN profit END),
        max(profit), count(expected_profit), avg(expected_profit)
    FROM placed GROUP BY name
"""


class SqliteGroups:
    """Implements :class:`arbkit.store.grouping.groups.GroupingStore`."""

    _matched: MatchedProducts

    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def _real_only(self, connection: sqlite3.Connection) -> bool:
        raise NotImplementedError

    def _read_in_force(self, connection: sqlite3.Connection) -> DecisionsInForce:
        raise NotImplementedError

    def groups(self, query: OpportunityQuery, by: GroupedBy) -> list[Group]:
        """See :meth:`arbkit.store.grouping.groups.GroupingStore.groups`."""
        check_query(query)
        table, names = "opportunities", []
        if by == "category":
            marks = ", ".join(["(?, ?)"] * len(CATEGORY_NAMES))
            known = f"SELECT column1 AS known, column2 AS shown FROM (VALUES {marks})"  # noqa: S608 - ours
            table += f" LEFT JOIN ({known}) ON known = category"
            names = [word for pair in CATEGORY_NAMES.items() for word in pair]
        with self._using() as connection, snapshot(connection):
            self._matched.find(connection, query.q)
            select = f"SELECT {_KEYS[by]} AS name, profit, expected_profit FROM {table}"  # noqa: S608 - ours
            choice = choice_of(query, self._read_in_force(connection))
            found = opportunities_where(select, query, real_only=self._real_only(connection), choice=choice)
            rows = connection.execute(_GROUPS.format(found=found.sql), [*names, *found.values]).fetchall()
        return ordered(
            group_of(
                name, count=count, total=total, median=median, best=best, with_forecast=forecast, expected=expected
            )
            for name, count, total, median, best, forecast, expected in rows
        )
