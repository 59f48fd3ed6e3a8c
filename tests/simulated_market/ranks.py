"""What a sales rank shows of sales: it falls when something is sold, climbs while nothing is, and is seen at times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.simulated_market.histories import DAY_MIN, Floats
from tests.simulated_market.parameters import ASSUMED

Ints = npt.NDArray[np.int64]

STEPS_A_DAY = 12
_STEP_MIN = DAY_MIN // STEPS_A_DAY


@dataclass(frozen=True, slots=True)
class RankPoints:
    """When a rank was seen, in minutes from the first day, and what it was."""

    times: Ints
    ranks: Ints


def spread_over_day(units: Ints, rng: np.random.Generator) -> Ints:
    """Units by step of two hours, of units by day: (products, days) → (products, steps). The hour does not matter."""
    return rng.multinomial(units, np.full(STEPS_A_DAY, 1 / STEPS_A_DAY)).reshape(len(units), -1)


def rank_paths(units: Ints, first: Floats, scale: Floats, slope: Floats, rng: np.random.Generator) -> Floats:
    """Rank by step of two hours: each sale adds to a score that decays, and the rank is a power of the score.

    Args:
        units: (products, steps).
        first: units a day before the first step, by product.
        scale: rank of a score of one, by product.
        slope: the score is the rank to minus this power, by product.
    """
    weights = np.array(ASSUMED.kernel_weights)[:, None]
    decay = np.exp(-1 / (np.array(ASSUMED.kernel_days)[:, None] * STEPS_A_DAY))
    score = weights * first / STEPS_A_DAY / (1 - decay)
    ranks = np.empty(units.shape)
    for step in range(units.shape[1]):
        score = score * decay + weights * units[:, step]
        ranks[:, step] = score.sum(axis=0)
    noise = np.exp(rng.normal(0, ASSUMED.rank_noise, ranks.shape))
    return np.asarray(np.maximum(1, scale[:, None] * ranks ** (-1 / slope[:, None]) * noise))


def looks(ranks: Floats, a_day: float, rng: np.random.Generator) -> RankPoints:
    """One product's rank as seen at random times, about ``a_day`` a day."""
    seen = np.flatnonzero(rng.random(len(ranks)) < a_day / STEPS_A_DAY)
    return RankPoints(seen * _STEP_MIN, np.round(ranks[seen]).astype(np.int64))


def count_drops(points: RankPoints, start: int, end: int) -> int:
    """Falls of the rank as seen from ``start`` to ``end`` (minutes), as a data provider counts them."""
    inside = (points.times > start) & (points.times <= end)
    fell = np.diff(np.log(points.ranks[inside])) < -ASSUMED.drop
    return int(fell.sum())


def badge(units30: float) -> int | None:
    """The badge "bought in past month" of these units: the greatest step reached; None below the first."""
    reached = [step for step in ASSUMED.badge_steps if step <= units30]
    return reached[-1] if reached else None
