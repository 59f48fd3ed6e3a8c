"""Units a day that a listing sells, from its rank, the falls of its rank and Amazon's badge: a Gamma distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arbkit.analysis.forecast.sales.parameters import CURVES, SALES_PARAMETERS, SalesParameters
from arbkit.profit.fees.arrays import Floats, Ints, Mask

_GRID = np.exp(np.linspace(np.log(1e-5), np.log(2e3), 192))
"""Rates at which a posterior is computed: steps of 10 %."""
_SOFT_BOUND = 6
"""Power with which rates below one unit a drop become improbable."""
_CHUNK = 4_096
"""Offers at a time: what is computed for them stays in the processor's cache and below 30 MB."""


@dataclass(frozen=True, slots=True)
class SalesEvidence:
    """What is seen of the sales of n offers, each an array of n; NaN unknown.

    ``rank`` is a mean of 90 days where ``is_average``. ``curve`` indexes
    :data:`~arbkit.analysis.forecast.sales.parameters.CURVES`. ``drops`` were counted on ``looks`` looks at the rank in
    ``days`` days on which somebody watched. ``badge`` is "bought in past month", at least.
    """

    rank: Floats
    is_average: Mask
    curve: Ints
    other_market: Mask
    drops: Floats
    days: Floats
    looks: Floats
    badge: Floats

    def rows(self, rows: slice) -> SalesEvidence:
        """That of some of the offers."""
        return SalesEvidence(**{name: getattr(self, name)[rows] for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class SalesRate:
    """Gamma distributions of units a day: ``mean`` and ``shape`` by offer, NaN where nothing is known."""

    mean: Floats
    shape: Floats


def estimate_rate(evidence: SalesEvidence, parameters: SalesParameters = SALES_PARAMETERS) -> SalesRate:
    """The rates now: the curve of the category as prior, and what was counted and shown.

    A rank drop is one sale or more. Between two looks there is one drop at most, so that n looks with d drops say how
    often nothing was sold. Where about one unit or more is sold between looks, ranks hardly move, and the count says no
    more than that.
    """
    count = len(evidence.rank)
    mean, shape = np.full(count, np.nan), np.full(count, np.nan)
    for start in range(0, count, _CHUNK):
        rows = slice(start, start + _CHUNK)
        mean[rows], shape[rows] = _posterior(evidence.rows(rows), parameters)
    return SalesRate(mean, shape)


def prior_rate(evidence: SalesEvidence, parameters: SalesParameters = SALES_PARAMETERS) -> SalesRate:
    """The rates by the curve alone; without a rank, those of products of any rank."""
    curves = [parameters.curves[name] for name in CURVES]
    columns = np.array([(c.intercept, c.slope, c.knee_rank, c.top_slope, c.shape, c.current_shape) for c in curves])
    intercept, slope, knee, top, shape, current = columns[evidence.curve].T
    log_rank = np.log(evidence.rank)
    beyond = np.maximum(0, np.log(knee) - log_rank)
    mean = np.exp(intercept - slope * (log_rank + beyond) + top * beyond)
    shape = np.where(evidence.is_average, shape, current)
    shape = np.where(evidence.other_market, shape * parameters.drift.other_market_shape, shape)
    unranked = np.isnan(evidence.rank)
    mean = np.where(unranked, parameters.without_rank.mean, mean)
    return SalesRate(mean, np.where(unranked, parameters.without_rank.shape, shape))


def rate_quantile(rate: SalesRate, level: float) -> Floats:
    """Units a day that the rate is below with probability ``level``, by offer, to about 5 %; NaN where unknown."""
    log = rate.shape[:, None] * (np.log(_GRID) - _GRID / rate.mean[:, None])
    below = np.cumsum(np.exp(log - log.max(axis=1, keepdims=True)), axis=1)
    found = _GRID[(below < level * below[:, -1:]).sum(axis=1).clip(max=len(_GRID) - 1)]
    return np.where(np.isnan(rate.mean), np.nan, found)


def _posterior(evidence: SalesEvidence, parameters: SalesParameters) -> tuple[Floats, Floats]:
    prior = prior_rate(evidence, parameters)
    log = prior.shape[:, None] * (np.log(_GRID) - _GRID / prior.mean[:, None])
    counted = ~np.isnan(evidence.drops) & (evidence.days > 0) & (evidence.looks > 0)
    log[counted] += _of_drops(evidence.drops[counted], evidence.days[counted], evidence.looks[counted])
    shown = ~np.isnan(evidence.badge)
    log[shown] += _of_badge(evidence.badge[shown], parameters)
    weights = np.exp(log - log.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    mean = weights @ _GRID
    # The same mean and mean logarithm (Minka's approximation): the same variance would put too much near zero where the
    # upper end is long.
    excess = np.maximum(np.log(mean) - weights @ np.log(_GRID), 1e-6)
    shape = (3 - excess + np.sqrt((excess - 3) ** 2 + 24 * excess)) / (12 * excess)
    known = counted | shown | ~np.isnan(evidence.rank)
    return np.where(known, mean, np.nan), np.where(known, shape, np.nan)


def _of_drops(drops: Floats, days: Floats, looks: Floats) -> Floats:
    """Log likelihood of the drops at each rate of the grid."""
    looks = np.maximum(looks, drops)[:, None]
    drops = drops[:, None]
    between = _GRID * (days[:, None] / looks)
    choices = _log_factorial(looks) - _log_factorial(drops) - _log_factorial(looks - drops)
    exact = np.exp(choices + drops * np.log(-np.expm1(-between)) - (looks - drops) * between)
    crowded = between**2 / (1 + between**2)
    # A drop is a sale at least, but for the few falls that others' ranks bring about.
    enough = 1 / (1 + (drops / (_GRID * days[:, None])) ** _SOFT_BOUND)
    return np.asarray(np.log((1 - crowded) * exact + crowded * enough / (looks + 1) + 1e-300))


def _of_badge(badge: Floats, parameters: SalesParameters) -> Floats:
    """Log likelihood of the badge: that a month's sales are between its step and the next one."""
    steps = np.array([*parameters.badge.steps, np.inf])
    following = steps[np.searchsorted(steps, badge, side="right").clip(max=len(steps) - 1)]
    # The logistic distribution of this scale is close to a normal one of that sd, and has a closed form.
    scale = parameters.badge.log_sd * np.sqrt(3) / np.pi
    month = np.log(30 * _GRID)
    least, below = np.log(np.maximum(badge, 1))[:, None], np.log(following)[:, None]
    chance = _logistic((below - month) / scale) - _logistic((least - month) / scale)
    return np.asarray(np.log(np.maximum(chance, 1e-300)))


def _logistic(values: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)))


def _log_factorial(values: Floats) -> Floats:
    """Logarithms of n! by Stirling's series, to seven digits from n = 1; exact at 0."""
    n = np.maximum(values, 0) + 1
    series = n * np.log(n) - n - 0.5 * np.log(n) + 0.5 * np.log(2 * np.pi) + 1 / (12 * n) - 1 / (360 * n**3)
    return np.asarray(np.where(values <= 0, 0.0, series))
