"""What the past of a price says about its future: a few figures of the 90 days before each origin. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from arbkit.analysis.forecast.price.steps import DAY_MIN, StepSeries
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_minutes
from arbkit.core.models import History
from arbkit.profit.fees.arrays import Floats, Ints, Mask

WITH_SHIPPING_MIN = to_minutes(NEW_INCLUDES_SHIPPING_FROM)
"""The Keepa time from which new prices include shipping."""
WINDOW_DAYS = 90
LEAST_DAYS = 20
"""Days with a price, of the last 90, that a listing needs to be judged by its own past."""
_GLITCH_LOG = math.log(10)
_MOST = 0.8
_SAME_LOG = 1e-9
_ROWS = 16_384
"""Origins that are looked at together: 91 prices of each are held."""


class Basis(IntEnum):
    """What a forecast rests on, or why there is none."""

    OWN = 0
    TYPICAL = 1
    NO_PRICE = 2
    GLITCH = 3


BASIS_WORDS: Mapping[Basis, str] = {
    Basis.OWN: "from its own past and that of similar products",
    Basis.TYPICAL: f"fewer than {LEAST_DAYS} days of price history: as a typical product",
    Basis.NO_PRICE: "unknown: nobody offers it new, or no price was recorded",
    Basis.GLITCH: "unknown: today's price is ten times as high, or as low, as on most of the last 90 days",
}
"""The basis of a forecast in words."""


@dataclass(frozen=True, slots=True)
class PriceHistories:
    """The new price (minor units) and Amazon's own of many listings, a row each."""

    new: StepSeries
    amazon: StepSeries

    @classmethod
    def of(cls, histories: Sequence[History]) -> PriceHistories:
        """A row for each of these histories."""
        return cls(*(StepSeries.of([h.series.get(name) for h in histories]) for name in ("new", "amazon")))


@dataclass(frozen=True, slots=True)
class PricePast:
    """Figures at each origin, arrays of one length; nothing after the origin is in them.

    Of those days of the last 90 on which there was a price: ``days`` how many, ``changed`` the share of them on which
    it changed, ``below`` the share on which it was lower than at the origin (equal days half), ``low`` and ``high`` the
    logarithms of lowest and highest over the price at the origin. ``amazon`` is 1 where Amazon sells it, else 0.
    ``basis`` is a :class:`Basis`; without a price (``price`` NaN, minor units) the figures are 0.
    """

    price: Floats
    days: Floats
    changed: Floats
    below: Floats
    low: Floats
    high: Floats
    amazon: Floats
    basis: Ints

    def __len__(self) -> int:
        return len(self.price)

    def take(self, rows: Ints | Mask) -> PricePast:
        """Some of the origins."""
        return PricePast(*(getattr(self, one.name)[rows] for one in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[PricePast]) -> PricePast:
        """The origins of all parts (at least one), one after the other."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))


def daily_prices(prices: StepSeries, rows: Ints, origins: Ints) -> Floats:
    """The new price on each of the 90 days before each origin and at the origin itself, (n, 91); NaN: none.

    Days on which it did not include shipping are none of an origin on which it does: the step is no change of price.
    """
    days = origins[:, None] - np.arange(WINDOW_DAYS, -1, -1) * DAY_MIN
    found = prices.at(rows[:, None], days)
    found[(days < WITH_SHIPPING_MIN) & (origins[:, None] >= WITH_SHIPPING_MIN)] = np.nan
    return found


def past_of(histories: PriceHistories, rows: Ints, origins: Ints) -> PricePast:
    """The figures of these rows at these times (Keepa minutes), each as far as it was known then."""
    parts = [
        describe_past(
            daily_prices(histories.new, rows[i : i + _ROWS], origins[i : i + _ROWS]),
            histories.amazon.at(rows[i : i + _ROWS], origins[i : i + _ROWS]) > 0,
        )
        for i in range(0, max(len(rows), 1), _ROWS)
    ]
    return PricePast.joined(parts)


def describe_past(daily: Floats, amazon: Mask) -> PricePast:
    """The figures of these daily prices (n, 91), the last column that of the origin."""
    price = daily[:, -1]
    known = ~np.isnan(daily)
    days = known.sum(1)
    with np.errstate(invalid="ignore"):
        ratio = np.log(daily / price[:, None])
        moves = np.abs(np.diff(ratio, axis=1))
        changed = (moves > _SAME_LOG).sum(1) / np.maximum((~np.isnan(moves)).sum(1), 1)
        lower = (ratio < -_SAME_LOG).sum(1) + 0.5 * (np.abs(ratio) <= _SAME_LOG).sum(1)
    low = np.where(np.isnan(ratio), 0.0, ratio).min(1)
    high = np.where(np.isnan(ratio), 0.0, ratio).max(1)
    basis = np.where(days < LEAST_DAYS, Basis.TYPICAL, Basis.OWN)
    basis = np.where(_is_glitch(ratio, days), Basis.GLITCH, basis)
    basis = np.where(np.isnan(price), Basis.NO_PRICE, basis)
    below = lower / np.maximum(days, 1)
    return PricePast(price, days.astype(float), changed, below, low, high, amazon.astype(float), basis)


def _is_glitch(ratio: Floats, days: Ints) -> Mask:
    """Whether four in five of the other days had a price ten times as high, or as low, as that of the origin."""
    with np.errstate(invalid="ignore"):
        far = (np.abs(ratio) > _GLITCH_LOG).sum(1)
    most: Mask = far > _MOST * np.maximum(days - 1, 1)
    return most
