"""What it costs to have Amazon store and send a unit: tables, surcharges, the season, what Keepa observed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from arbkit.core.marketplaces import MARKET_CODES, MARKETS
from arbkit.profit.fees.arrays import Floats, Ints, Mask
from arbkit.profit.fees.bands import PeakSeason, WeightBands
from arbkit.profit.fees.contents import column_steps
from arbkit.profit.fees.observed import ObservedFees, TableFees, choose_observed
from arbkit.profit.fees.sizes import Sizes, TableRows
from arbkit.profit.fees.tables import EffectiveTables

EFN_COLUMNS = ("EU4", "DE", "UK_EU4", "EU4_UK")
_PEAK_COLUMNS = {"EU4": "EFN_EU4", "DE": "EFN_DE"}
"""EFN columns that the table of the peak season names otherwise."""


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """Fees per row, net, in the currency of the store sold in.

    ``local`` is from stock in the store's own country, dangerous goods included, ``efn`` by column without them.
    ``peak`` is what the season of the dispatch adds, by column (``local`` and those of EFN); empty outside of one.
    ``keepa_stale``: Keepa's fee is used although a table is newer. ``peak_unknown``: without a package nobody knows
    whether the season adds anything.
    """

    local: Floats
    low_price: Mask
    from_keepa: Mask
    keepa_stale: Mask
    efn: dict[str, Floats]
    pan_eu_extra: Floats
    packaging: Floats
    peak: dict[str, Floats]
    peak_assumed: Mask
    peak_unknown: Mask
    hazmat: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilmentUnits:
    """What the fulfilment fees of each row depend on. ``market``: index of the store in ``MARKETS``.

    ``low_price_limit``: the highest price at which Low-Price FBA is charged; ``low_price_sizes``: sizes as that table
    takes them, by unit weight and without the parcels of selected categories. ``observed``: what Keepa saw. Prices are
    shop prices; unknown is NaN.
    """

    market: Ints
    price: Floats
    sizes: Sizes
    low_price_limit: Floats
    low_price_sizes: Sizes
    observed: ObservedFees
    hazmat: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilmentTerms:
    """What a seller's fees depend on beside the units.

    ``cover_days``: days that Pan-EU stock lasts; ``dispatched_on``: the expected day, whose peak season counts;
    ``sipp_certified``: oversize ships in its own packaging.
    """

    warehouses: str
    cover_days: int
    dispatched_on: date
    sipp_certified: bool


def fulfilment_fees(day: EffectiveTables, units: FulfilmentUnits, terms: FulfilmentTerms) -> Fulfilment:
    """All fees of each row as sold in its marketplace.

    Keepa's observed fee comes before a table that is not newer, as long as the price is on the same side of the
    low-price limit as the one Keepa observed it at.
    """
    market, sizes = units.market, units.sizes
    table_rows = TableRows(day, sizes)
    is_low = units.price <= units.low_price_limit
    cheap = _local_fees(day.low_price, TableRows(day, units.low_price_sizes, plain=True), market, terms.warehouses)
    low = is_low & ~np.isnan(cheap)
    usual = _local_fees(day.local, table_rows, market, terms.warehouses)
    hazmat = np.where(units.hazmat, float(day.get("surcharges.hazmat").get("amount", np.nan)), 0.0)
    season = day.season(terms.dispatched_on)
    by_table = TableFees(np.where(low, cheap, usual), usual, low, is_low, units.low_price_limit)
    seen = choose_observed(day, units.observed, by_table, table_rows, market, season, warehouses=terms.warehouses)
    efn = _efn_fees(day, table_rows, market)
    peak = {} if season is None else _peak_fees(season, table_rows, market, {**efn, "local": usual}, terms.warehouses)
    peak_assumed = peak_unknown = np.zeros(len(market), bool)
    if season is not None:
        peak["local"][low | seen.holds_peak] = 0.0
        peak_assumed = (peak["local"] > 0) & season.provenance.assumed
        peak_unknown = seen.used & ~seen.holds_peak & (sizes.tier < 0) & np.isin(market, _peak_stores(season))
    return Fulfilment(
        local=np.where(seen.used, units.observed.fee, by_table.fee + hazmat),
        low_price=np.asarray(low & ~seen.used),
        from_keepa=seen.used,
        keepa_stale=seen.stale,
        efn=efn,
        pan_eu_extra=_pan_eu_extra(day, sizes, market, terms.cover_days),
        packaging=np.zeros(len(market)) if terms.sipp_certified else _by_tier(day, "packaging", sizes, market),
        peak=peak,
        peak_assumed=peak_assumed,
        peak_unknown=peak_unknown,
        hazmat=hazmat,
    )


def _local_fees(bands: WeightBands | None, table_rows: TableRows, market: Ints, warehouses: str) -> Floats:
    """The fee of stock in the store's own country."""
    fee = np.full(len(market), np.nan)
    for code, rows in rows_by_store(market):
        fee[rows] = table_rows.fee(bands, rows, _local_column(code, warehouses))
    return fee


