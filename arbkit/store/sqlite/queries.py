"""What is asked of the embedded store, as SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from arbkit.core.decisions.rules import RouteChoice
from arbkit.core.input.filters import DEFAULT_OPPORTUNITY_SORT
from arbkit.store.base import MAX_BRANDS
from arbkit.store.decisions.sqlite import condition
from arbkit.store.fields import AT_LEAST, AT_MOST, EXACT_FILTERS, OPPORTUNITY_SORTS, PRODUCT_SORTS, RUN_SORTS
from arbkit.store.queries import (
    AlertQuery,
    End,
    OpportunityQuery,
    ProductQuery,
    RunQuery,
    StoreQuery,
    age_edges,
    check_query,
    goes_by_profit_too,
    unpack_cursor,
)
from arbkit.store.search_text import joined_words, parts_of_brands, words
from arbkit.store.sqlite.demo import REAL, REAL_PRODUCT, Condition
from arbkit.store.sqlite.rows import PRODUCT_COLUMNS

OFFER_TIMES = """
    SELECT market, count(*),
        (SELECT min(updated_at) FROM offers AS o WHERE o.market = offers.market),
        (SELECT max(updated_at) FROM offers AS o WHERE o.market = offers.market)
    FROM offers GROUP BY market
"""
"""Marketplace, its number of offers, the oldest and the newest. The index gives both ends at once, a scan does not."""
REAL_OFFER_TIMES = (
    f"SELECT market, count(*), min(updated_at), max(updated_at) FROM offers WHERE {REAL[0]} GROUP BY market"  # noqa: S608 - ours
)
"""The same without the demo market."""

_ALERT_TYPE = "json_extract(CAST(document AS TEXT), '$.type')"
"""As the index of types has it."""
_SORTS = {**OPPORTUNITY_SORTS, "route": "source || target"}

MATCHED = "asin IN temp.matched"
"""The condition on a row that it is of one of them, once :meth:`MatchedProducts.find` has found them."""
_MATCHED_TABLES = (
    "CREATE TEMP TABLE IF NOT EXISTS matched (asin TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TEMP TABLE IF NOT EXISTS matched_by (terms TEXT, version INTEGER, changes INTEGER)",
)
_FIND_MATCHED = """
    INSERT INTO temp.matched
    SELECT asin FROM products WHERE rowid IN (SELECT rowid FROM product_text WHERE product_text MATCH ?)
