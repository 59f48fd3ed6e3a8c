"""What the fee and tax tables hold, as their TOML files state it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, TypedDict, cast


class BandRow(TypedDict, total=False):
    """Fees of a tier up to a weight, and a column per store: the fee, or the base and the fee per further kg."""

    tier: str
    up_to_kg: float
    base_kg: float


class ParcelRow(TypedDict):
    """A parcel of the selected categories; further columns per store: the fee of 0.1 kg and of each further 0.1 kg."""

    tier: str
    sides_mm: Sequence[float]
    max_unit_kg: float


class PeakPoint(TypedDict):
    """A peak surcharge known for one tier and weight band of one column."""

    column: str
    tier: str
    up_to_kg: float
    amount: float


class ScheduleRow(TypedDict, total=False):
    """A referral schedule; bounds are one fewer than percents."""

    name: str
    mode: Literal["flat", "threshold", "marginal"]
    percent: Sequence[float]
    up_to_EUR: Sequence[float]
    up_to_GBP: Sequence[float]
    currencies: Sequence[Literal["EUR", "GBP"]]
    disputed: bool


class TierRow(TypedDict, total=False):
    """A size tier: its limits, or what is charged for it."""

    tier: str
    sides_mm: Sequence[float]
    max_unit_kg: float
    over_unit_kg: float
    max_dim_kg: float
    billing: Literal["unit", "greater"]
    base_kg: float
    amounts: Sequence[float]


class SelectedCategories(TypedDict):
    """The referral schedules of the selected categories."""

    schedules: Sequence[str]


class DigitalServicesRow(TypedDict, total=False):
    """The digital services fee of sellers in some countries in some stores, percent of selling and of FBA fees."""

    home: Sequence[str]
    store: Sequence[str]
    selling: float
    fba: float
    valid_from: date
    valid_to: date
    source: str
    assumed: bool


class CategoryRoot(TypedDict):
    """One of Amazon's root categories: its names by marketplace, and the referral schedules of its products."""

    names: Sequence[str]
    schedules: Sequence[str]


class TableContent(TypedDict, total=False):
    """One version of a table. Which keys there are depends on the table; amounts are net of VAT.

    The VAT table also has a key per class, the peak table one per country of stock: see
    :meth:`~arbkit.profit.fees.tables.EffectiveTables.vat` and
    :meth:`~arbkit.profit.fees.tables.EffectiveTables.peak_amounts`.
    """

    valid_from: date
    valid_to: date
    checked_on: date
    source: str
    page: int
    assumed: bool
    seasonal: bool
    currency_assumed: bool
    # referral
    rows: Sequence[ScheduleRow]
    changes: Sequence[ScheduleRow]
    minimum: Mapping[str, float]
    minimum_disputed: Sequence[str]
    uplift_percent: Mapping[str, float]
    # closing
    fee: Mapping[str, float]
    individual_plan: Mapping[str, float]
    schedules: Sequence[str]
    # fulfilment
    bands: Sequence[BandRow]
    oversize: Sequence[BandRow]
    special: Sequence[BandRow]
    special_per_kg: Mapping[str, float]
    limit: Mapping[str, float]
    limit_selected: Mapping[str, float]
    selected: SelectedCategories
    parcels: Sequence[ParcelRow]
    # size tiers, and surcharges by tier
    tiers: Sequence[TierRow]
    dim_divisor: float
    special_over_mm: float
    special_over_girth_mm: float
    below_days: Sequence[int]
    # surcharges, refunds, duty
    percent: float
    amount: float
    known: Sequence[PeakPoint]
    at_most_EUR: float
    presets: Mapping[str, float]
    # storage, by kind of goods: January to September, October to December
    clothing: Sequence[str]
    cubic_feet_per_m3: float
    per_cubic_foot: Mapping[str, Sequence[float]]
    per_cubic_metre: Mapping[str, Sequence[float]]
    # vat
    suggested: Mapping[str, str]


def column_fee(row: BandRow, column: str) -> float:
    """The fee of a row in a store's column."""
    return cast("Mapping[str, float]", row)[column]


def column_steps(row: BandRow | ParcelRow | TierRow, column: str) -> tuple[float, float]:
    """The base and the fee per step of a row in a store's column."""
    base, per_step = cast("Mapping[str, Sequence[float]]", row)[column]
    return base, per_step
