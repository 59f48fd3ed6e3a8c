"""Whether chances came true as often as they said, in ten bins, each listing counting once. Pure."""

from __future__ import annotations

import numpy as np

from arbkit.analysis.backtest.results import ReliabilityBin
from arbkit.profit.fees.arrays import Floats, Ints, Mask

BINS = 10
EDGES = np.linspace(0, 1, BINS + 1)
"""The bounds of the bins."""


def bin_numbers(chances: Floats) -> Ints:
    """The bin of each chance; one on an edge is in the upper one."""
    return np.minimum((chances * BINS).astype(np.int64), BINS - 1)


def reliability_bins(
    chances: Floats, happened: Mask, weights: Floats | None = None, *, repeats: int = 1
) -> list[ReliabilityBin]:
    """Forecast and outcome in ten bins of equal width; every outcome is in ``repeats`` times, None weighs all alike."""
    weights = np.ones(len(chances)) if weights is None else weights
    position = bin_numbers(chances)
    bins: list[ReliabilityBin] = []
    for number in range(BINS):
        rows = position == number
        total = weights[rows].sum()
        bins.append(
            ReliabilityBin(
                low=round(float(EDGES[number]), 1),
                high=round(float(EDGES[number + 1]), 1),
                count=round(int(rows.sum()) / repeats),
                forecast=round(float(chances[rows] @ weights[rows] / total), 4) if total else None,
                happened=round(float(happened[rows] @ weights[rows] / total), 4) if total else None,
            )
        )
    return bins


def calibration_error(chances: Floats, happened: Mask, weights: Floats) -> float:
    """The distance of what was forecast from what came, a mean over the bins by their weight."""
    missed = np.bincount(bin_numbers(chances), weights * (happened - chances))
    return round(float(np.abs(missed).sum() / weights.sum()), 4)


def pit_shares(drawn: Floats, weights: Floats) -> list[float]:
    """The share of outcomes in each tenth of their forecast."""
    shares, _ = np.histogram(drawn, EDGES, weights=weights)
    return [round(float(share), 4) for share in shares / weights.sum()]
