"""Which referral schedule a product falls under, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.money.tables import Tables

__all__ = ["Referral", "referral_fees"]

Floats = npt.NDArray[np.float64]
_ROUNDING = 0.012
"""Keepa rounds the percentage to two digits."""
_DSF_INSIDE = (1.0, 1.02, 1.03)
"""Before October 2024 the digital services fee was inside the percentage: 15.3 and 15.45 mean 15."""


@dataclass(frozen=True, slots=True)
class Referral:
    """Per row: the fee in the store's currency (NaN unknown), its schedule's place (−1 unknown), how many
    schedules were possible where they differ (else 1), and whether Keepa's percentage decided."""

    fee: Floats
    schedule: npt.NDArray[np.int64]
    candidates: npt.NDArray[np.int64]
    observed: npt.NDArray[np.bool_]


def referral_fees(
    tables: Tables,
    *,
    price: Floats,
    currency: npt.NDArray[np.object_],
    category: pd.Series[str],
    keepa_pct: Floats,
    keepa_price: Floats,
) -> Referral:
    """The referral fee on shop prices (VAT included), by the schedule that fits best.

    In order: the schedules of the category that give Keepa's percentage at Keepa's price, else all that give
    it, else those of the category. Of several that differ, the dearest.
    """
    count = len(price)
    unique, inverse = _unique_rules(tables)
    allowed = _by_category(tables, category, inverse, len(unique))
    fees = np.full((count, len(unique)), np.nan)
    matching = np.zeros((count, len(unique)), bool)
    minimum = np.full(count, np.nan)
    for code in ("EUR", "GBP"):
        rows = currency == code
        if not rows.any():
            continue
        least = float(tables.files["referral"]["minimum"][code])
        minimum[rows] = least
        for column, place in enumerate(unique):
            schedule = tables.schedules[place]
            fees[rows, column] = schedule.fee(price[rows], code)
            matching[rows, column] = _gives(
                np.maximum(schedule.fee(keepa_price[rows], code), least), keepa_price[rows], keepa_pct[rows]
            )
    known = allowed.any(axis=1)
    both = allowed & matching
    chosen = np.where(
        both.any(axis=1, keepdims=True), both, np.where(matching.any(axis=1, keepdims=True), matching, allowed)
    )
    possible = np.where(chosen, fees, -np.inf)
    dearest = possible.max(axis=1)
    cheapest = np.where(chosen, fees, np.inf).min(axis=1)
    any_chosen = chosen.any(axis=1) & ~np.isnan(price)
    differ = any_chosen & (dearest - cheapest > 0.005)
    first = possible.argmax(axis=1)
    # A schedule of the category is the better name where several rules cost the same.
    schedule_of = _names(tables, category, unique, inverse, first)
    return Referral(
        fee=np.where(any_chosen, np.maximum(dearest, minimum), np.nan),
        schedule=np.where(any_chosen, schedule_of, -1),
        candidates=np.where(differ, chosen.sum(axis=1), 1),
        observed=np.asarray(matching.any(axis=1) & (both.any(axis=1) | ~known)),
    )


def _gives(fee: Floats, price: Floats, pct: Floats) -> npt.NDArray[np.bool_]:
    """Whether a fee at a price is the percentage that Keepa shows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 100 * np.round(fee, 2) / price
        tolerance = _ROUNDING + 0.5 / price
        return np.asarray(np.any([np.abs(pct / uplift - share) <= tolerance for uplift in _DSF_INSIDE], axis=0))


def _unique_rules(tables: Tables) -> tuple[list[int], list[int]]:
    """Places of schedules with different rules, and for each schedule the number of its rule."""
    seen: dict[object, int] = {}
    unique: list[int] = []
    inverse: list[int] = []
    for place, s in enumerate(tables.schedules):
        rule = (s.mode, s.fractions, tuple(sorted(s.bounds.items())))
        if rule not in seen:
            seen[rule] = len(unique)
            unique.append(place)
        inverse.append(seen[rule])
    return unique, inverse


def _by_category(tables: Tables, category: pd.Series[str], inverse: list[int], rules: int) -> npt.NDArray[np.bool_]:
    codes, names = pd.factorize(category)
    table = np.zeros((len(names) + 1, rules), bool)
    for row, name in enumerate(names):
        for place in tables.schedules_of(name):
            table[row, inverse[place]] = True
    return np.asarray(table[codes])


def _names(
    tables: Tables,
    category: pd.Series[str],
    unique: list[int],
    inverse: list[int],
    rule: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The schedule to name for a rule: the category's own, else the first with that rule."""
    codes, names = pd.factorize(category)
    table = np.tile(np.array(unique, np.int64), (len(names) + 1, 1))
    for row, name in enumerate(names):
        for place in reversed(tables.schedules_of(name)):
            table[row, inverse[place]] = place
    return np.asarray(table[codes, rule])
