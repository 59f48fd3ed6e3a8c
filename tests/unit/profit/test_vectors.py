"""Money against published points and worked examples (``vectors.toml`` beside)."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arbkit.core.marketplaces import MARKETS
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.components import whole_cents
from arbkit.profit.fees.sizes import size_tiers
from arbkit.profit.quote.price_search import dead_zones
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest, parse_size

VECTORS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("vectors.toml").read_text("utf-8"))
TABLES, RATES = load_tables(), load_rates()
DAY: date = VECTORS["worked"]["on"]
NO_FUEL = date(2026, 3, 1)


def asked(profile: Profile | None = None, **fields: Any) -> dict[str, Any]:
    """The document of ``arbkit profit --json``."""
    found = quote(QuoteRequest.parse(fields), profile or Profile.neutral(), TABLES, RATES)
    return found.model_dump(mode="json")


@pytest.mark.parametrize("row", VECTORS["worked"]["rows"], ids=lambda r: " ".join(r["changes"].values()))
def test_the_worked_example(row: dict[str, Any]) -> None:
    found = asked(**VECTORS["worked"]["route"], on=DAY, **row["changes"])
    expected = dict(row["expected"])
    assert found["profit"] == expected.pop("profit")
    assert round(sum(c["amount"] for c in found["components"]), 2) == found["profit"]
    if "max_buy" in expected:
        assert found["max_buy"]["price"] == expected.pop("max_buy")
    if "break_even_sell" in expected:
        assert found["break_even_sell"] == expected.pop("break_even_sell")
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=0.0501)
    amounts = {c["name"]: c["amount"] for c in found["components"]}
    for name, amount in row.get("components", {}).items():
        assert amounts[name] == amount


@pytest.mark.parametrize("row", VECTORS["referral"], ids=lambda r: f"{r['schedule']} {r['price']} {r.get('on', '')}")
def test_referral_fees(row: dict[str, Any]) -> None:
    on = row.get("on", DAY)
    seller = Profile.neutral(home=row["market"])
    for method, fee in (("fbm", row["fee"]), ("fba-local", row.get("by_fba"))):
        found = asked(
            seller, source="ES", buy=1, target=row["market"], sell=row["price"], category=row["schedule"], on=on,
            fulfilment=method, fbm_shipping=0, duty_pct=0, size_mm="300x200x100", weight_g=row.get("weight_g", 500),
        )  # fmt: skip
        amounts = {c["name"]: c["amount"] for c in found["components"]}
        assert fee is None or amounts["referral_fee"] == -fee


@pytest.mark.parametrize("row", VECTORS["fulfilment"], ids=lambda r: f"{r['size_mm']} {r['weight_g']} g")
def test_fulfilment_fees(row: dict[str, Any]) -> None:
    day = TABLES.on(DAY)
    sides = np.array([parse_size(row["size_mm"])])
    found = size_tiers(day, sides, np.array([row["weight_g"] / 1000]), np.array([False]))
    assert day.tiers[found.tier[0]] == row["tier"]
    for bands, name in ((day.local, "fees"), (day.low_price, "low_price"), (day.efn, "efn")):
        assert bands is not None
        place = bands.row_index(found.tier, day.tiers, found.billing_kg)
        for column, fee in row.get(name, {}).items():
            assert bands.fee(place, found.billing_kg, column)[0] == fee


@pytest.mark.parametrize("row", VECTORS["dead_zones"], ids=lambda r: f"{r['category']} {r['target']} {r['zones']}")
def test_dead_zones(row: dict[str, Any]) -> None:
    if "fulfilment" in row:
        fields = {k: v for k, v in row.items() if k != "zones"}
        found = asked(source="ES", buy=1, sell=10, on=NO_FUEL, **fields)
        assert [[z["from"], z["to"]] for z in found["dead_zones"]] == row["zones"]
        return
    # From the referral fee and the output VAT alone, without the digital services fee of any seller.
    day = TABLES.on(NO_FUEL)
    schedule, currency = day.schedules[day.schedule_index(row["category"])], MARKETS[row["target"]].currency
    vat = day.vat(row["target"], row.get("vat_class", "standard"))
    zones = dead_zones(lambda prices: prices / (1 + vat) - schedule.fee(prices, currency), 40)
    assert [list(zone) for zone in zones] == row["zones"]


def test_a_price_in_a_dead_zone_is_advised_against() -> None:
    found = asked(source="ES", buy=5, target="DE", sell=10.50, category="Baby products", size_mm="300x200x100",
                  weight_g=500, on=NO_FUEL)  # fmt: skip
    assert any(hint.startswith("sell at 10.00, not at 10.01 to 11.01 EUR") for hint in found["hints"])


def test_two_millimetres_to_the_next_size_tier_are_told() -> None:
    found = asked(source="ES", buy=20, target="DE", sell=50, category="Toys & Games", size_mm="320x220x41",
                  weight_g=300, on=DAY, fulfilment="fba-local")  # fmt: skip
    assert any("2 mm less on the shortest side (41 mm)" in hint for hint in found["hints"])


def test_half_a_cent_is_rounded_up_as_commerce_does() -> None:
    assert whole_cents(np.array([19.575, 19.585, 0.005, 10.4985])).tolist() == [19.58, 19.59, 0.01, 10.50]


def test_what_another_vat_status_would_leave_is_shown() -> None:
    found = asked(**VECTORS["worked"]["route"], on=DAY, vat_status="reclaiming", fulfilment="fba-local")
    grid = {(c["vat_status"], c["input_vat"], c["vat_class"]): c["profit"] for c in found["vat_grid"]}
    registered, lost, unregistered = (row["expected"]["profit"] for row in VECTORS["worked"]["rows"][:3])
    assert grid["reclaiming", "net-intra-eu", "auto"] == grid["reclaiming", "domestic-recovered", "auto"] == registered
    assert grid["reclaiming", "domestic-lost", "auto"] == grid["not-reclaiming", "domestic-lost", "auto"] == lost
    assert grid["unregistered", "domestic-lost", "auto"] == unregistered
    assert grid["reclaiming", "import", "auto"] is None
    assert grid["reclaiming", "net-intra-eu", "books"] > found["profit"]


def test_a_price_that_changes_changes_profit_as_it_should() -> None:
    found = asked(**VECTORS["worked"]["route"], on=DAY, fulfilment="fba-local")
    by = {(c["of"], c["change_pct"]): c["profit"] for c in found["sensitivity"]}
    # 10 % of 69.99: less output VAT and 15 % of it
    assert by["sell_price", 10.0] - found["profit"] == pytest.approx(6.999 / 1.19 - 6.999 * 0.15, abs=0.02)
    assert by["buy_price", 10.0] - found["profit"] == pytest.approx(-4.00 / 1.22, abs=0.02)
