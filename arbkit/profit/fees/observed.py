"""Which of the fulfilment fees that Keepa observed still hold: those as new as the table they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit.fees.arrays import Floats, Ints, Mask
from arbkit.profit.fees.bands import PeakSeason, WeightBands
from arbkit.profit.fees.sizes import TableRows
from arbkit.profit.fees.tables import EffectiveTables

_HALF_A_CENT = 0.005


@dataclass(frozen=True, slots=True)
class ObservedFees:
    """What Keepa observed of each row: the fee, net, of stock in Germany only where that is the store; NaN none.

    ``price``: the shop price at that time; ``at``: Unix seconds, NaN unknown. ``estimated``: nobody measured the
    package.
    """

    fee: Floats
    price: Floats
    at: Floats
    estimated: Mask


@dataclass(frozen=True, slots=True)
class TableFees:
    """What the tables say of each row: the fee, the one outside Low-Price FBA, and where that programme's holds.

    ``is_low``: the price is not above ``low_price_limit``.
    """

    fee: Floats
    usual: Floats
    low: Mask
    is_low: Mask
    low_price_limit: Floats


@dataclass(frozen=True, slots=True)
class ChosenFees:
    """Where the observed fee is used; where it is older than its table; where it holds a season's peak fee already."""

    used: Mask
    stale: Mask
    holds_peak: Mask


def choose_observed(
    day: EffectiveTables,
    observed: ObservedFees,
    by_table: TableFees,
    table_rows: TableRows,
    market: Ints,
    season: PeakSeason | None,
    *,
    warehouses: str,
) -> ChosenFees:
    """Where Keepa's fee comes before the table's.

    It has to be of the same side of the low-price limit and not older than the table that it belongs to; where
    the package is not measured, an older one is better than a guess. ``season``: that of the dispatch.
    """
    used, stale, holds_peak = (np.zeros(len(market), bool) for _ in range(3))
    rows = np.flatnonzero(observed.fee > 0)
    if len(rows):
        was_low = np.nan_to_num(observed.price[rows], nan=np.inf) <= by_table.low_price_limit[rows]
        comparable = by_table.is_low[rows] == was_low
        if warehouses == "cep":
            comparable &= market[rows] != MARKET_CODES.index("DE")
        since = _valid_from(day, by_table, table_rows, rows)
        peak = _holds_peak(day, observed, by_table, table_rows, market, rows)
        current = (observed.at[rows] >= since) & ~(peak & (season is None))
        used[rows] = comparable & (current | observed.estimated[rows] | np.isnan(by_table.fee[rows]))
        stale[rows] = used[rows] & ~current & ~np.isnan(since)
        holds_peak[rows] = used[rows] & peak
    return ChosenFees(used, stale, holds_peak)


def _valid_from(day: EffectiveTables, by_table: TableFees, table_rows: TableRows, rows: Ints) -> Floats:
    """When the table of each row came into force, Unix seconds; NaN where no table holds."""
    since = np.full(len(rows), _timestamp(day.local))
    if table_rows.selected is not None:
        selected = table_rows.of(table_rows.selected)[rows] < len(table_rows.selected.base) - 1
        since[selected] = _timestamp(table_rows.selected)
    since[by_table.low[rows]] = _timestamp(day.low_price)
    return since


def _timestamp(bands: WeightBands | None) -> float:
    return float("nan") if bands is None else _midnight(bands.provenance.valid_from)


def _midnight(on: date) -> float:
    return datetime.combine(on, time(), UTC).timestamp()


def _holds_peak(
    day: EffectiveTables, observed: ObservedFees, by_table: TableFees, table_rows: TableRows, market: Ints, rows: Ints
) -> Mask:
    """Where the fee is the peak fee of the package, or, seen in a season, that of another package."""
    found = np.zeros(len(rows), bool)
    for season, bands, number, code in _peak_columns(day):
        here = np.flatnonzero(market[rows] == number)
        at = rows[here]
        fee, usual, seen_at = observed.fee[at], by_table.usual[at], observed.at[at]
        peak = table_rows.peak_fee(season, at, code)
        own = _equal(fee, peak) & ~_equal(peak, usual)
        in_season = (seen_at >= _midnight(season.first)) & (seen_at < _midnight(season.last + timedelta(1)))
        cells = np.round(bands.base[:-1, bands.columns[code]] * 100)
        of_another = in_season & np.isin(np.round(fee * 100), cells) & ~_equal(fee, usual)
        found[here] |= own | of_another
    return found


def _peak_columns(day: EffectiveTables) -> Iterator[tuple[PeakSeason, WeightBands, int, str]]:
    """The stores in which local stock has peak fees, season by season."""
    for season in day.seasons:
        for number, code in enumerate(MARKET_CODES):
            if season.bands is not None and code in season.bands.columns:
                yield season, season.bands, number, code


def _equal(one: Floats, other: Floats) -> Mask:
    return np.asarray(np.abs(one - other) < _HALF_A_CENT)
