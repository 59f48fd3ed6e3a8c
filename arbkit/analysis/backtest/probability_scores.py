"""How good probabilities were: Brier score, log score, calibration error, and how often each came true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arbkit.analysis.backtest.reliability import BINS, bin_numbers, reliability_bins
from arbkit.analysis.backtest.results import ReliabilityBin
from arbkit.core.results import Result
from arbkit.profit.fees.arrays import Floats, Ints, Mask

_CERTAIN = 1e-6
"""No probability is scored as more certain than this, for the log score of a certain mistake is infinite."""
_DRAWS = 2_000
_DRAWS_AT_ONCE = 50
_INTERVAL = (2.5, 97.5)


class Figure(Result):
    """A figure and its 95 % bootstrap interval over products."""

    value: float
    low: float
    high: float


class ProbabilityScore(Result):
    """How good n probabilities were.

    ``brier_skill`` is what the Brier score is better than that of the base rate, as a part of it;
    ``calibration_error`` the mean distance between the bins' mean and how often it came true, by their counts.
    """

    count: int
    base_rate: float
    brier: Figure
    brier_skill: Figure
    log_score: Figure
    calibration_error: Figure
    bins: list[ReliabilityBin]


def score_probabilities(chances: Floats, outcomes: Mask, products: Ints, *, seed: int) -> ProbabilityScore:
    """The scores of some forecasts, n each; ``products`` says whose each is, and intervals draw whole products.

    Raises:
        ValueError: there is no forecast, or a chance is not from 0 to 1.
    """
    if not len(chances):
        raise ValueError("no forecasts to score")
    if not ((chances >= 0) & (chances <= 1)).all():
        raise ValueError("chances must be between 0 and 1")
    sums = _product_sums(chances, outcomes, products)
    whole = _figures(sums.sum(axis=0, keepdims=True))[0]
    drawn = np.concatenate([_figures(draw) for draw in _resampled(sums, seed)])
    low, high = np.percentile(drawn, _INTERVAL, axis=0)
    brier, skill, log_score, error = (
        Figure(value=value, low=least, high=most)
        for value, least, most in zip(whole.round(4), low.round(4), high.round(4), strict=True)
    )
    return ProbabilityScore(
        count=len(chances), base_rate=round(float(outcomes.mean()), 4), brier=brier, brier_skill=skill,
        log_score=log_score, calibration_error=error, bins=reliability_bins(chances, outcomes),
    )  # fmt: skip


def _product_sums(chances: Floats, outcomes: Mask, products: Ints) -> Floats:
    """By product: count, outcomes, squared errors, log scores, and the excess of outcomes over chances in each bin."""
    happened = outcomes.astype(np.float64)
    certain = np.clip(chances, _CERTAIN, 1 - _CERTAIN)
    excess = np.zeros((len(chances), BINS))
    excess[np.arange(len(chances)), bin_numbers(chances)] = happened - chances
    squares, logs = (chances - happened) ** 2, -np.log(np.where(outcomes, certain, 1 - certain))
    columns = np.column_stack([np.ones(len(chances)), happened, squares, logs, excess])
    _, which = np.unique(products, return_inverse=True)
    sums = np.zeros((int(which.max()) + 1, columns.shape[1]))
    np.add.at(sums, which, columns)
    return sums


def _figures(sums: Floats) -> Floats:
    """Brier score, its skill, log score and calibration error of each row of sums."""
    count, happened, squares, logs = (sums[:, [column]] for column in range(4))
    rate, brier = happened / count, squares / count
    base = rate * (1 - rate)
    skill = np.where(base > 0, 1 - brier / np.where(base > 0, base, 1), 0.0)
    error = np.abs(sums[:, 4:]).sum(axis=1, keepdims=True) / count
    return np.hstack([brier, skill, logs / count, error])


def _resampled(sums: Floats, seed: int) -> Iterator[Floats]:
    """Sums of products that are drawn with replacement, some draws at a time."""
    rng = np.random.default_rng(seed)
    even = np.full(len(sums), 1 / len(sums))
    for _ in range(0, _DRAWS, _DRAWS_AT_ONCE):
        yield rng.multinomial(len(sums), even, _DRAWS_AT_ONCE) @ sums