"""

_WALKED = frozenset({"profit", OPPORTUNITY_SORTS[DEFAULT_OPPORTUNITY_SORT]})
"""The orders that have an index."""
_MANY = 20_000
"""The opportunities from which on a page is read along the index of its order, and not sorted from all of them."""
_EQUAL = frozenset(f"{name} = ?" for name in EXACT_FILTERS if name != "asin")
"""Conditions that many rows meet, where few are of a product."""
_AMONG = ("category IN (", MATCHED)
"""How more of them begin: a category is known by several names, and words are found in many products."""


@dataclass(frozen=True, slots=True)
class SqlQuery:
    """A question as SQL, and its values. That for a page asks for one row more than the page holds."""

    sql: str
    values: list[Any]


class MatchedProducts:
    """Those of one connection, in tables of its own.

    A page of opportunities, their sums and the totals of their routes ask about the same ones, of which there may be
    very many.
    """

    def __init__(self) -> None:
        self._made = 0

    def changes(self, connection: sqlite3.Connection) -> int:
        """How many rows of the store, and not of these tables, the connection has changed."""
        return connection.total_changes - self._made

    def find(self, connection: sqlite3.Connection, q: str | None) -> None:
        """Find the products that have all words of a query, unless they are those that are kept."""
        if not (terms := _search_terms(q)):
            return
        for table in _MATCHED_TABLES:
            connection.execute(table)
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        # Beside the products, so that both are gone where a transaction fails.
        wanted = (terms, version, self.changes(connection))
        if connection.execute("SELECT * FROM temp.matched_by").fetchall() == [wanted]:
            return
        before = connection.total_changes
        connection.execute("DELETE FROM temp.matched_by")
        connection.execute("DELETE FROM temp.matched")
        connection.execute(_FIND_MATCHED, (terms,))
        connection.execute("INSERT INTO temp.matched_by VALUES (?, ?, ?)", wanted)
        self._made += connection.total_changes - before


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
REAL_CATEGORIES = (
    "SELECT DISTINCT category FROM opportunities WHERE status = 'opportunity' AND category IS NOT NULL "  # noqa: S608 - ours
    f"AND {REAL[0]} ORDER BY category"
)


def add_functions(connection: sqlite3.Connection) -> None:
    """Teach a connection the functions of its own that these queries use."""
    connection.create_function("joined_words", 1, joined_words, deterministic=True)


def build_brands_query(*, real_only: bool) -> SqlQuery:
    """The brands with the most opportunities."""
    where = f" AND {REAL[0]}" if real_only else ""
    brands = f"SELECT brand FROM opportunities WHERE status = 'opportunity' AND brand IS NOT NULL{where} "  # noqa: S608 - ours
    return SqlQuery(f"{brands}GROUP BY brand ORDER BY count(*) DESC, brand LIMIT ?", [MAX_BRANDS])


def build_products_query(query: ProductQuery, *, real_only: bool = False) -> SqlQuery:
    """Rows of :data:`PRODUCT_COLUMNS`, then the sort key and the ASIN.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    where = _product_filter(query, real_only=real_only)
    # The code is one of ours, and what its document shows is what it goes by.
    key = (
        f"json_extract(markets, '$.{query.market}.price_minor')" if query.sort == "price" else PRODUCT_SORTS[query.sort]
    )
    return _page_query(PRODUCT_COLUMNS, "products", where, query, key, ("asin",))


def build_product_count_query(query: ProductQuery, *, real_only: bool = False) -> SqlQuery:
    """How many products there are on all pages."""
    return _where("SELECT count(*) FROM products", _product_filter(query, real_only=real_only))


def build_opportunities_queries(
    query: OpportunityQuery, *, real_only: bool = False, choice: RouteChoice | None = None, total: int = 0
) -> list[SqlQuery]:
    """Rows of the document, the profit, the sort key and the id; each query goes on where the one before finds no more.

    ``total`` is how many there are on all pages, if that is known: where many are, the first of them are soon found.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    where = _opportunity_filter(query, real_only=real_only, choice=choice)
    key, then = _SORTS[query.sort], ("profit", "id") if goes_by_profit_too(query) else ("id",)
    columns = "id AS found, profit"
    if (walks := key in _WALKED and (query.walk or total >= _MANY)) and (after := unpack_cursor(query)) is not None:
        # Along the index of the order, in which the plus sign leaves no other: each page begins where the last one
        # ended. Rows with a key and those without one are two stretches of it; none is without a profit.
        ends = _after(after, query, key, then)[: None if key != "profit" else 1]
        pages = [_select_page(columns, "opportunities", [*_off_index(where), end], query, key, then) for end in ends]
    else:
        where = _off_index(where) if walks else where
        pages = [_page_query(columns, "opportunities", where, query, key, then)]
    # The documents of a page are looked up when it is known, not of all that is sorted.
    select = "SELECT (SELECT document FROM opportunity_documents WHERE id = found), profit, sort_key, id FROM"
    ordered = _order(query, "sort_key", then)
    return [replace(page, sql=f"{select} ({page.sql}) ORDER BY {ordered}") for page in pages]


def build_alerts_query(query: AlertQuery) -> SqlQuery:
    """Rows of the document, the sort key and the id.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    return _page_query("document", "alerts", _alert_filter(query), query, "at", ("id",))


def build_alert_count_query(query: AlertQuery) -> SqlQuery:
    """How many alerts there are on all pages."""
    return _where("SELECT count(*) FROM alerts", _alert_filter(query))


