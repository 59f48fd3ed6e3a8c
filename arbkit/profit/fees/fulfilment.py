"""What it costs to have Amazon store and send a unit: size tier, billing weight, tables, surcharges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from arbkit.core.marketplaces import MARKET_CODES, MARKETS
from arbkit.profit.fees.arrays import Floats, Ints, Mask, SmallInts
from arbkit.profit.fees.bands import WeightBands
from arbkit.profit.fees.contents import PeakPoint, column_steps
from arbkit.profit.fees.parsing import SPECIAL
from arbkit.profit.fees.tables import EffectiveTables

EFN_COLUMNS = ("EU4", "DE", "UK_EU4", "EU4_UK")
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


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """Fees per row, net.

    ``local`` and ``pan_eu_extra`` are in the store's currency, ``efn`` by column in that of the store sold in,
    ``peak_local`` and ``peak_efn`` (by country of the stock) in that of the stock's country.
    """

    local: Floats
    low_price: Mask
    from_keepa: Mask
    efn: dict[str, Floats]
    pan_eu_extra: Floats
    peak_local: Floats
    peak_efn: dict[str, Floats]
    peak_assumed: Mask
    hazmat: Floats


def size_tiers(day: EffectiveTables, sides_mm: Floats, unit_kg: Floats, selected: Mask) -> Sizes:
    """The FBA size tier of each package; nothing is known on a day without tables.

    Args:
        day: the tables of the day.
        sides_mm: the package's sides, of shape (rows, 3), in any order.
        unit_kg: the unit's weight per row.
        selected: rows of the categories whose parcels have tiers of their own, by unit weight.
    """
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
    parcels = selected & known & ~_in_tiers(day, tier, _ENVELOPES)
    for parcel in day.get("fulfilment_selected").get("parcels", ()):
        fits = parcels & (unit_kg <= parcel["max_unit_kg"]) & (sides <= np.array(parcel["sides_mm"])).all(axis=1)
        tier[fits], billing[fits] = day.tiers.index(parcel["tier"]), unit_kg[fits]
        parcels &= ~fits
    return Sizes(tier, billing, unit_kg, volume)


def _in_tiers(day: EffectiveTables, tier: SmallInts, names: Collection[str]) -> Mask:
    """Where the size tier is one of these."""
    return np.isin(tier, [i for i, name in enumerate(day.tiers) if name in names])


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilmentUnits:
    """What the fulfilment fees of each row depend on. ``market``: index of the store in ``MARKETS``.

    ``low_price_limit``: the highest price at which Low-Price FBA is charged; ``low_price_sizes``: sizes without the
    parcels of selected categories, which the low-price table does not have. ``keepa_fee``: the fee that Keepa observed
    (net, stock in Germany only) when the price was ``keepa_price``. Prices are shop prices; unknown is NaN.
    """

    market: Ints
    price: Floats
    sizes: Sizes
    low_price_limit: Floats
    low_price_sizes: Sizes
    keepa_fee: Floats
    keepa_price: Floats
    hazmat: Mask


def fulfilment_fees(day: EffectiveTables, units: FulfilmentUnits, *, warehouses: str, cover_days: int) -> Fulfilment:
    """All fees of each row as sold in its marketplace.

    Keepa's observed fee comes before the table, as long as the price is on the same side of the low-price limit as
    the one Keepa observed it at.
    """
    market, sizes = units.market, units.sizes
    table_rows = _TableRows(day, sizes)
    is_low = units.price <= units.low_price_limit
    cheap = _local_fees(day.low_price, _TableRows(day, units.low_price_sizes, plain=True), market, warehouses)
    low = is_low & ~np.isnan(cheap)
    fee = np.where(low, cheap, _local_fees(day.local, table_rows, market, warehouses))
    observed_low = np.nan_to_num(units.keepa_price, nan=np.inf) <= units.low_price_limit
    usable = (units.keepa_fee > 0) & (is_low == observed_low)
    if warehouses == "cep":
        usable &= market != MARKET_CODES.index("DE")
    hazmat = np.where(units.hazmat, float(day.get("surcharges.hazmat").get("amount", np.nan)), 0.0)
    peak = _Peak(day, sizes)
    return Fulfilment(
        local=np.where(usable, units.keepa_fee, fee),
        low_price=np.asarray(low & ~usable),
        from_keepa=np.asarray(usable),
        efn=_efn_fees(day, table_rows, market),
        pan_eu_extra=_pan_eu_extra(day, sizes, market, cover_days),
        peak_local=peak.local(market, is_low),
        peak_efn={stock: peak.of(stock, f"EFN_{stock}") for stock in ("UK", "DE")},
        peak_assumed=peak.assumed,
        hazmat=np.where(usable, 0.0, hazmat),
    )


def _local_fees(bands: WeightBands | None, table_rows: _TableRows, market: Ints, warehouses: str) -> Floats:
    """The fee of stock in the store's own country."""
    fee = np.full(len(market), np.nan)
    for code, rows in rows_by_store(market):
        fee[rows] = table_rows.fee(bands, rows, "CEP" if code == "DE" and warehouses == "cep" else code)
    return fee


