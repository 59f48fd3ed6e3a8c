"""Purchases in a simulated market with one budget: by the plan, by top profit and by top ROI, and what each earned.

The reseller is that of tests/profit_forecast/reseller.py, who now buys more than one unit of a product: the kth unit
goes on the day on which a newcomer has sold k units. All ways to buy have the same budget, costs and limits per
product. The rankings go down their list of what shows a profit today, at today's price, until the money is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from arbkit.analysis.forecast.profit.outlook import route_outlook
from arbkit.analysis.offers import prepare_offers
from arbkit.analysis.portfolio.candidates import Candidates
from arbkit.analysis.portfolio.forecasting import further_units, sales_of
from arbkit.analysis.portfolio.parameters import PortfolioParameters
from arbkit.analysis.portfolio.problem import Problem
from arbkit.analysis.portfolio.scenarios import in_scenarios, levels
from arbkit.analysis.portfolio.solver import solve
from arbkit.core.models import Offer
from arbkit.profit import load_rates, load_tables
from arbkit.profit.fees.arrays import Floats, Ints
from tests.profit_forecast.reseller import LEAD_DAYS, NOW, ON, PROFILE, SOLD_OFF, offers_on_sale, profits_at
from tests.simulated_market.market import FUTURE_DAYS, PAST_DAYS, SimulatedProduct

Counts = Ints
"""How many units of each product."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What can be bought in a market on one evening; arrays over its products."""

    market: Sequence[SimulatedProduct]
    offers: Sequence[Offer]
    candidates: Candidates
    spot: Floats
    """profit of one unit at today's price"""

    @classmethod
    def open(cls, market: Sequence[SimulatedProduct], seed: int, units: int) -> Shop:
        """All routes of the market; the seed draws buying prices and packages."""
        offers = offers_on_sale(market, seed)
        here = [one for one in offers if one.market == "DE"]
        wanted = [(one.asin, "IT", "DE") for one in here]
        outlook = route_outlook(offers, PROFILE, load_tables(), load_rates(), on=ON, now=NOW, wanted=wanted)
        row = {one.asin: number for number, one in enumerate(here)}
        outlook = outlook.take(np.argsort([row[asin] for asin in outlook.asin]))
        asins = outlook.asin.tolist()
        count = len(asins)
        samples, days, sold = further_units(outlook, sales_of([here[row[asin]] for asin in asins], NOW), units)
        kinds = [str(market[row[asin]].observed.category) for asin in asins]
        profits, days = in_scenarios(samples, days, levels(["DE"] * count, kinds, samples.shape[2]))
        candidates = Candidates(
            asins=asins, brands=[None] * count, sources=["IT"] * count, targets=["DE"] * count,
            cash=outlook.margins.capital, weight_kg=np.array([(here[row[a]].weight_g or 0) / 1_000 for a in asins]),
            hazmat=np.zeros(count, bool), profits=profits, days=days, sold=sold,
            unknown=[str(reason) or None for reason in outlook.unknown],
        )  # fmt: skip
        frame = prepare_offers(offers, now=NOW)
        spot = profits_at(frame, outlook.asin, np.full(count, np.nan), np.zeros(count, np.int64))
        return cls([market[row[asin]] for asin in asins], offers, candidates, spot)

    def planned(self, asked: PortfolioParameters) -> tuple[Counts, Floats]:
        """What the plan buys, and what it expects to earn in each scenario."""
        problem = Problem(self.candidates, asked)
        solution = solve(problem)
        return np.bincount(problem.route[solution.bought], minlength=len(self.spot)), problem.outcomes(solution.chosen)

    def ranked(self, score: Floats, asked: PortfolioParameters, most: int) -> Counts:
        """What is bought down a ranking: up to ``most`` units of each that shows a profit, as long as money is left."""
        bought = np.zeros(len(self.spot), np.int64)
        cash, left = self.candidates.cash, asked.budget - asked.order_cost
        weight = 0.0
        for row in np.argsort(-score, kind="stable").tolist():
            if not (self.spot[row] > 0 and cash[row] > 0):
                continue
            of_product = int(asked.product_pct / 100 * asked.budget / cash[row])
            for _ in range(min(most, of_product)):
                boxes = asked.box_cost * np.ceil((weight + self.candidates.weight_kg[row]) / asked.box_kg)
                if cash[row] > left - boxes:
                    break
                bought[row] += 1
                left -= cash[row]
                weight += self.candidates.weight_kg[row]
        return bought

    def earned(self, plans: Sequence[Counts], asked: PortfolioParameters) -> list[float]:
        """What each of these purchases left in the end, after order and boxes."""
        most = np.max(plans, axis=0)
        pairs = [(row, unit) for row in np.flatnonzero(most).tolist() for unit in range(int(most[row]))]
        profit = dict(zip(pairs, self._realised(pairs), strict=True))
        return [self._total(plan, profit, asked) for plan in plans]

    def _total(self, plan: Counts, profit: dict[tuple[int, int], float], asked: PortfolioParameters) -> float:
        if not plan.any():
            return 0.0
        units = sum(profit[row, unit] for row in np.flatnonzero(plan).tolist() for unit in range(int(plan[row])))
        boxes = np.ceil(float(plan @ self.candidates.weight_kg) / asked.box_kg)
        return float(units - asked.order_cost - boxes * asked.box_cost)

    def _realised(self, pairs: Sequence[tuple[int, int]]) -> list[float]:
        """The profit of the kth unit of a product, for pairs of row and unit (from 0)."""
        of_asin: dict[str, list[Offer]] = {}
        for offer in self.offers:
            of_asin.setdefault(offer.asin, []).append(offer)
        sales = [_sale(self.market[row], unit) for row, unit in pairs]
        # Each unit is priced as a product of its own: all of them at once.
        names = [f"X{number:09d}" for number in range(len(pairs))]
        renamed = [
            replace(offer, asin=name)
            for name, (row, _) in zip(names, pairs, strict=True)
            for offer in of_asin[self.candidates.asins[row]]
        ]
        prices, days = (np.array(column) for column in zip(*sales, strict=True))
        stored = np.maximum(0, days.astype(np.int64) - LEAD_DAYS)
        found = profits_at(prepare_offers(renamed, now=NOW), np.array(names, object), prices.astype(float), stored)
        return [float(one) for one in found]


def _sale(product: SimulatedProduct, unit: int) -> tuple[float, int]:
    """Price in minor units and day of the sale of a unit (from 0), sold off where it stays."""
    price = product.truth.price.astype(float)
    price = pd.Series(np.where(price > 0, price, np.nan)).ffill().to_numpy()[PAST_DAYS:]
    sold = np.flatnonzero(product.truth.newcomer_units[PAST_DAYS + LEAD_DAYS :].cumsum() > unit)
    if len(sold):
        day = int(sold[0]) + LEAD_DAYS
        return float(price[day]), day
    return float(SOLD_OFF * price[-1]), FUTURE_DAYS


RANKINGS: dict[str, Callable[[Shop], Floats]] = {
    "profit": lambda shop: np.nan_to_num(shop.spot, nan=-1e9),
    "ROI": lambda shop: np.nan_to_num(shop.spot / shop.candidates.cash, nan=-1e9),
}
"""What is bought by, the highest first."""
