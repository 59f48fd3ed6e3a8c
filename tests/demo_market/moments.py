"""Whether prices move more at some hours or weekdays: ``ARBKIT_REAL_DATA=… python -m tests.demo_market.moments``.

Prints, of all changes of the NEW price in the real histories, χ² of the counts by hour and by weekday (UTC), and how
often it is as large where every product's changes are shifted together by chance: changes of one product hang together.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.simulated_market.histories import real_file

Hours = npt.NDArray[np.int64]
_KEEPA_HOURS = 21_564_000 // 60
"""Hours from the Unix epoch to the beginning of Keepa's time."""
_SINCE_MONDAY = 3 * 24
"""Hours from the Monday before the Unix epoch to it."""
_NEW = 1
_SHIFTS = 2_000


def changes(path: Path) -> list[Hours]:
    """Of each product the hours, since a Monday, at which its NEW price became another one."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        products = json.load(file)["products"]
    found = []
    for product in products:
        points = np.array(product["csv"][_NEW] or [], np.int64).reshape(-1, 2)
        time, price = points.T
        changed = (price[1:] > 0) & (price[:-1] > 0) & (price[1:] != price[:-1])
        found.append(time[1:][changed] // 60 + _KEEPA_HOURS + _SINCE_MONDAY)
    return found


def counts(of_products: Sequence[Hours], every: int, period: int) -> npt.NDArray[np.int64]:
    """Changes in each part of the period, parts being ``every`` hours."""
    parts = np.concatenate(of_products) % period // every
    return np.bincount(parts, minlength=period // every)


def squares(found: npt.NDArray[np.int64]) -> float:
    """χ² against equal counts."""
    return float(((found - found.mean()) ** 2 / found.mean()).sum())


def by_chance(of_products: Sequence[Hours], every: int, period: int, seed: int = 1) -> float:
    """How often shifted products show as much."""
    chance = np.random.default_rng(seed)
    shown = squares(counts(of_products, every, period))
    shifted = ([one + chance.integers(period) for one in of_products] for _ in range(_SHIFTS))
    return float(np.mean([squares(counts(one, every, period)) >= shown for one in shifted]))


if __name__ == "__main__":
    file = real_file()
    if file is None:
        raise SystemExit("no real histories beside ARBKIT_REAL_DATA: set it to the folder of Keepa data")
    moved = changes(file)
    for name, every, period in (("hour", 1, 24), ("weekday", 24, 168)):
        found = counts(moved, every, period)
        print(f"{name}: {found.tolist()}, χ² {squares(found):.1f}, p {by_chance(moved, every, period):.3f}")