def _efn_fees(day: EffectiveTables, table_rows: TableRows, market: Ints) -> dict[str, Floats]:
    """The EFN fee by column, NaN in the stores that a column does not serve."""
    fees = {column: np.full(len(market), np.nan) for column in EFN_COLUMNS}
    for code, rows in rows_by_store(market):
        for name in efn_columns(code):
            fees[name][rows] = table_rows.fee(day.efn, rows, name, "EFN_DE" if name == "DE" else name)
    return fees


def rows_by_store(market: Ints) -> Iterator[tuple[str, Ints]]:
    """Each store that anything is sold in, and its rows; ``market``: index in ``MARKETS``."""
    for number, code in enumerate(MARKETS):
        rows = np.flatnonzero(market == number)
        if len(rows):
            yield code, rows


def efn_columns(store: str) -> tuple[str, ...]:
    """The EFN columns that serve a store."""
    return ("EU4_UK",) if store == "UK" else ("EU4", "DE", "UK_EU4")


def _peak_fees(
    season: PeakSeason, table_rows: TableRows, market: Ints, usual: Mapping[str, Floats], warehouses: str
) -> dict[str, Floats]:
    """What the season's fees are above the ``usual`` ones, by column; 0 where it has none."""
    more = {column: np.zeros(len(market)) for column in usual}
    for code, rows in rows_by_store(market):
        names = {"local": _local_column(code, warehouses)} | {c: _PEAK_COLUMNS.get(c, c) for c in efn_columns(code)}
        for column, name in names.items():
            if season.bands is not None and name in season.bands.columns:
                more[column][rows] = np.nan_to_num(table_rows.peak_fee(season, rows, name) - usual[column][rows])
    return more


def _peak_stores(season: PeakSeason) -> list[int]:
    """The stores whose local stock has peak fees."""
    return [i for i, code in enumerate(MARKET_CODES) if season.bands is not None and code in season.bands.columns]


def _local_column(code: str, warehouses: str) -> str:
    """The column of stock in the store's own country."""
    return "CEP" if code == "DE" and warehouses == "cep" else code


def _pan_eu_extra(day: EffectiveTables, sizes: Sizes, market: Ints, cover_days: int) -> Floats:
    """The oversize surcharge and the low-inventory fee, EUR; NaN in stores that the programme does not reach."""
    extra = _by_tier(day, "pan_eu_oversize", sizes, market)
    tiers = day.get("surcharges.pan_eu_oversize").get("tiers", ())
    for code, rows in rows_by_store(market):
        if not any(code in row for row in tiers):
            extra[rows] = np.nan
    low = day.get("surcharges.low_inventory")
    step = next((i for i, days in enumerate(low.get("below_days", ())) if cover_days < days), None)
    if step is not None:
        for row in low["tiers"]:
            extra[sizes.tier == day.tiers.index(row["tier"])] += row["amounts"][step]
    return extra


