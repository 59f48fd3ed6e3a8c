"""Policies with a rate of looks for each offer, made a schedule of equal distances: what is due most is asked next."""

from __future__ import annotations

import numpy as np

from tests.planner_market.market import Facts
from tests.planner_market.paths import Floats, Ints
from tests.planner_market.service import CHEAP, FULL, Look
from tests.planner_policies.batches import best_batch
from tests.planner_policies.importance import Told
from tests.planner_policies.rates import Rates

_MINUTES = 60
_LONG_AGO = -24.0 * 365
"""When what was never looked at counts as looked at, in hours."""


class ByRate:
    """Looks at each offer at its rate: the paper's deterministic schedule, in batches of one marketplace."""

    def __init__(self, rates: Rates, told: Told, tokens_a_minute: float, *, full: bool) -> None:
        """``full``: every look is with the buy box."""
        self._full = full
        self._cost = FULL if full else CHEAP
        change = told.full_rate if full else told.rate
        self._rates = rates(told.importance, change, tokens_a_minute * _MINUTES / self._cost)
        self._last: Floats = np.zeros(0)

    def start(self, facts: Facts, looked_at: Floats) -> None:
        self._last = np.maximum(looked_at, _LONG_AGO)

    def next(self, now: float, tokens: float) -> Look | None:
        due = self._rates * (now - self._last)
        return best_batch(due, max(1, int(tokens) // self._cost), full=self._full)

    def see(self, facts: Facts, now: float) -> None:
        self._last[facts.offers] = now

    def hear(self, offers: Ints, since: Floats, now: float, reach_hours: float) -> None:
        pass
