"""The routes of the embedded store with what follows from them, windows and notices, in the transaction of a change."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import orjson

from arbkit.core.models import Opportunity
from arbkit.store.base import MEMORIES_KEPT_S, WINDOWS_KEPT_S, Announce, Notice, PutRoutes
from arbkit.store.product_document import best_by_product
from arbkit.store.routes import (
    Basis,
    ProductRoutes,
    RouteMemory,
    RouteWindow,
    Windows,
    ending,
    follow_windows,
    judge,
    route_changes,
)
from arbkit.store.sqlite import rows

_KEEP = "INSERT OR IGNORE INTO outbox (id, topic, key, value) VALUES (?, ?, ?, ?)"
_UNSENT = "SELECT id, topic, key, value FROM outbox WHERE sent = 0 ORDER BY number LIMIT ?"
_WINDOW_COLUMNS = tuple(field.name for field in fields(RouteWindow))
_WINDOWS = f"SELECT {', '.join(_WINDOW_COLUMNS)} FROM windows WHERE asin IN ({{}})"  # noqa: S608 - ours
_OPEN_WINDOWS = f"{_WINDOWS} AND ended_at IS NULL"
_PUT_WINDOW = f"INSERT OR REPLACE INTO windows VALUES ({', '.join('?' * len(_WINDOW_COLUMNS))})"  # noqa: S608 - ours
_BASES = "SELECT asin, changed, priced, priced_with FROM products WHERE asin IN ({})"
_DELETE = (
    "DELETE FROM opportunity_documents WHERE id IN (SELECT id FROM opportunities WHERE asin IN ({}))",
    "DELETE FROM opportunities WHERE asin IN ({})",
)
_MARK = """
    UPDATE products SET priced = ?, priced_with = ?, best = ?, best_profit = ?, best_margin = ? WHERE asin = ?
"""
_MEMORIES = "SELECT route, memory FROM route_memories WHERE asin IN ({})"
_PUT_MEMORY = "INSERT OR REPLACE INTO route_memories (asin, route, memory, ended_at) VALUES (?, ?, ?, ?)"
_DOCUMENTS = "SELECT id, document FROM opportunity_documents WHERE id IN ({})"


def put_routes(
    connection: sqlite3.Connection, results: Sequence[ProductRoutes], generation: int, announce: Announce | None
) -> PutRoutes:
    """As :meth:`arbkit.store.base.Store.put_routes`, within a write transaction."""
    asins = [result.asin for result in results]
    bases = {asin: (changed, Basis(*made_of)) for asin, changed, *made_of in rows.select_of(connection, _BASES, asins)}
    windows: defaultdict[str, dict[str, RouteWindow]] = defaultdict(dict)
    for window in _windows(connection, _OPEN_WINDOWS, asins):
        windows[window.asin][window.route] = window
    taken: list[ProductRoutes] = []
    again: list[str] = []
    followed = Windows()
    for result in results:
        changed, before = bases.get(result.asin, (None, Basis()))
        made_of = Basis(result.change, generation)
        verdict = judge(changed, before, made_of)
        if verdict == "again":
            again.append(result.asin)
        elif verdict == "take":
            taken.append(result)
            found = follow_windows(windows[result.asin], result, made_of.number)
            followed.changed += found.changed
            followed.new |= found.new
    if announce:
        _announce(connection, taken, generation, announce)
    connection.executemany(_PUT_WINDOW, [tuple(window.to_dict().values()) for window in followed.changed])
    _replace(connection, taken, generation)
    return PutRoutes(tuple(o.id for o in followed.new.values()), tuple(again))


def _announce(
    connection: sqlite3.Connection, taken: Sequence[ProductRoutes], generation: int, announce: Announce
) -> None:
    """Keep what is announced and remembered of these results, before they replace the routes that are stored."""
    known: defaultdict[str, dict[str, RouteMemory]] = defaultdict(dict)
    for route, memory in rows.select_of(connection, _MEMORIES, [result.asin for result in taken]):
        known[route.partition(":")[0]][route] = RouteMemory.from_dict(orjson.loads(memory))
    ended = [route for result in taken for route in ending(result, known[result.asin])]
    found = rows.select_of(connection, _DOCUMENTS, ended)
    before = {route: Opportunity.from_dict(orjson.loads(document)) for route, document in found}
    changes = [
        change
        for result in taken
        for change in route_changes(result, Basis(result.change, generation).number, known[result.asin], before)
    ]
    made = announce(changes)
    if made.notices:
        keep_notices(connection, made.notices)
    changed = [
        (change.route.partition(":")[0], change.route, orjson.dumps(memory.to_dict()), memory.ended_at)
        for change in changes
        if (memory := made.memories.get(change.route)) is not None and memory != change.memory
    ]
    connection.executemany(_PUT_MEMORY, changed)


def _replace(connection: sqlite3.Connection, taken: Sequence[ProductRoutes], generation: int) -> None:
    for query in _DELETE:
        for some, chunk in rows.in_chunks(query, [result.asin for result in taken]):
            connection.execute(some, chunk)
    found = [route for result in taken for route in result.routes]
    connection.executemany(rows.PUT_OPPORTUNITY, map(rows.opportunity_row, found))
    connection.executemany(rows.PUT_OPPORTUNITY_DOCUMENT, ((o.id, orjson.dumps(o.to_dict())) for o in found))
    best = best_by_product(found)
    connection.executemany(_MARK, [(r.change, generation, *_best(best.get(r.asin)), r.asin) for r in taken])


def _best(o: Opportunity | None) -> tuple[str | None, float | None, float | None]:
    return (None, None, None) if o is None else (rows.best_summary(o), o.profit, o.margin_pct)


def read_windows(connection: sqlite3.Connection, asins: Iterable[str]) -> Iterator[RouteWindow]:
    """The windows of these products."""
    return _windows(connection, _WINDOWS, asins)


def _windows(connection: sqlite3.Connection, query: str, asins: Iterable[str]) -> Iterator[RouteWindow]:
    for row in rows.select_of(connection, query, asins):
        values: dict[str, Any] = dict(zip(_WINDOW_COLUMNS, row, strict=True))
        yield RouteWindow(**{**values, "demo": bool(values["demo"])})


def forget_ended(connection: sqlite3.Connection, now: float) -> None:
    """Forget windows, and what alerts remember of routes, that ended long before ``now`` (Unix seconds)."""
    connection.execute("DELETE FROM windows WHERE ended_at < ?", (now - WINDOWS_KEPT_S,))
    connection.execute("DELETE FROM route_memories WHERE ended_at < ?", (now - MEMORIES_KEPT_S,))


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
