"""The list in its order, again and again: blocks of one request, each block on all marketplaces."""

from __future__ import annotations

import numpy as np

from tests.planner_market.market import MARKETS, Facts
from tests.planner_market.paths import Floats, Ints
from tests.planner_market.service import BATCH, CHEAP, FULL, Look


class RoundRobin:
    """Walks the list from the offer on that was looked at longest ago."""

    def __init__(self, *, full: bool) -> None:
        """``full``: with the buy box."""
        self._full = full
        self._order: Ints = np.zeros(0, np.int64)
        self._ends: Ints = np.zeros(0, np.int64)
        self._at = 0

    def start(self, facts: Facts, looked_at: Floats) -> None:
        products = len(facts.offers) // MARKETS
        blocks = [
            np.arange(first, min(first + BATCH, products)) * MARKETS + market
            for first in range(0, products, BATCH)
            for market in range(MARKETS)
        ]
        self._order = np.concatenate(blocks)
        self._ends = np.repeat(np.cumsum([len(one) for one in blocks]), [len(one) for one in blocks])

    def next(self, now: float, tokens: float) -> Look:
        most = max(1, int(tokens) // (FULL if self._full else CHEAP))
        end = min(self._at + min(BATCH, most), int(self._ends[self._at]))
        found = Look(self._order[self._at : end], self._full)
        self._at = end % len(self._order)
        return found

    def see(self, facts: Facts, now: float) -> None:
        pass

    def hear(self, offers: Ints, since: Floats, now: float, reach_hours: float) -> None:
        pass
