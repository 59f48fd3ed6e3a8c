"""Decisions in the SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import orjson

from arbkit.core.decisions.event import Decision
from arbkit.core.decisions.rules import DecisionsInForce, RouteChoice, RouteProfit
from arbkit.core.sqlite import immediate, json_array, snapshot

_ADD = "INSERT OR IGNORE INTO decisions (key, version, scope, demo, document) VALUES (?, ?, ?, ?, ?)"
_ONE = "SELECT document FROM decisions WHERE key = ? AND version = ?"
_ALL = "SELECT document FROM decisions ORDER BY key, version"
_OF_KEYS = "SELECT document FROM decisions WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key, version"
_LAST = """
    SELECT document FROM decisions AS d
    WHERE version = (SELECT max(version) FROM decisions WHERE key = d.key AND scope = d.scope)
    OR key IN (SELECT key FROM decisions WHERE scope GLOB 'cancels:*')
"""
"""Of what has a cancelled purchase all: another decision holds in its place."""
_PROFITS = """
    SELECT id, profit, currency FROM opportunities WHERE asin IN (SELECT value FROM json_each(?))
"""


class SqliteDecisions:
    """Implements :class:`arbkit.core.decisions.store.DecisionStore`."""

    _in_force: tuple[tuple[int, int], DecisionsInForce] | None = None
    """What had been written when the decisions were read last."""

    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def add_decisions(self, decisions: Sequence[Decision]) -> list[Decision]:
        """See :meth:`arbkit.core.decisions.store.DecisionStore.add_decisions`."""
        before = []
        with self._using() as connection, immediate(connection):
            for one in decisions:
                row = (one.key, one.version, one.scope, one.demo, orjson.dumps(one.to_dict()))
                if not connection.execute(_ADD, row).rowcount:
                    (document,) = connection.execute(_ONE, (one.key, one.version)).fetchone()
                    if (there := _decision(document)) != one:
                        before.append(there)
            connection.execute("UPDATE store_meta SET value = value + 1 WHERE name = 'decided'")
        return before

    def decisions(self, keys: Sequence[str] | None = None) -> list[Decision]:
        """See :meth:`arbkit.core.decisions.store.DecisionStore.decisions`."""
        with self._using() as connection:
            found = connection.execute(_ALL) if keys is None else connection.execute(_OF_KEYS, (json_array(keys),))
            return [_decision(document) for (document,) in found]

    def decisions_in_force(self) -> DecisionsInForce:
        """See :meth:`arbkit.core.decisions.store.DecisionStore.decisions_in_force`."""
        with self._using() as connection, snapshot(connection):
            return self._read_in_force(connection)

    def _read_in_force(self, connection: sqlite3.Connection) -> DecisionsInForce:
        """Those of the moment of a transaction, kept while nothing is written."""
        # One tells what others have written, the other what this connection has.
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        written = (version, connection.total_changes)
        if self._in_force is None or self._in_force[0] != written:
            self._in_force = written, read_in_force(connection)
        return self._in_force[1]


def read_in_force(connection: sqlite3.Connection) -> DecisionsInForce:
    """The decisions that may hold now, with the profits that some of them depend on."""
    found = DecisionsInForce.of(_decision(document) for (document,) in connection.execute(_LAST))
    if not (asins := found.conditional):
        return found
    profits = connection.execute(_PROFITS, (json_array(asins),))
    return replace(found, profits={route: RouteProfit(profit, currency) for route, profit, currency in profits})


def condition(choice: RouteChoice) -> tuple[str, list[str]]:
    """What holds of the rows of ``opportunities`` that are chosen, and the values of that."""
    tests, values = [], []
    for column, some in (("asin", choice.asins), ("id", choice.ids)):
        if some:
            tests.append(f"{column} IN (SELECT value FROM json_each(?))")  # noqa: S608 - ours
            values.append(json_array(sorted(some)))
    listed = f"({' OR '.join(tests) or '0'})"
    if choice.excluding:
        listed = f"NOT {listed}"
    if not choice.brands:
        return listed, values
    # SQLite's NOCASE knows the letters A to Z, as arbkit's own comparison does. No brand is none of these.
    of_brand = "ifnull(brand COLLATE NOCASE IN (SELECT value FROM json_each(?)), 0)"
    test = f"({of_brand} OR {listed})" if choice.with_brands else f"(NOT {of_brand} AND {listed})"
    return test, [json_array(sorted(choice.brands)), *values]


def _decision(document: bytes) -> Decision:
    return Decision.from_dict(orjson.loads(document))
