"""Five simple forecasts of a price, which a better one has to beat. Pure."""

from __future__ import annotations

import numpy as np

from arbkit.analysis.backtest.scores import LEVELS
from arbkit.profit.fees.arrays import Floats

LAST, MEAN, ROBUST, OWN, POOLED = "last price", "90-day mean", "min(last, mean)", "own quantiles", "pooled returns"
BASELINES = (LAST, MEAN, ROBUST, OWN, POOLED)
"""Their names."""


def own_baselines(daily: Floats) -> dict[str, Floats]:
    """Quantiles (n, 3) at 10, 50, 90 % relative to today's price, from the daily prices (n, 91) of each listing alone.

    A single price has no width: its three quantiles are the same. Every row needs today's price, its last.
    """
    relative = daily / daily[:, -1:]
    mean = np.nanmean(relative, axis=1)

    def point(values: Floats) -> Floats:
        return np.repeat(values[:, None], len(LEVELS), axis=1)

    return {
        LAST: point(np.ones(len(daily))),
        MEAN: point(mean),
        ROBUST: point(np.minimum(1.0, mean)),
        OWN: _known_quantiles(relative),
    }


def _known_quantiles(values: Floats) -> Floats:
    """The quantiles (n, 3) of each row's values that are no NaN, as ``numpy.nanquantile`` has them, but at once."""
    ordered = np.sort(values, axis=1)
    position = np.array(LEVELS) * ((~np.isnan(values)).sum(1)[:, None] - 1)
    lower = np.floor(position).astype(np.int64)
    before = np.take_along_axis(ordered, lower, axis=1)
    after = np.take_along_axis(ordered, np.ceil(position).astype(np.int64), axis=1)
    found: Floats = before + (position - lower) * (after - before)
    return found
