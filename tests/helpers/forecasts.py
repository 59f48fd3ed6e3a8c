"""Forecasts as the record keeps them."""

from __future__ import annotations

from typing import Any

from arbkit.core.forecasts.record import ForecastRecord

MADE_AT = 1_789_999_980.0
"""21 September 2026."""


def forecast(asin: str = "B000000001", *, demo: bool = False, **fields: Any) -> ForecastRecord:
    """Of a route that leaves half of what the price is above 18.00, to be sold at 20.00 now."""
    defaults: dict[str, Any] = {
        "source": "IT", "target": "DE", "made_on": "2026-09-21", "made_at": MADE_AT, "horizon_days": 14,
        "currency": "EUR", "price": 2_000, "price_p10": 1_900.0, "price_p50": 2_000.0, "price_p90": 2_150.0,
        "fall_pct": 30.0, "same_pct": 40.0, "home_currency": "EUR", "profits": ((0.5, -4.0), (2.0, 11.0)),
        "break_even": 1_800.0, "above_zero_pct": 93.0, "profit_chance_pct": 90.0, "profit_p10": 0.5, "profit_p50": 1.0,
        "profit_p90": 1.75, "sold_in_30_days_pct": 80.0, "model": "2025-02.1", "widening": 1.0,
        "version": "prices 2025-02.1", "draw": 7,
    }  # fmt: skip
    return ForecastRecord(asin=asin, demo=demo, **{**defaults, **fields})
