"""Opportunities as sorted columns: what filters, orders and sums look at, without the documents."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from operator import add, itemgetter
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from arbkit.core.marketplaces import MARKETS
from arbkit.store.fields import DEMAND_FIELDS, FORECAST_FIELDS, OPPORTUNITY_SORTS, SORTS_THEN_BY_PROFIT
from arbkit.store.queries import End
from arbkit.store.routes import RouteRow
from arbkit.store.search_text import joined_words

Ints = npt.NDArray[np.int64]
Integers = (
    npt.NDArray[np.int64] | npt.NDArray[np.int32] | npt.NDArray[np.uint32] | npt.NDArray[np.uint16]
    | npt.NDArray[np.uint8] | npt.NDArray[np.int8]
)  # fmt: skip
Positions = Integers
Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rows = slice | Positions
"""Which rows of a table: a stretch, or their positions."""

S = TypeVar("S", bound=np.generic)

CODES = tuple(sorted(MARKETS))
ROUTES = tuple(f"{source}:{target}" for source in CODES for target in CODES)
"""By number, in the order of ids."""
NUMBERS = (
    "profit", "roi_pct", "margin_pct", "spread_pct", "confidence", "data_at", "buy_price", "sell_price", "evaluated_at",
    *FORECAST_FIELDS, *DEMAND_FIELDS,
)  # fmt: skip
"""Columns of numbers, each as it is stored; NaN is unknown."""
_WHOLE_SORTS = frozenset({"age", "rank", "drops30", "drops90", "monthly_sold", "sellers"})
"""Orders whose key a store keeps as a whole number."""
_ROUTE_NUMBERS = {route: number for number, route in enumerate(ROUTES)}
_COLUMNS = tuple(RouteRow._fields)
Side = Literal["left", "right"]
_SIDES: tuple[tuple[Side, Callable[..., int]], ...] = (("left", bisect_left), ("right", bisect_right))
_SMALL_RANKS = 1 << 16
_STRETCH = 4096
"""Rows between two sums that are known."""
_MOST_FOUND = 64
"""Words whose rows are kept, a byte for each row: whoever may search has as many words as they like."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts and profits by the number of the route, and all margins together."""

    count: Ints
    profit: Numbers
    margin: float

    def __add__(self, other: Totals) -> Totals:
        return Totals(self.count + other.count, self.profit + other.profit, self.margin + other.margin)

    def without(self, some: Totals) -> Totals:
        """Those of the other rows than these."""
        return Totals(self.count - some.count, self.profit - some.profit, self.margin - some.margin)


class Column:
    """Numbers, each of which many rows have: as a table of them, and for each row the place of its own in that.

    An unknown number, NaN, has the first place.
    """

    def __init__(self, numbers: Numbers) -> None:
        values, ranks = np.unique(numbers, return_inverse=True)
        self.unknown = int(np.count_nonzero(np.isnan(values[-1:])))
        """1 where a number is unknown, else 0: how many places come before the first known number."""
        if self.unknown:
            ranks[ranks == len(values) - 1] = -1
            ranks += 1
        self.values = np.roll(values, self.unknown)
        few = len(self.values) <= _SMALL_RANKS
        self.ranks: Integers = ranks.astype(np.uint16) if few else ranks.astype(np.uint32)
        """They rise with the numbers, and take a quarter of the memory."""

    def at(self, rows: Rows) -> Numbers:
        """The numbers of these rows."""
        return self.values[self.ranks[rows]]

    def rank(self, number: float | None) -> float:
        """What the rank of this number is, or would be between two others; None: of an unknown one."""
        if number is None:
            return self.unknown - 1
        place = int(np.searchsorted(self.values[self.unknown :], number)) + self.unknown
        return place if place < len(self.values) and self.values[place] == number else place - 0.5


