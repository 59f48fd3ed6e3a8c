"""What it costs to have Amazon send a unit: size tier, billing weight, table, surcharges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.money.profile import Profile
from arbkit.money.tables import Bands, Tables

__all__ = ["SPECIAL", "Sizes", "efn_fees", "local_fees", "peak_fees", "size_tiers"]

Floats = npt.NDArray[np.float64]
SPECIAL = "special oversize"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Per row: the size tier ("" unknown) and the weight in kg that is billed (NaN unknown)."""

    tier: npt.NDArray[np.object_]
    billing_kg: Floats


def size_tiers(offers: pd.DataFrame, tables: Tables) -> Sizes:
    """The FBA size tier of each package (``length_mm, width_mm, height_mm, weight_g``)."""
    file = tables.files["size_tiers"]
    sides = np.sort(offers[["length_mm", "width_mm", "height_mm"]].to_numpy("float64"), axis=1)[:, ::-1]
    unit_kg = offers["weight_g"].to_numpy("float64") / 1000
    dim_kg = sides.prod(axis=1) / 1000 / file["dim_divisor"]
    known = ~(np.isnan(sides).any(axis=1) | np.isnan(unit_kg))
    tier = np.full(len(offers), "", object)
    billing = np.full(len(offers), np.nan)
    tier[known] = SPECIAL
    billing[known] = unit_kg[known]
    free = known.copy()
    for row in file["tiers"]:
        fits = free & (unit_kg <= row["max_unit_kg"]) & (unit_kg > row.get("over_unit_kg", 0.0))
        if "sides_mm" in row:
            fits &= (sides <= np.array(row["sides_mm"])).all(axis=1)
        if "max_dim_kg" in row:
            fits &= dim_kg <= row["max_dim_kg"]
        tier[fits] = row["tier"]
        if row["billing"] == "greater":
            billing[fits] = np.maximum(unit_kg, dim_kg)[fits]
        free &= ~fits
    return Sizes(tier, billing)


def local_fees(
    tables: Tables,
    profile: Profile,
    *,
    store: npt.NDArray[np.object_],
    sizes: Sizes,
    price: Floats,
    schedule: npt.NDArray[np.int64],
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Fees for stock in the store's own country, net, in its currency; and where Low-Price FBA applies."""
    file = tables.files["fulfilment_low_price"]
    selected = {i for i, s in enumerate(tables.schedules) if s.name in file["selected"]["schedules"]}
    is_selected = np.isin(schedule, list(selected))
    fee = np.full(len(price), np.nan)
    low = np.zeros(len(price), bool)
    for code in pd.unique(store):
        rows = store == code
        column = "CEP" if code == "DE" and profile.warehouses == "cep" else str(code)
        limit = np.where(is_selected, file["limit_selected"][code], file["limit"][code])
        cheap = _look_up(tables.low_price, sizes, column, rows)
        fee[rows] = _look_up(tables.local, sizes, column, rows)[rows]
        use = rows & (price <= limit) & ~np.isnan(cheap)
        fee[use] = cheap[use]
        low |= use
    return fee, low


def efn_fees(
    tables: Tables,
    profile: Profile,
    *,
    stock: npt.NDArray[np.object_],
    store: npt.NDArray[np.object_],
    sizes: Sizes,
) -> Floats:
    """Fees for stock in one country sold in another, net, in the currency of the store sold in."""
    fee = np.full(len(store), np.nan)
    columns = np.where(
        stock == "UK",
        "UK_EU4",
        np.where(store == "UK", "EU4_UK", np.where((stock == "DE") & (profile.warehouses == "de"), "DE", "EU4")),
    )
    for column in pd.unique(columns):
        rows = (columns == column) & (stock != store)
        fee[rows] = _look_up(tables.efn, sizes, str(column), rows)[rows]
    return fee


def peak_fees(
    tables: Tables,
    *,
    stock: npt.NDArray[np.object_],
    sizes: Sizes,
    low_price: npt.NDArray[np.bool_],
    on: date,
) -> Floats:
    """The peak season's surcharge by the country of the stock, net, in that country's currency; else 0."""
    fee = np.zeros(len(stock))
    row = tables.dated("surcharges", "peak", on)
    if row is None:
        return fee
    kind = np.array([_kind(tier) for tier in sizes.tier], object)
    for code in ("UK", "DE"):
        for name, amount in row[code].items():
            fee[(stock == code) & (kind == name) & ~low_price] = amount
    return fee


def _kind(tier: str) -> str:
    if tier in {"large envelope", "extra-large envelope"}:
        return "envelope"
    return "parcel" if tier.endswith("parcel") else ""


def _look_up(bands: Bands, sizes: Sizes, column: str, rows: npt.NDArray[np.bool_]) -> Floats:
    fee = np.full(len(rows), np.nan)
    for tier in pd.unique(sizes.tier[rows]):
        here = rows & (sizes.tier == tier)
        fee[here] = bands.fee(tier, sizes.billing_kg[here], column)
    return fee
