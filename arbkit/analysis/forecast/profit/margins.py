"""What routes leave at other selling prices, on later days and with other packages, by the profit kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from arbkit.analysis.forecast.profit.distribution import PRICE_RATIOS, RouteMargins
from arbkit.core.marketplaces import MARKET_CODES, MARKETS
from arbkit.profit import Profile, Rates, Tables
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.exchange_rates import Rate
from arbkit.profit.facts.ranges import profit_range
from arbkit.profit.fees.arrays import Floats, Ints
from arbkit.profit.offer_costs import cost_offers
from arbkit.profit.offer_facts import numbers
from arbkit.profit.trade_costs import SellerCosts

_LATER_DAYS = np.array([1.0, 14.0, 45.0, 90.0])
_SELLING_PRICES = ("price_minor", "shipping_minor")


@dataclass(frozen=True, slots=True)
class RoutesToday:
    """All routes of some products, sold at today's price: ``evaluation`` of prepared ``offers``.

    It counts no storage, and sells at the spot price whatever the profile's basis: the forecast says what comes of it.
    """

    evaluation: Evaluation
    offers: pd.DataFrame
    tables: Tables
    rates: Rates
    on: date

    @classmethod
    def of(
        cls,
        offers: pd.DataFrame,
        profile: Profile,
        tables: Tables,
        rates: Rates,
        *,
        on: date,
        routes: Sequence[tuple[str, str]] | None = None,
    ) -> RoutesToday:
        """Price the routes (None: all) between offers of :func:`~arbkit.analysis.offers.prepare_offers`."""
        seller = profile.model_copy(update={"sell_basis": "spot", "expected_days": 0.0})
        observed = offers.assign(keepa_referral_price=numbers(offers, "price_minor") / 100)
        day = tables.on(on)
        costs = cost_offers(observed, seller, day)
        evaluation = evaluate_costs(costs, costs, SellerCosts(seller, day, rates), routes=routes)
        return cls(evaluation, observed, tables, rates, on)

    def margins(self, rows: tuple[Ints, Ints], *, lead_days: float) -> RouteMargins:
        """What some of the routes leave; ``rows`` are their routes and products, as of ``Evaluation.rows``."""
        evaluation = self.evaluation
        profit, invested = evaluation.profit[rows], evaluation.invested[rows]
        by_price = [profit if ratio == 1 else self._at_price(ratio)[rows] for ratio in PRICE_RATIOS]
        later = [self._later(held, lead_days)[rows] - profit for held in _LATER_DAYS]
        worst, best = (found[rows] for found in profit_range(evaluation, self.offers))
        home = evaluation.seller.profile.currency
        foreign = np.array([MARKETS[target].currency != home for _, target in evaluation.routes], bool)
        return RouteMargins(
            _nearest_known(np.column_stack(by_price)), _LATER_DAYS, np.nan_to_num(np.column_stack(later)),
            np.where(np.isnan(worst), profit, worst), np.where(np.isnan(best), profit, best),
            invested, invested + self._input_vat(rows), foreign[rows[0]],
        )  # fmt: skip

    def sell_prices(self, rows: tuple[Ints, Ints]) -> Floats:
        """Today's selling prices of some of the routes, major units of the target's currency."""
        targets = np.array([MARKET_CODES.index(target) for _, target in self.evaluation.routes], np.int64)
        return self.evaluation.selling.sell_price[targets[rows[0]], rows[1]]

    def _at_price(self, ratio: float) -> Floats:
        """The profit of all routes with selling prices times a ratio."""
        moved = self.offers.assign(**{name: numbers(self.offers, name) * ratio for name in _SELLING_PRICES})
        seller = self.evaluation.seller
        costs = cost_offers(moved, seller.profile, seller.day)
        return self.evaluation.profit_of(costs, np.arange(len(costs.asins)))

    def _later(self, held: float, lead_days: float) -> Floats:
        """The profit of all routes where the unit is sold some days from today: storage since it came in, season."""
        day = self.tables.on(self.on + timedelta(days=int(held)))
        stored = {"expected_days": max(0.0, held - lead_days)}
        seller = SellerCosts(
            self.evaluation.seller.profile.model_copy(update=stored), day, _RatesOf(self.rates, self.on)
        )
        costs = cost_offers(self.offers, seller.profile, day)
        return evaluate_costs(self.evaluation.buying, costs, seller, routes=self.evaluation.routes).profit

    def _input_vat(self, rows: tuple[Ints, Ints]) -> Floats:
        """The VAT in the purchase price that is paid now and recovered later."""
        evaluation, found = self.evaluation, np.empty(len(rows[0]))
        for number in np.unique(rows[0]):
            of_route = rows[0] == number
            source, target = evaluation.routes[number]
            methods = evaluation.method_index[rows][of_route]
            for index in np.unique(methods):
                stock = evaluation.seller.profile.stock_country(evaluation.methods[index], source, target)
                lost = evaluation.seller.loses_input_vat(source, stock)
                side = evaluation.seller.buy(evaluation.buying, source, vat_lost=lost)
                chosen = np.flatnonzero(of_route)[methods == index]
                found[chosen] = side.components["input_vat"][rows[1][chosen]]
        return found


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
    today = int(np.searchsorted(PRICE_RATIOS, 1.0))
    known = profit.copy()
    for column in range(today + 1, known.shape[1]):
        known[:, column] = np.where(np.isnan(known[:, column]), known[:, column - 1], known[:, column])
    for column in range(today - 1, -1, -1):
        known[:, column] = np.where(np.isnan(known[:, column]), known[:, column + 1], known[:, column])
    return known
