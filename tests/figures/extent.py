"""How much is measured: all of it for the figures of a release, a little of it to see that it runs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SHORT", "WHOLE", "Extent"]


@dataclass(frozen=True, slots=True)
class Extent:
    """Seeds, products of each simulated market, offers that are forecast (least to most), candidates of a plan."""

    sales_seeds: range
    profit_seeds: tuple[range, ...]
    products: int
    offers: tuple[int, ...]
    candidates: int
    horizons: tuple[int, ...] = (14, 30)


WHOLE = Extent(range(100, 108), (range(300, 310), range(320, 330)), 500, (25_000, 50_000, 100_000), 5_000)
"""Seeds that nothing was chosen on."""
SHORT = Extent(range(100, 101), (range(300, 302),), 60, (600, 1_200), 200)
