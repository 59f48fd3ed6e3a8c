"""Money against published worked examples and the properties it must have."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.errors import ConfigError
from arbkit.money import Profile, components, evaluate, load_profile, load_rates, load_tables
from arbkit.money.fulfilment import size_tiers

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
        "keepa_referral_pct": np.nan,
        "keepa_closing_fee_minor": np.nan,
        "updated_at": 0.0,
    }
    return {**defaults, **fields}


def route(buy: dict[str, Any], sell: dict[str, Any], profile: Profile, *, on: date = DAY) -> dict[str, Any]:
    pairs = [(buy["market"], sell["market"])]
    frame = evaluate(pd.DataFrame([buy, sell]), profile, TABLES, RATES, on=on, routes=pairs).frame()
    row: dict[str, Any] = {str(k): v for k, v in frame.iloc[0].to_dict().items()}
    return row


@pytest.mark.parametrize(
    ("fields", "profit", "roi", "margin_net", "margin_gross"),
    [
        ({}, 10.74, 31.5, 18.3, 15.3),
        ({"vat_status": "not-reclaiming"}, 3.52, 8.5, 6.0, 5.0),
        ({"vat_status": "unregistered", "registrations": ()}, 11.79, 28.4, None, 16.8),
        ({"fulfilment": ("efn",)}, 4.90, None, None, None),
    ],
)
def test_the_worked_example(
    fields: dict[str, Any], profit: float, roi: float | None, margin_net: float | None, margin_gross: float | None
) -> None:
    """IT 40.00 → DE 69.99, toys 15 %, standard parcel 0.8 kg, German-only stock, other costs 1.30."""
    profile = Profile.neutral(**{"other_costs": 1.30, "fulfilment": ("fba-local",), **fields})
    row = route(offer("IT", 4_000), offer("DE", 6_999), profile)
    assert row["profit"] == profit
    for name, expected in (("roi_pct", roi), ("margin_net_pct", margin_net), ("margin_gross_pct", margin_gross)):
        if expected is not None:
            assert row[name] == pytest.approx(expected, abs=0.05)
    lines = components(row, profile, TABLES.on(DAY), RATES)
    assert round(sum(line["amount"] for line in lines), 2) == profit


@pytest.mark.parametrize(
    ("schedule", "currency", "price", "fee"),
    [
        ("Electronic & computer accessories", "EUR", 159.00, 19.72),
        ("Automotive & Powersports", "GBP", 60.00, 8.10),
        ("Beauty, Health, Personal care", "EUR", 10.00, 0.80),
        ("Beauty, Health, Personal care", "EUR", 10.01, 1.50),
    ],
)
def test_referral_fees(schedule: str, currency: str, price: float, fee: float) -> None:
    found = next(s for s in TABLES.on(DAY).schedules if s.name == schedule)
    assert round(float(found.fee(np.array([price]), currency)[0]), 2) == fee


@pytest.mark.parametrize(
    ("sides", "grams", "tier", "fees"),
    [
        ((300, 200, 20), 150, "standard envelope", {"DE": 2.57}),
        ((400, 300, 200), 800, "standard parcel", {"DE": 5.22, "FR": 8.22, "UK": 3.56}),
        ((350, 250, 120), 500, "small parcel", {"DE": 4.54}),
    ],
)
def test_fulfilment_fees(sides: tuple[int, int, int], grams: int, tier: str, fees: dict[str, float]) -> None:
    day = TABLES.on(DAY)
    found = size_tiers(day, np.array([sides], float), np.array([grams / 1000]), np.array([False]))
    assert day.tiers[found.tier[0]] == tier
    assert day.local is not None
    place = day.local.places(found.tier, day.tiers, found.billing_kg)
    for column, fee in fees.items():
        assert day.local.fee(place, found.billing_kg, column)[0] == fee


def test_what_is_unknown_is_named_and_never_zero() -> None:
    profile = Profile.neutral()
    cases = {
        "package size or weight unknown": (offer("IT", 4_000), offer("DE", 6_999, weight_g=np.nan)),
        "no price where it is bought": (offer("IT", -1), offer("DE", 6_999)),
        "no price where it is sold": (offer("IT", 4_000), offer("DE", np.nan)),
        "category unknown, so no referral fee": (offer("IT", 4_000), offer("DE", 6_999, category=None)),
        "duty unknown: set duty_pct": (offer("UK", 4_000), offer("DE", 6_999)),
    }
    for reason, (buy, sell) in cases.items():
        row = route(buy, sell, profile)
        assert np.isnan(row["profit"])
        assert reason in row["unknown"]
    early = route(offer("IT", 4_000), offer("DE", 6_999), profile, on=date(2020, 1, 1))
    assert np.isnan(early["profit"])
    assert "2020-01-01" in early["unknown"]


def test_an_old_exchange_rate_is_marked() -> None:
    profile = load_profile(None)
    day = date.fromordinal(RATES.last_date.toordinal() + 25)
    row = route(offer("UK", 4_000), offer("DE", 9_999), profile, on=day)
    assert not np.isnan(row["profit"])
    assert "25 days old" in row["assumed"]


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
    profile = load_profile(None).model_copy(update={"vat_status": status})
    selling = offer(target, sell, weight_g=float(grams))
    row = route(offer(source, buy), selling, profile)
    dearer = route(offer(source, buy + 100), selling, profile)
    lines = components(row, profile, TABLES.on(DAY), RATES)
    assert round(sum(line["amount"] for line in lines), 2) == row["profit"]
    assert dearer["profit"] < row["profit"]


def test_a_seller_without_registration_cannot_hold_stock_abroad() -> None:
    with pytest.raises(ConfigError, match="VAT number"):
        Profile.neutral(vat_status="unregistered", registrations=("FR",))


def test_a_mistyped_field_of_a_profile_is_named() -> None:
    with pytest.raises(ConfigError, match="exchange_spred"):
        Profile.neutral(exchange_spred=1)
