"""True profit windows, and how much of them was known: the value that planners are compared by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.planner_market.parameters import load_assumed
from tests.planner_market.paths import Floats, Ints, Mask
from tests.planner_market.products import SOURCE, TARGET, Products

Grid = npt.NDArray[np.float32]
_CHUNK = 2_048


@dataclass(frozen=True, slots=True)
class Windows:
    """Hours in which a route truly pays, ordered by hour: those of hour ``h`` are ``starts[h]:starts[h + 1]``.

    ``worth`` is the profit in that hour over the hours of its window: to know a window from end to end is worth its
    mean profit. ``opened``: the window was not there at the first hour.
    """

    starts: Ints
    product: Ints
    route: Ints
    worth: Floats
    opened: Mask

    @property
    def total(self) -> float:
        """What knowing every window from end to end would be worth."""
        return float(self.worth.sum())

    def of_hour(self, hour: int) -> slice:
        """The entries of an hour."""
        return slice(int(self.starts[hour]), int(self.starts[hour + 1]))


def find_windows(products: Products, new: npt.NDArray[np.float32], gap: npt.NDArray[np.float32]) -> Windows:
    """The windows of all routes, from the log prices at each hour (offers, hours)."""
    hours, count = new.shape[1], len(products.level)
    found: list[tuple[Ints, Ints, Ints, Floats, Mask]] = []
    for start in range(0, count, _CHUNK):
        part = slice(start, min(count, start + _CHUNK))
        offers = slice(5 * part.start, 5 * part.stop)
        buy = np.exp(new[offers].astype(float)).reshape(-1, 5, hours)
        sell = np.exp((new[offers] + gap[offers]).astype(float)).reshape(-1, 5, hours)
        for number, (source, target) in enumerate(zip(SOURCE.tolist(), TARGET.tolist(), strict=True)):
            constant, by_sell, by_buy = (
                line[part, number, None] for line in (products.constant, products.by_sell, products.by_buy)
            )
            profit = constant + by_sell * sell[:, target] - by_buy * buy[:, source]
            product, hour, worth, opened = _spells(profit)
            found.append((hour, product + start, np.full(len(hour), number), worth, opened))
    hour = np.concatenate([one[0] for one in found])
    order = np.argsort(hour, kind="stable")
    starts = np.searchsorted(hour[order], np.arange(hours + 1))
    product, route = (np.concatenate([one[n] for one in found])[order] for n in (1, 2))
    worth = np.concatenate([one[3] for one in found])[order]
    return Windows(starts, product, route, worth, np.concatenate([one[4] for one in found])[order])


def _spells(profit: Floats) -> tuple[Ints, Ints, Floats, Mask]:
    """Product, hour and worth of each hour in which a route (products, hours) pays, and whether it opened later."""
    pays = profit > load_assumed().least_profit
    product, hour = np.nonzero(pays)
    if not len(product):
        return product, hour, np.zeros(0), np.zeros(0, bool)
    begins = np.append(True, (np.diff(product) != 0) | (np.diff(hour) != 1))
    number = np.cumsum(begins) - 1
    worth = profit[product, hour] / np.bincount(number)[number]
    return product, hour, worth, hour[begins][number] > 0


@dataclass(slots=True)
class Known:
    """What a planner holds of each offer: the log NEW price and the gap of the buy box, as it last saw them."""

    new: Floats
    gap: Floats

    def share(self, products: Products, windows: Windows, hour: int, new: Grid, gap: Grid) -> tuple[float, float]:
        """What is known of an hour's windows, and of those that opened later; of true prices of all offers."""
        part = windows.of_hour(hour)
        product, route = windows.product[part], windows.route[part]
        source, target = 5 * product + SOURCE[route], 5 * product + TARGET[route]
        tolerance = np.log1p(load_assumed().tolerance)
        buy, sell = self.new[source], self.new[target] + self.gap[target]
        right: Mask = (np.abs(buy - new[source]) <= tolerance) & (
            np.abs(sell - (new[target] + gap[target])) <= tolerance
        )
        said = products.profit(product, route, np.exp(buy), np.exp(sell)) > load_assumed().least_profit
        worth = windows.worth[part] * (right & said)
        return float(worth.sum()), float(worth[windows.opened[part]].sum())