def build_sums_query(
    query: OpportunityQuery, *, real_only: bool = False, choice: RouteChoice | None = None
) -> SqlQuery:
    """Rows of route, count, best and total profit, and the sum of the margins.

    Raises:
        UsageError: the query contradicts itself.
    """
    check_query(query)
    found = "SELECT source || ':' || target, count(*), max(profit), sum(profit), sum(margin_pct) FROM opportunities"
    return opportunities_where(found, query, "GROUP BY source, target", real_only=real_only, choice=choice)


def opportunities_where(
    select: str, query: OpportunityQuery, rest: str = "", *, real_only: bool, choice: RouteChoice | None
) -> SqlQuery:
    """``select``, one of ours, over the opportunities that a query finds; arguments as :func:`build_sums_query`.

    Where the query has words, a connection must have found their products before (:class:`MatchedProducts`).
    """
    return _where(select, _opportunity_filter(query, real_only=real_only, choice=choice), rest)


def build_runs_query(query: RunQuery) -> SqlQuery:
    """Rows of the document, the sort key and the id.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    return _page_query("document", "runs", _run_filter(query), query, RUN_SORTS[query.sort], ("run_id",))


def build_run_count_query(query: RunQuery) -> SqlQuery:
    """How many runs there are on all pages."""
    return _where("SELECT count(*) FROM runs", _run_filter(query))


def build_age_queries(limits: Sequence[float], now: float, *, real_only: bool = False) -> list[SqlQuery]:
    """A count for each stretch of :meth:`Store.ages`, with its values after the marketplace."""
    asked = []
    for begin, end in age_edges(limits, now):
        where = "".join(f" AND updated_at {sign} ?" for sign, at in ((">=", begin), ("<", end)) if at is not None)
        where += f" AND {REAL[0]}" if real_only else ""
        values = [at for at in (begin, end) if at is not None]
        asked.append(SqlQuery(f"SELECT count(*) FROM offers WHERE market = ?{where}", values))  # noqa: S608 - ours
    return asked


def _where(select: str, conditions: Sequence[Condition], rest: str = "") -> SqlQuery:
    # Every name is ours; what users give are values.
    met = " AND ".join(["1", *(condition for condition, _ in conditions)])
    return SqlQuery(f"{select} WHERE {met} {rest}", [value for _, values in conditions for value in values])


def _page_query(
    columns: str, table: str, conditions: list[Condition], query: StoreQuery, key: str, then: Sequence[str]
) -> SqlQuery:
    """In keyset order; equal keys go by the columns of ``then``, and unknown ones come last either way round."""
    check_query(query)
    if after := unpack_cursor(query):
        tests, values = zip(*_after(after, query, key, then), strict=True)
        conditions = [*conditions, (f"({' OR '.join(tests)})", [value for some in values for value in some])]
    return _select_page(columns, table, conditions, query, key, then)


def _after(end: End, query: StoreQuery, key: str, then: Sequence[str]) -> list[Condition]:
    """What comes after the end of a page: rows that have a key, and then those that have none."""
    beyond = "<" if query.descending else ">"
    last = [end.id] if len(then) == 1 else [end.profit, end.id]
    row, marks = ", ".join(then), ", ".join("?" * len(then))
    if end.key is None:
        return [(f"({key} IS NULL AND ({row}) {beyond} ({marks}))", last)]
    return [(f"({key}, {row}) {beyond} (?, {marks})", [end.key, *last]), (f"{key} IS NULL", [])]


def _off_index(conditions: Sequence[Condition]) -> list[Condition]:
    """The conditions that many rows meet in a form that no index is searched for."""
    return [(f"+{test}" if test in _EQUAL or test.startswith(_AMONG) else test, values) for test, values in conditions]


def _select_page(
    columns: str, table: str, conditions: list[Condition], query: StoreQuery, key: str, then: Sequence[str]
) -> SqlQuery:
    select = f"SELECT {columns}, {key} AS sort_key, {then[-1]} FROM {table}"  # noqa: S608 - ours
    page = _where(select, conditions, f"ORDER BY {_order(query, key, then)} LIMIT ? OFFSET ?")
    return replace(page, values=[*page.values, query.limit + 1, query.offset])


def _order(query: StoreQuery, key: str, then: Sequence[str]) -> str:
    direction = "DESC" if query.descending else "ASC"
    return ", ".join((f"{key} {direction} NULLS LAST", *(f"{name} {direction}" for name in then)))


def _search_terms(q: str | None) -> str:
    """The words of a query as SQLite's search takes them, each the beginning of one; empty where it has none."""
    return " ".join(f'"{word}"*' for word in words(q or ""))


