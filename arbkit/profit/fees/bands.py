"""Fees by size tier and weight, and referral percentages by price: the arithmetic of the tables. Pure, vectorised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

import numpy as np

from arbkit.profit.fees.arrays import Floats, Ints, SmallInts


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a figure comes from: its table, the day that came into force, the source, and whether it is assumed."""

    table_id: str
    valid_from: date
    source: str
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """A referral schedule: ``fractions`` by price slice; ``bounds`` (inclusive) by currency, the last slice open.

    ``disputed``: sources contradict each other about it. ``fba_rest`` is the fraction of what a price exceeds
    ``fba_above`` (by currency) by, where Amazon fulfils; None: the method makes no difference.
    """

    name: str
    mode: str
    fractions: tuple[float, ...]
    bounds: Mapping[str, tuple[float, ...]]
    disputed: bool = False
    fba_rest: float | None = None
    fba_above: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def fee(self, price: Floats, currency: str, *, by_fba: bool = False) -> Floats:
        """The fee before the minimum, in ``currency``, for shop prices in it; NaN where it is not used there.

        ``by_fba``: Amazon fulfils the order.
        """
        if by_fba and self.fba_rest is not None and currency in self.fba_above:
            above = self.fba_above[currency]
            return self.fee(np.minimum(price, above), currency) + self.fba_rest * np.maximum(price - above, 0.0)
        bounds = self.bounds.get(currency)
        if bounds is None:
            return np.full(price.shape, np.nan)
        if self.mode == "marginal":
            edges = [0.0, *bounds, np.inf]
            fee = np.zeros_like(price)
            for fraction, low, high in zip(self.fractions, edges, edges[1:], strict=False):
                fee += fraction * np.clip(price - low, 0.0, high - low)
            return np.asarray(np.where(np.isnan(price), np.nan, fee))
        if not bounds:
            return self.fractions[0] * price
        # side="left": a price on the bound still has the lower rate
        index = np.searchsorted(np.array(bounds), price, side="left")
        return np.asarray(np.array(self.fractions)[np.minimum(index, len(self.fractions) - 1)] * price)

    @property
    def rule(self) -> str:
        """The schedule in words, without amounts that depend on the currency."""
        percents = " / ".join(f"{100 * f:g} %" for f in self.fractions)
        text = f"{self.name}: {percents}" + (f" ({self.mode})" if len(self.fractions) > 1 else "")
        return text if self.fba_rest is None else f"{text}, by FBA {100 * self.fba_rest:g} % of a high price's rest"


@dataclass(frozen=True, slots=True)
class WeightBands:
    """Fees by tier, weight and column (store or stock), net, in the column's currency.

    A row is a tier up to a weight: ``base``, and ``per_step`` for each started ``step_kg`` above ``start_kg``.
    The last row, of NaN, stands for what the table does not have.
    """

    provenance: Provenance
    columns: Mapping[str, int]
    tiers: Mapping[str, tuple[int, Floats]]
    """tier → its first row and the highest weights of its rows"""
    base: Floats
    per_step: Floats
    start_kg: Floats
    step_kg: float = 1.0

    def row_index(self, tier: SmallInts, names: Sequence[str], kg: Floats) -> Ints:
        """The row of each unit, the last one where there is no fee; ``tier``: index in ``names``, −1 unknown."""
        missing = len(self.base) - 1
        row = np.full(tier.shape, missing, np.int64)
        weight = np.round(kg, 6)
        for number, name in enumerate(names):
            if name not in self.tiers:
                continue
            here = tier == number
            if here.any():
                first, up_to = self.tiers[name]
                found = np.searchsorted(up_to, weight[here], side="left")
                row[here] = np.where((found < len(up_to)) & ~np.isnan(kg[here]), first + found, missing)
        return row

    def fee(self, row: Ints, kg: Floats, column: str) -> Floats:
        """Fees of units of these rows that weigh ``kg``; NaN where the table has no such column."""
        if column not in self.columns:
            return np.full(row.shape, np.nan)
        at = self.columns[column]
        fee = self.base[row, at]
        grows = self.per_step[row, at] > 0
        if grows.any():
            over = np.maximum(0.0, kg[grows] - self.start_kg[row[grows]]) / self.step_kg
            fee = fee.copy()
            fee[grows] += self.per_step[row[grows], at] * np.ceil(np.round(over, 6))
        return np.asarray(fee)


@dataclass(frozen=True, slots=True)
class PeakSeason:
    """A season in which other fees replace those of some tiers: of dispatches from ``first`` to ``last``.

    ``bands`` and ``selected`` hold the fees of the season; None where only what came on top is public.
    """

    provenance: Provenance
    first: date
    last: date
    bands: WeightBands | None
    selected: WeightBands | None
