"""Money against published worked examples and the properties it must have."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.core.errors import ConfigError
from arbkit.core.results import Json
from arbkit.profit import Profile, components, evaluate, load_profile, load_rates, load_tables
from arbkit.profit.reason_codes import Reason, ReasonCode, join_messages
from arbkit.profit.route_frame import RouteRow, route_rows
from arbkit.profit.seller.profile import COUNTRIES

TABLES, RATES = load_tables(), load_rates()
DAY = date(2026, 8, 1)


def offer(market: str, price_minor: float, **fields: Any) -> dict[str, Any]:
    """A toy in a standard parcel of 0.8 kg."""
    defaults = {
        "asin": "B000000001",
        "market": market,
        "price_minor": price_minor,
        "price_basis": "buy_box",
        "shipping_minor": 0.0,
        "category": "Toys & Games",
        "length_mm": 360.0,
        "width_mm": 100.0,
        "height_mm": 100.0,
        "weight_g": 800.0,
        "keepa_fba_fee_minor": np.nan,
        "keepa_fba_fee_at": datetime(2026, 7, 1, tzinfo=UTC).timestamp(),
        "keepa_referral_pct": np.nan,
        "keepa_closing_fee_minor": np.nan,
        "updated_at": 0.0,
    }
    return {**defaults, **fields}


def route(buy: dict[str, Any], sell: dict[str, Any], profile: Profile, *, on: date = DAY) -> RouteRow:
    pairs = [(buy["market"], sell["market"])]
    frame = evaluate(pd.DataFrame([buy, sell]), profile, TABLES, RATES, on=on, routes=pairs).frame()
    return next(route_rows(frame))


def codes(reasons: tuple[Reason, ...]) -> list[ReasonCode]:
    return [reason.code for reason in reasons]


def test_what_is_unknown_is_named_and_never_zero() -> None:
    profile = Profile.neutral()
    cases = {
        ReasonCode.PACKAGE_UNKNOWN: (offer("IT", 4_000), offer("DE", 6_999, weight_g=np.nan)),
        ReasonCode.NO_BUY_PRICE: (offer("IT", -1), offer("DE", 6_999)),
        ReasonCode.NO_SELL_PRICE: (offer("IT", 4_000), offer("DE", np.nan)),
        ReasonCode.CATEGORY_UNKNOWN: (offer("IT", 4_000), offer("DE", 6_999, category=None)),
        ReasonCode.DUTY_UNKNOWN: (offer("UK", 4_000), offer("DE", 6_999)),
    }
    for reason, (buy, sell) in cases.items():
        row = route(buy, sell, profile)
        assert np.isnan(row["profit"])
        assert codes(row["unknown"]) == [reason]
    early = route(offer("IT", 4_000), offer("DE", 6_999), profile, on=date(2020, 1, 1))
    assert np.isnan(early["profit"])
    assert "2020-01-01" in join_messages(early["unknown"])


def test_an_old_exchange_rate_is_marked() -> None:
    profile = load_profile(None)
    day = date.fromordinal(RATES.last_date.toordinal() + 25)
    row = route(offer("UK", 4_000), offer("DE", 9_999), profile, on=day)
    assert not np.isnan(row["profit"])
    assert "25 days old" in join_messages(row["assumed"])


def test_keepas_own_fee_comes_before_the_table() -> None:
    row = route(offer("IT", 4_000), offer("DE", 6_999, keepa_fba_fee_minor=311.0), Profile.neutral())
    assert (row["fulfilment_fee"], row["fulfilment_from"]) == (-3.11, "keepa")


def test_keepas_percentage_tells_the_schedule_of_an_unknown_category() -> None:
    row = route(offer("IT", 9_000), offer("DE", 15_900, category="??", keepa_referral_pct=12.4), Profile.neutral())
    assert row["referral_fee"] == -19.72


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    buy=st.integers(100, 30_000),
    sell=st.integers(100, 30_000),
    grams=st.integers(20, 11_000),
    source=st.sampled_from(["DE", "FR", "IT", "ES", "UK"]),
    target=st.sampled_from(["DE", "FR", "IT", "ES", "UK"]),
    status=st.sampled_from(["reclaiming", "not-reclaiming"]),
)
def test_components_add_up_and_a_dearer_purchase_never_pays_more(
    buy: int, sell: int, grams: int, source: str, target: str, status: str
) -> None:
    if source == target:
        return
    # With a UK number: without one a dear product reaches the UK by no method.
    profile = load_profile(None).model_copy(update={"vat_status": status, "registrations": COUNTRIES})
    selling = offer(target, sell, weight_g=float(grams))
    row = route(offer(source, buy), selling, profile)
    dearer = route(offer(source, buy + 100), selling, profile)
    lines = components(row, profile, TABLES.on(DAY), RATES)
    amounts = [amount for line in lines if (amount := line["amount"]) is not None]
    assert len(amounts) == len(lines)
    assert round(sum(amounts), 2) == row["profit"]
    assert dearer["profit"] < row["profit"]


def test_a_seller_without_registration_cannot_hold_stock_abroad() -> None:
    with pytest.raises(ConfigError, match="VAT number"):
        Profile.neutral(vat_status="unregistered", registrations=("FR",))


def test_a_mistyped_field_of_a_profile_is_named() -> None:
    with pytest.raises(ConfigError, match="exchange_spred"):
        Profile.neutral(exchange_spred=1)


@pytest.mark.parametrize(
    ("basis", "buys_at", "sells_at", "sold_by"),
    [
        ("spot", 40.00, 69.99, "buy_box"),
        ("avg30", 41.00, 65.00, "buy_box, 30-day average"),
        ("avg90", 42.00, 60.00, "buy_box, 90-day average"),
        ("robust", 42.00, 60.00, "buy_box, 90-day average"),
        ("inferred", 39.50, 66.00, "buy_box, inferred from 12 sales"),
    ],
)
def test_the_price_basis_is_chosen_by_the_profile_and_stated(
    basis: str, buys_at: float, sells_at: float, sold_by: str
) -> None:
    profile = Profile.neutral(buy_basis=basis, sell_basis=basis)
    averages = {"price_avg30_minor": 4_100.0, "price_avg90_minor": 4_200.0}
    buy = offer("IT", 4_000, **averages, sale_price_minor=3_950.0, sale_price_sales=7.0)
    averages = {"price_avg30_minor": 6_500.0, "price_avg90_minor": 6_000.0}
    sell = offer("DE", 6_999, **averages, sale_price_minor=6_600.0, sale_price_sales=12.0)
    row = route(buy, sell, profile)
    assert (row["buy_price"], row["sell_price"], row["sell_basis"]) == (buys_at, sells_at, sold_by)


def test_a_robust_price_never_flatters() -> None:
    profile = Profile.neutral(buy_basis="robust", sell_basis="robust")
    buy, sell = offer("IT", 4_000, price_avg90_minor=3_500.0), offer("DE", 6_999, price_avg90_minor=9_000.0)
    row = route(buy, sell, profile)
    assert (row["buy_price"], row["sell_price"], row["sell_basis"]) == (40.0, 69.99, "buy_box")
    lacking = route(buy, offer("DE", 6_999), profile)
    assert codes(lacking["assumed"]) == [ReasonCode.SPOT_FOR_AVERAGE]
    assert codes(row["assumed"]) == []


@pytest.mark.parametrize(
    ("sold", "reason"),
    [
        ({}, ReasonCode.NO_SALE_PRICE),
        ({"sale_price_sales": 3.0}, ReasonCode.NO_SALE_PRICE),
        ({"sale_price_sales": 9.0, "sale_price_too_old": True}, ReasonCode.SALE_PRICE_TOO_OLD),
    ],
)
def test_a_route_without_an_inferred_price_is_unknown_and_never_priced_by_another(
    sold: dict[str, Any], reason: ReasonCode
) -> None:
    known = {"sale_price_minor": 4_000.0, "sale_price_sales": 9.0, "sale_price_too_old": False}
    buy = offer("IT", 4_000, **known)
    sell = offer("DE", 6_999, **{**dict.fromkeys(known, np.nan), "sale_price_too_old": False, **sold})
    row = route(buy, sell, Profile.neutral(sell_basis="inferred"))
    assert np.isnan(row["profit"])
    assert codes(row["unknown"]) == [reason]
    back = route(sell, buy, Profile.neutral(buy_basis="inferred"))
    assert codes(back["unknown"]) == [reason]
    assert route(buy, sell, Profile.neutral())["sell_price"] == 69.99


def test_an_average_is_never_taken_across_a_break_of_the_history() -> None:
    """Keepa's NEW price includes shipping since 16 February 2026."""
    profile = Profile.neutral(sell_basis="avg90")
    fields = {"price_basis": "new", "price_avg90_minor": 6_000.0}
    march, june = 1_773_000_000.0, 1_781_000_000.0
    across = route(offer("IT", 4_000), offer("DE", 6_999, updated_at=march, **fields), profile)
    assert np.isnan(across["profit"])
    assert codes(across["unknown"]) == [ReasonCode.AVERAGE_CROSSES_BREAK]
    assert "break of 2026-02-16" in join_messages(across["unknown"])
    assert route(offer("IT", 4_000), offer("DE", 6_999, updated_at=june, **fields), profile)["sell_price"] == 60.0


