"""How often an offer's price moves: its own count, drawn towards what all offers show. Pure."""

from __future__ import annotations

import numpy as np

from arbkit.pipeline.planning.book import Floats

_ENOUGH = 100
"""Histories from which on a prior is learned from them."""
_LEAST_STRENGTH, _MOST_STRENGTH = 1.0, 2_000.0
"""Days of watching that a learned prior is worth, at least and at most."""


class RatePrior:
    """A gamma distribution of rates a day: ``shape`` moves in ``days`` of watching."""

    def __init__(self, mean: float, days: float) -> None:
        """A prior of this mean, worth so long a time of watching."""
        self.shape, self.days = mean * days, days

    @classmethod
    def learned(cls, counts: Floats, days: Floats, *, mean: float, prior_days: float) -> RatePrior:
        """That of histories, by the moments of their counts; the given one where they are few.

        Counts of one rate would scatter as Poisson's do; what they scatter more is how rates differ.
        """
        watched = days > 0
        if watched.sum() < _ENOUGH:
            return cls(mean, prior_days)
        counts, days = counts[watched], days[watched]
        rate = max(counts.sum() / days.sum(), 1e-6)
        more = ((counts - rate * days) ** 2 - rate * days).sum() / (days**2).sum()
        strength = _MOST_STRENGTH if more <= 0 else float(np.clip(rate / more, _LEAST_STRENGTH, _MOST_STRENGTH))
        return cls(float(rate), strength)

    def rates(self, counts: Floats, days: Floats) -> Floats:
        """The expected rates a day of offers with these counts."""
        return np.asarray((self.shape + counts) / (self.days + days))
