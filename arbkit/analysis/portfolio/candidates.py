"""Candidates of a plan: routes with what each further unit of them earns in scenarios common to all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.profit.fees.arrays import Floats, Mask

MOST_CASH = 1e6
"""A unit that costs more than this, in the home currency, has a price that is a glitch."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """n routes, up to k units of each, s scenarios that are equally probable. Money in the home currency.

    Scenario 7 is the same course of the world for every route. Of one product on one marketplace the kth unit is the
    kth to be sold there, whatever route it came by.
    """

    asins: Sequence[str]
    brands: Sequence[str | None]
    sources: Sequence[str]
    """marketplaces bought on"""
    targets: Sequence[str]
    """marketplaces sold on"""
    cash: Floats
    """(n) paid for one unit when it is bought, VAT included"""
    weight_kg: Floats
    """(n) of one unit"""
    hazmat: Mask
    """(n)"""
    profits: Floats
    """(n, k, s) profit of the kth unit in each scenario, sold or not; NaN unknown; never more than of the one before"""
    days: Floats
    """(n, k, s) days until the money of the kth unit is back"""
    sold: Floats
    """(n, k) chance that the kth unit is sold within the horizon"""
    unknown: Sequence[str | None] = ()
    """(n, or none) why there is no forecast of a route"""

    def __post_init__(self) -> None:
        routes = len(self.profits)
        lengths = map(len, (self.asins, self.brands, self.sources, self.targets))
        arrays = map(len, (self.cash, self.weight_kg, self.hazmat))
        if {*lengths, *arrays} != {routes}:
            raise ValueError(f"each field must be of {routes} routes")
        if self.days.shape != self.profits.shape or self.sold.shape != self.profits.shape[:2]:
            raise ValueError(f"days and sold must be of the shape of profits, {self.profits.shape}")

    @property
    def expected(self) -> Floats:
        """(n, k) expected profit of the kth unit; NaN unknown."""
        return np.asarray(self.profits.mean(axis=2))

    def why_not(self) -> list[str | None]:
        """Why a route cannot be planned with, None where it can."""
        known = np.isfinite(self.profits).all(axis=(1, 2)) & np.isfinite(self.sold).all(axis=1)
        known &= np.isfinite(self.days).all(axis=(1, 2))
        priced = np.isfinite(self.cash) & (self.cash > 0)
        glitch = priced & (self.cash > MOST_CASH)
        reasons = np.select([~priced, glitch, ~known], [NO_PRICE, GLITCH, NO_FORECAST], "")
        said = self.unknown or [None] * len(reasons)
        return [forecast or str(reason) or None for forecast, reason in zip(said, reasons, strict=True)]


NO_PRICE = "what a unit costs is unknown"
GLITCH = f"a unit would cost more than {MOST_CASH:,.0f}: a glitch of the price"
NO_FORECAST = "its profit cannot be forecast"