def _matching(q: str | None, found: Condition) -> list[Condition]:
    """The condition on a product that the query's words are ``found`` in it; nothing has a query without words."""
    if not q:
        return []
    return [found] if _search_terms(q) else [("0", [])]


def _of_category(query: ProductQuery | OpportunityQuery) -> list[Condition]:
    names = query.category_names
    return [(f"category IN ({', '.join('?' * len(names))})", list(names))] if names else []


def _of_brand(brand: str | None) -> list[Condition]:
    if brand is None:
        return []
    part = joined_words(brand)
    return [(f"brand IN ({_brands_with(1)})", [part])] if part else [("0", [])]


def _without_brands(excluded: Sequence[str]) -> list[Condition]:
    parts = parts_of_brands(excluded)
    # What has no brand stays.
    return [(f"(brand IS NULL OR brand NOT IN ({_brands_with(len(parts))}))", list(parts))] if parts else []


def _brands_with(parts: int) -> str:
    """All brands that have any of this many parts; each is compared once, however many routes it has."""
    # Materialized, or SQLite would test each row before it looks which are distinct.
    every = "every (name) AS MATERIALIZED (SELECT DISTINCT brand FROM opportunities WHERE brand IS NOT NULL)"
    tests = " OR ".join(["instr(joined, ?) > 0"] * parts)
    folded = "folded AS MATERIALIZED (SELECT name, joined_words(name) AS joined FROM every)"
    return f"WITH {every}, {folded} SELECT name FROM folded WHERE {tests}"  # noqa: S608 - ours


def _run_filter(query: RunQuery) -> list[Condition]:
    return [("report = ?", [query.report])] if query.report else []


def _product_filter(query: ProductQuery, *, real_only: bool) -> list[Condition]:
    here = "rowid IN (SELECT rowid FROM product_text WHERE product_text MATCH ?)"
    found = [*_matching(query.q, (here, [_search_terms(query.q)])), *([REAL_PRODUCT] if real_only else [])]
    found += _of_category(query)
    if query.min_margin is not None:
        found.append(("best_margin >= ?", [query.min_margin]))
    if query.market:
        price = [] if query.max_price_minor is None else [query.max_price_minor]
        offers = f"SELECT asin FROM offers WHERE market = ?{' AND price_minor <= ?' * len(price)}"  # noqa: S608 - ours
        found.append((f"asin IN ({offers})", [query.market, *price]))
    return found


def _opportunity_filter(query: OpportunityQuery, *, real_only: bool, choice: RouteChoice | None) -> list[Condition]:
    found = _matching(query.q, (MATCHED, []))
    found += [*([REAL] if real_only else []), *_of_category(query), *_of_brand(query.brand)]
    found += _without_brands(query.excluded_brands)
    found += [condition(choice)] if choice else []
    # Most rows reach a bound: an index of bounds, which the plus sign rules out, would be the slow way.
    tests = {name: f"{name} = ?" for name in EXACT_FILTERS}
    tests |= {name: f"+{column} >= ?" for name, column in AT_LEAST.items()}
    tests |= {name: f"+{column} <= ?" for name, column in AT_MOST.items()}
    return found + [(test, [value]) for name, test in tests.items() if (value := getattr(query, name)) is not None]


def _alert_filter(query: AlertQuery) -> list[Condition]:
    tests = {
        "status = ?": query.status, f"{_ALERT_TYPE} = ?": query.type, "asin = ?": query.asin, "rule = ?": query.rule,
        "at >= ?": query.since, "at < ?": query.until,
    }  # fmt: skip
    return [(test, [value]) for test, value in tests.items() if value is not None]
