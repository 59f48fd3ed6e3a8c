"""The head figures of the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from arbkit.core.marketplaces import MARKETS
from arbkit.core.results import RouteTotals
from arbkit.store.base import Stats, Sums
from arbkit.store.sqlite import queries
from arbkit.store.sqlite.changes import count_unpriced
from arbkit.store.sqlite.demo import REAL_PRODUCT

_COUNT_BEST = "SELECT count(*) FROM products WHERE best_profit IS NOT NULL"
_WITH_BEST = {False: _COUNT_BEST, True: f"{_COUNT_BEST} AND {REAL_PRODUCT[0]}"}


def read_sums(connection: sqlite3.Connection, asked: queries.SqlQuery) -> Sums:
    """What the opportunities of :func:`~arbkit.store.sqlite.queries.build_sums_query` come to, by route and in all."""
    found = connection.execute(asked.sql, asked.values).fetchall()
    routes: dict[str, RouteTotals] = {
        route: {"count": number, "best_profit": best, "total_profit": round(total, 2)}
        for route, number, best, total, _ in found
    }
    return Sums.of(routes, margins=sum(row[-1] for row in found))


def read_stats(connection: sqlite3.Connection, sums: Sums, *, real_only: bool) -> Stats:
    """The head figures; ``sums`` are those of all opportunities, ``real_only`` leaves the demo market out."""
    kinds = dict(connection.execute("SELECT demo, count(*) FROM products GROUP BY demo").fetchall())
    hidden = kinds.pop(1, 0) if real_only else 0
    times = connection.execute(queries.REAL_OFFER_TIMES if real_only else queries.OFFER_TIMES).fetchall()
    latest = "SELECT currency, evaluated_at FROM opportunities ORDER BY evaluated_at DESC LIMIT 1"
    detected = connection.execute(latest).fetchone()
    currency, evaluated_at = detected or (None, None)
    categories = connection.execute(queries.REAL_CATEGORIES if real_only else queries.CATEGORIES).fetchall()
    asked = queries.build_brands_query(real_only=real_only)
    brands = connection.execute(asked.sql, asked.values).fetchall()
    return Stats(
        products=sum(kinds.values()),
        offers=sum(offers for _, offers, _, _ in times),
        opportunities=sums.count,
        total_profit=sums.total_profit,
        currency=currency,
        demo_products=kinds.get(1, 0),
        markets={market: offers for market, offers, _, _ in times},
        routes=sums.routes,
        categories=tuple(row[0] for row in categories),
        brands=tuple(row[0] for row in brands),
        oldest_at=min((oldest for _, _, oldest, _ in times), default=None),
        newest_at=max((newest for _, _, _, newest in times), default=None),
        evaluated_at=evaluated_at,
        unpriced_products=count_unpriced(connection, real_only=real_only),
        hidden_products=hidden,
        average_margin_pct=sums.average_margin_pct,
        products_with_opportunities=connection.execute(_WITH_BEST[real_only]).fetchone()[0],
    )


def read_ages(
    connection: sqlite3.Connection, limits: Sequence[float], now: float, *, real_only: bool
) -> dict[str, tuple[int, ...]]:
    """As :meth:`arbkit.store.base.Store.ages`."""
    found = {}
    asked = queries.build_age_queries(limits, now, real_only=real_only)
    for market in MARKETS:
        # One count a stretch: the index is scanned once, without looking at each time in it.
        counts = tuple(connection.execute(one.sql, (market, *one.values)).fetchone()[0] for one in asked)
        if any(counts):
            found[market] = counts
    return found
