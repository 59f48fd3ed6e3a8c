"""The vectorised evaluation against the row-by-row oracle, and properties that money must have everywhere."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.core.marketplaces import MARKETS
from arbkit.profit import COMPONENTS, Profile, Rates, evaluate, load_rates, load_tables
from arbkit.profit.evaluation import evaluate_costs
from arbkit.profit.exchange_rates import Rate
from arbkit.profit.offer_costs import cost_offers
from arbkit.profit.quote.package import QuotedPackage
from arbkit.profit.quote.price_search import break_even
from arbkit.profit.quote.pricer import QuotePricer
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.trade_costs import SellerCosts
from tests.helpers import oracle

TABLES, RATES = load_tables(), load_rates()
CODES = list(MARKETS)
DAYS = [
    date(2026, 2, 1),
    date(2026, 3, 20),
    date(2026, 4, 17),
    date(2026, 8, 1),
    date(2026, 9, 10),
    date(2026, 10, 20),
    date(2026, 11, 24),
    date(2026, 12, 20),
    date(2027, 1, 20),
]
SEEN = [datetime(2025, 11, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)]
"""When Keepa saw a fee: before its table, between seasons, and in one."""
CATEGORIES = [
    "Toys & Games", "Home & Kitchen", "Home Products", "Beauty", "Electronics & Photo", "Grocery", "Fashion", "Baby",
    "Footwear", "Automotive", "Furniture", "Jewellery", "Pet Supplies", "Tyres", "Books", "Clothing & Accessories",
    "PC & Video Games", "DVD & Blu-ray",
]  # fmt: skip
STATUSES = ["reclaiming", "not-reclaiming", "unregistered"]


def random_offers(seed: int, products: int) -> pd.DataFrame:
    """Products of all sizes, prices and categories on every marketplace."""
    rng = np.random.default_rng(seed)
    count = products * len(CODES)
    small = rng.random(count) < 0.6
    sides = np.where(small[:, None], rng.integers(5, 400, (count, 3)), rng.integers(50, 1900, (count, 3)))
    exact = rng.random(count) < 0.3
    cents = np.where(
        exact, rng.choice([1000, 1500, 2000, 1001, 2001, 1100, 1200], count), rng.integers(150, 40_000, count)
    )
    season = TABLES.on(DAYS[-1]).seasons[-1].bands
    assert season is not None
    fees = [*season.base.ravel(), 3.38, 3.44, 3.04, 5.79, 2.31]
    unknown = rng.random(count) < 0.1
    sides = np.where(unknown[:, None], np.nan, sides)
    return pd.DataFrame(
        {
            "asin": np.tile([f"B{i:09}" for i in range(products)], len(CODES)),
            "market": np.repeat(CODES, products),
            "price_minor": cents.astype(float),
            "price_basis": "buy_box",
            "shipping_minor": 0.0,
            "category": rng.choice(CATEGORIES, count),
            "length_mm": sides[:, 0].astype(float),
            "width_mm": sides[:, 1].astype(float),
            "height_mm": sides[:, 2].astype(float),
            "weight_g": np.where(
                unknown, np.nan, np.where(small, rng.integers(5, 4_000, count), rng.integers(5, 70_000, count))
            ),
            "hazmat": (rng.random(count) < 0.1).astype(float),
            "keepa_fba_fee_minor": np.where(rng.random(count) < 0.4, np.round(rng.choice(fees, count) * 100), np.nan),
            "keepa_fba_fee_at": rng.choice([*(day.timestamp() for day in SEEN), np.nan], count),
            "keepa_referral_pct": np.nan,
            "keepa_closing_fee_minor": np.nan,
            "updated_at": 0.0,
        }
    )


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def profiles() -> list[Profile]:
    """Each VAT status and each home, with costs of every kind."""
    costs: dict[str, Any] = {
        "prep_per_unit": 0.3, "inbound_per_unit": 0.2, "inbound_per_kg": 0.45, "exchange_spread_pct": 1.5,
        "expected_days": 45, "return_rate_pct": 6, "return_handling": 1.2, "fbm_shipping": 4.9, "cover_days": 20,
        "customs": {"duty_pct": 3.5, "freight_per_unit": 0.6, "freight_per_kg": 0.8}, "return_outbound_lost": True,
    }  # fmt: skip
    return [
        Profile.neutral(**costs, fulfilment=("fba-local", "efn", "pan-eu", "fbm")),
        Profile.neutral(**costs, vat_status="not-reclaiming", home="UK", warehouses="cep", plan="individual"),
        Profile.neutral(**costs, vat_status="unregistered", registrations=(), home="FR"),
        Profile.neutral(other_costs=1.3, home="IT", vat_class="books", customs={"duty_pct": 0}),
        Profile.neutral(**costs, vat_status="unregistered", registrations=(), sipp_certified=True),
        Profile.neutral(
            **costs | {"expected_days": 0, "return_outbound_lost": False},
            home="ES",
            stock="DE",
            return_value_loss_pct=30,
        ),
        Profile.neutral(**costs, vat_status="not-reclaiming", return_value_loss_pct=25, plan="individual"),
        Profile.neutral(**costs, registrations=("DE", "FR", "IT", "ES"), return_value_loss_pct=10),
        Profile.neutral(**costs, home="UK", registrations=("DE", "UK"), stock="DE"),
        Profile.neutral(
            **costs, registrations=("FR",), home="ES",
            input_vat={"UK": "import", "FR": "domestic-recovered", "ES": "domestic-lost", "DE": "net-intra-eu"},
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("profile", profiles(), ids=lambda p: f"{p.home}-{p.vat_status}")
@pytest.mark.parametrize("on", DAYS, ids=str)
@pytest.mark.parametrize("method", ["fba-local", "efn", "pan-eu", "fbm"])
def test_random_routes_agree_with_the_oracle_to_the_cent(profile: Profile, on: date, method: Any) -> None:
    offers = random_offers(on.toordinal(), 12)
    costs = cost_offers(offers, profile, TABLES.on(on))
    found = evaluate_costs(costs, costs, SellerCosts(profile, TABLES.on(on), RATES), methods=[method])
    by_key = {(row["asin"], row["market"]): row for row in rows(offers)}
    frame = found.frame()
    assert len(frame) == 12 * 20
    assert frame["profit"].notna().sum() > 40 or (method == "fbm" and profile.fbm_shipping is None)
    for row in rows(frame):
        buy, sell = by_key[row["asin"], row["source"]], by_key[row["asin"], row["target"]]
        expected = oracle.route(buy, sell, method, profile, RATES, on)
        assert (expected is None) == math.isnan(row["profit"]), (row, expected)
        if expected is not None:
            assert row["profit_exact"] == pytest.approx(sum(expected.values()), abs=1e-6), (row, expected)
            taxes = {"output_vat", "input_vat", "vat_on_fees", "import_vat", "duty"}
            errors = {name: abs(row[name] - expected.get(name, 0.0)) for name in COMPONENTS}
            moved = [name for name, error in errors.items() if error > 0.0051]
            # The remainder of rounding all of them is in the largest one that is no tax.
            most = max(abs(expected[name]) for name in expected.keys() - taxes)
            assert not moved or (len(moved) == 1 and abs(expected[moved[0]]) > most - 0.02), (moved, row, expected)
            assert moved == [] or moved[0] not in taxes
            assert max(errors.values()) < 0.0051 * len(COMPONENTS), (row, expected)


@pytest.mark.parametrize("profile", profiles(), ids=lambda p: f"{p.home}-{p.vat_status}")
def test_components_add_up_and_the_best_eligible_method_is_taken(profile: Profile) -> None:
    offers = random_offers(7, 200)
    found = evaluate(offers, profile, TABLES, RATES, on=DAYS[-1])
    frame = found.frame()
    known = frame["profit"].notna()
    assert known.any()
    total = frame.loc[known, list(COMPONENTS)].sum(axis=1).round(2)
    assert (total == frame.loc[known, "profit"]).all()
    assert (frame.loc[~known, "unknown"].map(len) > 0).all()
    assert (frame.loc[known, "unknown"].map(len) == 0).all()
    costs = cost_offers(offers, profile, TABLES.on(DAYS[-1]))
    for method in profile.fulfilment:
        alone = profile.model_copy(update={"fulfilment": (method,)})
        other = evaluate_costs(costs, costs, SellerCosts(alone, TABLES.on(DAYS[-1]), RATES))
        assert not (other.profit > found.profit + 1e-9).any()


@pytest.mark.parametrize(
    "dearer",
    [
        {"prep_per_unit": 0.5}, {"inbound_per_unit": 0.5}, {"inbound_per_kg": 1.0}, {"expected_days": 60},
        {"return_rate_pct": 9}, {"return_handling": 2}, {"exchange_spread_pct": 3}, {"plan": "individual"},
        {"customs": {"duty_pct": 9, "freight_per_unit": 0.6, "freight_per_kg": 0.8}},
        {"customs": {"duty_pct": 3.5, "freight_per_unit": 2, "freight_per_kg": 0.8}},
    ],
    ids=str,
)  # fmt: skip
def test_no_rise_of_a_cost_raises_profit(dearer: dict[str, Any]) -> None:
    offers = random_offers(11, 150)
    for profile in profiles()[:1] + profiles()[2:3]:
        before = evaluate(offers, profile, TABLES, RATES, on=DAYS[-1]).profit
        after_profile = Profile.checked({**profile.model_dump(), **dearer})
        after = evaluate(offers, after_profile, TABLES, RATES, on=DAYS[-1]).profit
        assert (np.isnan(before) == np.isnan(after)).all()
        assert not (after > before + 1e-9).any()


class _Doubled(Rates):
    """Every pound worth twice as much: prices in pounds halved must come to the same."""

    def __init__(self) -> None:
        pass

    def rate(self, source: str, target: str, on: date) -> Rate | None:
        found = RATES.rate(source, target, on)
        factor = {("GBP", "EUR"): 2.0, ("EUR", "GBP"): 0.5}.get((source, target), 1.0)
        return found and Rate(found.value * factor, found.day, found.stale_days)


def test_profit_does_not_depend_on_the_unit_of_the_buying_currency() -> None:
    profile = profiles()[0]
    offers = random_offers(3, 100)
    routes = [("UK", "DE"), ("UK", "IT")]
    halved = offers.copy()
    halved.loc[halved["market"] == "UK", "price_minor"] /= 2
    # A category's VAT class may change with the price.
    local = profile.model_copy(update={"fulfilment": ("fba-local",), "vat_class": "standard"})
    one = evaluate(offers, local, TABLES, RATES, on=DAYS[3], routes=routes).profit
    other = evaluate(halved, local, TABLES, _Doubled(), on=DAYS[3], routes=routes).profit
    # The refund fee's cap is in EUR, the home currency, so nothing else is touched.
    assert np.allclose(one, other, equal_nan=True, atol=1e-9)


@pytest.mark.parametrize("status", STATUSES)
def test_buying_and_selling_on_the_same_marketplace_at_one_price_never_profits(status: str) -> None:
    offers = random_offers(5, 150)
    for code in CODES:
        fields = {"registrations": ()} if status == "unregistered" else {}
        profile = Profile.neutral(vat_status=status, home=code, fulfilment=("fba-local",), **fields)
        day = TABLES.on(DAYS[-1])
        costs = cost_offers(offers, profile, day)
        found = evaluate_costs(costs, costs, SellerCosts(profile, day, RATES), routes=[(code, code)])
        assert not (found.profit > 0).any()
        assert (found.profit < 0).any()


@hypothesis_settings(max_examples=25, deadline=None, phases=[Phase.generate])
@given(
    buy=st.integers(300, 20_000),
    category=st.sampled_from(CATEGORIES),
    source=st.sampled_from(["DE", "FR", "IT", "ES"]),
    target=st.sampled_from(CODES),
    status=st.sampled_from(STATUSES[:2]),
    sides=st.tuples(st.integers(10, 450), st.integers(10, 340), st.integers(10, 260)),
    grams=st.integers(10, 11_000),
)
def test_a_break_even_price_leaves_nothing(
    buy: int, category: str, source: str, target: str, status: str, sides: tuple[int, int, int], grams: int
) -> None:
    profile = Profile.neutral(vat_status=status, customs={"duty_pct": 2})
    request = QuoteRequest.parse(
        {
            "source": source, "buy": buy / 100, "target": target, "sell": buy / 50, "category": category,
            "size_mm": "x".join(map(str, sides)), "weight_g": grams, "fulfilment": "fba-local",
        }
    )  # fmt: skip
    pricer = QuotePricer(
        request, request.apply(profile), TABLES.on(DAYS[3]), RATES, QuotedPackage.of_request(request, TABLES)
    )
    for price in break_even(lambda prices: pricer.profits("fba-local", sell=prices), 20 * buy / 50):
        around = pricer.profits("fba-local", sell=np.array([price - 0.01, price, price + 0.01]))
        # In a flat stretch the price itself leaves nothing; at a step of a fee the sign changes beside it.
        assert abs(around[1]) < 0.01 or around.min() < 0 <= around.max()


def test_each_change_of_a_table_shows_on_its_first_day_and_not_before() -> None:
    for day in TABLES.changes:
        before, after = TABLES.on(day - timedelta(1)), TABLES.on(day)
        old = {name: v.first for name, v in before.versions.items()}
        new = {name: v.first for name, v in after.versions.items()}
        assert old != new or before.digital != after.digital
        assert all(first <= day for first in new.values())


@pytest.mark.parametrize("method", ["fba-local", "efn", "fbm"])
@pytest.mark.parametrize("profile", profiles(), ids=lambda p: f"{p.home}-{p.vat_status}")
def test_the_margin_of_many_routes_is_that_of_each(profile: Profile, method: Any) -> None:
    costs = cost_offers(random_offers(8, 120), profile, TABLES.on(DAYS[3]))
    seller = SellerCosts(profile, TABLES.on(DAYS[3]), RATES)
    for routes in ([("DE", "UK")], [("UK", "DE")], [("IT", "FR")]):
        found = evaluate_costs(costs, costs, seller, routes=routes, methods=[method])
        each = found.frame()["margin_net_pct"].to_numpy()
        assert np.allclose(found.margin_net_pct[found.listed_on_both], each, equal_nan=True)
