"""arbkit's planner as a policy of the simulated market: it knows only what its looks have shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from arbkit.pipeline.planning.book import Seen
from arbkit.pipeline.planning.deals import PlannedPage
from arbkit.pipeline.planning.parameters import PlanningParameters
from arbkit.pipeline.planning.planner import Parts, Planner
from tests.planner_market.market import MARKETS, PAST_DAYS, Facts, Market
from tests.planner_market.parameters import load_assumed
from tests.planner_market.paths import DAY, Floats, Ints
from tests.planner_market.products import SOURCE, TARGET, Products
from tests.planner_market.service import AskDeals, Call, Look

_HOUR_S = 3_600.0


class MarketProfits:
    """The lines of the market's routes: what a service would hand in from the profit model."""

    source, target = SOURCE, TARGET

    def __init__(self, products: Products) -> None:
        self._products = products

    def __call__(self, products: Ints, routes: Ints, buy: Floats, sell: Floats) -> Floats:
        return self._products.profit(products, routes, np.exp(buy), np.exp(sell))


class ArbkitPlanner:
    """The planner, asked as a producer would ask it."""

    def __init__(
        self,
        products: Products,
        *,
        parts: Parts | None = None,
        parameters: PlanningParameters | None = None,
        rates: tuple[Floats, Floats] | None = None,
        tokens_a_minute: float = 0.0,
    ) -> None:
        self.planner = Planner(
            len(products.level),
            MARKETS,
            MarketProfits(products),
            parts=parts,
            parameters=parameters,
            categories=products.category,
            rates=rates,
        )
        self.planner.refills(tokens_a_minute)
        self._page: PlannedPage | None = None

    def start(self, facts: Facts, looked_at: Floats) -> None:
        if not np.isneginf(looked_at).all():
            self.planner.book.take(seen_of(facts, looked_at * _HOUR_S))
        self.planner.learn_all()

    def next(self, now: float, tokens: float) -> Call | None:
        found = self.planner.next_call(now * _HOUR_S, tokens)
        if isinstance(found, PlannedPage):
            self._page = found
            return AskDeals(found.market, found.category)
        return None if found is None else Look(found.offers, found.full)

    def see(self, facts: Facts, now: float) -> None:
        self.planner.take(seen_of(facts, np.full(len(facts.offers), now * _HOUR_S)))

    def hear(self, offers: Ints, since: Floats, now: float, reach_hours: float) -> None:
        assert self._page is not None
        self.planner.hear(self._page, offers, now * _HOUR_S, reach_hours, since * _HOUR_S)


class TrueRates(ArbkitPlanner):
    """The same planner, given the true rates of moves and the true distribution of each price, but no event."""

    def __init__(self, market: Market, tokens_a_minute: float = 0.0) -> None:
        """``market`` is the truth."""
        rate = np.where(np.isnan(market.level), 0.0, market.departure_rate * DAY)
        gap_rate = np.full(len(rate), load_assumed().gap_changes_a_day)
        super().__init__(market.products, rates=(np.maximum(rate, 1e-6), gap_rate), tokens_a_minute=tokens_a_minute)
        self._past = market.whole_past

    def start(self, facts: Facts, looked_at: Floats) -> None:
        super().start(replace(facts, past=self._past), looked_at)

    def see(self, facts: Facts, now: float) -> None:
        super().see(replace(facts, past=self._past[facts.offers]), now)


def seen_of(facts: Facts, at: Floats) -> Seen:
    """What a look has shown, as the planner takes it."""
    days = np.full(len(facts.offers), float(PAST_DAYS))
    return Seen(facts.offers, at, facts.new, facts.gap, facts.departures, facts.gap_departures, days, facts.past)
