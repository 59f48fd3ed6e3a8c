"""Of values of single looks the best batch, as a look of the simulated service."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arbkit.pipeline.planning import batches
from tests.planner_market.market import MARKETS
from tests.planner_market.service import BATCH, Look


def best_batch(value: npt.NDArray[np.floating], most: int, *, full: bool) -> Look | None:
    """At most ``most`` offers of one marketplace; None where nothing is worth a look."""
    found = batches.best_batch(value.astype(np.float32, copy=False), MARKETS, min(most, BATCH))
    return None if found is None else Look(found.offers, full)
