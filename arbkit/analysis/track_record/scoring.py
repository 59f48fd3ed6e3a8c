"""What came of a forecast whose horizon has ended, as the history of its product says. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

import numpy as np

from arbkit.analysis.track_record.parameters import PARAMETERS
from arbkit.core.forecasts.record import DAY_S, ForecastRecord
from arbkit.core.keepa_time import to_minutes, to_unix
from arbkit.core.models import History

GONE = "the product or its price history is no longer stored"
GAP = "the price history begins after the horizon"
NO_OFFER = "nobody offered it new at the horizon"
NOT_LOOKED_AT = "nobody looked at the product after the horizon"
OTHER_CURRENCY = "the marketplace's prices are in another currency now"


def outcome_of(
    record: ForecastRecord, history: History | None, *, now: float, seen_until: float
) -> ForecastRecord | None:
    """The forecast with what came, or why that is not known; None while it may still become known.

    A price at the horizon counts only where the source looked at it after the horizon.

    Args:
        record: whose horizon has ended.
        history: of its product where it would be sold; None: none is stored.
        now: Unix seconds.
        seen_until: the latest look at any product, Unix seconds: neither a clock that is ahead nor an arbkit that was
            not running is a reason to give up.
    """
    prices = None if history is None else history.series.get("new")
    is_late = min(now, seen_until) > record.ends_at + PARAMETERS.scoring.wait_days * DAY_S
    if history is None or prices is None or not prices.times:
        return replace(record, scored_at=now, unknown=GONE) if is_late else None
    if history.currency != record.currency:
        return replace(record, scored_at=now, unknown=OTHER_CURRENCY)
    if to_unix(max(history.version, prices.times[-1])) < record.ends_at:
        return replace(record, scored_at=now, unknown=NOT_LOOKED_AT) if is_late else None
    place = bisect_right(prices.times, to_minutes(record.ends_at)) - 1
    if place < 0:
        return replace(record, scored_at=now, unknown=GAP)
    price = prices.values[place]
    if price <= 0:
        return replace(record, scored_at=now, unknown=NO_OFFER)
    ratios, profits = zip(*record.profits, strict=True)
    profit = round(float(np.interp(price / record.price, ratios, profits)), 2)
    in_band = record.price_p10 <= price <= record.price_p90
    return replace(record, price_then=price, profit_then=profit, in_band=in_band, scored_at=now)
