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


class ParcelRow(TypedDict, total=False):
    """A parcel of the selected categories; further columns per store: the fee of 0.1 kg and of each further 0.1 kg."""

    tier: str
    sides_mm: Sequence[float]
    max_unit_kg: float


class ScheduleRow(TypedDict, total=False):
    """A referral schedule; bounds are one fewer than percents. ``fba``: what differs where Amazon fulfils."""

    name: str
    mode: Literal["flat", "threshold", "marginal"]
    percent: Sequence[float]
    up_to_EUR: Sequence[float]
    up_to_GBP: Sequence[float]
    currencies: Sequence[Literal["EUR", "GBP"]]
    disputed: bool
    fba: FbaRest


class FbaRest(TypedDict):
    """The percentage of what a price exceeds an amount by, where Amazon fulfils."""

    percent: float
    above_EUR: float
    above_GBP: float


class ClosingRow(TypedDict, total=False):
    """The closing fee of some schedules; further columns per store. ``assumed_in``: stores with one transcription."""

    name: str
    schedules: Sequence[str]
    assumed_in: Sequence[str]


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


class HeavyMinimum(TypedDict):
    """The least referral fee of heavy units that Amazon fulfils, by currency."""

    over_unit_kg: float
    EUR: float
    GBP: float


class CollectedVat(TypedDict):
    """VAT that the marketplace owes for sellers abroad; the limit is net of VAT, in the store's currency."""

    consignment_up_to: float


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
    no_minimum: Sequence[str]
    minimum_heavy: HeavyMinimum
    uplift_percent: Mapping[str, float]
    # closing
    fees: Sequence[ClosingRow]
    individual_plan: Mapping[str, float]
    schedules: Sequence[str]
    # fulfilment
    bands: Sequence[BandRow]
    oversize: Sequence[BandRow]
    special: Sequence[BandRow]
    special_per_kg: Mapping[str, float]
    limit: Mapping[str, float]
    limit_selected: Mapping[str, float]
    remote_price_cap: Mapping[str, float]
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
    at_most_EUR: float
    presets: Mapping[str, float]
    # storage, by kind of goods: January to September, October to December
    clothing: Sequence[str]
    cubic_feet_per_m3: float
    per_cubic_foot: Mapping[str, Sequence[float]]
    per_cubic_metre: Mapping[str, Sequence[float]]
    # vat
    suggested: Mapping[str, str]
    hides_reduced: Sequence[str]
    # VAT that the marketplace owes, by store
    stores: Mapping[str, CollectedVat]


def column_fee(row: BandRow, column: str) -> float:
    """The fee of a row in a store's column."""
    return cast("Mapping[str, float]", row)[column]


def column_amount(row: ClosingRow, column: str) -> float:
    """The amount of a row in a store's column, NaN where it has none."""
    return float(cast("Mapping[str, float]", row).get(column, float("nan")))


def column_steps(row: BandRow | ParcelRow | TierRow, column: str) -> tuple[float, float]:
    """The base and the fee per step of a row in a store's column."""
    base, per_step = cast("Mapping[str, Sequence[float]]", row)[column]
    return base, per_step
