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
        OWN: np.nanquantile(relative, LEVELS, axis=1).T,
    }
