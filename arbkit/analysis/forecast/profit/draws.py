"""Levels at which distributions are read together: a Hammersley sequence, the same every time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from statistics import NormalDist
from typing import Literal

import numpy as np

from arbkit.profit.fees.arrays import Floats, Ints

Cause = Literal["price", "time", "package", "exchange_rate"]
"""What a profit is uncertain by."""
CAUSES: tuple[Cause, ...] = ("price", "time", "package", "exchange_rate")
COUNT = 128
"""How many draws a route's distribution has."""
_MIDDLE = 0.5
_BASES = (2, 3, 5)


@dataclass(frozen=True, slots=True)
class Draws:
    """A level between 0 and 1 for each cause and draw, arrays of one length."""

    price: Floats
    time: Floats
    package: Floats
    exchange_rate: Floats

    @property
    def exchange_rate_normal(self) -> Floats:
        """The standard normal quantiles at the levels of the exchange rate."""
        return np.array([NormalDist().inv_cdf(level) for level in self.exchange_rate.tolist()])

    def without(self, cause: Cause) -> Draws:
        """The same, one cause at its median in every draw."""
        return replace(self, **{cause: np.full_like(self.price, _MIDDLE)})


@cache
def spread_draws(count: int = COUNT) -> Draws:
    """Draws in which every cause has the middles of ``count`` equal parts, each once."""
    numbers = np.arange(count)
    points = np.column_stack([numbers, *(_mirrored(numbers, base) for base in _BASES)])
    ranks = points.argsort(axis=0).argsort(axis=0)
    price, time, package, exchange_rate = (ranks + 0.5).T / count
    return Draws(price, time, package, exchange_rate)


def _mirrored(numbers: Ints, base: int) -> Floats:
    """The digits of each number in a base, mirrored at the point (van der Corput)."""
    found, part = np.zeros(len(numbers)), 1.0
    while numbers.any():
        part /= base
        found += part * (numbers % base)
        numbers = numbers // base
    return found
