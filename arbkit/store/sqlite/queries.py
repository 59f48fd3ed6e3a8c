"""What is asked of the embedded store, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from arbkit.store import cursors
from arbkit.store.base import (
    EXACT_FILTERS,
    MAX_BRANDS,
    RANGE_FILTERS,
    OpportunityQuery,
    ProductQuery,
    age_edges,
    check_query,
)
from arbkit.store.search_text import words
from arbkit.store.sqlite.rows import PRODUCT_COLUMNS

OFFER_TIMES = """
    SELECT market, count(*),
        (SELECT min(updated_at) FROM offers AS o WHERE o.market = offers.market),
        (SELECT max(updated_at) FROM offers AS o WHERE o.market = offers.market)
    FROM offers GROUP BY market
"""
"""Marketplace, its number of offers, the oldest and the newest. The index gives both ends at once, a scan does not."""

_PRODUCT_SORTS = {
    "updated": "updated_at", "title": "title", "profit": "best_profit", "margin": "best_margin",
    "asin": "asin",
}  # fmt: skip
_OPPORTUNITY_SORTS = {
    "profit": "profit", "roi": "roi_pct", "margin": "margin_pct", "spread": "spread_pct",
    "confidence": "confidence", "age": "data_at", "title": "title", "buy_price": "buy_price",
    "sell_price": "sell_price", "route": "source || target",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqlQuery:
    """A question as SQL, and its values. That for a page asks for one row more than the page holds."""

    sql: str
    values: list[Any]


KNOWN_OPPORTUNITIES = "SELECT id FROM opportunities WHERE status = 'opportunity'"
BRANDS = (
    "SELECT brand FROM opportunities WHERE status = 'opportunity' AND brand IS NOT NULL GROUP BY brand "  # noqa: S608 - a number of ours
    f"ORDER BY count(*) DESC, brand LIMIT {MAX_BRANDS}"
)
# Steps from one to the next along the index: there are few among many rows.
CATEGORIES = """
    WITH RECURSIVE step (name) AS (
        SELECT min(category) FROM opportunities WHERE status = 'opportunity'
        UNION ALL
        SELECT (
            SELECT min(category) FROM opportunities WHERE status = 'opportunity' AND category > name
        ) FROM step WHERE name IS NOT NULL
    )
    SELECT name FROM step WHERE name IS NOT NULL
"""


def build_products_query(query: ProductQuery) -> SqlQuery:
    """Rows of :data:`PRODUCT_COLUMNS`, then the sort key and the ASIN.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    return _page_query(PRODUCT_COLUMNS, "products", _product_filter(query), query, _PRODUCT_SORTS[query.sort], "asin")


def build_product_count_query(query: ProductQuery) -> SqlQuery:
    """How many products there are on all pages."""
    where, values = _product_filter(query)
    return SqlQuery(f"SELECT count(*) FROM products WHERE {' AND '.join(['1', *where])}", values)  # noqa: S608 - ours


