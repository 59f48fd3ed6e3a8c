"""Of values of single looks the best batch: the offers of one marketplace that are worth most together."""

from __future__ import annotations

import numpy as np

from tests.planner_market.market import MARKETS
from tests.planner_market.paths import Floats
from tests.planner_market.service import BATCH, Look


def best_batch(value: Floats, most: int, *, full: bool) -> Look | None:
    """At most ``most`` offers of one marketplace; None where nothing is worth a look."""
    count = min(most, BATCH, len(value) // MARKETS)
    by_market = value.reshape(-1, MARKETS).T
    place = np.argpartition(by_market, -count, axis=1)[:, -count:]
    sums = np.take_along_axis(by_market, place, axis=1).sum(axis=1)
    market = int(np.argmax(sums))
    chosen = place[market][by_market[market, place[market]] > 0]
    return Look(chosen * MARKETS + market, full) if len(chosen) else None
