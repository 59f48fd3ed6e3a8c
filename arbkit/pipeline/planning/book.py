"""What is known of every offer: its last prices, when they were seen, and what its history says. Linear in memory.

An offer is a product on a marketplace; its number is product × marketplaces + marketplace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Small = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
PAST_LEVELS = 5
"""Quantiles of its past prices that are kept of an offer."""
_ARRAYS = ("new", "gap", "seen_at", "full_at", "waits_from", "moves", "gap_moves", "days", "past")


@dataclass(frozen=True, slots=True)
class Seen:
    """What looks have shown of offers, one entry each: log prices, NaN where nobody offers it.

    ``gap`` is how far the buy box was above NEW (NaN: not asked for). ``moves`` and ``gap_moves`` count how often each
    moved in the ``days`` of its history; ``past`` (offers, 5) are quantiles of its log prices then.
    """

    offers: Ints
    at: Floats
    new: Floats
    gap: Floats
    moves: Floats
    gap_moves: Floats
    days: Floats
    past: Floats


class Book:
    """The arrays of all offers. Times are Unix seconds, −∞ where it was never looked at.

    ``waits_from`` is when it was looked at, or else when it was first there to be looked at.
    """

    def __init__(self, products: int, markets: int) -> None:
        """An empty book."""
        count = products * markets
        self.products, self.markets = products, markets
        self.new = np.full(count, np.nan)
        self.gap = np.zeros(count)
        self.seen_at = np.full(count, -np.inf)
        self.full_at = np.full(count, -np.inf)
        self.waits_from = np.full(count, -np.inf)
        self._begins = True
        self.moves, self.gap_moves, self.days = np.zeros(count), np.zeros(count), np.zeros(count)
        self.past: Small = np.full((count, PAST_LEVELS), np.nan, np.float32)

    def __len__(self) -> int:
        return len(self.new)

    def begin(self, now: float) -> None:
        """What was never looked at waits from now on."""
        if self._begins:
            self.waits_from[np.isneginf(self.waits_from)] = now
            self._begins = False

    def keep(self, before: Book, kept: Ints, origin: Ints) -> None:
        """Take over what is known of another list: its offers ``origin`` are those ``kept`` of this one."""
        for name in _ARRAYS:
            getattr(self, name)[kept] = getattr(before, name)[origin]

    def looked(self, offers: Ints, at: Floats | float, *, full: bool) -> None:
        """Write down when offers were looked at, of which it is not known yet what that has shown."""
        self.seen_at[offers] = self.waits_from[offers] = at
        if full:
            self.full_at[offers] = at

    def take(self, seen: Seen) -> None:
        """Write down what looks have shown."""
        offers = seen.offers
        self.new[offers], self.seen_at[offers] = seen.new, seen.at
        self.waits_from[offers] = np.where(np.isneginf(seen.at), self.waits_from[offers], seen.at)
        asked = ~np.isnan(seen.gap)
        self.gap[offers[asked]] = seen.gap[asked]
        self.full_at[offers[asked]] = seen.at[asked]
        self.moves[offers], self.days[offers], self.past[offers] = seen.moves, seen.days, seen.past
        self.gap_moves[offers[asked]] = seen.gap_moves[asked]