def build_opportunities_query(query: OpportunityQuery) -> SqlQuery:
    """Rows of the document, the sort key and the id.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    where = _opportunity_filter(query)
    page = _page_query("id AS found", "opportunities", where, query, _OPPORTUNITY_SORTS[query.sort], "id")
    # The documents of a page are looked up when it is known, not of all that is sorted.
    document = "(SELECT document FROM opportunity_documents WHERE id = found)"
    ordered = _order(query, "sort_key", "id")
    return replace(page, sql=f"SELECT {document}, sort_key, id FROM ({page.sql}) ORDER BY {ordered}")  # noqa: S608


def build_sums_query(query: OpportunityQuery) -> SqlQuery:
    """Rows of route, count, best and total profit.

    Raises:
        UsageError: the query contradicts itself.
    """
    check_query(query)
    where, values = _opportunity_filter(query)
    found = f"FROM opportunities WHERE {' AND '.join(['1', *where])}"
    return SqlQuery(
        f"SELECT source || ':' || target, count(*), max(profit), sum(profit) {found} GROUP BY source, target", values
    )


def build_age_queries(limits: Sequence[float], now: float) -> list[tuple[str, list[int]]]:
    """A count for each stretch of :meth:`Store.ages`, and its values after the marketplace."""
    asked = []
    for begin, end in age_edges(limits, now):
        where = "".join(f" AND updated_at {sign} ?" for sign, at in ((">=", begin), ("<", end)) if at is not None)
        values = [at for at in (begin, end) if at is not None]
        asked.append((f"SELECT count(*) FROM offers WHERE market = ?{where}", values))  # noqa: S608 - ours
    return asked


def _page_query(
    columns: str,
    table: str,
    filtered: tuple[list[str], list[Any]],
    query: ProductQuery | OpportunityQuery,
    key: str,
    unique: str,
) -> SqlQuery:
    """In keyset order; unknown keys come last either way round."""
    check_query(query)
    beyond = "<" if query.descending else ">"
    where, values = filtered
    onward, bounds = ["1", *where], [*values]
    if query.cursor:
        last, last_id = cursors.unpack(query.cursor, query.sort, descending=query.descending)
        if last is None:
            onward.append(f"({key} IS NULL AND {unique} {beyond} ?)")
            bounds.append(last_id)
        else:
            onward.append(f"({key} {beyond} ? OR ({key} = ? AND {unique} {beyond} ?) OR {key} IS NULL)")
            bounds += [last, last, last_id]
    # Every name is ours; what users give are values.
    return SqlQuery(
        f"SELECT {columns}, {key} AS sort_key, {unique} FROM {table} WHERE {' AND '.join(onward)} "  # noqa: S608
        f"ORDER BY {_order(query, key, unique)} LIMIT ? OFFSET ?",
        [*bounds, query.limit + 1, query.offset],
    )


def _order(query: ProductQuery | OpportunityQuery, key: str, unique: str) -> str:
    direction = "DESC" if query.descending else "ASC"
    return f"{key} {direction} NULLS LAST, {unique} {direction}"


def _matching(q: str) -> tuple[str, str] | None:
    """A condition on the product's words, and its value; None where the query has no words."""
    found = words(q)
    if not found:
        return None
    terms = [f'"{word}"' for word in found[:-1]] + [f'"{found[-1]}"*']
    return "rowid IN (SELECT rowid FROM product_text WHERE product_text MATCH ?)", " ".join(terms)


def _product_filter(query: ProductQuery) -> tuple[list[str], list[Any]]:
    where: list[str] = []
    values: list[Any] = []
    if query.q:
        matching = _matching(query.q)
        where.append(matching[0] if matching else "0")
        values += [matching[1]] if matching else []
    if query.category:
        where.append("category = ?")
        values.append(query.category)
    if query.min_margin is not None:
        where.append("best_margin >= ?")
        values.append(query.min_margin)
    if query.market:
        price = " AND price_minor <= ?" if query.max_price_minor is not None else ""
        where.append(f"asin IN (SELECT asin FROM offers WHERE market = ?{price})")  # noqa: S608 - ours
        values += [query.market] + ([query.max_price_minor] if price else [])
    return where, values


def _opportunity_filter(query: OpportunityQuery) -> tuple[list[str], list[Any]]:
    where: list[str] = []
    values: list[Any] = []
    if query.q:
        matching = _matching(query.q)
        where.append(f"asin IN (SELECT asin FROM products WHERE {matching[0]})" if matching else "0")  # noqa: S608
        values += [matching[1]] if matching else []
    for name in EXACT_FILTERS:
        if (value := getattr(query, name)) is not None:
            where.append(f"{name} = ?")
            values.append(value)
    for name, column in RANGE_FILTERS.items():
        if (value := getattr(query, name)) is not None:
            # Most rows reach a bound: an index of bounds would be the slow way.
            where.append(f"+{column} >= ?")
            values.append(value)
    return where, values
