"""Prices that a reseller looks for: where profit changes its sign, how high to bid, which prices to skip.

Profit is not monotone in the price (a referral threshold takes back more than a cent brings), so prices are searched,
never solved for by one formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from arbkit.profit.fees.arrays import Floats, Mask

_CENTS_UP_TO = 100.0
_STEP = 1.002
"""Above that, prices 0.2 % apart are tried first: closer than any stretch of loss that a step of a fee makes."""
_JUMP = 0.05
"""A change of profit from one cent to the next that no slope makes: a step of a fee."""


def break_even(profit: Callable[[Floats], Floats], up_to: float) -> list[float]:
    """Every price up to a highest at which profit changes its sign, rising."""
    grid = _grid(up_to)
    roots: list[float] = []
    for low, high in _crossings(grid, profit(grid)):
        cents = _cents(low, high)
        values = profit(cents)
        roots += [_root(cents, values, i) for i in np.flatnonzero(_sign_changes(values)).tolist()]
    return sorted(set(roots))


def highest(enough: Callable[[Floats], Mask], up_to: float) -> float | None:
    """The highest price, in whole cents, that is enough; None if not even one cent is."""
    grid = _grid(up_to)
    passing = np.flatnonzero(enough(grid))
    if not len(passing):
        return None
    at = int(passing[-1])
    cents = _cents(grid[at], grid[min(at + 1, len(grid) - 1)])
    return float(cents[np.flatnonzero(enough(cents))[-1]])


def dead_zones(profit: Callable[[Floats], Floats], up_to: float) -> list[tuple[float, float]]:
    """Stretches of prices that leave less than a lower price does.

    Each is its first cent, and the price (rounded to the cent) that leaves as much again.
    """
    cents = _cents(0.01, min(up_to, _CENTS_UP_TO * 5))
    values = profit(cents)
    best = np.maximum.accumulate(np.where(np.isnan(values), -np.inf, values))
    less = values < best - 1e-9
    zones: list[tuple[float, float]] = []
    starts = np.flatnonzero(less & ~np.concatenate([[False], less[:-1]]))
    for start in starts.tolist():
        rest = np.flatnonzero(~less[start:])
        if not len(rest):
            continue
        end = start + int(rest[0])
        before, after = values[end - 1], values[end]
        price = cents[end - 1] + 0.01 * (best[end - 1] - before) / (after - before)
        zones.append((float(cents[start]), round(float(price), 2)))
    return zones


def _cents(low: float, high: float) -> Floats:
    return np.arange(round(low * 100), round(high * 100) + 1) / 100


def _grid(up_to: float) -> Floats:
    """Every cent of small prices, then prices 0.2 % apart, in whole cents."""
    cents = _cents(0.01, min(up_to, _CENTS_UP_TO))
    if up_to <= _CENTS_UP_TO:
        return cents
    steps = math.ceil(math.log(up_to / _CENTS_UP_TO) / math.log(_STEP))
    return np.concatenate([cents, np.round(_CENTS_UP_TO * _STEP ** np.arange(1, steps + 1), 2)])


def _crossings(grid: Floats, values: Floats) -> list[tuple[float, float]]:
    """Neighbours of the grid between which the sign changes; not where prices begin that nobody can price."""
    changes = np.flatnonzero(_sign_changes(values))
    return [(float(grid[i]), float(grid[i + 1])) for i in changes]


def _sign_changes(values: Floats) -> Mask:
    return np.diff(values >= 0) & ~np.isnan(values[1:]) & ~np.isnan(values[:-1])


def _root(cents: Floats, values: Floats, index: int) -> float:
    """Where profit is zero between a cent and the next; at a step of a fee, the cent that makes no loss."""
    (a, b), (fa, fb) = cents[index : index + 2], values[index : index + 2]
    if abs(fb - fa) > _JUMP:
        return float(b if fb >= 0 else a)
    return round(float(a + (b - a) * fa / (fa - fb)), 2)
