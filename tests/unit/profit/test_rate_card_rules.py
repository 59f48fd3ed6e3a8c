"""The rules that the rate card and the tax offices have beside the tables: each published figure and its neighbours."""

from __future__ import annotations

import copy
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arbkit.profit import Profile, components, load_rates, load_tables
from arbkit.profit.fees.tables import parse_tables
from arbkit.profit.quote.package import QuotedPackage
from arbkit.profit.quote.pricer import QuotePricer
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.seller.profile import FULFILMENT_METHODS
from tests.unit.profit.test_tables import FILES

VECTORS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("vectors.toml").read_text("utf-8"))
TABLES, RATES = load_tables(), load_rates()
ON = date(2026, 8, 1)
PEAK = date(2026, 11, 24)
SELLER = Profile.neutral(customs={"duty_pct": 3})
EU = ("DE", "FR", "IT", "ES")
TOY: dict[str, Any] = {
    "source": "IT", "buy": 20, "target": "DE", "sell": 60, "category": "Toys & Games", "size_mm": "360x100x100",
    "weight_g": 800, "on": ON, "fulfilment": "fba-local", "fbm_shipping": 4,
}  # fmt: skip


def asked(profile: Profile = SELLER, **fields: Any) -> dict[str, Any]:
    """What a quote says of the route, without the prices that it searches for."""
    request = QuoteRequest.parse({**TOY, **fields})
    seller, day = request.apply(profile), TABLES.on(request.day())
    pricer = QuotePricer(request, seller, day, RATES, QuotedPackage.of_request(request, TABLES))
    priced = [pricer.priced(method) for method in FULFILMENT_METHODS]
    best = pricer.best(priced)
    return {
        "profit": None if best.unknown else best.row["profit"],
        "components": components(best.row, seller, day, RATES),
        "unknown": [reason.message for reason in best.unknown],
        "warnings": [reason.message for reason in best.row["assumed"]],
        "alternatives": {other.method: other for other in priced},
        "tables_version": day.version,
    }


def amounts(found: dict[str, Any]) -> dict[str, float]:
    return {c["name"]: c["amount"] for c in found["components"]}