def test_unknown_shipping_of_the_offer_bought_is_marked() -> None:
    row = route(offer("IT", 4_000, shipping_minor=np.nan), offer("DE", 6_999), Profile.neutral())
    assert codes(row["assumed"]) == [ReasonCode.SHIPPING_UNKNOWN]
    free = route(offer("IT", 4_000, shipping_minor=499.0), offer("DE", 6_999), Profile.neutral())
    assert free["buy_price"] == 44.99


def test_keepas_fee_is_not_carried_over_the_low_price_limit() -> None:
    small = {"length_mm": 300.0, "width_mm": 200.0, "height_mm": 20.0, "weight_g": 150.0, "keepa_fba_fee_minor": 212.0}
    seen_low = offer("DE", 2_500, keepa_referral_price=19.0, **small)
    row = route({**offer("IT", 1_000), "keepa_referral_price": np.nan}, seen_low, Profile.neutral())
    assert (row["fulfilment_fee"], row["fulfilment_from"]) == (-2.57, "table")


def test_the_users_word_on_the_schedule_comes_first() -> None:
    sell = offer("DE", 1_900, category="Home & Kitchen", keepa_referral_pct=15.0)
    profile = Profile.neutral(schedules={"B000000001": "Home Products"})
    row = route(offer("IT", 900), sell, profile)
    assert (row["referral_fee"], row["referral_schedule"], row["referral_candidates"]) == (-1.52, "Home Products", 1)
    assert route(offer("IT", 900), sell, Profile.neutral())["referral_fee"] == -2.85


