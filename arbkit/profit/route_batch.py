"""All routes of some products: buying and selling computed once each, a route as their sum and what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit.fees.arrays import Floats, Ints, Mask, SmallInts
from arbkit.profit.offer_costs import OfferCosts
from arbkit.profit.reason_codes import ASSUMED, UNKNOWN, ReasonCode, ReasonFlags
from arbkit.profit.seller.profile import FulfilmentMethod, ineligibility_reason
from arbkit.profit.trade_costs import CostSide, CrossBorderCosts, SellerCosts


@dataclass(frozen=True, slots=True)
class FulfilmentOption:
    """One fulfilment method of one route: the selling side, the country of the stock, and whether it may be used."""

    method: FulfilmentMethod
    stock: str
    side: CostSide
    eligible: bool


class RouteBatch:
    """All routes of some products. Each side is computed once, and kept as long as the batch.

    Routes are named by their index in ``routes``, methods by theirs in ``methods``.
    """

    def __init__(
        self,
        buying: OfferCosts,
        selling: OfferCosts,
        seller: SellerCosts,
        routes: Sequence[tuple[str, str]],
        methods: Sequence[FulfilmentMethod],
        *,
        forced: bool,
    ) -> None:
        """``forced``: every method counts as eligible."""
        self.buying, self.selling, self.seller = buying, selling, seller
        self.routes, self.methods, self._forced = routes, methods, forced
        self._buying_sides: dict[tuple[str, bool], CostSide] = {}
        self._crossings: dict[tuple[int, bool, bool, bool], CrossBorderCosts] = {}
        self._selling_sides: dict[tuple[str, FulfilmentMethod, str], CostSide] = {}

    @property
    def count(self) -> int:
        """How many products there are."""
        return len(self.buying.asins)

    def listed_on_both(self, route: int) -> Mask:
        """Which products are offered on both marketplaces."""
        s, t = (MARKET_CODES.index(code) for code in self.routes[route])
        return np.asarray((self.buying.row[s] >= 0) & (self.selling.row[t] >= 0))

    def price(self, route: int, profit: Floats, invested: Floats, method_index: SmallInts) -> None:
        """Write into the three arrays what one route leaves, what it ties up, and by which method."""
        methods = range(len(self.methods))
        options = [self.option(route, method) for method in methods]
        buying = [self.buying_side(route, method) for method in methods]
        crossings = [self.cross_border(route, method) for method in methods]
        alike = all(b is buying[0] and c is crossings[0] for b, c in zip(buying, crossings, strict=True))
        extra = [sum(crossing.values()) for crossing in (crossings[:1] if alike else crossings)]
        if alike:
            best = _best(options, [o.side.total for o in options], method_index)
            np.add(best, buying[0].total, out=profit)
            np.negative(_net_purchase(buying[0], out=invested), out=invested)
            if crossings[0]:
                profit -= extra[0]
                invested += extra[0]
        else:
            totals = [o.side.total + b.total - e for o, b, e in zip(options, buying, extra, strict=True)]
            profit[:] = _best(options, totals, method_index)
            invested[:] = _by_method([e - _net_purchase(b) for b, e in zip(buying, extra, strict=True)], method_index)
        own = [option.side.own_costs for option in options]
        if all(cost is own[0] or (isinstance(cost, float | int) and cost == own[0]) for cost in own):
            invested += own[0]
        else:
            invested += _by_method(own, method_index)

    def reasons(self, route: int, products: Ints, profit: Floats, method_index: SmallInts | Ints) -> ReasonFlags:
        """Why these routes are unknown, and what is assumed of them."""
        source, target = self.routes[route]
        crosses = (source == "UK") != (target == "UK")
        flags = np.zeros(len(products), np.uint64)
        if crosses and np.isnan(self.seller.duty_rate):
            flags |= ReasonCode.DUTY_UNKNOWN.bit
        elif crosses:
            flags |= ReasonCode.CUSTOMS_BY_PROFILE.bit
        for index in set(method_index.tolist()):
            option, rows = self.option(route, index), method_index == index
            flags[rows] |= self.buying_side(route, index).reasons[products[rows]]
            if option.eligible:
                flags[rows] |= option.side.reasons[products[rows]]
                if option.method == "efn" and crosses:
                    flags[rows] |= ReasonCode.UK_EFN_CURRENCY.bit
            else:
                flags[rows] &= ASSUMED
                flags[rows] |= ReasonCode.NO_ELIGIBLE_METHOD.bit
        unknown = np.isnan(profit)
        flags[~unknown] &= ~UNKNOWN
        flags[unknown & ((flags & UNKNOWN) == 0)] |= ReasonCode.UNEXPLAINED.bit
        return flags

    def buying_side(self, route: int, method_index: int) -> CostSide:
        """Buying on the route's source what is sold by one method; one object for all methods that are alike."""
        seller, (source, target) = self.seller, self.routes[route]
        stock = seller.profile.stock_country(self.methods[method_index], source, target)
        lost = seller.loses_input_vat(source, stock)
        if (source, lost) not in self._buying_sides:
            self._buying_sides[source, lost] = seller.buy(self.buying, source, vat_lost=lost)
        return self._buying_sides[source, lost]

    def cross_border(self, route: int, method_index: int) -> CrossBorderCosts:
        """Freight, duty and import VAT of a route by one method; one object for all methods that are alike."""
        seller, (source, target) = self.seller, self.routes[route]
        stock = seller.profile.stock_country(self.methods[method_index], source, target)
        key = (
            route, seller.has_import_relief(source, target, stock), seller.loses_input_vat(source, stock),
            seller.recovers_import_vat(source, target, stock),
        )  # fmt: skip
        if key not in self._crossings:
            buying = self.buying_side(route, method_index)
            self._crossings[key] = seller.cross_border(buying, self.selling, source, target, stock)
        return self._crossings[key]

    def option(self, route: int, method_index: int) -> FulfilmentOption:
        """Selling on the route's target by one method."""
        seller, method = self.seller, self.methods[method_index]
        source, target = self.routes[route]
        stock = seller.profile.stock_country(method, source, target)
        # The EFN fee, its surcharges and storage distinguish only the UK, Germany and the other countries.
        key = (target, method, stock if stock in ("UK", "DE") or method != "efn" else "EU")
        if key not in self._selling_sides:
            self._selling_sides[key] = seller.sell(self.selling, target, method, stock)
        eligible = self._forced or ineligibility_reason(method, seller.profile, source, target) is None
        return FulfilmentOption(method, stock, self._selling_sides[key], eligible)


def _net_purchase(buying: CostSide, out: Floats | None = None) -> Floats:
    """The purchase without the VAT that is recovered: a cost, so below zero."""
    return np.add(buying.components["purchase_price"], buying.components["input_vat"], out=out)


def _by_method(values: Sequence[Floats | float], method_index: SmallInts) -> Floats:
    """Of each product the value of its method."""
    found = np.full(method_index.shape, np.nan)
    # A masked copy of each takes a tenth of what np.choose does.
    for index, some in enumerate(values):
        np.copyto(found, some, where=method_index == index)
    return found


def _best(options: Sequence[FulfilmentOption], totals: Sequence[Floats], method_index: SmallInts) -> Floats:
    """The highest total, its index into ``method_index``; eligible and known ones before all others."""
    candidates = [i for i, option in enumerate(options) if option.eligible]
    if not candidates:
        return np.full(method_index.shape, np.nan)
    best = totals[candidates[0]]
    method_index[:] = candidates[0]
    for index in candidates[1:]:
        total = totals[index]
        # True where this one is more, and where the best until now is unknown and this one is not.
        better = ~(best >= total) & ~np.isnan(total)
        method_index[better] = index
        best = np.fmax(best, total)
    return best
