"""What a query finds in the market as it was priced under assumptions: filtered, added up and in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal, get_args

import numpy as np

from arbkit.analysis.market.column_file import Array
from arbkit.analysis.market.repricing import LOSS, NEEDS_SIZE, OPPORTUNITY, PricedMarket
from arbkit.analysis.market.segment import ROUTES, UNKNOWN_CONFIDENCE, Segment
from arbkit.core.decisions.event import folded_brand
from arbkit.core.decisions.rules import RouteChoice
from arbkit.core.marketplaces import MARKET_CODES
from arbkit.core.results import RouteTotals
from arbkit.profit.fees.arrays import Floats, Ints, Mask, SmallInts
from arbkit.store.base import Sums
from arbkit.store.queries import OpportunityQuery
from arbkit.store.search_text import index_words, matches_brand, words

Turn = Literal["", "wins", "loses"]
"""Which routes: those that pay; of these those that do not today; those that pay today and would not."""
TURNS: tuple[Turn, ...] = get_args(Turn)
_SOURCES, _TARGETS = (np.array([MARKET_CODES.index(route[side]) for route in ROUTES]) for side in (0, 1))
_FACTS = {
    "rank": "sales_rank", "rank_drops30": "rank_drops30", "rank_drops90": "rank_drops90",
    "monthly_sold": "monthly_sold", "sellers": "offers_new", "amazon_share90_pct": "amazon_share",
}  # fmt: skip
"""Figure of an opportunity → the column of the offer where it would be sold."""
_SORTS = {
    "rank": "rank", "drops30": "rank_drops30", "drops90": "rank_drops90", "monthly_sold": "monthly_sold",
    "sellers": "sellers", "amazon_share": "amazon_share90_pct", "price_position": "sell_position_pct",
    "roi": "roi_pct", "margin": "margin_pct", "spread": "spread_pct", "confidence": "confidence", "age": "data_at",
    "buy_price": "buy_price", "sell_price": "sell_price",
}  # fmt: skip
_AT_LEAST = {
    "min_profit": "profit", "min_roi": "roi_pct", "min_margin": "margin_pct", "min_drops30": "rank_drops30",
    "min_drops90": "rank_drops90", "min_monthly_sold": "monthly_sold", "min_buy_price": "buy_price",
    "min_data_at": "data_at",
}  # fmt: skip
_AT_MOST = {
    "max_rank": "rank", "max_sellers": "sellers", "max_amazon_share": "amazon_share90_pct",
    "max_price_position": "sell_position_pct", "max_buy_price": "buy_price",
}  # fmt: skip
OF_FORECASTS = (
    "min_chance", "min_expected_profit", "min_profit_per_day", "min_p10", "max_days_to_sell", "min_sold_in_30_days",
)  # fmt: skip
"""Filters that are set aside: nothing is forecast under assumptions."""
_MONEY = frozenset({"profit", "roi_pct", "margin_pct"})
_DECIMALS = {"roi_pct": 1, "margin_pct": 1}
"""To how many an opportunity has a figure, where they are not two: filters look at what is shown."""
_FEW = 20_000


@dataclass(frozen=True)
class FoundRoutes:
    """The routes that a query finds, by the number of the segment, of the route and of the product, unsorted.

    ``wins`` of them do not pay today; ``losses`` pay today, pass the filters of everything but money, and would not.
    """

    segments: Sequence[Segment]
    part: Array
    route: Array
    product: Array
    key: Floats
    profit: Floats
    descending: bool
    sums: Sums
    wins: int
    losses: int

    def __len__(self) -> int:
        return len(self.part)

    def ids(self, count: int | None = None) -> Iterator[str]:
        """The ids in order, the first ``count`` or all; what the order goes by is unknown of the last."""
        for number in self._first(len(self) if count is None else min(count, len(self))).tolist():
            asin = self.segments[self.part[number]].columns["asin"][self.product[number]].decode()
            source, target = ROUTES[self.route[number]]
            yield f"{asin}:{source}:{target}"

    @cached_property
    def _ranked(self) -> Floats:
        """What the order goes by, the greatest first; −inf where it is unknown."""
        return np.where(np.isnan(self.key), -np.inf, self.key if self.descending else -self.key)

    def _first(self, count: int) -> Ints:
        ranked, at = self._ranked, np.arange(len(self))
        if len(self) > _FEW and 2 * count < len(self):
            # Those of equal keys stay together, and are told apart by their profits.
            at = np.flatnonzero(ranked >= np.partition(ranked, -count)[-count])
            profit = self.profit[at]
            if len(at) > _FEW and (ranked[at] == ranked[at[0]]).all():
                at = at[profit >= np.partition(profit, -count)[-count]]
        order = np.lexsort((self.route[at], self.product[at], self.part[at], -self.profit[at], -ranked[at]))
        return at[order[:count]]


def find_routes(
    markets: Sequence[PricedMarket],
    live: Sequence[Mask],
    query: OpportunityQuery,
    *,
    choice: RouteChoice | None,
    turn: Turn = "",
) -> FoundRoutes:
    """What the query finds; filters of :data:`OF_FORECASTS` are set aside.

    Args:
        markets: the segments, priced.
        live: which products of each segment count.
        query: filters and order; its page does not matter.
        choice: which routes are wanted by what was decided; None: any.
        turn: which of them by what they are today.
    """
    chosen = [_Chosen(market, alive, query, choice) for market, alive in zip(markets, live, strict=True)]
    found = [one.found(turn) for one in chosen]
    parts = [np.full(len(route), number, np.int32) for number, (route, _) in enumerate(found)]
    route, product = (np.concatenate([np.zeros(0, np.int32), *(one[side] for one in found)]) for side in (0, 1))
    profit = _joined(one.figure("profit", *at) for one, at in zip(chosen, found, strict=True))
    margin = _joined(one.figure("margin_pct", *at) for one, at in zip(chosen, found, strict=True))
    key = _joined(one.key(*at) for one, at in zip(chosen, found, strict=True))
    wins = sum(int((~one.today(*at)).sum()) for one, at in zip(chosen, found, strict=True))
    return FoundRoutes(
        [market.offers for market in markets], np.concatenate([np.zeros(0, np.int32), *parts]), route, product,
        np.full(len(route), np.nan) if query.sort == "profit_per_day" else key, profit, query.descending,
        _sums(route, profit, margin), wins, sum(one.losses for one in chosen),
    )  # fmt: skip


def _joined(pieces: Iterator[Floats]) -> Floats:
    return np.concatenate([np.zeros(0), *pieces])


def _sums(route: Array, profit: Floats, margin: Floats) -> Sums:
    count, total = (np.bincount(route, weights, len(ROUTES)) for weights in (None, np.round(profit, 2)))
    best = np.full(len(ROUTES), -np.inf)
    np.maximum.at(best, route, profit)
    routes: dict[str, RouteTotals] = {
        ":".join(ROUTES[number]): {
            "count": int(count[number]),
            "best_profit": round(float(best[number]), 2),
            "total_profit": round(float(total[number]), 2),
        }
        for number in np.flatnonzero(count).tolist()
    }
    return Sums.of(routes, margins=float(np.nansum(margin)))


class _Chosen:
    """The routes of a segment that a query finds."""

    def __init__(self, market: PricedMarket, live: Mask, query: OpportunityQuery, choice: RouteChoice | None) -> None:
        self._market, self._offers, self._query = market, market.offers, query
        self._columns = market.offers.columns
        self._live, self._choice = live, choice
        self.losses = 0

    def found(self, turn: Turn) -> tuple[Array, Array]:
        """Route and product of each."""
        outcome, query = self._market.outcome, self._query
        today = _bits(self._columns["opportunity"])
        pays = outcome == OPPORTUNITY
        if turn == "wins":
            pays &= ~today
        elif turn == "loses":
            pays = today & _loses(outcome)
        elif query.all_routes:
            pays |= outcome == NEEDS_SIZE
        if not turn and query.min_profit is not None and query.min_profit <= 0:
            pays |= outcome == LOSS
        asked = (pays | today) & (self._live & self._products())
        asked &= np.array([self._is_wanted(*route) for route in ROUTES])[:, None]
        if not query.all_routes:
            asked &= ~_bits(self._columns["different"])
        route, product = (side.astype(np.int32) for side in np.nonzero(asked))
        route, product = self._filtered(route, product, money=False)
        was = today[route, product]
        self.losses = int((was & _loses(outcome[route, product])).sum())
        of_turn = pays[route, product]
        return self._filtered(route[of_turn], product[of_turn], money=True)

    def today(self, route: Array, product: Array) -> Mask:
        """Which of these routes are opportunities today."""
        return (self._columns["opportunity"][product] >> route.astype(np.uint32) & 1).astype(bool)

    def key(self, route: Array, product: Array) -> Floats:
        """What the order goes by; NaN unknown."""
        sort = self._query.sort
        if sort == "title":
            # The text of a product begins with its title.
            texts = np.array([self._offers.text_of(one).casefold() for one in product.tolist()], object)
            return np.unique(texts, return_inverse=True)[1].astype(np.float64) if len(texts) else np.zeros(0)
        if sort == "route":
            names = sorted(ROUTES)
            return np.array([names.index(one) for one in ROUTES], np.float64)[route]
        if sort == "profit":
            return self.figure("profit", route, product)
        return self.figure(_SORTS[sort], route, product) if sort in _SORTS else np.full(len(route), np.nan)

    def figure(self, name: str, route: Array, product: Array) -> Floats:
        """A figure of these routes, as an opportunity has it; NaN unknown."""
        if name in _MONEY:
            return np.asarray(getattr(self._market, name)[route, product], np.float64)
        if name == "confidence":
            found = self._columns["confidence"][product, route]
            return np.where(found == UNKNOWN_CONFIDENCE, np.nan, found / 1000)
        if name in ("buy_price", "sell_price", "spread_pct"):
            return self._market.price(name, route, product)
        bought, sold = self._rows[_SOURCES[route], product], self._rows[_TARGETS[route], product]
        if name == "data_at":
            return np.asarray(np.fmin(self._columns["updated_at"][bought], self._columns["updated_at"][sold]))
        if name == "sell_position_pct":
            spot = self._columns["price_minor"][sold] + np.nan_to_num(self._columns["shipping_minor"][sold])
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray(100.0 * (spot.astype(np.float64) / self._columns["price_avg90_minor"][sold] - 1))
        return np.asarray(self._columns[_FACTS[name]][sold], np.float64)

    @cached_property
    def _rows(self) -> Ints:
        return self._offers.rows(0, len(self._offers))

    def _is_wanted(self, source: str, target: str) -> bool:
        return self._query.source in (None, source) and self._query.target in (None, target)

    def _products(self) -> Mask:
        """Which products the query may find by what is the same on all their routes."""
        wanted = np.ones(len(self._offers), bool)
        if self._query.asin is not None:
            wanted &= self._columns["asin"] == self._query.asin.encode()
        return wanted

    def _filtered(self, route: Array, product: Array, *, money: bool) -> tuple[Array, Array]:
        """What of these passes the filters of money, or all others."""
        for test in chain(self._bounds(money=money), () if money else self._facts()):
            kept = test(route, product)
            route, product = route[kept], product[kept]
        return route, product

    def _bounds(self, *, money: bool) -> Iterator[Callable[[Array, Array], Mask]]:
        query = self._query
        for bounds, sign in ((_AT_LEAST, 1), (_AT_MOST, -1)):
            for name, figure in bounds.items():
                bound = getattr(query, name)
                if bound is not None and (figure in _MONEY) == money:
                    yield lambda r, p, figure=figure, bound=bound, sign=sign: (  # type: ignore[misc]
                        sign * np.round(self.figure(figure, r, p), _DECIMALS.get(figure, 2)) >= sign * bound
                    )

    def _facts(self) -> Iterator[Callable[[Array, Array], Mask]]:
        query = self._query
        if query.min_confidence is not None:
            # Of one that was never worth storing nobody knows it yet: it is looked at when it is shown.
            least = query.min_confidence
            yield lambda r, p: ~(self.figure("confidence", r, p) < least)
        if query.amazon_sells is not None:
            yield (
                lambda r, p: self._columns["amazon_sells"][self._rows[_TARGETS[r], p]] == int(bool(query.amazon_sells))
            )
        if query.category_names:
            names = set(query.category_names)
            yield lambda r, p: self._named("category", lambda name: name in names, r, p)
        if query.brand is not None:
            brand = query.brand
            yield lambda r, p: self._named("brand", lambda name: matches_brand(name, brand), r, p)
        if excluded := query.excluded_brands:
            yield lambda r, p: ~self._named("brand", lambda name: matches_brand(name, *excluded), r, p)
        if self._choice is not None:
            yield self._decided
        if query.q:
            # Last: of the few products that are left each text is folded.
            q = query.q
            yield lambda _, p: _with_words(self._offers, q, np.unique(p))[p]

    def _named(self, name: str, test: Callable[[str], bool], route: Array, product: Array) -> Mask:
        """Where a text passes: that of the offer where it would be sold, else of where it is bought."""
        passes = np.array([*(test(text) for text in self._offers.texts[name]), False])
        sold = self._columns[name][self._rows[_TARGETS[route], product]]
        bought = self._columns[name][self._rows[_SOURCES[route], product]]
        return np.asarray(passes[np.where(sold < 0, bought, sold)])

    def _decided(self, route: Array, product: Array) -> Mask:
        choice = self._choice
        assert choice is not None  # noqa: S101 - asked for only where there is one
        listed = np.isin(self._columns["asin"][product], np.array(sorted(a.encode() for a in choice.asins), "S10"))
        by_asin: dict[bytes, set[int]] = {}
        for one in choice.ids:
            asin, source, target = one.split(":")
            by_asin.setdefault(asin.encode(), set()).add(ROUTES.index((source, target)))
        if by_asin:
            some = np.flatnonzero(np.isin(self._columns["asin"][product], np.array(sorted(by_asin), "S10")))
            for at in some.tolist():
                listed[at] |= int(route[at]) in by_asin[self._columns["asin"][product[at]]]
        wanted = ~listed if choice.excluding else listed
        if choice.brands:
            of_brand = self._named("brand", lambda name: folded_brand(name) in choice.brands, route, product)
            wanted = wanted | of_brand if choice.with_brands else wanted & ~of_brand
        return wanted


def _loses(outcome: SmallInts) -> Mask:
    """Where a route does not pay with every package; one that cannot be priced is no loss."""
    return np.asarray((outcome == LOSS) | (outcome == NEEDS_SIZE))


def _bits(of_products: Array) -> Mask:
    """Bits of routes as a mask (routes, products)."""
    return (of_products[None, :] >> np.arange(len(ROUTES), dtype=np.uint32)[:, None] & 1).astype(bool)


def _with_words(offers: Segment, query: str, among: Array) -> Mask:
    """Which products have these words; others than those of ``among`` have not."""
    found = np.zeros(len(offers), bool)
    wanted = words(query)
    if not wanted:
        return found
    pattern = re.compile("".join(f"(?=.*(?: |^){re.escape(word)})" for word in wanted))
    for product in among.tolist():
        found[product] = pattern.match(index_words(offers.text_of(product))) is not None
    return found