class Names:
    """Texts by number: each is kept once, however many rows have it. -1 stands for none."""

    def __init__(self) -> None:
        self._numbers: dict[str | None, int] = {None: -1}
        self._joined: dict[str | None, str] = {}

    def number(self, name: str | None) -> int:
        """The number of a text, a new one where it has none."""
        return self._numbers.setdefault(name, len(self._numbers) - 1)

    def known(self, names: Iterable[str]) -> list[int]:
        """The numbers of those of these texts that any row has had."""
        return [number for name in names if (number := self._numbers.get(name)) is not None]

    def known_as(self, fold: Callable[[str], str], folded: Collection[str]) -> list[int]:
        """The numbers of the texts that are among these once they are folded."""
        return [number for name, number in list(self._numbers.items()) if name is not None and fold(name) in folded]

    def matching(self, brand: str) -> list[int]:
        """The numbers of the texts that have these words or parts of words, as brands are compared."""
        part = joined_words(brand)
        return [number for name, number in list(self._numbers.items()) if part and part in self._words_of(name)]

    def _words_of(self, name: str | None) -> str:
        if name not in self._joined:
            self._joined[name] = joined_words(name or "")
        return self._joined[name]


class RouteTable:
    """Rows in the order of profit and id, which never change; ``brands`` and ``categories`` may be shared by tables.

    What it is made of comes by ASIN.
    """

    def __init__(self, rows: Iterable[RouteRow], brands: Names, categories: Names) -> None:
        pieces = [_Piece(list(map(itemgetter(1), some)), brands, categories) for _, some in _in_pieces(rows)]
        asins = np.concatenate([piece.asins for piece in pieces] or [np.empty(0, "S10")])
        words = [word for piece in pieces for word in piece.words]
        self.asins, first, product = np.unique(asins, return_index=True, return_inverse=True)
        self._words = "".join(f" {words[row]}\n" for row in first)
        self._ends = np.cumsum([len(words[row]) + 2 for row in first], dtype=np.int64)
        del words, asins
        route = _joined([piece.route for piece in pieces], np.uint8)
        code = product.astype(np.int64) * len(ROUTES) + route
        order = np.lexsort((code, _joined([piece.numbers["profit"] for piece in pieces], np.float64)))
        self.code: Ints = code[order]
        """A number that grows with the id."""
        self.route = route[order]
        self.source, self.target = np.divmod(self.route, np.uint8(len(CODES)))
        self.product = product.astype(np.int32)[order]
        # One after the other: as they come they take four times the memory.
        self.numbers = {name: Column(_taken(pieces, name)[order]) for name in NUMBERS}
        self.brand = _joined([piece.brand for piece in pieces], np.int32)[order]
        self.category = _joined([piece.category for piece in pieces], np.int32)[order]
        self.amazon_sells = _joined([piece.amazon_sells for piece in pieces], np.int8)[order]
        self._orders: dict[str, npt.NDArray[np.int32]] = {}
        self._found: dict[str, Mask] = {}

    def __len__(self) -> int:
        return len(self.route)

    def ids_of(self, rows: Positions) -> list[str]:
        """The ids of rows: ``asin:source:target``."""
        pairs = zip(self.asins[self.product[rows]].tolist(), self.route[rows].tolist(), strict=True)
        return [f"{asin.decode()}:{ROUTES[route]}" for asin, route in pairs]

    def keys_of(self, sort: str, rows: Positions) -> list[float | str | None]:
        """What rows are sorted by, as the stores know it."""
        if sort == "route":
            return [ROUTES[route].replace(":", "") for route in self.route[rows].tolist()]
        keys = self.numbers[OPPORTUNITY_SORTS[sort]].at(rows).tolist()
        number = int if sort in _WHOLE_SORTS else float
        return [None if math.isnan(key) else number(key) for key in keys]

    def order(self, sort: str) -> npt.NDArray[np.int32] | None:
        """The rows by what they are sorted by, then by profit where that is the second key, and id; None: as they are.

        Those of which the key is unknown come first.
        """
        if sort == "profit":
            return None
        if sort not in self._orders:
            keys = self.sorted_by(sort)
            # The rows are in the order of profit and id.
            found = np.argsort(keys, kind="stable") if sort in SORTS_THEN_BY_PROFIT else np.lexsort((self.code, keys))
            self._orders[sort] = found.astype(np.int32)
        return self._orders[sort]

    def sorted_by(self, sort: str) -> Integers:
        """Numbers that are as what rows are sorted by."""
        return self.route if sort == "route" else self.numbers[OPPORTUNITY_SORTS[sort]].ranks

    def equals_by(self, sort: str, rows: Positions) -> Integers:
        """Numbers that are as what rows with equal keys are sorted by."""
        return rows if sort in SORTS_THEN_BY_PROFIT else self.code[rows]

    def first_known(self, sort: str) -> int:
        """The least number of :meth:`sorted_by` that stands for a known key."""
        return self.numbers[OPPORTUNITY_SORTS[sort]].unknown if sort in SORTS_THEN_BY_PROFIT else 0

    def unknown(self, sort: str) -> int:
        """How many rows have no key in this order."""
        order = self.order(sort)
        if order is None or self.first_known(sort) == 0:
            return 0
        return bisect_left(order, self.first_known(sort), key=self.sorted_by(sort).__getitem__)

    def end(self, sort: str, end: End) -> tuple[float, float]:
        """Where a page ended, to be compared with :meth:`sorted_by` and :meth:`equals_by`, also if that row is gone."""
        if sort == "route":
            value: float = _ROUTE_NUMBERS.get(f"{str(end.key)[:2]}:{str(end.key)[2:]}", -1)
        else:
            value = self.numbers[OPPORTUNITY_SORTS[sort]].rank(None if end.key is None else float(end.key))
        if end.profit is not None:
            before, upto = self.rank("profit", (self.numbers["profit"].rank(end.profit), self._code_of(end.id)))
            return value, (before + upto - 1) / 2
        return value, self._code_of(end.id)

    def _code_of(self, route_id: str) -> float:
        asin, _, route = route_id.partition(":")
        product = int(np.searchsorted(self.asins, asin.encode()))
        first = product * len(ROUTES)
        if product == len(self.asins) or self.asins[product] != asin.encode():
            return first - 0.5
        return first + _ROUTE_NUMBERS.get(route, -1)

    def rank(self, sort: str, end: tuple[float, float]) -> tuple[int, int]:
        """How many rows come before this :meth:`end` in an order, and how many up to and with it."""
        order, values = self.order(sort), self.sorted_by(sort)
        # numpy would copy the whole order to search it.
        low, high = (
            place(values, end[0], name) if order is None else side(order, end[0], key=values.__getitem__)
            for name, side in _SIDES
        )
        equal = self.code[low:high] if order is None else self.equals_by(sort, order[low:high])
        before, upto = (low + place(equal, end[1], name) for name, _ in _SIDES)
        return before, upto

    def rows_of(self, asins: Sequence[str]) -> Positions:
        """The rows of these products."""
        wanted = np.array([asin.encode() for asin in asins], dtype="S10")
        products = np.searchsorted(self.asins, wanted)
        products = products[self.asins[np.minimum(products, len(self.asins) - 1)] == wanted] if len(self) else products
        found = np.zeros(len(self.asins) + 1, dtype=bool)
        found[products[products < len(self.asins)]] = True
        return np.flatnonzero(found[self.product])

    def rows_with(self, ids: Collection[str]) -> Positions:
        """The rows of these ids."""
        rows = self.rows_of(sorted({one.partition(":")[0] for one in ids}))
        return rows[np.isin(self.code[rows], [self._code_of(one) for one in ids])]

    def with_words(self, wanted: Sequence[str]) -> Mask:
        """Which rows are of products that have each of these words, at least as the beginning of one of theirs."""
        found = np.ones(len(self), dtype=bool)
        for word in wanted:
            kept = self._found.pop(word, None)
            if kept is None:
                at = [match.start() for match in re.finditer(f" {re.escape(word)}", self._words)]
                products = np.zeros(len(self.asins), dtype=bool)
                products[np.searchsorted(self._ends, at, "right")] = True
                kept = products[self.product]
            # What was wanted last is forgotten last.
            self._found[word] = kept
            found &= kept
        while len(self._found) > _MOST_FOUND:
            del self._found[next(iter(self._found))]
        return found

    def prepare(self, other: RouteTable) -> None:
        """Sort as ``other`` has been asked for, so that nobody who asks this one waits for that."""
        for sort in list(other._orders):
            self.order(sort)

    def totals(self, rows: Rows) -> Totals:
        """Of these rows."""
        route = self.route[rows]
        return Totals(
            np.bincount(route, minlength=len(ROUTES)),
            np.bincount(route, self.numbers["profit"].at(rows), len(ROUTES)).astype(np.float64),
            float(self.numbers["margin_pct"].at(rows).sum()),
        )

    def totals_from(self, first: int) -> Totals:
        """Of all rows from this one on."""
        at = first // _STRETCH
        rest = self.totals(slice(at * _STRETCH, first))
        return self._before[-1].without(self._before[at]).without(rest)

    @cached_property
    def _before(self) -> Sequence[Totals]:
        """Of the rows before each stretch, and at last of all."""
        pieces = (self.totals(slice(start, start + _STRETCH)) for start in range(0, len(self) + 1, _STRETCH))
        return list(accumulate(pieces, add, initial=self.totals(slice(0))))

    def best(self, rows: Rows) -> Numbers:
        """The greatest profit of each route among these rows, which are in their order; NaN where it has none."""
        best = np.full(len(ROUTES), np.nan)
        # Of several values for one route the last stays, which is the greatest.
        best[self.route[rows]] = self.numbers["profit"].at(rows)
        return best


