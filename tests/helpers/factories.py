"""Documents with sensible defaults, for tests that need a store with something in it."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any, TypedDict

from arbkit.core.marketplaces import market
from arbkit.core.models import History, Offer, Opportunity, Series
from arbkit.core.offers.merging import canonical


class PackageFields(TypedDict):
    """The package of an offer, in mm and g."""

    length_mm: int
    width_mm: int
    height_mm: int
    weight_g: int


PACKAGE: PackageFields = {"length_mm": 360, "width_mm": 100, "height_mm": 100, "weight_g": 800}
"""Of a toy that goes as a standard parcel."""


def offer(asin: str = "B000000001", code: str = "DE", **fields: Any) -> Offer:
    defaults: dict[str, Any] = {
        "version": 8_000_000,
        "origin": "keepa",
        "fetched_at": 1_760_000_000.0,
        "updated_at": 1_760_000_000,
        "currency": market(code).currency,
        "title": f"Product {asin}",
        "brand": "Acme",
        "category": "Toys & Games",
        "price_minor": 2_000,
        "price_basis": "buy_box",
        "price_at": 1_760_000_000,
    }
    if "version" in fields:
        # The version of a source is the time of its facts, in minutes.
        for name in ("updated_at", "price_at"):
            defaults[name] += (fields["version"] - 8_000_000) * 60
    if "price_minor" in fields and fields["price_minor"] is None:
        # It is known that nobody offers it.
        defaults["buy_box_at"] = defaults["price_at"]
    return canonical(Offer(asin=asin, market=code, **{**defaults, **fields}))


def history(asin: str = "B000000001", code: str = "DE", *, version: int = 8_000_000) -> History:
    times = array("i", [7_900_000, 7_950_000, 7_990_000])
    return History(
        asin,
        code,
        version,
        market(code).currency,
        {
            "new": Series(times, array("i", [2_000, -1, 2_100])),
            "buy_box": Series(times, array("i", [1_990, 2_010, -1]), array("i", [0, -1, 0])),
        },
        ("A1", "A2"),
    )


FORECAST: dict[str, Any] = {
    "profit_chance_pct": 82.0, "profit_p1": -14.0, "profit_p10": -1.2, "profit_p50": 4.0, "profit_p90": 9.8,
    "expected_profit": 4.1, "expected_profit_per_day_pct": 0.123, "sold_in_30_days_pct": 62.0, "days_to_sell_p50": 23.6,
    "forecast_version": "test",
}  # fmt: skip
"""What an opportunity says of its coming profit: in about 8 of 10 cases there is one."""


def opportunity(asin: str = "B000000001", source: str = "IT", target: str = "DE", **fields: Any) -> Opportunity:
    buy, sell = market(source), market(target)
    profit = fields.get("profit", 10.0)
    defaults: dict[str, Any] = {
        "title": f"Product {asin}",
        "brand": "Acme",
        "category": "Toys & Games",
        "buy_price": 40.0,
        "buy_currency": buy.currency,
        "sell_price": 69.99,
        "sell_currency": sell.currency,
        "price_basis": {"buy": "buy_box", "sell": "buy_box"},
        "profit": profit,
        "roi_pct": 31.5,
        "margin_pct": 18.3,
        "spread_pct": 75.0,
        "fees": 13.99,
        "currency": "EUR",
        "fulfilment": "fba-local",
        "confidence": 0.9,
        "confidence_reasons": ("no 90-day average where it is sold",),
        "data_at": 1_760_000_000,
        "tables_version": "2026-04-17",
        "profile": "test",
        "evaluated_at": 1_760_000_100.0,
        "source_url": buy.url(asin),
        "target_url": sell.url(asin),
        "components": (
            {
                "name": "sale_price", "amount": profit, "currency": "EUR", "rule": "shop price", "table": None,
                "valid_from": None, "source": "offer", "assumed": False,
            },
        ),
    }  # fmt: skip
    return Opportunity(asin=asin, source=source, target=target, **{**defaults, **fields})


def unforecast(route: Opportunity) -> Opportunity:
    """The route without its forecast, as what only prices it has it."""
    unknown: dict[str, Any] = dict.fromkeys((*FORECAST, "forecast_unknown", "break_even"))
    return replace(route, **unknown)
