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
from arbkit.store.fields import RANGE_FILTERS
from arbkit.store.queries import End, OpportunityQuery, Page, check_query, known_total, page_of, unpack_cursor
from arbkit.store.search_text import words

Test = Callable[[Rows], Mask]
_FEW = 4_096
"""Rows that are sorted sooner than found in a sorted table."""
_STEP = 512
_LONGEST_STEP = 65_536
_LAST_ROWS = 4_096
"""Rows among which the best of every route mostly are."""


class FoundRow(NamedTuple):
    """A route of a page: what it is sorted by, its id, and what tells these figures of it from others."""

    key: float | str
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
    parts: Sequence[Part], query: OpportunityQuery, *, brands: Names, categories: Names, summed: bool
) -> tuple[Page[FoundRow], Sums | None]:
    """One page of a query that :func:`can_answer`, and what all pages come to (None: not ``summed``).

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another order.
    """
    check_query(query)
    after = unpack_cursor(query)
    chosen = [_Chosen(part, query, brands, categories) for part in parts if len(part.table)]
    total = known_total(query)
    sums = None
    if summed or total is None:
        sums = _sums([one.sums() for one in chosen])
        total = sums.count
    wanted = query.offset + query.limit + 1
    found = list(chain.from_iterable(one.page(after, wanted) for one in chosen))
    if len(chosen) > 1:
        found.sort(reverse=query.descending)
    rows = found[query.offset : wanted]
    return page_of(query, rows, total, build=lambda row: row, end=_end), sums if summed else None


def _end(row: FoundRow) -> End:
    return row.key, row.id


class _Chosen:
    """The rows of a part that a query finds."""

    def __init__(self, part: Part, query: OpportunityQuery, brands: Names, categories: Names) -> None:
        self._table = part.table
        self._query = query
        self._first = 0
        if query.min_profit is not None:
            profit = part.table.numbers["profit"]
            self._first = place(profit.ranks, profit.rank(query.min_profit), "left")
        self._tests = list(_tests(part, query, brands, categories))
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
        end = None
        if after is not None:
            if after[0] is None:
                # Only what has no key comes after one that has none.
                return []
            end = table.end(sort, after[0], after[1])
        if self._met is not None and (sort == "profit" or len(self._met) <= _FEW):
            rows = self._sorted(self._met, end, wanted)
        else:
            rows = self._walked(end, wanted)
        figures = (table.numbers[name].at(rows).tolist() for name in ("profit", "evaluated_at"))
        return list(map(FoundRow._make, zip(table.keys_of(sort, rows), table.ids_of(rows), *figures, strict=True)))

    def _sorted(self, rows: Positions, end: tuple[float, float] | None, wanted: int) -> Positions:
        """The first of all ``rows`` after the end."""
        table, down = self._table, self._query.descending
        if self._query.sort == "profit":
            if end is not None:
                before, upto = np.searchsorted(rows, table.rank("profit", end)).tolist()
                rows = rows[:before] if down else rows[upto:]
            return rows[-wanted:][::-1] if down else rows[:wanted]
        keys, codes = table.sorted_by(self._query.sort)[rows], table.code[rows]
        if end is not None:
            beyond, same = (keys < end[0], codes < end[1]) if down else (keys > end[0], codes > end[1])
            after = beyond | ((keys == end[0]) & same)
            rows, keys, codes = rows[after], keys[after], codes[after]
        rows = rows[np.lexsort((codes, keys))]
        return rows[::-1][:wanted] if down else rows[:wanted]

    def _walked(self, end: tuple[float, float] | None, wanted: int) -> Positions:
        """The first rows after the end, looked for along the order."""
        table, down = self._table, self._query.descending
        order = table.order(self._query.sort)
        before, upto = (len(table), 0) if end is None else table.rank(self._query.sort, end)
        at, edge = (before, 0) if down else (upto, len(table))
        step, count, found = _STEP, 0, list[Positions]()
        while count < wanted and at != edge:
            until = max(0, at - step) if down else min(len(table), at + step)
            stretch = slice(until, at) if down else slice(at, until)
            rows: Positions = np.arange(stretch.start, stretch.stop) if order is None else order[stretch]
            rows = rows[rows >= self._first]
            for test in self._tests:
                rows = rows[test(rows)]
            found.append(rows[::-1] if down else rows)
            at, step, count = until, min(2 * step, _LONGEST_STEP), count + len(rows)
        return np.concatenate([np.empty(0, np.int64), *found])[:wanted]


def _tests(part: Part, query: OpportunityQuery, brands: Names, categories: Names) -> Iterator[Test]:
    """What a row must meet beside its profit."""
    table = part.table
    for code, sides in ((query.source, table.source), (query.target, table.target)):
        if code:
            yield _any_of([CODES.index(code)], sides)
    if query.category_names:
        yield _any_of(categories.known(query.category_names), table.category)
    if query.brand is not None:
        yield _any_of(brands.known([query.brand]), table.brand)
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


def _bounds(table: RouteTable, query: OpportunityQuery) -> Iterator[Test]:
    for name, column in RANGE_FILTERS.items():
        # The first of all rows that are looked at is one that the profit allows.
        if name != "min_profit" and (least := getattr(query, name)) is not None:
            yield _at_least(least, table.numbers[column])


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