def place(rising: Integers, number: float, side: Side) -> int:
    """Where a number belongs among whole ones that rise, or in front of (``left``) or behind those that are equal."""
    whole = math.ceil(number) if side == "left" else math.floor(number)
    known = np.iinfo(rising.dtype)
    if not known.min <= whole <= known.max:
        return 0 if whole < known.min else len(rising)
    # A number of another type would make numpy copy them all.
    return int(np.searchsorted(rising, rising.dtype.type(whole), side))


class _Piece:
    """Some rows as columns."""

    def __init__(self, rows: Sequence[RouteRow], brands: Names, categories: Names) -> None:
        columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
        self.asins = np.array([asin.encode() for asin in columns["asin"]], dtype="S10")
        pairs = zip(columns["source"], columns["target"], strict=True)
        self.route = np.array([_ROUTE_NUMBERS[f"{source}:{target}"] for source, target in pairs], dtype=np.uint8)
        self.numbers = {name: np.array(columns[name], dtype=np.float64) for name in NUMBERS}
        self.brand = np.array([brands.number(name) for name in columns["brand"]], dtype=np.int32)
        self.category = np.array([categories.number(name) for name in columns["category"]], dtype=np.int32)
        self.amazon_sells = np.array([-1 if v is None else int(v) for v in columns["amazon_sells"]], dtype=np.int8)
        asins = columns["asin"]
        again = (asin == before for asin, before in zip(asins[1:], asins, strict=False))
        self.words = ["" if known else words for words, known in zip(columns["words"], (False, *again), strict=True)]


def _in_pieces(rows: Iterable[RouteRow]) -> Iterator[tuple[int, Iterator[tuple[int, RouteRow]]]]:
    """Objects take ten times the memory of columns: only a piece of the rows is ever held as objects."""
    return groupby(enumerate(rows), key=lambda one: one[0] // 20_000)


def _taken(pieces: Sequence[_Piece], name: str) -> Numbers:
    """The numbers of a column, which the pieces do not keep."""
    return _joined([piece.numbers.pop(name) for piece in pieces], np.float64)


def _joined(pieces: Sequence[npt.NDArray[S]], kind: type[S]) -> npt.NDArray[S]:
    return np.concatenate([np.empty(0, kind), *pieces])
