"""The columns of priced routes beside the components, and the arrays they are chosen by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from arbkit.core.marketplaces import MARKETS
from arbkit.profit import COMPONENTS, Profile, evaluate, load_rates, load_tables
from arbkit.profit.components import rounded, whole_cents
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.offer_costs import cost_offers
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.reason_codes import Reason, ReasonCode, join_messages
from arbkit.profit.route_frame import RouteRow, route_rows
from arbkit.profit.trade_costs import SellerCosts
from tests.unit.profit.test_evaluation import offer

TABLES, RATES = load_tables(), load_rates()
ON = date(2026, 8, 1)
LOCAL: dict[str, Any] = {"fulfilment": ("fba-local",), "customs": {"duty_pct": 4}}


def priced(*offers: dict[str, Any], routes: Any = None, **fields: Any) -> Evaluation:
    profile = Profile.neutral(**{**LOCAL, **fields})
    return evaluate(pd.DataFrame(list(offers)), profile, TABLES, RATES, on=ON, routes=routes)


def row(buy: dict[str, Any], sell: dict[str, Any], **fields: Any) -> RouteRow:
    found = priced(buy, sell, routes=[(buy["market"], sell["market"])], **fields)
    return next(route_rows(found.frame()))


@pytest.mark.parametrize("status", ["reclaiming", "not-reclaiming", "unregistered"])
@pytest.mark.parametrize(("source", "target"), [("IT", "DE"), ("UK", "DE"), ("DE", "UK")])
def test_the_percentages_follow_from_the_components(status: str, source: str, target: str) -> None:
    fields: dict[str, Any] = {"vat_status": status, "prep_per_unit": 0.5, "fulfilment": ("fbm",), "fbm_shipping": 4}
    if status == "unregistered":
        fields["registrations"] = ()
    found = row(offer(source, 4_000), offer(target, 9_999), **fields)
    own = sum(found[name] for name in ("purchase_price", "input_vat", "duty", "import_vat", "freight", "other_costs"))
    assert found["invested"] == pytest.approx(-own, abs=0.03)
    assert found["roi_pct"] == pytest.approx(100 * found["profit"] / found["invested"], abs=0.1)
    revenue = found["sale_price"] + found["output_vat"]
    assert found["margin_net_pct"] == pytest.approx(100 * found["profit"] / revenue, abs=0.05)
    assert found["margin_gross_pct"] == pytest.approx(100 * found["profit"] / found["sale_price"], abs=0.05)
    bought = -found["purchase_price"]
    assert found["spread_pct"] == pytest.approx(100 * (found["sale_price"] - bought) / bought, abs=0.05)


def test_the_arrays_of_an_evaluation_agree_with_its_frame() -> None:
    offers = [offer(code, 3_000 + 900 * n, updated_at=100.0 * n) for n, code in enumerate(MARKETS)]
    found = priced(*offers)
    frame = found.frame().set_index(["source", "target"])
    assert list(frame.index) == list(found.routes)
    assert len(found.routes) == len(MARKETS) * (len(MARKETS) - 1)
    for name in ("roi_pct", "margin_net_pct", "updated_at"):
        assert getattr(found, name)[:, 0].tolist() == pytest.approx(frame[name].tolist())
    assert found.profit[:, 0].tolist() == pytest.approx(frame["profit_exact"].tolist())
    assert found.invested[:, 0].tolist() == pytest.approx(frame["invested"].tolist(), abs=0.0051)
    unregistered = priced(*offers, vat_status="unregistered", registrations=(), fulfilment=("fbm",), fbm_shipping=4)
    assert unregistered.margin_net_pct[:, 0].tolist() == pytest.approx(unregistered.frame()["margin_net_pct"].tolist())


def test_a_route_is_as_old_as_its_older_offer() -> None:
    older = row(offer("IT", 4_000, updated_at=100.0), offer("DE", 6_999, updated_at=200.0))
    newer = row(offer("IT", 4_000, updated_at=300.0), offer("DE", 6_999, updated_at=200.0))
    one = row(offer("IT", 4_000, updated_at=np.nan), offer("DE", 6_999, updated_at=200.0))
    assert (older["updated_at"], newer["updated_at"], one["updated_at"]) == (100.0, 200.0, 200.0)


def test_a_stale_rate_is_named_with_its_day() -> None:
    day = RATES.last_date + timedelta(25)
    profile = Profile.neutral(**LOCAL)
    frame = pd.DataFrame([offer("UK", 4_000), offer("DE", 9_999)])
    found = next(route_rows(evaluate(frame, profile, TABLES, RATES, on=day, routes=[("UK", "DE")]).frame()))
    assert f"exchange rate of {RATES.last_date} is 25 days old" in join_messages(found["assumed"])


def test_fees_are_what_amazon_charges() -> None:
    found = row(offer("IT", 4_000), offer("DE", 6_999), expected_days=30, return_rate_pct=5, prep_per_unit=2)
    fees = [found[name] for name in ("referral_fee", "fulfilment_fee", "fuel_surcharge", "storage", "refunds")]
    assert max(fees) < 0
    assert found["fees"] == pytest.approx(-sum(fees))


def test_the_saving_of_a_cheaper_schedule_is_in_the_home_currency() -> None:
    kitchen = {"category": "Home & Kitchen"}
    dear = row(offer("IT", 500, **kitchen), offer("DE", 1_900, **kitchen))
    cheap = row(offer("IT", 500, **kitchen), offer("DE", 1_900, category="Home Products"))
    assert dear["referral_saving"] == pytest.approx(cheap["referral_fee"] - dear["referral_fee"])
    assert dear["referral_saving"] > 0
    assert cheap["referral_saving"] == 0
    british = row(offer("IT", 500, **kitchen), offer("UK", 1_900, **kitchen))
    named = row(offer("IT", 500, **kitchen), offer("UK", 1_900, category="Home Products"))
    assert british["referral_saving"] == pytest.approx(named["referral_fee"] - british["referral_fee"], abs=0.011)


SMALL = {"length_mm": 300.0, "width_mm": 200.0, "height_mm": 20.0, "weight_g": 150.0}


@pytest.mark.parametrize(
    ("method", "fields", "found_in"),
    [
        ("fba-local", {}, "table"),
        ("fba-local", {"keepa_fba_fee_minor": 311.0}, "keepa"),
        ("pan-eu", {"keepa_fba_fee_minor": 311.0}, "keepa"),
        ("efn", {"keepa_fba_fee_minor": 311.0}, "table"),
        ("fba-local", {**SMALL, "price_minor": 1_500.0}, "low-price table"),
        ("efn", {**SMALL, "price_minor": 1_500.0}, "table"),
    ],
)
def test_it_is_stated_where_the_fulfilment_fee_is_from(method: str, fields: dict[str, Any], found_in: str) -> None:
    found = row(offer("IT", 500), {**offer("DE", 6_999), **fields}, fulfilment=(method,))
    assert found["fulfilment_from"] == found_in
    assert found["fulfilment"] == method


def test_size_and_stock_are_those_of_the_sale() -> None:
    found = row(offer("IT", 4_000, weight_g=900.0), offer("DE", 6_999), fulfilment=("efn",))
    assert (found["size_tier"], found["billing_kg"], found["stock"]) == ("standard parcel", 0.8, "IT")
    assert row(offer("IT", 4_000), offer("DE", 6_999))["stock"] == "DE"
    assert row(offer("IT", 4_000), offer("DE", 6_999), fulfilment=("efn",), stock="FR")["stock"] == "FR"
    shipped = row(offer("IT", 4_000), offer("FR", 6_999), fulfilment=("fbm",), fbm_shipping=4)
    assert shipped["stock"] == "DE"
    unknown = row(offer("IT", 4_000), offer("DE", 6_999, weight_g=np.nan))
    assert (unknown["size_tier"], np.isnan(unknown["billing_kg"])) == ("", True)
    assert (found["buy_currency"], found["sell_currency"], found["currency"]) == ("EUR", "EUR", "EUR")
    assert row(offer("UK", 4_000), offer("DE", 6_999))["buy_currency"] == "GBP"


def test_the_method_that_leaves_most_is_taken_even_after_an_unknown_one() -> None:
    methods = ("fbm", "efn", "fba-local")
    assert row(offer("IT", 4_000), offer("DE", 6_999), fulfilment=methods)["fulfilment"] == "fba-local"
    cheap = row(offer("IT", 4_000), offer("DE", 6_999), fulfilment=methods, fbm_shipping=0.5)
    assert cheap["fulfilment"] == "fbm"
    none = row(offer("IT", 4_000), offer("DE", 6_999), fulfilment=("fba-local",), home="IT", registrations=())
    assert np.isnan(none["profit"])
    assert np.isnan(none["profit_exact"])
    assert [reason.code for reason in none["unknown"]] == [ReasonCode.NO_ELIGIBLE_METHOD]


def test_a_method_that_is_asked_for_counts_whether_eligible_or_not() -> None:
    profile = Profile.neutral(home="IT", registrations=())
    costs = cost_offers(pd.DataFrame([offer("IT", 4_000), offer("DE", 6_999)]), profile, TABLES.on(ON))
    seller = SellerCosts(profile, TABLES.on(ON), RATES)
    routes = [("IT", "DE")]
    forced = evaluate_costs(costs, costs, seller, routes=routes, methods=["fba-local"])
    assert forced.profit[0, 0] > 0
    assert evaluate_costs(costs, costs, seller, routes=routes).methods == profile.fulfilment


def test_only_the_wanted_routes_are_in_the_frame() -> None:
    offers = [
        *(offer(code, 4_000, asin="A") for code in ("IT", "DE", "FR")),
        *(offer(code, 4_000, asin="B") for code in ("IT", "DE")),
    ]
    found = priced(*offers, routes=[("IT", "DE"), ("IT", "FR")])
    assert found.listed_on_both.tolist() == [[True, True], [True, False]]
    frame = found.frame()
    assert frame[["asin", "target"]].to_numpy().tolist() == [["A", "DE"], ["B", "DE"], ["A", "FR"]]
    wanted = np.array([[False, True], [True, True]])
    assert found.frame(wanted)[["asin", "target"]].to_numpy().tolist() == [["B", "DE"], ["A", "FR"]]
    nothing = found.frame(np.zeros((2, 2), bool))
    assert (len(nothing), list(nothing.columns)) == (0, list(frame.columns))
    assert priced(*offers, routes=[]).frame().empty


def test_without_offers_there_are_no_routes() -> None:
    nothing = pd.DataFrame([offer("IT", 4_000)]).iloc[:0]
    found = evaluate(nothing, Profile.neutral(), TABLES, RATES, on=ON)
    assert found.profit.shape == (len(MARKETS) * (len(MARKETS) - 1), 0)
    assert (len(found.frame()), found.unknown_counts()) == (0, {})


def test_reasons_of_unknown_profits_are_counted_over_all_routes() -> None:
    offers = [
        *(offer(code, 4_000, asin="A", category=None) for code in ("IT", "DE", "FR")),
        *(offer(code, 4_000, asin="B", weight_g=np.nan) for code in ("IT", "DE")),
        *(offer(code, 4_000, asin="C") for code in ("IT", "DE")),
    ]
    found = priced(*offers, routes=[("IT", "DE"), ("IT", "FR"), ("DE", "IT")])
    counts = found.unknown_counts()
    assert list(counts.items()) == [(Reason(ReasonCode.CATEGORY_UNKNOWN), 3), (Reason(ReasonCode.PACKAGE_UNKNOWN), 2)]
    assert priced(*offers[-2:]).unknown_counts() == {}


def test_half_a_cent_is_rounded_up_and_minus_zero_is_zero() -> None:
    assert whole_cents(np.array([0.004, 0.005, 0.014, 1.015])).tolist() == [0.0, 0.01, 0.01, 1.02]
    assert (rounded(1.234), rounded(float("nan"))) == (1.23, None)
    assert str(rounded(-0.001)) == "0.0"


def test_rounded_components_add_up_however_small_they_are() -> None:
    found = row(offer("UK", 3_333), offer("DE", 7_777), expected_days=7, return_rate_pct=3, exchange_spread_pct=0.7)
    assert round(sum(cast("Mapping[str, float]", found)[name] for name in COMPONENTS), 2) == found["profit"]
    assert found["profit"] == pytest.approx(found["profit_exact"], abs=0.0051)


@pytest.mark.parametrize(("source", "target"), [("IT", "DE"), ("UK", "DE"), ("DE", "UK")])
@pytest.mark.parametrize(
    "seller",
    [
        {"customs": {"duty_pct": 3, "freight_per_unit": 0.6}, "exchange_spread_pct": 1.5, "return_rate_pct": 4},
        {"vat_status": "not-reclaiming", "customs": {"duty_pct": 4}, "exchange_spread_pct": 1.5},
        {"vat_status": "unregistered", "registrations": (), "fulfilment": ("fbm",), "fbm_shipping": 4,
         "target_profit": 9, "customs": {"duty_pct": 0}},
    ],
)  # fmt: skip
def test_the_highest_buying_price_of_a_route_is_that_of_its_quote(
    seller: dict[str, Any], source: str, target: str
) -> None:
    profile = Profile.neutral(**seller)
    measured = {"length_mm": 360.0, "width_mm": 100.0, "height_mm": 100.0, "weight_g": 800.0}
    frame = pd.DataFrame([{**offer(source, 4_000), **measured}, {**offer(target, 6_999), **measured}])
    found = next(route_rows(evaluate(frame, profile, TABLES, RATES, on=ON, routes=[(source, target)]).frame()))
    request = QuoteRequest.parse(
        {"source": source, "target": target, "buy": 40.0, "sell": 69.99, "category": "Toys & Games", "on": ON,
         "size_mm": "360x100x100", "weight_g": 800}
    )  # fmt: skip
    asked = quote(request, profile, TABLES, RATES).max_buy
    assert asked is not None
    assert found["max_buy"] == pytest.approx(asked.price, abs=0.011)