def _by_tier(day: EffectiveTables, surcharge: str, sizes: Sizes, market: Ints) -> Floats:
    """A surcharge of some tiers, 0 of all others; NaN of these in stores that its table does not have."""
    extra = np.zeros(len(market))
    for row in day.get(f"surcharges.{surcharge}").get("tiers", ()):
        of_tier = np.flatnonzero(sizes.tier == day.tiers.index(row["tier"]))
        started = np.ceil(np.round(np.maximum(0.0, sizes.billing_kg[of_tier] - row["base_kg"]), 6))
        for code, rows in rows_by_store(market[of_tier]):
            base, per_kg = column_steps(row, code) if code in row else (np.nan, 0.0)
            extra[of_tier[rows]] = base + per_kg * started[rows]
    return extra


def storage_per_month(
    day: EffectiveTables, sizes: Sizes, clothing: Mask, hazmat: Mask
) -> dict[str, tuple[Floats, Floats]]:
    """Storage a month of each row, January to September and October to December.

    ``EUR`` is for stock in the EU, ``GBP`` for stock in the UK. NaN where the volume is unknown or no table holds.
    """
    content = day.get("storage")
    count = len(sizes.tier)
    if not content:
        nothing = np.full(count, np.nan)
        return {"EUR": (nothing, nothing), "GBP": (nothing, nothing)}
    names = day.tiers
    oversize = np.isin(sizes.tier, [i for i, n in enumerate(names) if n.endswith("oversize") or " oversize " in n])
    kind = np.where(hazmat, np.where(oversize, 4, 3), np.where(oversize, 2, np.where(clothing, 1, 0)))
    order = ("standard", "clothing", "oversize", "dangerous", "dangerous_oversize")
    metre, foot, cubic_feet = content["per_cubic_metre"], content["per_cubic_foot"], content["cubic_feet_per_m3"]

    def rates(block: Mapping[str, Sequence[float]], season: int, factor: float) -> Floats:
        per_unit = np.array([block[name][season] for name in order])
        return np.asarray(per_unit[kind] * sizes.volume_m3 * factor)

    return {
        "EUR": (rates(metre, 0, 1.0), rates(metre, 1, 1.0)),
        "GBP": (rates(foot, 0, cubic_feet), rates(foot, 1, cubic_feet)),
    }


def dispatch_day(on: date, days: float) -> date:
    """The day ``days`` after another, the last of the calendar if there are not as many."""
    return on + timedelta(min(int(days), (date.max - on).days))


def months(on: date, days: float) -> tuple[float, float]:
    """How many months of storage the days from ``on`` are: in January to September, in October to December."""
    early = late = 0.0
    left, day = days, on
    # Of the calendar's last month nothing follows.
    while left > 0 and day < date.max.replace(day=1):
        following = (day.replace(day=1) + timedelta(32)).replace(day=1)
        length = (following - day.replace(day=1)).days
        here = min(left, (following - day).days)
        if day.month >= 10:
            late += here / length
        else:
            early += here / length
        left, day = left - here, following
    return early, late


def efn_column(stock: str, store: str, warehouses: str) -> str:
    """The EFN column of stock in one country sold in the store of another."""
    if store == "UK":
        return "EU4_UK"
    if stock == "UK":
        return "UK_EU4"
    return "DE" if stock == "DE" and warehouses == "de" else "EU4"


def efn_price_cap(day: EffectiveTables, stock: str, store: str) -> float:
    """The highest shop price of EFN, in the store's currency: between the UK and the EU there is one."""
    caps = day.get("fulfilment_efn").get("remote_price_cap", {})
    return caps.get(store, float("inf")) if (stock == "UK") != (store == "UK") else float("inf")


def remote_price_caps(day: EffectiveTables) -> str:
    """These prices in words."""
    caps = day.get("fulfilment_efn").get("remote_price_cap", {})
    return " or ".join(dict.fromkeys(f"{cap:.2f} {MARKETS[code].currency}" for code, cap in caps.items()))


def schedule_mask(day: EffectiveTables, schedule: Ints, names: Iterable[str]) -> Mask:
    """Where the referral schedule is one of these."""
    indices = [i for name in names if (i := day.schedule_index(name)) >= 0]
    return np.isin(schedule, indices)
