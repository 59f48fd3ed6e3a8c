"""The package of a unit: its FBA size tier and billing weight, and its row in each table of fees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arbkit.profit.fees.arrays import Floats, Ints, Mask, SmallInts
from arbkit.profit.fees.bands import PeakSeason, WeightBands
from arbkit.profit.fees.parsing import SPECIAL
from arbkit.profit.fees.tables import EffectiveTables

_ENVELOPES = frozenset({"light envelope", "standard envelope", "large envelope", "extra-large envelope"})


@dataclass(frozen=True, slots=True)
class Sizes:
    """Size and weight of each row's package.

    Attributes:
        tier: index in ``EffectiveTables.tiers``, −1 unknown.
        billing_kg: the weight that Amazon bills; NaN unknown.
        unit_kg: the unit's own weight; NaN unknown.
        volume_m3: NaN unknown.
    """

    tier: SmallInts
    billing_kg: Floats
    unit_kg: Floats
    volume_m3: Floats


def size_tiers(day: EffectiveTables, sides_mm: Floats, unit_kg: Floats, selected: Mask) -> Sizes:
    """The FBA size tier of each package; nothing is known on a day without tables.

    Args:
        day: the tables of the day.
        sides_mm: the package's sides, of shape (rows, 3), in any order.
        unit_kg: the unit's weight per row.
        selected: rows of the categories whose parcels have tiers of their own, by unit weight.
    """
    return selected_parcels(day, plain_tiers(day, sides_mm, unit_kg), sides_mm, selected)


def plain_tiers(day: EffectiveTables, sides_mm: Floats, unit_kg: Floats) -> Sizes:
    """As :func:`size_tiers`, of no selected category."""
    count = len(unit_kg)
    tier, billing = np.full(count, -1, np.int8), np.full(count, np.nan)
    sides = np.sort(sides_mm, axis=1)[:, ::-1]
    volume = sides.prod(axis=1) / 1e9
    content = day.get("size_tiers")
    if not content:
        return Sizes(tier, billing, unit_kg, volume)
    dim_kg = volume * 1e6 / content["dim_divisor"]
    known = ~(np.isnan(volume) | np.isnan(unit_kg))
    special = day.tiers.index(SPECIAL)
    tier[known], billing[known] = special, unit_kg[known]
    girth = sides[:, 0] + 2 * (sides[:, 1] + sides[:, 2])
    free = known & (sides[:, 0] <= content["special_over_mm"]) & (girth <= content["special_over_girth_mm"])
    for row in content["tiers"]:
        fits = free & (unit_kg <= row["max_unit_kg"]) & (unit_kg > row.get("over_unit_kg", 0.0))
        if "sides_mm" in row:
            fits &= (sides <= np.array(row["sides_mm"])).all(axis=1)
        if "max_dim_kg" in row:
            fits &= dim_kg <= row["max_dim_kg"]
        tier[fits] = day.tiers.index(row["tier"])
        if row["billing"] == "greater":
            billing[fits] = np.maximum(unit_kg, dim_kg)[fits]
        free &= ~fits
    return Sizes(tier, billing, unit_kg, volume)


def selected_parcels(day: EffectiveTables, plain: Sizes, sides_mm: Floats, selected: Mask) -> Sizes:
    """The sizes of :func:`plain_tiers`, the parcels of ``selected`` rows in their own tiers."""
    envelopes = [i for i, name in enumerate(day.tiers) if name in _ENVELOPES]
    rows = np.flatnonzero(selected & (plain.tier >= 0) & ~np.isin(plain.tier, envelopes))
    if not len(rows):
        return plain
    tier, billing = plain.tier.copy(), plain.billing_kg.copy()
    sides = np.sort(sides_mm[rows], axis=1)[:, ::-1]
    for parcel in day.get("fulfilment_selected").get("parcels", ()):
        fits = (plain.unit_kg[rows] <= parcel["max_unit_kg"]) & (sides <= np.array(parcel["sides_mm"])).all(axis=1)
        tier[rows[fits]], billing[rows[fits]] = day.tiers.index(parcel["tier"]), plain.unit_kg[rows[fits]]
        rows, sides = rows[~fits], sides[~fits]
    return Sizes(tier, billing, plain.unit_kg, plain.volume_m3)


class TableRows:
    """The row of each unit in each table: found once, used by many columns.

    ``plain``: the table has no parcels of selected categories.
    """

    def __init__(self, day: EffectiveTables, sizes: Sizes, *, plain: bool = False) -> None:
        """Nothing is looked up before a fee is asked for."""
        self.day, self.sizes = day, sizes
        self.selected = None if plain else day.selected
        self._by_table: dict[int, Ints] = {}

    def of(self, bands: WeightBands) -> Ints:
        """The row of each unit in a table, the table's last one where it has no fee."""
        if id(bands) not in self._by_table:
            self._by_table[id(bands)] = bands.row_index(self.sizes.tier, self.day.tiers, self.sizes.billing_kg)
        return self._by_table[id(bands)]

    def fee(self, bands: WeightBands | None, rows: Ints, column: str, selected_column: str | None = None) -> Floats:
        """Fees of these units, NaN where there is none; parcels of selected categories by their own table."""
        return self._fee(bands, self.selected, rows, column, selected_column or column)

    def peak_fee(self, season: PeakSeason, rows: Ints, column: str) -> Floats:
        """The fees of these units in a peak season, NaN where it has none."""
        return self._fee(season.bands, season.selected if self.selected else None, rows, column, column)

    def _fee(
        self, bands: WeightBands | None, selected: WeightBands | None, rows: Ints, column: str, selected_column: str
    ) -> Floats:
        if bands is None:
            return np.full(len(rows), np.nan)
        kg = self.sizes.billing_kg[rows]
        fee = bands.fee(self.of(bands)[rows], kg, column)
        if selected is None:
            return fee
        row = self.of(selected)[rows]
        return np.where(row < len(selected.base) - 1, selected.fee(row, kg, selected_column), fee)
