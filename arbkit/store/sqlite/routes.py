"""The routes of the embedded store with what follows from them, windows and notices, in the transaction of a change."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson

from arbkit.core.models import Opportunity
from arbkit.core.sqlite import snapshot
from arbkit.store.base import MEMORIES_KEPT_S, WINDOWS_KEPT_S
from arbkit.store.product_document import best_by_product
from arbkit.store.routes import (
    Announce,
    Basis,
    Notice,
    ProductRoutes,
    PutRoutes,
    RouteChanges,
    RouteMark,
    RouteMemory,
    RouteRow,
    RouteWindow,
    Windows,
    ending,
    follow_windows,
    judge,
    route_changes,
    window_notices,
)
from arbkit.store.sqlite import changes, demo, rows

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
    UPDATE products SET priced = ?, priced_with = ?, best = ?, best_profit = ?, best_margin = ?, routed = ?
    WHERE asin = ?
"""
_MEMORIES = "SELECT route, memory FROM route_memories WHERE asin IN ({})"
_PUT_MEMORY = "INSERT OR REPLACE INTO route_memories (asin, route, memory, ended_at) VALUES (?, ?, ?, ?)"
_DOCUMENTS = "SELECT id, document FROM opportunity_documents WHERE id IN ({})"
_ROUTED_SINCE = "SELECT asin FROM products WHERE routed > ? LIMIT ?"
_MOST_CHANGED = 5_000
"""Changed products that are sooner read one by one than all there are."""
_PRODUCTS_AT_ONCE = 5_000
_ROUTE_ROWS = (
    # All but the words, which are those of the product.
    f"SELECT {', '.join(RouteRow._fields[:-1])} FROM opportunities WHERE +status = 'opportunity'"  # noqa: S608 - ours
)
_ROWS_OF = f"{_ROUTE_ROWS} AND asin IN ({{}}) ORDER BY asin"
_NEXT_ROWS = f"{_ROUTE_ROWS} AND asin > ? AND asin <= ?"
_LAST_OF = "SELECT max(asin) FROM (SELECT DISTINCT asin FROM opportunities WHERE asin > ? ORDER BY asin LIMIT ?)"


def put_routes(
    connection: sqlite3.Connection,
    results: Sequence[ProductRoutes],
    generation: int,
    announce: Announce | None,
    changes_to: str | None,
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
    if changes_to:
        keep_notices(connection, window_notices(followed.new, followed.changed, changes_to))
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
    changed_routes = [
        change
        for result in taken
        for change in route_changes(result, Basis(result.change, generation).number, known[result.asin], before)
    ]
    made = announce(changed_routes)
    if made.notices:
        keep_notices(connection, made.notices)
    changed = [
        (change.route.partition(":")[0], change.route, orjson.dumps(memory.to_dict()), memory.ended_at)
        for change in changed_routes
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
    number = changes.count_routed(connection)
    connection.executemany(_MARK, [(r.change, generation, *_best(best.get(r.asin)), number, r.asin) for r in taken])


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


class SqliteRoutes:
    """The part of :class:`arbkit.store.base.Store` that whoever holds its opportunities in memory follows."""

    _marked: tuple[tuple[int, int], RouteMark] | None = None
    """What had been written when the mark was read last."""

    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def _real_only(self, connection: sqlite3.Connection) -> bool:
        raise NotImplementedError

    def route_mark(self) -> RouteMark:
        """See :meth:`arbkit.store.base.Store.route_mark`."""
        with self._using() as connection:
            # One tells what others have written, the other what this connection has.
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            written = (version, connection.total_changes)
            if self._marked is None or self._marked[0] != written:
                self._marked = written, self._mark(connection)
            return self._marked[1]

    def _mark(self, connection: sqlite3.Connection) -> RouteMark:
        routed, removed, decided = changes.read_routed(connection)
        return routed, decided, removed, int(self._real_only(connection))

    def route_changes(self, since: RouteMark | None) -> RouteChanges:
        """See :meth:`arbkit.store.base.Store.route_changes`."""
        with self._using() as connection, snapshot(connection):
            mark = self._mark(connection)
            real_only = bool(mark[-1])
            if mark == since:
                return RouteChanges(mark, frozenset(), ())
            if since is not None and since[2:] == mark[2:]:
                found = connection.execute(_ROUTED_SINCE, (since[0], _MOST_CHANGED + 1)).fetchall()
                asins = frozenset(asin for (asin,) in found)
                if len(asins) <= _MOST_CHANGED:
                    hidden = demo.hidden(connection, asins) if real_only else set()
                    some = rows.select_of(connection, _ROWS_OF, asins - hidden)
                    return RouteChanges(mark, asins, list(_with_words(connection, some)))
        return RouteChanges(mark, None, self._every_route(real_only=real_only))

    def _every_route(self, *, real_only: bool) -> Iterator[RouteRow]:
        after, real = "", f" AND {demo.REAL[0]}" if real_only else ""
        query = f"{_NEXT_ROWS}{real} ORDER BY asin"
        while True:
            with self._using() as connection, snapshot(connection):
                (until,) = connection.execute(_LAST_OF, (after, _PRODUCTS_AT_ONCE)).fetchone()
                if until is None:
                    return
                found = list(_with_words(connection, connection.execute(query, (after, until))))
            yield from found
            after = until

    def route_documents(self, ids: Sequence[str]) -> dict[str, Opportunity]:
        """See :meth:`arbkit.store.base.Store.route_documents`."""
        with self._using() as connection:
            found = rows.select_of(connection, _DOCUMENTS, ids)
            return {route: Opportunity.from_dict(orjson.loads(document)) for route, document in found}


def _with_words(connection: sqlite3.Connection, found: Iterable[rows.Row]) -> Iterator[RouteRow]:
    by_product = [(asin, list(some)) for asin, some in groupby(found, itemgetter(0))]
    known = rows.read_words(connection, [asin for asin, _ in by_product])
    for asin, some in by_product:
        _, words = known.get(asin, (0, None))
        yield from (RouteRow._make((*row, words or "")) for row in some)