def line(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(c for c in found["components"] if c["name"] == name)


@pytest.mark.parametrize("schedule", VECTORS["closing"])
@pytest.mark.parametrize("target", ["UK", *EU])
def test_closing_fees(schedule: str, target: str) -> None:
    seller = Profile.neutral(home=target, customs={"duty_pct": 0})
    found = asked(seller, source="ES" if target != "ES" else "IT", target=target, category=schedule)
    assert amounts(found).get("closing_fee", 0) == -VECTORS["closing"][schedule][target]
    assert amounts(asked(seller, target=target, source="FR" if target != "FR" else "IT", category=schedule,
                         keepa_closing_fee=0.33))["closing_fee"] == -0.33  # fmt: skip


@pytest.mark.parametrize(("home", "store", "before", "after"), VECTORS["digital_services"]["rows"])
def test_digital_services_fees(home: str, store: str, before: list[float], after: list[float]) -> None:
    seller = Profile.neutral(home=home, customs={"duty_pct": 0})
    source = next(code for code in EU if code != store)
    for on, (selling, fba) in ((date(2026, 3, 19), before), (date(2026, 3, 20), after)):
        found = amounts(asked(seller, source=source, target=store, on=on))
        expected = selling / 100 * found["referral_fee"] + fba / 100 * found["fulfilment_fee"]
        assert found.get("digital_services_fee", 0.0) == pytest.approx(expected, abs=0.0101)
    assert amounts(asked(seller, source=source, target=store, on=date(2024, 9, 30), fulfilment="fbm")).get(
        "digital_services_fee"
    ) is None  # fmt: skip


@pytest.mark.parametrize("row", VECTORS["packaging"], ids=lambda row: f"{row['size_mm']} {row['weight_g']} g")
@pytest.mark.parametrize("target", ["UK", "DE", "FR"])
def test_oversize_packaging_is_a_component_of_its_own(row: dict[str, Any], target: str) -> None:
    seller = Profile.neutral(home=target, customs={"duty_pct": 0})
    route = {"source": "ES", "target": target, "size_mm": row["size_mm"], "weight_g": row["weight_g"]}
    found, fee = asked(seller, **route), row["UK"] if target == "UK" else row["EU"]
    assert amounts(found).get("packaging_fee", 0.0) == -fee
    if fee:
        assert line(found, "packaging_fee")["assumed"]
        assert line(found, "packaging_fee")["valid_from"] == "2026-02-01"
        assert any("SIPP" in warning for warning in found["warnings"])
    certified = asked(seller.model_copy(update={"sipp_certified": True}), **route)
    assert "packaging_fee" not in amounts(certified)
    rate = amounts(found)["sale_price"] / TOY["sell"]
    # The digital services fee is on it too.
    assert fee * rate - 0.0101 < certified["profit"] - found["profit"] < 1.03 * fee * rate + 0.0101
    assert not any("SIPP" in warning for warning in certified["warnings"])


@pytest.mark.parametrize(
    ("weight_g", "sell", "fee", "size"),
    [
        (400, 20.00, 3.25, "330x230x120"),  # 1.8 kg by volume
        (401, 20.00, 3.43, "330x230x120"),
        (400, 20.01, 3.43, "330x230x120"),
        (150, 19.00, 3.04, "350x250x120"),
        (140, 11.00, 2.12, "300x200x20"),
    ],
)
def test_low_price_fees_go_by_the_units_own_weight(weight_g: float, sell: float, fee: float, size: str) -> None:
    found = asked(sell=sell, buy=5, size_mm=size, weight_g=weight_g)
    assert amounts(found)["fulfilment_fee"] == -fee


def test_a_parcel_too_heavy_for_low_price_fees_has_a_peak_fee() -> None:
    heavy, light = (asked(sell=18, buy=5, size_mm="340x240x110", weight_g=grams, on=PEAK) for grams in (500, 350))
    assert amounts(heavy)["peak_surcharge"] == -0.22
    assert "peak_surcharge" not in amounts(light)


def test_the_published_example_of_vat_collected_in_the_uk() -> None:
    # CBW: sold for 120 GBP from abroad: 20 to HMRC, nothing on import.
    for status in ("reclaiming", "not-reclaiming", "unregistered"):
        for method in ("efn", "fbm"):
            found = asked(target="UK", source="DE", sell=120, vat_status=status, fulfilment=method)
            parts = amounts(found)
            rate = parts["sale_price"] / 120
            assert parts["output_vat"] == pytest.approx(-20 * rate, abs=0.0051)
            assert not parts.keys() & {"duty", "import_vat"}
            assert "marketplace" in line(found, "output_vat")["rule"]


@pytest.mark.parametrize(("sell", "free"), [(161.99, True), (162.00, True), (162.01, False), (300.0, False)])
def test_a_consignment_above_the_limit_is_imported_as_before(sell: float, free: bool) -> None:
    # 162.00 GBP are 135.00 without VAT.
    parts = amounts(asked(target="UK", source="DE", sell=sell, fulfilment="fbm", vat_status="not-reclaiming"))
    assert ("duty" not in parts) == free
    assert ("import_vat" not in parts) == free


def test_goods_already_in_the_uk_are_the_marketplaces_at_any_value_and_were_imported() -> None:
    parts = amounts(asked(target="UK", source="DE", sell=900, vat_status="not-reclaiming"))
    assert parts["output_vat"] == pytest.approx(-parts["sale_price"] / 6, abs=0.0051)
    assert parts["duty"] < 0
    assert parts["import_vat"] < 0


def test_a_seller_at_home_owes_the_vat_itself() -> None:
    seller = Profile.neutral(home="UK", vat_status="unregistered", registrations=(), customs={"duty_pct": 3})
    parts = amounts(asked(seller, source="DE", target="UK", vat_status="unregistered"))
    assert "output_vat" not in parts
    assert parts["duty"] < 0
    registered = asked(seller, source="DE", target="UK", vat_status="not-reclaiming")
    assert "marketplace" not in line(registered, "output_vat")["rule"]


@pytest.mark.parametrize(
    ("source", "target", "sell", "open_"),
    [
        ("DE", "UK", 122.00, True), ("DE", "UK", 122.01, False), ("UK", "DE", 135.00, True),
        ("UK", "DE", 135.01, False), ("UK", "FR", 500.0, False), ("IT", "DE", 500.0, True),
    ],
)  # fmt: skip
def test_remote_fulfilment_has_a_highest_price(source: str, target: str, sell: float, open_: bool) -> None:
    found = asked(source=source, target=target, sell=sell, fulfilment="efn")
    assert (found["profit"] is not None) == open_
    local = asked(source=source, target=target, sell=sell, fulfilment="fba-local")
    efn = local["alternatives"]["efn"]
    assert (efn.ineligible is None) == open_
    assert local["profit"] is not None
    if not open_:
        assert ["122.00 GBP or 135.00 EUR" in reason for reason in found["unknown"]] == [True]
        assert "135" in str(efn.why_not)


def test_the_highest_price_of_remote_fulfilment_is_no_break_even() -> None:
    request = QuoteRequest.parse({**TOY, "source": "DE", "target": "UK", "buy": 10, "sell": 50, "fulfilment": "efn"})
    found = quote(request, SELLER, TABLES, RATES, what_if=False)
    assert found.break_even_sell
    assert all(price < 100 for price in found.break_even_sell)


RETURNS: dict[str, Any] = {"return_rate_pct": 10, "return_handling": 1.5}


@pytest.mark.parametrize("method", ["fba-local", "fbm"])
def test_a_return_costs_what_it_really_costs(method: str) -> None:
    plain = amounts(asked(SELLER, fulfilment=method))
    sent = sum(plain.get(n, 0.0) for n in ("fulfilment_fee", "fuel_surcharge", "peak_surcharge", "packaging_fee"))
    administration = max(0.20 * plain["referral_fee"], -5.0)
    cost = plain["purchase_price"] + plain["input_vat"]
    for fields, expected in (
        ({}, administration - 1.5),
        ({"return_outbound_lost": True}, administration - 1.5 + sent),
        ({"return_value_loss_pct": 40}, administration - 1.5 + 0.4 * cost),
    ):
        seller = Profile.neutral(customs={"duty_pct": 3}, **RETURNS, **fields)
        found = asked(seller, fulfilment=method)
        assert amounts(found)["refunds"] == pytest.approx(0.1 * expected, abs=0.0101)
        assert found["profit"] == pytest.approx(sum(plain.values()) + 0.1 * expected, abs=0.0101)


def test_an_unregistered_seller_pays_vat_on_what_amazon_keeps_of_a_return() -> None:
    seller = Profile.neutral(vat_status="unregistered", registrations=(), **RETURNS)
    fields = {"source": "FR", "target": "DE", "vat_status": "unregistered"}
    one, other = (
        amounts(asked(seller.model_copy(update={"return_outbound_lost": lost}), **fields)) for lost in (True, False)
    )
    lost = one["refunds"] - other["refunds"]
    assert lost == pytest.approx(0.1 * (one["fulfilment_fee"] + one["fuel_surcharge"]), abs=0.0101)
    assert one["vat_on_fees"] - other["vat_on_fees"] == pytest.approx(0.19 * lost, abs=0.0101)


@pytest.mark.parametrize(
    ("category", "hidden"),
    [
        ("Vitamins & supplements", True), ("Pet clothing & food", True), ("Haustier", True), ("Baby", True),
        ("Baby products", True), ("Garten", True), ("Drogerie & Körperpflege", True), ("Toys & Games", False),
        ("Kosmetik", False), ("Elektronik & Foto", False), ("Küche, Haushalt & Wohnen", False),
    ],
)  # fmt: skip
def test_a_rate_that_a_category_hides_is_assumed(category: str, hidden: bool) -> None:
    found = asked(category=category)
    assert any("reduced rate" in warning for warning in found["warnings"]) == hidden
    assert line(found, "output_vat")["assumed"] == hidden
    stated = asked(category=category, vat_class="standard")
    assert not any("reduced rate" in warning for warning in stated["warnings"])
    assert not line(stated, "output_vat")["assumed"]


def test_the_remainder_of_rounding_is_in_no_tax() -> None:
    rng = np.random.default_rng(4)
    for _ in range(40):
        buy, sell = round(float(rng.uniform(5, 90)), 2), round(float(rng.uniform(20, 200)), 2)
        found = asked(Profile.neutral(exchange_spread_pct=1.5), buy=buy, sell=sell)
        parts = amounts(found)
        assert round(sum(parts.values()), 2) == found["profit"]
        assert parts["output_vat"] == round(-sell * 19 / 119, 2)
        assert parts["input_vat"] == round(buy * 22 / 122, 2)
        for name in parts.keys() - {"sale_price", "purchase_price"}:
            assert abs(parts[name]) < max(parts["sale_price"], -parts["purchase_price"])


@pytest.mark.parametrize(
    ("on", "days", "said"),
    [
        (PEAK, 0, False), (date(2027, 2, 23), 0, False), (date(2027, 2, 24), 0, True), (date(2035, 1, 1), 0, True),
        (PEAK, 91, False), (PEAK, 92, True), (date(9999, 12, 31), 30, True),
    ],
)  # fmt: skip
def test_a_day_far_ahead_is_answered_as_what_is_known_today(on: date, days: int, said: bool) -> None:
    found = asked(on=on, expected_days=days)
    assert found["profit"] is not None
    text = f"tables of {found['tables_version']}, later changes unknown"
    assert (text in found["warnings"]) == said


def test_a_day_before_all_tables_is_unknown_and_said_so() -> None:
    found = asked(on=date.min)
    assert found["profit"] is None
    assert "no fee tables reach back to 0001-01-01" in found["unknown"]


def _without_france(files: dict[str, Any], table: str) -> None:
    if table == "fulfilment":
        for row in files["fulfilment_local"]["version"][0]["bands"]:
            del row["FR"]
    elif table == "digital services":
        for row in files["digital_services"]["rows"]:
            row["store"] = [store for store in row["store"] if store != "FR"]
    elif table == "VAT":
        del files["vat"]["version"][0]["standard"]["FR"]
    elif table == "closing":
        del files["closing"]["version"][0]["fees"][0]["FR"]
    else:
        del files["referral"]["version"][0]["minimum"]["EUR"]


@pytest.mark.parametrize("table", ["fulfilment", "digital services", "VAT", "closing", "minimum"])
def test_a_marketplace_that_a_table_lacks_is_unknown_and_said_so(table: str) -> None:
    files = copy.deepcopy(FILES)
    _without_france(files, table)
    category = "Books" if table == "closing" else "Toys & Games"
    request = QuoteRequest.parse({**TOY, "source": "DE", "target": "FR", "category": category})
    found = quote(request, SELLER, parse_tables(files), RATES, what_if=False)
    assert found.profit is None
    assert found.unknown
    assert "something needed is unknown" not in found.unknown
