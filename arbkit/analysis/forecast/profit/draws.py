"""Levels at which distributions are read together: spread evenly in each of them, and the same every time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from arbkit.profit.fees.arrays import Floats

Cause = Literal["price", "time", "package", "exchange_rate"]
"""What a profit is uncertain by."""
CAUSES: tuple[Cause, ...] = ("price", "time", "package", "exchange_rate")
COUNT = 128
"""How many draws a route's distribution has."""
_MIDDLE = 0.5
_ROOT = 1.1673039782614187
"""The root of x⁵ = x + 1, from which a sequence follows that fills four dimensions evenly."""


@dataclass(frozen=True, slots=True)
class Draws:
    """A level between 0 and 1 for each cause and draw, arrays of one length."""

    price: Floats
    time: Floats
    package: Floats
    exchange_rate: Floats

    def without(self, cause: Cause) -> Draws:
        """The same, one cause at its median in every draw."""
        return replace(self, **{cause: np.full_like(self.price, _MIDDLE)})


def spread_draws(count: int = COUNT) -> Draws:
    """Draws in which every cause has the middles of ``count`` equal parts, each once."""
    steps = (1 / _ROOT) ** np.arange(1, len(CAUSES) + 1)
    points = np.outer(np.arange(1, count + 1), steps) % 1
    ranks = points.argsort(axis=0).argsort(axis=0)
    return Draws(*((ranks + 0.5) / count).T)
