"""What routes leave at other selling prices, on later days and with other packages, by the profit kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import permutations

import numpy as np
import pandas as pd

from arbkit.analysis.forecast.profit.distribution import PRICE_RATIOS, RouteMargins
from arbkit.core.marketplaces import MARKET_CODES, MARKETS
from arbkit.profit import Profile, Rates, Tables
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.exchange_rates import Rate
from arbkit.profit.facts.packages import EXTREMES, PACKAGE, Certainty
from arbkit.profit.fees.arrays import Floats, Ints, Mask
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_costs import OfferCosts, cost_offers
from arbkit.profit.offer_facts import numbers, prices
from arbkit.profit.seller.input_vat import input_vat_of
from arbkit.profit.trade_costs import SellerCosts

_LATER_DAYS = np.array([14.0, 45.0, 90.0])
_SELLING_PRICES = ("price_minor", "shipping_minor")
_TODAY = int(np.searchsorted(PRICE_RATIOS, 1.0))
_OTHER_RATIOS = [ratio for ratio in PRICE_RATIOS.tolist() if ratio != 1]


@dataclass(frozen=True, slots=True)
class RoutesToday:
    """Some routes of prepared ``offers``, sold at today's price and, as if these were other products, at others.

    ``evaluation`` holds all of that: its first products are ``products`` of the offers at today's price, then they are
    repeated for each other price ratio, then those with an unmeasured package for the worst and the best of these.
    ``route`` and ``position`` say of each wanted route its index in ``evaluation.routes`` and in ``products``.

    It counts no storage, and sells at the spot price whatever the profile's basis: the forecast says what comes of it.
    """

    evaluation: Evaluation
    offers: pd.DataFrame
    tables: Tables
    rates: Rates
    on: date
    products: Ints
    route: Ints
    position: Ints
    sold: _Sold

    @classmethod
    def of(
        cls,
        offers: pd.DataFrame,
        profile: Profile,
        tables: Tables,
        rates: Rates,
        *,
        on: date,
        wanted: Sequence[tuple[str, str, str]] | None = None,
        buying: OfferCosts | None = None,
    ) -> RoutesToday:
        """Price the routes between offers of :func:`~arbkit.analysis.offers.prepare_offers`.

        Args:
            offers: all of each product.
            profile: the seller.
            tables: fee tables.
            rates: exchange rates; those of ``on`` are used.
            on: the day on which it is bought.
            wanted: ASIN, source and target of each route; None: every one.
            buying: the costs of buying these offers, where they are known.
        """
        seller = profile.model_copy(update={"sell_basis": "spot", "expected_days": 0.0})
        day = tables.on(on)
        if buying is None:
            buying = cost_offers(offers, seller, day)
        pairs = tuple(permutations(MARKET_CODES, 2) if wanted is None else sorted({one[1:] for one in wanted}))
        sources, targets = (np.array([MARKET_CODES.index(pair[side]) for pair in pairs], np.int64) for side in (0, 1))
        asked = (buying.row[sources] >= 0) & (buying.row[targets] >= 0)
        if wanted is not None:
            asked &= _mask(asked.shape, pairs, buying, wanted)
        route, product = np.nonzero(asked)
        products, position = np.unique(product, return_inverse=True)
        observed = offers.assign(keepa_referral_price=prices(offers, "spot", buying=False).price)
        sold = _Sold.of(observed, buying.row, products, position, targets[route])
        costs, repeated = _otherwise(observed, sold, products, seller, day)
        evaluation = evaluate_costs(buying.part(repeated), costs, SellerCosts(seller, day, rates), routes=pairs)
        return cls(evaluation, observed, tables, rates, on, products, route, position, sold)

    @property
    def rows(self) -> tuple[Ints, Ints]:
        """Where in arrays of the evaluation the wanted routes stand."""
        return self.route, self.position

    def margins(self, *, lead_days: float) -> RouteMargins:
        """What the routes leave."""
        evaluation, count, ratios = self.evaluation, len(self.products), len(_OTHER_RATIOS)
        profit, invested = evaluation.profit[self.rows], evaluation.invested[self.rows]
        columns = self.position[:, None] + (1 + np.arange(ratios)) * count
        by_price = np.insert(evaluation.profit[self.route[:, None], columns], _TODAY, profit, axis=1)
        later = [self._later(held, lead_days)[self.rows] - profit for held in _LATER_DAYS]
        worst, best = self._packages(profit)
        home = evaluation.seller.profile.currency
        foreign = np.array([MARKETS[target].currency != home for _, target in evaluation.routes], bool)
        return RouteMargins(
            _nearest_known(by_price), _LATER_DAYS, np.column_stack(later),
            np.where(np.isnan(worst), profit, worst), np.where(np.isnan(best), profit, best),
            invested, invested + self._input_vat(), foreign[self.route],
        )  # fmt: skip

    def sell_prices(self) -> Floats:
        """Today's selling prices of the routes, major units of the target's currency."""
        targets = np.array([MARKET_CODES.index(target) for _, target in self.evaluation.routes], np.int64)
        return self.evaluation.selling.sell_price[targets[self.route], self.position]

    def _packages(self, profit: Floats) -> tuple[Floats, Floats]:
        """The profits with the worst and the best package."""
        worst, best = profit.copy(), profit.copy()
        sized = self.sold.open_products
        here = np.flatnonzero(np.isin(self.position, sized))
        first = (1 + len(_OTHER_RATIOS)) * len(self.products)
        for number in range(len(EXTREMES)):
            column = first + number * len(sized) + np.searchsorted(sized, self.position[here])
            with_it = self.evaluation.profit[self.route[here], column]
            worst[here], best[here] = np.minimum(worst[here], with_it), np.maximum(best[here], with_it)
        return worst, best

    def _later(self, held: float, lead_days: float) -> Floats:
        """The profit of all routes where the unit is sold some days from today: storage since it came in, season."""
        evaluation, sold = self.evaluation, self.sold
        today, profile = evaluation.seller.day, evaluation.seller.profile
        sold_on, stored = self.on + timedelta(days=int(held)), max(0.0, held - lead_days)
        # Days in storage count from the day it comes in, by the tables of the day it is sold.
        day = replace(self.tables.on(sold_on), on=self.on + timedelta(days=int(held - stored)))
        seller = SellerCosts(profile.model_copy(update={"expected_days": stored}), day, _RatesOf(self.rates, self.on))
        count = slice(len(self.products))
        # A season is a table of its own days, so that a unit sent in another one is sold by other tables.
        if {*map(id, day.versions.values())} == {*map(id, today.versions.values())} and day.digital == today.digital:
            if not stored:
                return evaluation.profit
            costs = evaluation.selling.part(count)
        else:
            costs = cost_offers(self.offers.take(sold.rows), seller.profile, day, products=sold.product)
        return evaluate_costs(evaluation.buying.part(count), costs, seller, routes=evaluation.routes).profit

    def _input_vat(self) -> Floats:
        """The VAT in the purchase price that is paid now and recovered later; none is charged on what is bought net."""
        evaluation, found = self.evaluation, np.zeros(len(self.route))
        seller, bought = evaluation.seller, dict[str, Floats]()
        methods = evaluation.method_index[self.rows]
        for number, index in sorted({*zip(self.route.tolist(), methods.tolist(), strict=True)}):
            source, target = evaluation.routes[number]
            stock = seller.profile.stock_country(evaluation.methods[index], source, target)
            if input_vat_of(seller.profile, source, stock) != "domestic-recovered":
                continue
            if source not in bought:
                bought[source] = seller.buy(evaluation.buying, source, vat_lost=False).components["input_vat"]
            chosen = np.flatnonzero((self.route == number) & (methods == index))
            found[chosen] = bought[source][self.position[chosen]]
        return found


def _mask(
    shape: tuple[int, ...], pairs: Sequence[tuple[str, str]], buying: OfferCosts, wanted: Sequence[tuple[str, str, str]]
) -> Mask:
    """Which of these routes (routes, products) are wanted."""
    number = {pair: at for at, pair in enumerate(pairs)}
    mask = np.zeros(shape, bool)
    columns = pd.Index(buying.asins).get_indexer(pd.Index([asin for asin, _, _ in wanted], dtype=object))
    numbers_of = np.array([number[source, target] for _, source, target in wanted], np.int64)
    mask[numbers_of[columns >= 0], columns[columns >= 0]] = True
    return mask


@dataclass(frozen=True, slots=True)
class _Sold:
    """The listings on which routes sell: ``rows`` of the offers, and of each its ``product`` among the wanted ones.

    ``open_products`` are those with an unmeasured package on any of them.
    """

    rows: Ints
    product: Ints
    open_products: Ints

    @classmethod
    def of(cls, offers: pd.DataFrame, row: Ints, products: Ints, position: Ints, market: Ints) -> _Sold:
        """Those of routes that sell on these markets; ``row`` is that of each offer by market and product."""
        listings = np.unique(position * len(MARKET_CODES) + market)
        product = listings // len(MARKET_CODES)
        rows = row[listings % len(MARKET_CODES), products[product]]
        certainty = offers["package_certainty"].to_numpy(np.int64)[rows]
        return cls(rows, product, np.unique(product[certainty > Certainty.MEASURED]))


def _otherwise(
    offers: pd.DataFrame, sold: _Sold, products: Ints, seller: Profile, day: EffectiveTables
) -> tuple[OfferCosts, Ints]:
    """The costs of selling today, at the other price ratios, and with the worst and best package; all at once.

    Beside them the products that are sold so, in the order of :class:`RoutesToday`.
    """
    ratios = [1.0, *_OTHER_RATIOS]
    listed, count, wide = len(sold.rows), len(products), sold.open_products
    sized = np.flatnonzero(np.isin(sold.product, wide))
    taken = np.concatenate([np.tile(np.arange(listed), len(ratios)), *[sized] * len(EXTREMES)])
    frame = offers.take(sold.rows[taken]).reset_index(drop=True)
    moved = np.concatenate([np.repeat(ratios, listed), np.ones(len(EXTREMES) * len(sized))])
    for name in _SELLING_PRICES:
        frame[name] = numbers(frame, name) * moved
    for name in PACKAGE if len(sized) else ():
        size = numbers(frame, name).copy()
        for number, extreme in enumerate(EXTREMES):
            start = len(ratios) * listed + number * len(sized)
            part = slice(start, start + len(sized))
            stated = numbers(frame, f"{extreme}_{name}")[part]
            size[part] = np.where(np.isnan(stated), size[part], stated)
        frame[name] = size
    number_of = [sold.product + number * count for number in range(len(ratios))]
    number_of += [
        np.searchsorted(wide, sold.product[sized]) + len(ratios) * count + number * len(wide)
        for number in range(len(EXTREMES))
    ]
    costs = cost_offers(frame, seller, day, products=np.concatenate(number_of))
    return costs, np.concatenate([np.tile(products, len(ratios)), *[products[wide]] * len(EXTREMES)])


class _RatesOf(Rates):
    """The rates of one day, on every day: where prices of another day are asked for at today's rate."""

    def __init__(self, others: Rates, on: date) -> None:
        super().__init__(others._converter)
        self._others, self._on = others, on
        self.source = others.source

    def rate(self, source: str, target: str, on: date) -> Rate | None:  # noqa: ARG002 - the day is another one
        """The rate of the day that this was made for."""
        return self._others.rate(source, target, self._on)


def _nearest_known(profit: Floats) -> Floats:
    """Profits by price; where a price has none, the one of the nearest price on the way to today's.

    No method of fulfilment is open above some prices, as little as the least referral fee is known below others.
    """
    known = profit.copy()
    for column in range(_TODAY + 1, known.shape[1]):
        known[:, column] = np.where(np.isnan(known[:, column]), known[:, column - 1], known[:, column])
    for column in range(_TODAY - 1, -1, -1):
        known[:, column] = np.where(np.isnan(known[:, column]), known[:, column + 1], known[:, column])
    return known
