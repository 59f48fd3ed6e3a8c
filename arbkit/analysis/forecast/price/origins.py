"""Past days of many listings: what was known on each, and how the price had moved some days later. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.analysis.forecast.price.past import PricePast
from arbkit.core.history.prices import WITH_SHIPPING_MIN
from arbkit.core.history.steps import DAY_MIN, StepSeries
from arbkit.profit.fees.arrays import Floats, Ints, Mask

LEAST_PAST_DAYS = 30
"""How long a listing was watched before its first origin."""


@dataclass(frozen=True, slots=True)
class PriceOrigins:
    """Origins of listings, arrays of one length, and what came of the price.

    ``listing`` and ``product`` number them (a product may have several listings), ``at`` is in Keepa minutes,
    ``returns`` (n, horizons) are logarithms of the price after each horizon (days) over that at the origin; NaN: not
    offered then, or the history does not reach there.
    """

    listing: Ints
    product: Ints
    at: Ints
    past: PricePast
    horizons: tuple[int, ...]
    returns: Floats

    def __len__(self) -> int:
        return len(self.at)

    def take(self, rows: Ints | Mask) -> PriceOrigins:
        """Some of the origins."""
        listing, product, at = self.listing[rows], self.product[rows], self.at[rows]
        return PriceOrigins(listing, product, at, self.past.take(rows), self.horizons, self.returns[rows])

    def known_by(self, end: int) -> PriceOrigins:
        """As it was known at a time (Keepa minutes): later outcomes are NaN."""
        ends = self.at[:, None] + np.array(self.horizons) * DAY_MIN
        known = np.where(ends <= end, self.returns, np.nan)
        return PriceOrigins(self.listing, self.product, self.at, self.past, self.horizons, known)

    @classmethod
    def joined(cls, parts: Sequence[PriceOrigins]) -> PriceOrigins:
        """The origins of all parts (at least one, of the same horizons), one after the other."""
        return cls(
            np.concatenate([part.listing for part in parts]),
            np.concatenate([part.product for part in parts]),
            np.concatenate([part.at for part in parts]),
            PricePast.joined([part.past for part in parts]),
            parts[0].horizons,
            np.concatenate([part.returns for part in parts]),
        )


def spaced_origins(prices: StepSeries, *, every_days: int, most: int | None = None) -> tuple[Ints, Ints]:
    """Row and time (Keepa minutes) of each origin: from 30 days after a row's first point to its last one.

    They are ``every_days`` apart; further where there would be more than ``most`` of a row.
    """
    start = prices.first() + LEAST_PAST_DAYS * DAY_MIN
    length = np.where(prices.first() < 0, -1, prices.last() - start)
    step = np.full(len(length), every_days * DAY_MIN)
    if most is not None:
        step = np.maximum(step, -(-length // most))
    counts = np.where(length < 0, 0, length // step + 1)
    rows = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, start[rows] + number * step[rows]


def returns_after(prices: StepSeries, rows: Ints, origins: Ints, horizons: Sequence[int]) -> Floats:
    """The logarithm of the price after each horizon (days) over that at the origin, (n, horizons); NaN: not known.

    A history is known until its last change: after that nothing says that anybody looked. A price without shipping and
    one with it are not compared.
    """
    later = origins[:, None] + np.array(horizons, np.int64) * DAY_MIN
    with np.errstate(invalid="ignore"):
        moved = np.log(prices.at(rows[:, None], later) / prices.at(rows, origins)[:, None])
    alike = (later < WITH_SHIPPING_MIN) == (origins[:, None] < WITH_SHIPPING_MIN)
    known: Floats = np.where(alike & (later <= prices.last()[rows][:, None]), moved, np.nan)
    return known
