"""Listings with made-up prices."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from arbkit.analysis.backtest.evidence import Listing
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.models import History, Series

__all__ = ["START", "listing", "market"]

START = 7_000_000


def listing(asin: str, points: Sequence[tuple[float, int]], *, market: str = "DE") -> Listing:
    times, values = [START + int(day * DAY_MIN) for day, _ in points], [value for _, value in points]
    series = {"new": Series(array("i", times), array("i", values))}
    return Listing(History(asin, market, 0, "EUR", series), "Toys")


def market(products: int, seed: int = 1, days: int = 120) -> list[Listing]:
    """Prices that move by up to a tenth, every few days or once a month."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(products):
        steps = np.arange(0, days + 1, 1 + 29 * (number % 2))
        level = rng.integers(500, 9000)
        made.append(listing(f"B{number:09}", [(int(d), int(level * rng.uniform(0.9, 1.1))) for d in steps]))
    return made
