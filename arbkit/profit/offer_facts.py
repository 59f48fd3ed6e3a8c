"""The columns of offers that are costed, and the price of each by a basis."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
import orjson
import pandas as pd

from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM
from arbkit.profit.fees.arrays import Floats, Mask, Objects
from arbkit.profit.seller.profile import Basis

OFFER_COLUMNS = (
    "asin", "market", "price_minor", "price_basis", "shipping_minor", "price_avg30_minor", "price_avg90_minor",
    "price_avg180_minor", "sale_price_minor", "sale_price_sales", "category", "category_path", "length_mm", "width_mm",
    "height_mm", "weight_g", "hazmat", "keepa_fba_fee_minor", "keepa_fba_fee_at", "keepa_referral_pct",
    "keepa_closing_fee_minor", "vat_class", "updated_at",
)  # fmt: skip
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Prices:
    """Shop prices per row by a basis, shipping included, major units; NaN unknown.

    ``derived``: it is not the spot price but an average, or what was inferred from sales. ``crosses``: the average
    would mix prices with and without shipping. ``fell_back``: a robust price had to be the spot price.
    ``not_inferred``: unknown only because no price could be inferred from sales.
    """

    price: Floats
    derived: Mask
    crosses: Mask
    fell_back: Mask
    not_inferred: Mask


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    """A column as floats, NaN where it is unknown or the frame has no such column."""
    if name not in frame:
        return np.full(len(frame), np.nan)
    return frame[name].to_numpy("float64", na_value=np.nan)


def categories(offers: pd.DataFrame) -> Objects:
    """Each offer's category, with its branch where the tree is known: ``Root › Branch › …``; None or NaN unknown."""
    names = offers["category"].to_numpy(object)
    if "category_path" not in offers:
        return names
    known: dict[Hashable, str] = {}
    branches = []
    for path in offers["category_path"].tolist():
        if path not in known:
            known[path] = _branch(path)
        branches.append(known[path])
    return np.array([branch or name for branch, name in zip(branches, names, strict=True)], object)


def _branch(path: str | tuple[str, ...] | float | None) -> str:
    """A path of more than a root in one text, else nothing; a store gives it as the JSON text that it keeps."""
    names = orjson.loads(path) if isinstance(path, str) else path
    return " › ".join(map(str, names)) if isinstance(names, list | tuple) and len(names) > 1 else ""


def prices(offers: pd.DataFrame, basis: Basis, *, buying: bool) -> Prices:
    """The price to calculate with: today's, its average, the worse of both (robust), or that of inferred sales.

    Buying needs an offer now, whatever the basis. An average is never taken across the day on which Keepa's NEW
    price began to include shipping.
    """
    shipping = np.nan_to_num(numbers(offers, "shipping_minor"))
    spot = numbers(offers, "price_minor")
    spot = np.where(spot > 0, (spot + shipping) / 100, np.nan)
    if buying and "price_glitch" in offers:
        spot[offers["price_glitch"].to_numpy(bool)] = np.nan
    nowhere = np.zeros(len(offers), bool)
    found = Prices(spot, derived=nowhere, crosses=nowhere, fell_back=nowhere, not_inferred=nowhere)
    if basis == "spot":
        return found
    if basis == "inferred":
        inferred = numbers(offers, "sale_price_minor")
        inferred = np.where(inferred > 0, inferred / 100, np.nan)
        not_inferred = np.isnan(inferred) & ~(buying & np.isnan(spot))
        price = np.where(np.isnan(spot), np.nan, inferred) if buying else inferred
        return replace(found, price=price, derived=~np.isnan(price), not_inferred=not_inferred)
    days = 90 if basis == "robust" else int(basis.removeprefix("avg"))
    crosses = _crosses_break(offers, days)
    average = numbers(offers, f"price_avg{days}_minor")
    # Keepa's averages of shipped prices include the shipping.
    average = np.where((average > 0) & ~crosses, average / 100, np.nan)
    if basis == "robust":
        worse = np.fmax(spot, average) if buying else np.fmin(spot, average)
        price = np.where(np.isnan(spot), np.nan, worse)
        derived = np.asarray(price != spot) & ~np.isnan(price)
        return replace(found, price=price, derived=derived, fell_back=np.isnan(average) & ~np.isnan(spot))
    price = np.where(np.isnan(spot), np.nan, average) if buying else average
    return replace(found, price=price, derived=~np.isnan(price), crosses=crosses)


def _crosses_break(offers: pd.DataFrame, days: int) -> Mask:
    """Where an average over ``days`` would mix NEW prices with and without shipping."""
    updated = numbers(offers, "updated_at")
    return np.asarray(
        (offers["price_basis"].to_numpy(object) == "new")
        & (updated >= NEW_INCLUDES_SHIPPING_FROM)
        & (updated - days * _DAY_S < NEW_INCLUDES_SHIPPING_FROM)
    )