def _efn_fees(day: EffectiveTables, table_rows: _TableRows, market: Ints) -> dict[str, Floats]:
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


class _TableRows:
    """The row of each unit in each table: found once, used by many columns.

    ``plain``: the table has no parcels of selected categories.
    """

    def __init__(self, day: EffectiveTables, sizes: Sizes, *, plain: bool = False) -> None:
        self.day, self.sizes = day, sizes
        self.selected = None if plain else day.selected
        self.by_table: dict[str, Ints] = {}

    def of(self, bands: WeightBands) -> Ints:
        name = bands.provenance.table_id
        if name not in self.by_table:
            self.by_table[name] = bands.row_index(self.sizes.tier, self.day.tiers, self.sizes.billing_kg)
        return self.by_table[name]

    def fee(self, bands: WeightBands | None, rows: Ints, column: str, selected_column: str | None = None) -> Floats:
        """Fees of these units; parcels of selected categories by their own table."""
        if bands is None:
            return np.full(len(rows), np.nan)
        kg = self.sizes.billing_kg[rows]
        fee = bands.fee(self.of(bands)[rows], kg, column)
        selected = self.selected
        if selected is None:
            return fee
        row = self.of(selected)[rows]
        return np.where(row < len(selected.base) - 1, selected.fee(row, kg, selected_column or column), fee)


class _Peak:
    """The peak season's surcharge, by size and country of the stock; 0 outside the season."""

    def __init__(self, day: EffectiveTables, sizes: Sizes) -> None:
        self.season, self.sizes, self.day = day.get("surcharges.peak"), sizes, day
        kinds = {
            "envelope": {"large envelope", "extra-large envelope"},
            "parcel": {n for n in day.tiers if "parcel" in n},
        }
        self.kinds = {kind: _in_tiers(day, sizes.tier, tiers) for kind, tiers in kinds.items()}
        self.assumed = np.full(len(sizes.tier), bool(self.season.get("assumed", False)))

    def local(self, market: Ints, low_price: Mask) -> Floats:
        fee = np.zeros(len(market))
        for code, rows in rows_by_store(market):
            fee[rows] = self.of(code, code)[rows]
        fee[low_price] = 0.0
        return fee

    def of(self, country: str, column: str) -> Floats:
        """The surcharge of stock in a country, by the points known of a column where there are any."""
        fee = np.zeros(len(self.sizes.tier))
        for kind, amount in self.day.peak_amounts(country).items():
            fee[self.kinds[kind]] = amount
        for point in self.season.get("known", ()):
            if point["column"] == column:
                fee[self._band(point)] = point["amount"]
        return fee

    def _band(self, point: PeakPoint) -> Mask:
        here = np.asarray(self.sizes.tier == self.day.tiers.index(point["tier"]))
        bands = self.day.local
        if bands is None:
            return np.zeros(len(here), bool)
        up_to = bands.tiers[point["tier"]][1]
        at = int(np.searchsorted(up_to, point["up_to_kg"]))
        kg = np.round(self.sizes.billing_kg, 6)
        return np.asarray(here & (kg <= up_to[at]) & (kg > (up_to[at - 1] if at else 0.0)))


def _pan_eu_extra(day: EffectiveTables, sizes: Sizes, market: Ints, cover_days: int) -> Floats:
    """The oversize surcharge and the low-inventory fee, EUR."""
    extra = np.zeros(len(market))
    for row in day.get("surcharges.pan_eu_oversize").get("tiers", ()):
        here = sizes.tier == day.tiers.index(row["tier"])
        started = np.ceil(np.round(np.maximum(0.0, sizes.billing_kg - row["base_kg"]), 6))
        for code, rows in rows_by_store(market):
            if code in row:
                base, per_kg = column_steps(row, code)
                rows = rows[here[rows]]
                extra[rows] = base + per_kg * started[rows]
    low = day.get("surcharges.low_inventory")
    step = next((i for i, days in enumerate(low.get("below_days", ())) if cover_days < days), None)
    if step is not None:
        for row in low["tiers"]:
            extra[sizes.tier == day.tiers.index(row["tier"])] += row["amounts"][step]
    return extra


def storage_per_month(
    day: EffectiveTables, sizes: Sizes, clothing: Mask, hazmat: Mask
) -> dict[str, tuple[Floats, Floats]]:
    """Storage a month of each row, January to September and October to December.

    ``EUR`` is for stock in the EU, ``GBP`` for stock in the UK. NaN where the volume is unknown or no table holds.
    """
    content = day.get("storage")
    if not content:
        return dict.fromkeys(("EUR", "GBP"), (np.full(len(clothing), np.nan),) * 2)
    oversize = _in_tiers(day, sizes.tier, {n for n in day.tiers if n.endswith("oversize") or " oversize " in n})
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


def months(on: date, days: float) -> tuple[float, float]:
    """How many months of storage the days from ``on`` are: in January to September, in October to December."""
    early = late = 0.0
    left, day = days, on
    while left > 0:
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


def schedule_mask(day: EffectiveTables, schedule: Ints, names: Iterable[str]) -> Mask:
    """Where the referral schedule is one of these."""
    indices = [i for name in names if (i := day.schedule_index(name)) >= 0]
    return np.isin(schedule, indices)
