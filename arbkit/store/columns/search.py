"""What a query finds in tables of opportunities: one page, and the sums of all pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import add, and_
from typing import NamedTuple

import numpy as np

from arbkit.core.decisions.event import folded_brand
from arbkit.core.decisions.rules import RouteChoice
from arbkit.core.results import RouteTotals
from arbkit.store.base import Sums
from arbkit.store.columns.table import (
    CODES,
    ROUTES,
    Column,
    Integers,
    Mask,
    Names,
    Numbers,
    Positions,
    RouteTable,
    Rows,
    Totals,
    place,
)
from arbkit.store.fields import AT_LEAST, AT_MOST
from arbkit.store.queries import (
    End,
    OpportunityQuery,
    Page,
    check_query,
    goes_by_profit_too,
    known_total,
    page_of,
    unpack_cursor,
)
from arbkit.store.search_text import words

Test = Callable[[Rows], Mask]
_FEW = 4_096
"""Rows that are sorted sooner than found in a sorted table."""
_STEP = 512
_LONGEST_STEP = 65_536
_LAST = np.iinfo(np.int64).max
"""A key beyond all others."""
_LAST_ROWS = 4_096
"""Rows among which the best of every route mostly are."""


class FoundRow(NamedTuple):
    """A route of a page: what it is sorted by, its id, and what tells these figures of it from others."""

    key: float | str | None
    id: str
    profit: float
    evaluated_at: float


@dataclass(frozen=True, slots=True)
class Part:
    """A table, and which of its rows have been replaced since (None: none)."""

    table: RouteTable
    live: Mask | None = None


def can_answer(query: OpportunityQuery) -> bool:
    """Whether columns know what the query asks about: neither titles, nor routes that are no opportunity."""
    return query.sort != "title" and not query.all_routes


def find_page(
    parts: Sequence[Part],
    query: OpportunityQuery,
    *,
    brands: Names,
    categories: Names,
    choice: RouteChoice | None = None,
    summed: bool,
) -> tuple[Page[FoundRow], Sums | None]:
    """One page of a query that :func:`can_answer`, and what all pages come to (None: not ``summed``).

    ``choice`` says which routes the query wants by what was decided; None: any.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another order.
    """
    check_query(query)
    after = unpack_cursor(query)
    chosen = [_Chosen(part, query, brands, categories, choice) for part in parts if len(part.table)]
    total = known_total(query)
    sums = None
    if summed or total is None:
        sums = _sums([one.sums() for one in chosen])
        total = sums.count
    wanted = query.offset + query.limit + 1
    found = list(chain.from_iterable(one.page(after, wanted) for one in chosen))
    if len(chosen) > 1:
        found.sort(key=_sorted_as(query), reverse=query.descending)
    rows = found[query.offset : wanted]
    return page_of(query, rows, total, build=lambda row: row, end=_end), sums if summed else None


def _end(row: FoundRow) -> End:
    return End(row.key, row.id, row.profit)


def _sorted_as(query: OpportunityQuery) -> Callable[[FoundRow], tuple[bool, float | str, float, str]]:
    """What sorts rows as the query asks; unknown keys come last either way round."""
    has_second, down = goes_by_profit_too(query), query.descending
    return lambda row: (
        (row.key is not None) == down, 0 if row.key is None else row.key, row.profit if has_second else 0.0, row.id
    )  # fmt: skip


class _Chosen:
    """The rows of a part that a query finds."""

    def __init__(
        self, part: Part, query: OpportunityQuery, brands: Names, categories: Names, choice: RouteChoice | None
    ) -> None:
        self._table = part.table
        self._query = query
        self._first = 0
        if query.min_profit is not None:
            profit = part.table.numbers["profit"]
            self._first = place(profit.ranks, profit.rank(query.min_profit), "left")
        self._tests = list(_tests(part, query, brands, categories))
        if choice is not None:
            self._tests.append(_marked(_decided(part.table, choice, brands)))
        self._met: Positions | None = None

    def sums(self) -> tuple[Totals, Numbers]:
        """What all come to, and the greatest profit of each route."""
        table, first = self._table, self._first
        totals = table.totals_from(first)
        if not self._tests:
            return totals, self._best(None, totals)
        met = reduce(and_, (test(slice(first, len(table))) for test in self._tests))
        if 2 * np.count_nonzero(met) > len(met):
            # There are fewer of the others.
            totals = totals.without(table.totals(np.flatnonzero(~met) + first))
        else:
            self._met = np.flatnonzero(met) + first
            totals = table.totals(self._met)
        return totals, self._best(met, totals)

    def _best(self, met: Mask | None, totals: Totals) -> Numbers:
        """The greatest profit of each route among the rows that are met (None: all), of which the last are the best."""
        for length in (_LAST_ROWS, len(self._table)):
            first = max(self._first, len(self._table) - length)
            rows = slice(first, None) if met is None else np.flatnonzero(met[first - self._first :]) + first
            best = self._table.best(rows)
            if not np.isnan(best[totals.count > 0]).any():
                break
        return best

    def page(self, after: End | None, wanted: int) -> list[FoundRow]:
        """The first rows after the end of the page before, at most as many as are wanted."""
        table, sort = self._table, self._query.sort
        if after is not None and after.key is None and not goes_by_profit_too(self._query):
            return []
        if self._met is not None and (sort == "profit" or len(self._met) <= _FEW):
            rows = self._sorted(self._met, after, wanted)
        else:
            rows = self._walked(after, wanted)
        figures = (table.numbers[name].at(rows).tolist() for name in ("profit", "evaluated_at"))
        return list(map(FoundRow._make, zip(table.keys_of(sort, rows), table.ids_of(rows), *figures, strict=True)))

    def _sorted(self, rows: Positions, after: End | None, wanted: int) -> Positions:
        """The first of all ``rows`` after the end of a page."""
        table, sort, down = self._table, self._query.sort, self._query.descending
        end = None if after is None else table.end(sort, after)
        if sort == "profit":
            if end is not None:
                before, upto = np.searchsorted(rows, table.rank("profit", end)).tolist()
                rows = rows[:before] if down else rows[upto:]
            return rows[-wanted:][::-1] if down else rows[:wanted]
        keys, equals = table.sorted_by(sort)[rows].astype(np.int64), table.equals_by(sort, rows)
        if not down:
            keys[keys < table.first_known(sort)] = _LAST
            if end is not None and after is not None and after.key is None:
                end = _LAST, end[1]
        if end is not None:
            beyond, same = (keys < end[0], equals < end[1]) if down else (keys > end[0], equals > end[1])
            onward = beyond | ((keys == end[0]) & same)
            rows, keys, equals = rows[onward], keys[onward], equals[onward]
        rows = rows[np.lexsort((equals, keys))]
        return rows[::-1][:wanted] if down else rows[:wanted]

    def _walked(self, after: End | None, wanted: int) -> Positions:
        """The first rows after the end of a page, looked for along the order."""
        order, down = self._table.order(self._query.sort), self._query.descending
        found, count = list[Positions](), 0
        for stretch in self._stretches(after):
            if count >= wanted:
                break
            rows: Positions = np.arange(stretch.start, stretch.stop) if order is None else order[stretch]
            rows = rows[rows >= self._first]
            for test in self._tests:
                rows = rows[test(rows)]
            found.append(rows[::-1] if down else rows)
            count += len(rows)
        return np.concatenate([np.empty(0, np.int64), *found])[:wanted]

    def _stretches(self, after: End | None) -> Iterator[slice]:
        """The pieces of the order after the end of a page, each longer than the one before, as they are looked at."""
        table, sort = self._table, self._query.sort
        before, upto = (len(table), 0) if after is None else table.rank(sort, table.end(sort, after))
        if self._query.descending:
            for near, far in _steps(before):
                yield slice(before - far, before - near)
            return
        # Rows without a key are the first of the order.
        known = table.unknown(sort)
        is_among_known = after is None or after.key is not None
        runs = [(max(known, upto), len(table)), (0, known)] if is_among_known else [(upto, known)]
        for begin, end in runs:
            for near, far in _steps(end - begin):
                yield slice(begin + near, begin + far)


def _steps(length: int) -> Iterator[tuple[int, int]]:
    """From 0 to ``length`` in steps that grow, each with its begin and its end."""
    at, step = 0, _STEP
    while at < length:
        until = min(length, at + step)
        yield at, until
        at, step = until, min(2 * step, _LONGEST_STEP)


def _tests(part: Part, query: OpportunityQuery, brands: Names, categories: Names) -> Iterator[Test]:
    """What a row must meet beside its profit."""
    table = part.table
    for code, sides in ((query.source, table.source), (query.target, table.target)):
        if code:
            yield _any_of([CODES.index(code)], sides)
    if query.category_names:
        yield _any_of(categories.known(query.category_names), table.category)
    if query.brand is not None:
        yield _any_of(brands.matching(query.brand), table.brand)
    if excluded := [number for one in query.excluded_brands for number in brands.matching(one)]:
        yield lambda rows: ~np.isin(table.brand[rows], excluded)
    if query.amazon_sells is not None:
        yield _any_of([int(query.amazon_sells)], table.amazon_sells)
    yield from _bounds(table, query)
    if query.asin is not None:
        yield _within(table.rows_of([query.asin]), len(table))
    if query.q:
        some = words(query.q)
        yield _marked(table.with_words(some)) if some else _marked(np.zeros(len(table), dtype=bool))
    if part.live is not None:
        yield _marked(part.live)


def _decided(table: RouteTable, choice: RouteChoice, brands: Names) -> Mask:
    """Which rows are chosen by what was decided."""
    listed = np.zeros(len(table), dtype=bool)
    listed[table.rows_of(sorted(choice.asins))] = True
    listed[table.rows_with(choice.ids)] = True
    if choice.excluding:
        listed = ~listed
    if choice.brands:
        of_brand = np.isin(table.brand, brands.known_as(folded_brand, choice.brands))
        listed = listed | of_brand if choice.with_brands else listed & ~of_brand
    return listed


def _bounds(table: RouteTable, query: OpportunityQuery) -> Iterator[Test]:
    for name, column in AT_LEAST.items():
        # The first of all rows that are looked at is one that the profit allows.
        if name != "min_profit" and (least := getattr(query, name)) is not None:
            yield _at_least(least, table.numbers[column])
    for name, column in AT_MOST.items():
        if (most := getattr(query, name)) is not None:
            yield _at_most(most, table.numbers[column])


def _any_of(wanted: Sequence[int], column: Integers) -> Test:
    if len(wanted) == 1:
        return lambda rows: column[rows] == wanted[0]
    return lambda rows: np.isin(column[rows], wanted)


def _at_least(least: float, column: Column) -> Test:
    rank = math.ceil(column.rank(least))
    if rank >= len(column.values):
        return lambda rows: np.zeros(len(column.ranks[rows]), dtype=bool)
    bound = column.ranks.dtype.type(rank)
    return lambda rows: column.ranks[rows] >= bound


def _at_most(most: float, column: Column) -> Test:
    rank = math.floor(column.rank(most))
    if rank < column.unknown:
        return lambda rows: np.zeros(len(column.ranks[rows]), dtype=bool)
    first, last = column.ranks.dtype.type(column.unknown), column.ranks.dtype.type(rank)
    return lambda rows: (column.ranks[rows] >= first) & (column.ranks[rows] <= last)


def _within(some: Positions, length: int) -> Test:
    marked = np.zeros(length, dtype=bool)
    marked[some] = True
    return _marked(marked)


def _marked(marked: Mask) -> Test:
    return lambda rows: marked[rows]


def _sums(parts: Sequence[tuple[Totals, Numbers]]) -> Sums:
    routes: dict[str, RouteTotals] = {}
    margins = 0.0
    if parts:
        totals = reduce(add, (some for some, _ in parts))
        margins = totals.margin
        best = np.fmax.reduce([best for _, best in parts])
        for number in np.flatnonzero(totals.count).tolist():
            routes[ROUTES[number]] = {
                "count": int(totals.count[number]),
                "best_profit": float(best[number]),
                "total_profit": round(float(totals.profit[number]), 2),
            }
    return Sums.of(routes, margins=margins)
