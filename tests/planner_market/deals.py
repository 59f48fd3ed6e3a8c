"""The deals feed of the simulated market: it shows large falls, late and not all of them, and some that were none."""

from __future__ import annotations

import numpy as np

from tests.planner_market.market import MARKETS, Market
from tests.planner_market.parameters import load_assumed
from tests.planner_market.paths import DAY, Ints


class Deals:
    """Entries by (marketplace, category), in the order of their hours.

    ``recall`` is the share of all departures that it shows, ``false_rate`` what it shows of each offer that did not
    change, an hour.
    """

    def __init__(self, market: Market, seed: int) -> None:
        """All that the feed will ever show."""
        known = load_assumed()
        chance = np.random.default_rng([seed, 8])
        offers, hours = _falls(market)
        shown = chance.random(len(offers)) < known.shown_share
        offers, hours = offers[shown], hours[shown]
        false = int(len(offers) * known.false_share / (1 - known.false_share))
        listed = np.flatnonzero(~np.isnan(market.level))
        departures = len(market.paths.departures.keys)
        self.recall = len(offers) / max(1, departures)
        self.false_rate = false / max(1, len(listed)) / (market.begin + market.hours)
        offers = np.append(offers, chance.choice(listed, false))
        hours = np.append(hours, chance.integers(0, market.begin + market.hours, false))
        order = np.argsort(hours, kind="stable")
        self._offers, self._hours = offers[order], hours[order]
        self._place = MARKETS * market.products.category[self._offers // MARKETS] + self._offers % MARKETS
        self.page_hours = page_hours(market)

    def read(self, market: int, category: int, hour: int) -> tuple[Ints, Ints]:
        """The offers of the list on the newest page, of as long ago as a page reaches, and the hours of their falls."""
        part = slice(*np.searchsorted(self._hours, [hour - self.page_hours, hour + 1]))
        here = self._place[part] == MARKETS * category + market
        offers, first = np.unique(self._offers[part][here][::-1], return_index=True)
        return offers, self._hours[part][here][::-1][first]


def page_hours(market: Market) -> float:
    """How far back a page reaches, for the listings of others fall as often as those of the list."""
    known = load_assumed()
    offers, _ = _falls(market)
    a_day = len(offers) / len(market.level) / ((market.begin + market.hours) / DAY)
    entries = known.strangers * a_day * known.shown_share / DAY
    return min(known.deals_hours, known.deals_page / entries) if entries else known.deals_hours


def _falls(market: Market) -> tuple[Ints, Ints]:
    """Offers and hours of falls that the feed may show."""
    log = market.paths.log
    owner, hour = log.owners_hours()
    before = np.append(0.0, log.values[:-1])
    first = np.append(True, owner[1:] != owner[:-1])[: len(owner)]
    before[first] = log.first[owner[first]]
    fell = (log.values - before < -load_assumed().shown_fall) & ~np.isnan(market.level[owner])
    return owner[fell], hour[fell]
