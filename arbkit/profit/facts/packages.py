"""The package of each offer: measured where any listing of the product is, else a smallest, a likely and a largest one.

A product has one package wherever it is listed, so what one of its listings states holds for all. Of a package that
nobody has measured the known parts are used (weight, volume, the size of the goods), and the rest comes from quantiles
of its category. Arrays are of shape (products, 3): smallest, likely, largest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pandas as pd

from arbkit.profit.facts.priors import CategoryPrior, PackagePriors
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.offer_facts import numbers

PACKAGE = ("length_mm", "width_mm", "height_mm", "weight_g")
"""The columns of a package; the smallest and the largest stand in columns with the prefixes of :data:`EXTREMES`."""
EXTREMES = ("smallest", "largest")
GOODS = ("item_length_mm", "item_width_mm", "item_height_mm")
STATED = ("stated_length_mm", "stated_width_mm", "stated_height_mm")
KNOWN_PARTS = (*PACKAGE, "volume_cm3", *GOODS, "item_weight_g", *STATED, "stated_weight_g", "stated_capacity_cm3")


class Certainty(IntEnum):
    """How much of a package is known."""

    MEASURED = 0
    """all of it: observed by Amazon, or typed in by the user"""
    DERIVED = 1
    """a part: its weight, its volume, or the size of the goods"""
    ASSUMED = 2
    """nothing: the range of its category"""


def estimate_packages(offers: pd.DataFrame, categories: Objects, priors: PackagePriors) -> pd.DataFrame:
    """The offers, every package filled in.

    Args:
        offers: one row per product and marketplace, with ``asin``, ``market`` and those of :data:`KNOWN_PARTS` that
            are known (columns may be missing).
        categories: the key of each row's root category, or None.
        priors: quantiles by category.

    Returns:
        The offers with whole packages; ``package_certainty`` (:class:`Certainty`), ``package_from`` (the marketplace
        whose listing a measured package was taken from, or empty) and, where it is not measured, the smallest and the
        largest package in ``smallest_length_mm`` and so on (NaN elsewhere).
    """
    complete = is_measured(offers)
    count = len(offers)
    added = {
        "package_from": pd.Series(np.full(count, "", object), offers.index, dtype=object),
        "package_certainty": np.full(count, Certainty.MEASURED, np.int8),
        **{f"{extreme}_{name}": np.full(count, np.nan) for extreme in EXTREMES for name in PACKAGE},
    }
    known = [name for name in added if name in offers]
    # One by one the columns would cost more than all that is computed of one product.
    made = pd.concat([offers.drop(columns=known), pd.DataFrame(added, index=offers.index)], axis=1)
    if complete.all():
        return made
    _take_from_other_listings(made, complete)
    lacking = ~(complete | (made["package_from"] != "").to_numpy(bool))
    if lacking.any():
        _fill_by_range(made, lacking, categories, priors)
    return made


def is_measured(offers: pd.DataFrame) -> Mask:
    """Where an offer states all of its package."""
    known = np.array([~np.isnan(numbers(offers, name)) for name in PACKAGE], bool)
    return np.asarray(known.all(axis=0))


def _take_from_other_listings(offers: pd.DataFrame, complete: Mask) -> None:
    """All four facts are taken from one listing, the first that has them all."""
    known = offers.loc[complete, ["asin", "market", *PACKAGE]].drop_duplicates("asin").set_index("asin")
    rows = ~complete & offers["asin"].isin(known.index).to_numpy(bool)
    donors = known.loc[offers.loc[rows, "asin"]]
    for name in PACKAGE:
        offers.loc[rows, name] = donors[name].to_numpy()
    offers.loc[rows, "package_from"] = donors["market"].to_numpy()


def _fill_by_range(offers: pd.DataFrame, lacking: Mask, categories: Objects, priors: PackagePriors) -> None:
    codes, asins = pd.factorize(offers.loc[lacking, "asin"])
    parts = _KnownParts.of(offers[lacking], codes, len(asins))
    first_rows = np.flatnonzero(lacking)[np.unique(codes, return_index=True)[1]]
    sides, weight = _Ranges(parts, [priors.of(categories[row]) for row in first_rows], priors).packages()
    values = np.dstack([sides, weight[:, :, None]])[codes]
    for scenario, prefix in enumerate(("smallest_", "", "largest_")):
        for position, name in enumerate(PACKAGE):
            offers.loc[lacking, prefix + name] = values[:, scenario, position]
    certainty = np.where(parts.anything, Certainty.DERIVED, Certainty.ASSUMED).astype(np.int8)
    offers.loc[lacking, "package_certainty"] = certainty[codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownParts:
    """What any listing of each product states; NaN unknown. Sides longest first, of shape (products, 3)."""

    sides_mm: Floats
    weight_g: Floats
    volume_cm3: Floats
    goods_sides_mm: Floats
    goods_weight_g: Floats
    capacity_cm3: Floats

    @property
    def anything(self) -> Mask:
        return self.sized | _known(self.weight_g) | _known(self.goods_weight_g)

    @property
    def sized(self) -> Mask:
        """Where anything says how large it is."""
        sides = _known(self.sides_mm[:, 0]) | _known(self.goods_sides_mm[:, 0])
        return sides | _known(self.volume_cm3) | _known(self.capacity_cm3)

    @classmethod
    def of(cls, rows: pd.DataFrame, codes: Ints, count: int) -> _KnownParts:
        def largest(values: Floats) -> Floats:
            found = np.full((count, *values.shape[1:]), np.nan)
            np.fmax.at(found, codes, values)
            return found

        def column(name: str) -> Floats:
            known = rows[name].to_numpy("float64", na_value=np.nan) if name in rows else np.full(len(rows), np.nan)
            return np.where(known > 0, known, np.nan)

        def sides(names: tuple[str, str, str]) -> Floats:
            three = np.sort(np.column_stack([column(name) for name in names]), axis=1)[:, ::-1]
            return largest(np.where(np.isnan(three).any(axis=1, keepdims=True), np.nan, three))

        items, stated = sides(GOODS), sides(STATED)
        return cls(
            sides_mm=sides(PACKAGE[:3]),
            weight_g=largest(column("weight_g")),
            volume_cm3=largest(column("volume_cm3")),
            goods_sides_mm=np.where(np.isnan(items), stated, items),
            goods_weight_g=np.fmax(largest(column("item_weight_g")), largest(column("stated_weight_g"))),
            capacity_cm3=largest(column("stated_capacity_cm3")),
        )


def _known(values: Floats) -> Mask:
    return np.asarray(~np.isnan(values))


class _Ranges:
    """Smallest, likely and largest packages out of known parts and quantiles."""

    def __init__(self, parts: _KnownParts, of_category: list[CategoryPrior], priors: PackagePriors) -> None:
        self.parts, self.packing = parts, priors.packing
        self.weight_g, self.volume_cm3, self.density, self.second, self.third = (
            np.array([getattr(prior, name) for prior in of_category])
            for name in ("weight_g", "volume_cm3", "density", "second_side", "third_side")
        )

    def packages(self) -> tuple[Floats, Floats]:
        """Sides in mm, of shape (products, 3, 3), and weights in g."""
        parts, packing = self.parts, self.packing
        goods = parts.goods_sides_mm[:, None, :]
        factor, added = np.array([1.0, *packing.side_factor]), np.array([0.0, *packing.side_mm])
        packed = goods * factor[:, None] + added[:, None]
        volume = self._volume()
        sides = np.where(np.isnan(packed), self._sides_of(volume), packed)
        sides = np.where(np.isnan(parts.sides_mm[:, None, :]), sides, parts.sides_mm[:, None, :])
        return sides, self._weight(sides)

    def _volume(self) -> Floats:
        """In cm³: known, else by the weight, else by the capacity, else by category."""
        parts = self.parts
        weight = np.fmax(parts.weight_g, parts.goods_weight_g)[:, None]
        # What is dense is small.
        volume = np.where(np.isnan(weight), self.volume_cm3, weight / self.density[:, ::-1])
        capacity = parts.capacity_cm3[:, None] * np.array(self.packing.capacity_factor)
        volume = np.where(np.isnan(capacity), volume, np.fmax(capacity, np.where(np.isnan(weight), 0.0, volume)))
        known = np.repeat(parts.volume_cm3[:, None], 3, axis=1)
        return np.where(np.isnan(known), volume, known)

    def _sides_of(self, volume_cm3: Floats) -> Floats:
        """Sides of boxes of this volume: flat, usual, and long."""
        flat = np.column_stack([self.second[:, 1], self.second[:, 1], self.second[:, 0]])
        third = np.column_stack([self.third[:, 0], self.third[:, 1], self.third[:, 1]])
        longest = np.cbrt(volume_cm3 * 1_000 / (flat * third))
        long = longest[:, 0] > self.packing.flat_up_to_mm
        third[long, 0] = self.third[long, 1]
        longest = np.cbrt(volume_cm3 * 1_000 / (flat * third))
        return np.stack([longest, longest * flat, longest * third], axis=2)

    def _weight(self, sides_mm: Floats) -> Floats:
        """In g: known, else by the weight of the goods, else by the volume where that is known, else by category."""
        parts, packing = self.parts, self.packing
        by_volume = sides_mm.prod(axis=2) / 1_000 * self.density
        weight = np.where(parts.sized[:, None], by_volume, self.weight_g)
        factor, added = np.array([1.0, *packing.weight_factor]), np.array([0.0, *packing.weight_g])
        packed = parts.goods_weight_g[:, None] * factor + added
        weight = np.where(np.isnan(packed), weight, packed)
        known = np.repeat(parts.weight_g[:, None], 3, axis=1)
        return np.where(np.isnan(known), weight, known)