def test_the_category_only_suggests_the_vat_class() -> None:
    books = {"category": "Books", "keepa_closing_fee_minor": 0.0}
    row = route(offer("IT", 1_000, **books), offer("DE", 3_000, **books), Profile.neutral())
    assert row["output_vat"] == -1.96  # 7 % of 28.04
    assert ReasonCode.VAT_CLASS_SUGGESTED in codes(row["assumed"])
    own = route(offer("IT", 1_000, **books), offer("DE", 3_000, **books), Profile.neutral(vat_class="standard"))
    assert own["output_vat"] == -4.79


def test_a_shipping_table_of_ones_own() -> None:
    rows: list[Json] = [
        {"to": "all", "up_to_kg": 30, "cost": 12.0},
        {"to": "DE", "up_to_kg": 2, "cost": 3.9},
        {"to": "DE", "up_to_kg": 0.5, "cost": 2.9},
    ]
    profile = Profile.neutral(fulfilment=("fbm",), parcels=rows)
    assert route(offer("IT", 4_000), offer("DE", 6_999), profile)["fulfilment_fee"] == -3.90
    assert route(offer("IT", 4_000), offer("DE", 6_999, weight_g=400.0), profile)["fulfilment_fee"] == -2.90
    assert route(offer("IT", 4_000), offer("FR", 6_999), profile)["fulfilment_fee"] == -12.00
    assert np.isnan(route(offer("IT", 4_000), offer("DE", 6_999, weight_g=40_000.0), profile)["profit"])


@pytest.mark.parametrize(
    ("path", "schedule"),
    [
        (("Fashion", "Herren", "Schuhe"), "Footwear"),
        (("Home & Kitchen", "Furniture", "Sofas"), "Furniture"),
        (("Haustier", "Hunde", "Futter & Leckerli"), "Pet clothing & food"),
        (("Electronics & Photo", "Handys & Zubehör"), "Electronic & computer accessories"),
        (("PC & Video Games", "PlayStation 5", "Consoles"), "Video game consoles"),
    ],
)
def test_the_branch_of_the_category_tree_narrows_the_schedule(path: tuple[str, ...], schedule: str) -> None:
    row = route(offer("IT", 4_000), offer("DE", 5_999, category=path[0], category_path=path), Profile.neutral())
    assert (row["referral_schedule"], row["referral_candidates"]) == (schedule, 1)


def test_a_word_inside_another_is_no_branch() -> None:
    path = ("Home & Kitchen", "Mobilität")
    row = route(offer("IT", 900), offer("DE", 1_900, category=path[0], category_path=path), Profile.neutral())
    assert row["referral_candidates"] > 1
