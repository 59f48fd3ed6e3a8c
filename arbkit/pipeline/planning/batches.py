"""Of values of single looks the batch worth most: offers of one marketplace, of equal ones the first. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arbkit.pipeline.planning.book import Ints, Small


@dataclass(frozen=True, slots=True)
class Batch:
    """Offers of one marketplace, and what they are worth together."""

    market: int
    offers: Ints
    value: float


def best_batch(value: Small, markets: int, most: int) -> Batch | None:
    """The best of at most ``most`` offers; what is worth nothing stays out. None where nothing is worth anything."""
    best: Batch | None = None
    for market in range(markets):
        of_market = np.ascontiguousarray(value[market::markets])
        products = _largest(of_market, most)
        together = float(of_market[products].sum(dtype=float))
        if together > 0 and (best is None or together > best.value):
            best = Batch(market, products * markets + market, together)
    return best


def oldest_batch(waited: Small, markets: int, most: int) -> Batch | None:
    """Of the marketplace of the offer that has waited longest (0: it is none to choose) those that have so, too."""
    first = int(np.argmax(waited))
    market = first % markets
    of_market = np.ascontiguousarray(waited[market::markets])
    products = _largest(of_market, most)
    return Batch(market, products * markets + market, 0.0) if len(products) else None


def _largest(value: Small, most: int) -> Ints:
    """The places of the largest values above 0, of equal ones the first."""
    if most < len(value):
        least = max(np.partition(value, len(value) - most)[len(value) - most], np.float32(0))
        above = np.flatnonzero(value > least)
        equal = np.flatnonzero(value == least)[: most - len(above)] if least > 0 else above[:0]
        return np.sort(np.concatenate([above, equal]))
    return np.flatnonzero(value > 0)
