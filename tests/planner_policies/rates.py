"""The crawl rates of published policies, as closed forms with one multiplier for the budget.

Azar, Horvitz, Lubetzky, Peres, Shahaf, "Tractable near-optimal policies for crawling", PNAS 115(32), 2018: an item that
changes at rate Δ and is refreshed at random at rate ξ is fresh ξ/(ξ+Δ) of the time; the importance-weighted sum is
largest at ξ = max(0, √(μΔ/λ) − Δ).

Kolobov, Peres, Lu, Horvitz, "Staying up to date with online content changes", NeurIPS 2019 (LambdaCrawl): the penalty
of n missed changes is the harmonic number of n, whose mean is −ln(ρ/(ρ+Δ)); the sum is least at
ρ = (√(Δ² + 4μΔ/λ) − Δ)/2, so that every item is crawled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.planner_market.paths import Floats

_ROUNDS = 200
Rates = Callable[[Floats, Floats, float], Floats]
"""Importance, rate of change, budget → rates of looks that add up to the budget."""


def azar_rates(importance: Floats, change: Floats, budget: float) -> Floats:
    """The optimal randomised policy; what is not worth its look is never looked at."""
    return _within(lambda multiplier: np.maximum(0.0, np.sqrt(importance * change / multiplier) - change), budget)


def lambda_crawl_rates(importance: Floats, change: Floats, budget: float) -> Floats:
    """LambdaCrawl where changes are seen only by looking."""
    return _within(lambda multiplier: (np.sqrt(change**2 + 4 * importance * change / multiplier) - change) / 2, budget)


def freshness(importance: Floats, change: Floats, rates: Floats) -> float:
    """The share of importance that is fresh when looks come at random at these rates."""
    known = (rates > 0) | (change == 0)
    share = np.where(known, rates / np.where(rates + change > 0, rates + change, 1.0), 0.0)
    return float((importance * np.where(change == 0, 1.0, share)).sum() / importance.sum())


def regular_freshness(importance: Floats, change: Floats, rates: Floats) -> float:
    """The same when looks come at equal distances: rate / change × (1 − e^(−change / rate))."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(rates > 0, rates / change * -np.expm1(-change / rates), 0.0)
    return float((importance * np.where(change == 0, 1.0, share)).sum() / importance.sum())


def regular_rates(importance: Floats, change: Floats, budget: float) -> Floats:
    """The best rates where looks come at equal distances: each has the same value of one more look (by bisection)."""

    def rates(multiplier: float) -> Floats:
        wanted = multiplier * change / np.where(importance > 0, importance, np.inf)
        low, high = np.zeros(len(change)), np.full(len(change), 80.0)
        for _ in range(60):
            middle = (low + high) / 2
            # The value of one more look, 1 − e^(−x)(1 + x) at x = change / rate, grows with x.
            less = -np.expm1(-middle) - middle * np.exp(-middle) < wanted
            low, high = np.where(less, middle, low), np.where(less, high, middle)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where((wanted < 1) & (importance > 0) & (change > 0), change / high, 0.0)

    return _within(rates, budget)


def _within(rates: Callable[[float], Floats], budget: float) -> Floats:
    """The rates of the multiplier at which they add up to the budget."""
    low, high = 1e-18, 1e18
    for _ in range(_ROUNDS):
        middle = float(np.sqrt(low * high))
        if rates(middle).sum() > budget:
            low = middle
        else:
            high = middle
    return rates(high)
