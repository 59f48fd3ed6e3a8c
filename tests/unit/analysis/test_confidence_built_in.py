"""Every rule of confidence can be met by the built-in seller, on offers as sources give them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from arbkit.analysis.confidence import load_confidence_rules
from arbkit.analysis.offers import prepare_offers
from arbkit.analysis.routes import price_routes
from arbkit.core.models import Offer
from arbkit.profit import load_profile, load_rates, load_tables
from tests.helpers.factories import PACKAGE, offer

ON = date(2026, 8, 3)
DAY_S = 86_400
PROFILE, TABLES, RATES = load_profile(None), load_tables(), load_rates()
GOOD: dict[str, Any] = {
    **PACKAGE, "shipping_minor": 0, "buy_box_is_amazon": False, "sales_rank": 700, "rank_drops30": 40, "offers_new": 3,
    "out_of_stock90_pct": 0, "title": "Ball, red, 20 cm", "product_type": "standard",
}  # fmt: skip
PRICES = {"bought": 4_000, "sold": 9_999}
UNSIZED = dict.fromkeys(PACKAGE)
BULKY = {"length_mm": 1_200, "width_mm": 500, "height_mm": 400, "weight_g": 12_000}


def warnings(
    bought: dict[str, Any] | None = None,
    sold: dict[str, Any] | None = None,
    *,
    both: dict[str, Any] | None = None,
    days: float = 0,
    on: date = ON,
    route: tuple[str, str] = ("IT", "DE"),
) -> list[str]:
    """The codes of the rules that hold for a route, of offers last seen ``days`` before."""
    now = datetime.combine(on, time(12), UTC).timestamp()

    def one(code: str, price: int, fields: dict[str, Any]) -> Offer:
        at = int(now - days * DAY_S) - 60
        known = {
            "price_minor": price,
            "price_avg90_minor": price,
            "updated_at": at,
            "price_at": at,
            "version": at // 60,
        }
        return offer("B000000001", code, **{**GOOD, **known, **(both or {}), **fields})

    offers = [one(route[0], PRICES["bought"], bought or {}), one(route[1], PRICES["sold"], sold or {})]
    prices = price_routes(prepare_offers(offers, now=now), PROFILE, TABLES, RATES, on=on, routes=[route])
    (found,) = prices.opportunities(now=now, listings=lambda _: offers)
    return [warning["code"] for warning in found.warnings]


def days_ago(days: float) -> int:
    return int(datetime.combine(ON, time(12), UTC).timestamp() - days * DAY_S)


FIRES: dict[str, dict[str, Any]] = {
    "data_older_than_a_day": {"days": 2},
    "data_older_than_a_week": {"days": 8},
    "data_older_than_a_month": {"days": 40},
    "data_older_than_a_quarter": {"days": 100},
    "package_assumed": {"both": UNSIZED},
    "package_derived": {"both": {**UNSIZED, "weight_g": 800}},
    "package_range_wide": {"both": UNSIZED, "sold": {"price_minor": 6_000, "price_avg90_minor": 6_000}},
    "referral_category_assumed": {"both": {"category": "Home & Kitchen"}},
    "no_buy_box_where_sold": {"sold": {"price_basis": "new"}},
    "no_buy_box_where_bought": {"bought": {"price_basis": "new"}},
    "purchase_shipping_unknown": {"bought": {"shipping_minor": None}},
    "sell_price_above_average": {"sold": {"price_minor": 12_000}},
    "buy_price_below_average": {"bought": {"price_minor": 2_900}},
    "no_average_where_sold": {"sold": {"price_avg90_minor": None}},
    "amazon_holds_buy_box": {"sold": {"buy_box_is_amazon": True}},
    "amazon_in_stock": {"sold": {"amazon_minor": 10_500}},
    "no_sales_rank": {"sold": {"sales_rank": None}},
    "sales_rank_old": {"sold": {"sales_rank_at": days_ago(31)}},
    "category_old": {"sold": {"updated_at": days_ago(366), "category_path": ("Toys & Games",)}},
    "often_out_of_stock": {"bought": {"out_of_stock90_pct": 51}},
    "old_buy_box_replaced": {
        "bought": {"price_at": days_ago(400), "new_minor": 4_100, "new_at": days_ago(0), "new_shipping_minor": 0}
    },
    "exchange_rate_stale": {"route": ("UK", "DE"), "on": date(2026, 12, 1)},
    "customs_assumed": {"route": ("UK", "DE")},
    "tax_assumed": {"both": {"category": "Grocery & Gourmet"}},
    "fee_assumed": {"route": ("IT", "UK")},
    "package_range_costly": {
        "both": UNSIZED, "bought": {"price_minor": 1_000, "price_avg90_minor": 1_000}, "sold": {"price_minor": 6_000},
    },
    "package_range_vast": {
        "both": {**UNSIZED, "category": "Home & Kitchen"}, "bought": {"price_minor": 300, "price_avg90_minor": 300},
        "sold": {"price_minor": 6_000},
    },
    "bulky_goods": {"both": BULKY, "sold": {"price_minor": 29_999}},
    "heavy_goods": {"both": {**BULKY, "weight_g": 25_000}, "sold": {"price_minor": 39_999}},
    "thin_return": {"sold": {"price_minor": 5_500, "price_avg90_minor": 5_500}},
    "modest_return": {"sold": {"price_minor": 5_800, "price_avg90_minor": 5_800}},
    "spread_unexplained": {"both": {"price_avg90_minor": None}},
    "listings_differ_in_detail": {
        "bought": {"title": "Ball, red, 20 cm 12345678"}, "sold": {"title": "Ball, red, 20 cm 87654321"},
    },
    "sells_slowly": {"sold": {"rank_drops30": 3}},
    "sales_speed_unknown": {"sold": {"rank_drops30": None}},
    "many_sellers": {"sold": {"offers_new": 11}},
    "sellers_unknown": {"sold": {"offers_new": None}},
    "listings_different": {
        "bought": {"title": "Ball, red, 20 cm, 1 piece"}, "sold": {"title": "Ball, red, 20 cm, pack of 6"},
    },
    "listings_doubtful": {"sold": {"title": "Ball, blue, 20 cm", "color": "blue"}, "bought": {"color": "red"}},
    "listings_not_comparable": {"both": {"title": None, "brand": None}},
}  # fmt: skip


def test_there_is_a_route_for_every_rule() -> None:
    assert set(FIRES) == {rule.code for rule in load_confidence_rules()}


@pytest.mark.parametrize("code", FIRES)
def test_every_rule_holds_for_some_route_of_the_built_in_seller(code: str) -> None:
    usual = warnings(on=FIRES[code].get("on", ON))
    assert code not in usual, "not for every route either"
    assert code in warnings(**FIRES[code])


def test_what_is_sold_at_its_average_is_doubted_by_what_the_shop_asks() -> None:
    """The built-in seller prices with the lower of both, which is never above the average."""
    for basis in ("robust", "spot", "avg90"):
        seller = PROFILE.model_copy(update={"sell_basis": basis})
        offers = [
            offer(code=code, **{**GOOD, "price_minor": price, "price_avg90_minor": usual})
            for code, price, usual in (("IT", 4_000, 4_000), ("DE", 12_000, 9_999))
        ]
        now = offers[0].updated_at + 60
        prices = price_routes(prepare_offers(offers, now=now), seller, TABLES, RATES, on=ON, routes=[("IT", "DE")])
        (found,) = prices.opportunities(now=now)
        assert "sell_price_above_average" in [warning["code"] for warning in found.warnings]
