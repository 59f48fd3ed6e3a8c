"""A simulated market for planners: what every offer costs at every hour, and what its history says at a look.

An offer is a product on a marketplace; its number is product × 5 + marketplace.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from arbkit.core.marketplaces import MARKET_CODES
from arbkit.sources.demo.prices import price_process
from tests.planner_market.parameters import load_assumed
from tests.planner_market.paths import (
    DAY,
    Floats,
    Ints,
    Points,
    PricePaths,
    fitted_event_chances,
    gap_paths,
    out_spells,
    price_paths,
)
from tests.planner_market.products import Products, draw_products
from tests.planner_market.windows import Grid, Windows, find_windows

MARKETS = len(MARKET_CODES)
PAST_DAYS = 90
_LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of the quantiles of its past prices that an offer's history says."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a look shows of offers: log prices (NaN: nobody offers it), and what the history beside it says.

    ``gap`` is how far the buy box is above NEW, NaN where it was not asked for. ``departures`` counts how often in the
    last 90 days the price left what had been known by more than the tolerance, ``gap_departures`` the same of the
    gap. ``past`` (offers, 5) are quantiles of the log prices of those days.
    """

    offers: Ints
    new: Floats
    gap: Floats
    departures: Floats
    gap_departures: Floats
    past: Floats


@dataclass(frozen=True)
class Market:
    """Everything that is true. Hours count from the beginning of the history; the week starts at :attr:`begin`."""

    products: Products
    paths: PricePaths
    gaps: Points
    gone_from: Ints
    gone_to: Ints
    days: int

    begin = PAST_DAYS * DAY

    @property
    def hours(self) -> int:
        """Hours that are simulated after the history."""
        return self.days * DAY

    @cached_property
    def level(self) -> Floats:
        """Log price level of each offer, NaN where it is not listed."""
        return np.log(self.products.level).ravel()

    @cached_property
    def new(self) -> Grid:
        """Log NEW price at each hour: (offers, hours); NaN where nobody offers it."""
        found = self.level[:, None].astype(np.float32) + self.paths.log.grid(self.begin, self.begin + self.hours)
        hour = np.arange(self.begin, self.begin + self.hours)
        for offer in np.flatnonzero((self.gone_from < hour[-1]) & (self.gone_to > hour[0])):
            found[offer, (hour >= self.gone_from[offer]) & (hour < self.gone_to[offer])] = np.nan
        return found

    @cached_property
    def gap(self) -> Grid:
        """Log buy box price above NEW at each hour: (offers, hours)."""
        return self.gaps.grid(self.begin, self.begin + self.hours)

    @cached_property
    def windows(self) -> Windows:
        """The true profit windows of the simulated days."""
        return find_windows(self.products, self.new, self.gap)

    @cached_property
    def past(self) -> Floats:
        """Quantiles of the log prices of each offer in the 90 days before, of one look a day."""
        return self._quantiles(self.begin)

    @cached_property
    def whole_past(self) -> Floats:
        """The same of all days, also those that are simulated."""
        return self._quantiles(self.begin + self.hours)

    def _quantiles(self, end: int) -> Floats:
        offers = np.arange(len(self.level))
        daily = np.stack([self.paths.log.at(offers, np.full(len(offers), hour)) for hour in range(0, end, DAY)], axis=1)
        return np.asarray(np.quantile(daily, _LEVELS, axis=1).T + self.level[:, None])

    @cached_property
    def departure_rate(self) -> Floats:
        """The true rate at which an offer's price leaves what is known, by hour."""
        events = max(1.0, self.paths.event_chance.sum() * (PAST_DAYS + self.days))
        return np.asarray(self.paths.event_chance * len(self.paths.departures.keys) / events / DAY)

    def look(self, offers: Ints, hour: int, *, full: bool) -> Facts:
        """What looks at these offers show in this hour (of the whole history)."""
        hours = np.full(len(offers), hour)
        return self.facts(offers, hours, full=full)

    def facts(self, offers: Ints, hours: Ints, *, full: bool) -> Facts:
        """The same, each offer at its own hour."""
        gone = (hours >= self.gone_from[offers]) & (hours < self.gone_to[offers])
        new = np.where(gone, np.nan, self.level[offers] + self.paths.log.at(offers, hours))
        gap = self.gaps.at(offers, hours) if full else np.full(len(offers), np.nan)
        before = np.maximum(0, hours - self.begin)
        departures = self.paths.departures.counts(offers, hours) - self.paths.departures.counts(offers, before)
        gaps = self.gaps.counts(offers, hours) - self.gaps.counts(offers, before)
        return Facts(offers, new, gap, departures.astype(float), gaps.astype(float), self.past[offers])


def make_market(seed: int, products: int, days: int = 7, *, alike: bool = False) -> Market:
    """A market of this seed; ``alike``: all products have the same level, lines and chance of an event."""
    chance = np.random.default_rng([seed, products, 20])
    drawn = draw_products(products, chance, alike=alike)
    count, hours = products * MARKETS, (PAST_DAYS + days) * DAY
    event_chance = fitted_event_chances(count, chance)
    if alike:
        event_chance[:] = np.mean(price_process().event_chance)
    paths = price_paths(event_chance, hours, chance)
    gaps = gap_paths(count, hours, chance)
    begin, end = out_spells(count, hours, chance)
    return Market(drawn, paths, gaps, begin, end, days)


def least_profit() -> float:
    """What a route must leave to be a window."""
    return load_assumed().least_profit
