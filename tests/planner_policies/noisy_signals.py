"""Crawling with noisy change signals: Busa-Fekete, Zimmert, György, Qiu, Sung, Shen, Choi, Subramaniam, Xiao, WWW 2025.

An item changes at rate Δ; a change is signalled with probability λ, and false signals come at rate ν. With α = (1−λ)Δ
for the changes without a signal, an item not looked at for τ with n signals is fresh with probability e^(−ατ)·(ν/γ)^n,
where γ = λΔ + ν: a signal is worth β = −ln(ν/γ)/α of waiting. The best policy looks at what has the largest crawl value
of its effective time ι = τ + βn: V(ι) = μ·(w(ι) − e^(−αι)·ψ(ι)), where a cycle up to ι lasts ψ, of which w is fresh.
"""

from __future__ import annotations

import numpy as np

from tests.planner_market.deals import Deals
from tests.planner_market.market import MARKETS, Facts
from tests.planner_market.paths import Floats, Ints
from tests.planner_market.service import CHEAP, FULL, AskDeals, Call
from tests.planner_policies.batches import best_batch
from tests.planner_policies.importance import Told

_LONG_AGO = -24.0 * 365
"""When what was never looked at counts as looked at, in hours."""
_TERMS = 4
"""Signals that are counted: more than these before a look are as good as these."""


def crawl_value(effective: Floats, change: Floats, importance: Floats, recall: Floats, false_rate: Floats) -> Floats:
    """V(ι) of each item; without signals (recall and false rate 0) it is μ/Δ·(1 − e^(−Δι)(1 + Δι))."""
    missed = (1 - recall) * change
    signals = recall * change + false_rate
    worth = worth_of_signal(change, recall, false_rate)
    fresh, cycle = np.zeros(len(change)), np.zeros(len(change))
    for number in range(_TERMS):
        left = np.maximum(0.0, effective - number * worth) if number else effective
        fresh += (
            _power(false_rate, number)
            / _power(change + false_rate, number + 1)
            * _rest(number, (change + false_rate) * left)
        )
        cycle += np.where(signals > 0, _rest(number, signals * left) / np.where(signals > 0, signals, 1.0), 0.0)
        if not signals.any():
            cycle = effective.copy()
            break
    cycle = np.where(signals > 0, cycle, effective)
    return np.asarray(importance * (fresh - np.exp(-missed * effective) * cycle))


def worth_of_signal(change: Floats, recall: Floats, false_rate: Floats) -> Floats:
    """β: the waiting that one signal is worth; infinite where no signal is false."""
    missed, signals = (1 - recall) * change, recall * change + false_rate
    with np.errstate(divide="ignore", invalid="ignore"):
        found = -np.log(false_rate / signals) / missed
    return np.where(signals > 0, found, np.inf)


def _power(base: Floats, exponent: int) -> Floats:
    return np.where(base > 0, base, 1e-300 if exponent else 1.0) ** exponent if exponent else np.ones(len(base))


def _rest(number: int, x: Floats) -> Floats:
    """1 − e^(−x)·Σ x^j/j! for j up to ``number``."""
    total = np.ones(len(x))
    for j in range(number, 0, -1):
        total = 1 + total * x / j
    return np.asarray(1 - np.exp(-x) * total)


class NoisySignals:
    """Looks at the offers of the largest crawl value, and reads every page of deals as soon as it is new."""

    def __init__(self, told: Told, places: Ints, *, full: bool, feed: Deals | None) -> None:
        """``places`` are the pages of deals as (marketplace, category); ``feed`` None: no signals are read.

        It is told the true recall of the feed and its true rate of false signals.
        """
        self._full, self._cost = full, FULL if full else CHEAP
        self._change = np.where(told.importance > 0, told.full_rate if full else told.rate, 0.0)
        self._importance = told.importance
        # A move of the gap of the buy box is never signalled.
        share = np.divide(told.rate, self._change, out=np.zeros(len(self._change)), where=self._change > 0)
        self._recall = np.minimum(0.99, share * (feed.recall if feed else 0.0))
        self._false = np.full(len(self._change), feed.false_rate if feed else 0.0)
        self._worth = np.minimum(
            worth_of_signal(np.maximum(self._change, 1e-12), self._recall, np.maximum(self._false, 1e-15)), 1e5
        )
        self._places, self._page_hours = places, feed.page_hours if feed else None
        self._read_at = np.full(len(places), -np.inf)
        self._last: Floats = np.zeros(0)
        self._heard: Floats = np.zeros(0)

    def start(self, facts: Facts, looked_at: Floats) -> None:
        self._last = np.maximum(looked_at, _LONG_AGO)
        self._heard = np.zeros(len(looked_at))

    def next(self, now: float, tokens: float) -> Call | None:
        if self._page_hours:
            oldest = int(np.argmin(self._read_at))
            if now - self._read_at[oldest] >= self._page_hours:
                self._read_at[oldest] = now
                market, category = self._places[oldest].tolist()
                return AskDeals(market, category)
        effective = now - self._last + self._heard * self._worth
        value = np.zeros(len(self._change))
        some = np.flatnonzero(self._change > 0)
        value[some] = crawl_value(
            effective[some], self._change[some], self._importance[some], self._recall[some], self._false[some]
        )
        return best_batch(value, max(1, int(tokens) // self._cost), full=self._full)

    def see(self, facts: Facts, now: float) -> None:
        self._last[facts.offers] = now
        self._heard[facts.offers] = 0

    def hear(self, offers: Ints, since: Floats, now: float, reach_hours: float) -> None:
        self._heard[offers[since > self._last[offers]]] += 1


def pages_of(category: Ints) -> Ints:
    """All (marketplace, category) of a list."""
    return np.array([(market, one) for one in np.unique(category) for market in range(MARKETS)])
