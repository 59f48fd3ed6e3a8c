"""Scores of forecasts by what came: each product counts once, with an interval by bootstrap over products. Pure."""

from __future__ import annotations

import numpy as np

from arbkit.core.results import Result
from arbkit.profit.fees.arrays import Floats, Ints, Mask

LEVELS = (0.1, 0.5, 0.9)
"""The quantiles that are scored."""
DRAWS = 2_000
_EDGES_PCT = (2.5, 97.5)
_SAME = 1e-9


class Interval(Result):
    """A figure with its 95 % interval by bootstrap over products; None where nothing was scored."""

    value: float | None
    low: float | None
    high: float | None


def pinball(outcomes: Floats, quantiles: Floats) -> Floats:
    """The mean pinball loss of quantiles (n, 3) at 10, 50 and 90 % for each outcome (n), in the unit of these."""
    missed = outcomes[:, None] - quantiles
    levels = np.array(LEVELS)
    loss: Floats = np.where(missed >= 0, levels * missed, (levels - 1) * missed).mean(1)
    return loss


def is_covered(outcomes: Floats, quantiles: Floats) -> Mask:
    """Whether each outcome is within its band of 10 to 90 %, edges included."""
    inside: Mask = (outcomes >= quantiles[:, 0] - _SAME) & (outcomes <= quantiles[:, 2] + _SAME)
    return inside


def above_median(outcomes: Floats, quantiles: Floats) -> Floats:
    """1 for each outcome above its median, 0 below, a half for one that is equal."""
    missed = outcomes - quantiles[:, 1]
    return np.where(np.abs(missed) <= _SAME, 0.5, missed > 0)


class ProductMeans:
    """Means over origins of one listing, then over listings, with intervals by drawing products anew.

    The same products are drawn for every figure, so that figures can be compared.
    """

    def __init__(self, listings: Ints, products: Ints, *, seed: int) -> None:
        self._listings = np.unique(listings, return_inverse=True)[1]
        names, self._products = np.unique(products, return_inverse=True)
        self.products = len(names)
        draws = np.random.default_rng(seed).multinomial(self.products, np.full(self.products, 1 / self.products), DRAWS)
        self._draws = draws.astype(np.float32)

    def mean(self, values: Floats | Mask, where: Mask | None = None) -> Interval:
        """The mean of a value per origin, over those ``where`` it applies."""
        return self.ratio(values, None, where)

    def ratio(self, values: Floats | Mask, other: Floats | None, where: Mask | None = None) -> Interval:
        """The mean of one value over the mean of another; ``other`` None: 1 everywhere."""
        top = self._sums(np.asarray(values, float), where)
        bottom = self._sums(np.ones(len(values)) if other is None else other, where)
        if not bottom.sum():
            return Interval(value=None, low=None, high=None)
        totals = self._draws @ bottom
        drawn = (self._draws @ top)[totals > 0] / totals[totals > 0]
        low, high = np.percentile(drawn, _EDGES_PCT)
        return Interval(value=_rounded(top.sum() / bottom.sum()), low=_rounded(low), high=_rounded(high))

    def _sums(self, values: Floats, where: Mask | None) -> Floats:
        """By product: the sum of its listings' means."""
        kept = np.ones(len(values), bool) if where is None else where
        counts = np.bincount(self._listings[kept])[self._listings[kept]]
        sums = np.zeros(self.products)
        np.add.at(sums, self._products[kept], values[kept] / counts)
        return sums


def _rounded(value: float) -> float:
    return round(float(value), 5)


def pit(below: Floats, at_most: Floats, *, seed: int) -> Floats:
    """Where each outcome lies in its forecast, 0 to 1: uniform where forecasts are right.

    ``below`` and ``at_most`` are the forecast chances of less than the outcome, and of at most it; between them it is
    drawn with ``seed``, for an unchanged price is likely in itself.
    """
    drawn = np.random.default_rng(seed).random(len(below))
    # Chances that add up to one may come to a little more than that.
    return np.clip(below + drawn * (at_most - below), 0.0, 1.0)
