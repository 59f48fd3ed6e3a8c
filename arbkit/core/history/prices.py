"""What the new prices of the 90 days before a moment say: figures of many listings at once. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arbkit.core.history.steps import DAY_MIN, WINDOW_DAYS, Floats, Ints, StepSeries
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_minutes

WITH_SHIPPING_MIN = to_minutes(NEW_INCLUDES_SHIPPING_FROM)
"""The Keepa time from which new prices include shipping."""
_DAYS_BEFORE = np.arange(WINDOW_DAYS, -1, -1) * DAY_MIN


@dataclass(frozen=True, slots=True)
class PriceFigures:
    """Figures at n moments, each over the days of the last 90 that had a price; NaN unknown, prices in minor units.

    ``days`` counts those days, the moment's own among them; ``changed_pct`` is the share of them on which the price
    changed, ``below_pct`` that on which it was lower than at the moment (equal days half). ``median`` is that of the
    days before the moment.
    """

    days: Floats
    changed_pct: Floats
    below_pct: Floats
    low: Floats
    high: Floats
    median: Floats


def daily_prices(prices: StepSeries, rows: Ints, moments: Ints) -> Floats:
    """The new price on each of the 90 days before each moment (Keepa minutes) and at it, (n, 91); NaN: none.

    Days on which it did not include shipping are none of a moment at which it does: the step is no change of price.
    """
    days = moments[:, None] - _DAYS_BEFORE
    found = prices.at(rows[:, None], days)
    found[(days < WITH_SHIPPING_MIN) & (moments[:, None] >= WITH_SHIPPING_MIN)] = np.nan
    return found


def price_figures(daily: Floats) -> PriceFigures:
    """The figures of daily prices (n, 91), the last column that of the moment."""
    price = daily[:, -1:]
    known = daily == daily
    days = np.count_nonzero(known, axis=1)
    has_any = days > 0
    compared = np.count_nonzero(known[:, 1:] & known[:, :-1], axis=1)
    # Where either is NaN they differ, too.
    equal = np.count_nonzero(daily[:, 1:] == daily[:, :-1], axis=1)
    lower = np.count_nonzero(daily < price, axis=1) + 0.5 * np.count_nonzero(daily == price, axis=1)
    ordered = np.sort(daily[:, :-1], axis=1)
    before = days - known[:, -1]
    middle = np.stack([np.maximum(before - 1, 0) // 2, before // 2], axis=1)
    rows = np.arange(len(daily))[:, None]
    first, last = np.fmin(ordered[:, 0], price[:, 0]), np.where(before > 0, ordered[rows[:, 0], before - 1], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return PriceFigures(
            days=days.astype(np.float64),
            changed_pct=np.where(has_any, 100 * (compared - equal) / np.maximum(compared, 1), np.nan),
            below_pct=np.where(known[:, -1], 100 * lower / days, np.nan),
            low=first,
            high=np.fmax(last, price[:, 0]),
            median=np.where(before > 0, ordered[rows, middle].mean(axis=1), np.nan),
        )
