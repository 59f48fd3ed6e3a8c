"""What daily price histories look like, real ones and those of the demo market alike: moves, spells, sales, stock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.simulated_market.histories import DailyHistory, Floats

Flags = npt.NDArray[np.bool_]

SMALL = 0.05
"""A log move below this is small: a repricer's; any other is a step, or begins a sale."""
SALE_DAYS = 14
"""A fall that is made good within this many days is a sale."""
_MADE_GOOD = 0.02
_SAME = 1e-9
_BACK = 0.002


@dataclass(frozen=True, slots=True)
class Shape:
    """Of all histories together; sizes are of the log price, lengths in days.

    ``changes`` and ``events`` are by history, the share of its days: each day with another price, and each step,
    small move or sale as one event. ``towards`` says of steps off the median whether they lead back to it, ``turns`` of
    small moves whether they go against the last, and ``undone`` of those that do, whether to the price before.
    """

    changes: Floats
    events: Floats
    spells: Floats
    steps: Floats
    towards: Floats
    small: Floats
    turns: Floats
    undone: Floats
    sale_depths: Floats
    sale_days: Floats
    about_median: Floats
    days: int


@dataclass(frozen=True, slots=True)
class Spells:
    """Stretches of days: the chance that a day begins one, and the mean share of a history that lies in them."""

    chance: float
    share: float

    @property
    def days(self) -> float:
        """The mean length with which a process of this chance has this share.

        Those that began and ended within a history would be too short, and some last until its end.
        """
        return self.share / (1 - self.share) / self.chance


def shape(histories: Iterable[DailyHistory]) -> Shape:
    """The shape of the prices of these histories; days without an offer are left out."""
    found: dict[str, list[float]] = {name: [] for name in Shape.__slots__ if name != "days"}
    days = 0
    for one in histories:
        price = one.price[~np.isnan(one.price)]
        if len(price) < 2:
            continue
        moves = np.diff(price)
        at = np.flatnonzero(np.abs(moves) > _SAME)
        sales, within = _sales(price)
        others = at[~within[at]]
        small = moves[others][np.abs(moves[others]) < SMALL]
        stepped = others[np.abs(moves[others]) >= SMALL]
        away = price - np.median(price)
        turned = np.sign(small[1:]) != np.sign(small[:-1])
        days += len(moves)
        found["changes"].append(len(at) / len(moves))
        found["events"].append((len(others) + len(sales)) / len(moves))
        found["spells"] += np.diff(at).tolist()
        found["steps"] += moves[stepped].tolist()
        off = stepped[np.abs(away[stepped]) > _MADE_GOOD]
        found["towards"] += (np.sign(moves[off]) != np.sign(away[off])).tolist()
        found["small"] += small.tolist()
        found["turns"] += turned.tolist()
        found["undone"] += (np.abs(small[1:] + small[:-1])[turned] < _BACK).tolist()
        found["sale_depths"] += [depth for depth, _ in sales]
        found["sale_days"] += [length for _, length in sales]
        found["about_median"] += away.tolist()
    return Shape(**{name: np.array(values, np.float64) for name, values in found.items()}, days=days)


def spells(flags: Sequence[Flags]) -> Spells:
    """The stretches of these days by day and history; each history counts once for the share."""
    begun = sum(int((np.diff(one.astype(int)) == 1).sum()) for one in flags)
    return Spells(begun / sum(int((~one).sum()) for one in flags), float(np.mean([one.mean() for one in flags])))


def _sales(price: Floats) -> tuple[list[tuple[float, int]], Flags]:
    """Depth and days of each sale, and which moves belong to one."""
    moves = np.diff(price)
    found, within = list[tuple[float, int]](), np.zeros(len(moves), bool)
    for start in np.flatnonzero(moves <= -SMALL):
        if within[start]:
            continue
        good = np.flatnonzero(price[start + 2 : start + 2 + SALE_DAYS] >= price[start] - _MADE_GOOD)
        if len(good):
            length = int(good[0]) + 1
            found.append((float(price[start] - price[start + 1 : start + 1 + length].min()), length))
            within[start : start + 1 + length] = True
    return found, within
