"""A planner that sees the true prices and windows, and pays the same tokens: what no planner can beat by far.

It looks where the most money a token waits: a route that pays, and of which it holds a wrong price, is worth what is
left of its window until a price of it changes again.
"""

from __future__ import annotations

import numpy as np

from tests.planner_market.market import MARKETS, Facts, Market
from tests.planner_market.parameters import load_assumed
from tests.planner_market.paths import Floats, Ints
from tests.planner_market.products import SOURCE, TARGET
from tests.planner_market.service import CHEAP, FULL, Look
from tests.planner_market.windows import Grid
from tests.planner_policies.batches import best_batch

_SURELY = 4
"""A move of this part of the tolerance ends what a look is counted for: several such may leave it."""


class AllKnowing:
    """Greedy by the true gain a token of each offer."""

    def __init__(self, market: Market) -> None:
        """``market`` is the truth."""
        self._market = market
        self._tolerance = float(np.log1p(load_assumed().tolerance))
        self._until = _hold_until(market, self._tolerance)
        self._new: Floats = np.zeros(0)
        self._gap: Floats = np.zeros(0)

    def start(self, facts: Facts, looked_at: Floats) -> None:
        self._new, self._gap = facts.new.copy(), facts.gap.copy()

    def next(self, now: float, tokens: float) -> Look | None:
        cheap, full = self._values(int(now + 1e-9))
        asked = [
            (best_batch(cheap / CHEAP, max(1, int(tokens) // CHEAP), full=False), cheap),
            (best_batch(full / FULL, max(1, int(tokens) // FULL), full=True), full),
        ]
        rated = [(float(value[look.offers].sum()), look) for look, value in asked if look]
        return max(rated, key=lambda one: one[0])[1] if rated else None

    def see(self, facts: Facts, now: float) -> None:
        self._new[facts.offers] = facts.new
        asked = ~np.isnan(facts.gap)
        self._gap[facts.offers[asked]] = facts.gap[asked]

    def hear(self, offers: Ints, since: Floats, now: float, reach_hours: float) -> None:
        pass

    def _values(self, hour: int) -> tuple[Floats, Floats]:
        """The gain of a look without and with the buy box; 0 where it would show nothing new."""
        market = self._market
        part = market.windows.of_hour(hour)
        product, route = market.windows.product[part], market.windows.route[part]
        source, target = MARKETS * product + SOURCE[route], MARKETS * product + TARGET[route]
        new, gap = market.new[:, hour], market.gap[:, hour]
        buy_wrong = ~(np.abs(self._new[source] - new[source]) <= self._tolerance)
        sell_wrong = ~(np.abs(self._new[target] + self._gap[target] - new[target] - gap[target]) <= self._tolerance)
        by_cheap = np.abs(self._gap[target] - gap[target]) <= self._tolerance
        tokens = buy_wrong * CHEAP + sell_wrong * np.where(by_cheap, CHEAP, FULL)
        hold = np.minimum(self._until[source, hour], self._until[target, hour])
        worth = market.windows.worth[part]
        gain = np.where(tokens > 0, worth * hold, 0.0)
        share = gain / np.maximum(tokens, 1)
        cheap, full = np.zeros(len(new)), np.zeros(len(new))
        np.add.at(cheap, source[buy_wrong], (share * CHEAP)[buy_wrong])
        np.add.at(cheap, target[sell_wrong & by_cheap], (share * CHEAP)[sell_wrong & by_cheap])
        np.add.at(full, target[sell_wrong & ~by_cheap], (share * FULL)[sell_wrong & ~by_cheap])
        return cheap, full


def _hold_until(market: Market, tolerance: float) -> Grid:
    """For how many hours the price of each offer and hour stays within the tolerance, or the days end."""
    hours = market.hours
    sell = market.new + market.gap
    found = np.ones((len(sell), hours), np.float32)
    for hour in range(hours - 2, -1, -1):
        same = (np.abs(sell[:, hour + 1] - sell[:, hour]) <= tolerance / _SURELY) & (
            np.abs(market.new[:, hour + 1] - market.new[:, hour]) <= tolerance / _SURELY
        )
        found[:, hour] = np.where(same, found[:, hour + 1] + 1, 1)
    return found
