"""What each amount of a route is explained with: the rule in words, its table, and whether it rests on a guess."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arbkit.core.results import ComponentRow
from arbkit.profit import Profile, components, evaluate, load_rates, load_tables
from arbkit.profit.facts.packages import estimate_packages
from arbkit.profit.facts.priors import load_package_priors
from arbkit.profit.route_frame import route_rows
from tests.unit.profit.test_evaluation import offer

TABLES, RATES = load_tables(), load_rates()
ON = date(2026, 8, 1)
SMALL: dict[str, Any] = {"length_mm": 300.0, "width_mm": 200.0, "height_mm": 20.0, "weight_g": 150.0}
UNMEASURED: dict[str, Any] = dict.fromkeys(SMALL, np.nan)
UNREGISTERED: dict[str, Any] = {"vat_status": "unregistered", "registrations": ()}


def explained(
    source: str = "IT",
    target: str = "DE",
    *,
    seller: dict[str, Any] | None = None,
    on: date = ON,
    estimated: bool = False,
    **fields: Any,
) -> dict[str, ComponentRow]:
    """The components of a toy bought for 40 and sold for 69.99, by name."""
    profile = Profile.neutral(**{"fulfilment": ("fba-local",), **(seller or {})})
    prices: dict[str, Any] = {"price_minor": 6_999.0, **fields}
    frame = pd.DataFrame([{**offer(source, 4_000), **fields, "price_minor": 4_000.0}, {**offer(target, 0), **prices}])
    nowhere = np.full(len(frame), None, object)
    facts = estimate_packages(frame, nowhere, load_package_priors()) if estimated else frame
    row = next(route_rows(evaluate(facts, profile, TABLES, RATES, on=on, routes=[(source, target)]).frame()))
    return {line["name"]: line for line in components(row, profile, TABLES.on(on), RATES)}


def test_only_what_is_paid_is_listed_and_what_is_unknown_has_no_amount() -> None:
    assert list(explained()) == [
        "sale_price", "output_vat", "referral_fee", "fulfilment_fee", "fuel_surcharge", "purchase_price", "input_vat",
    ]  # fmt: skip
    unknown = explained(category="??")["referral_fee"]
    assert (unknown["amount"], unknown["rule"], unknown["assumed"]) == (None, "category unknown", False)


def test_an_amount_of_a_table_names_it_with_its_day_and_source() -> None:
    line = explained()["fulfilment_fee"]
    provenance = TABLES.on(ON).provenance("fulfilment_local")
    assert provenance is not None
    assert (line["table"], line["valid_from"], line["source"]) == (
        "fulfilment_local", provenance.valid_from.isoformat(), provenance.source,
    )  # fmt: skip
    assert (line["amount"], line["currency"], line["assumed"]) == (-3.44, "EUR", False)
    own = explained(seller={"other_costs": 1.3})["other_costs"]
    assert (own["table"], own["valid_from"], own["source"]) == (None, None, "seller profile 'neutral'")


def test_a_price_says_where_it_comes_from_and_at_which_rate_it_is_exchanged() -> None:
    sold, bought = explained()["sale_price"], explained("UK")["purchase_price"]
    assert (sold["rule"], sold["source"]) == (
        "69.99 EUR on www.amazon.de, VAT included", "Keepa, price basis: buy box",
    )  # fmt: skip
    rate = RATES.rate("GBP", "EUR", ON)
    assert rate is not None
    assert bought["rule"] == (
        f"40.00 GBP on www.amazon.co.uk, VAT included, at {rate.value:.4f} (ECB euro reference rates of {rate.day})"
    )
    assert explained(price_basis="as given")["sale_price"]["source"] == "as given"
    unknown = explained(price_minor=-1.0, price_basis=None)["sale_price"]
    assert (unknown["amount"], unknown["rule"], unknown["source"]) == (None, "no price on www.amazon.de", "no price")
    early = explained("UK", on=date(1990, 1, 1))["purchase_price"]
    assert early["rule"] == "40.00 GBP on www.amazon.co.uk, VAT included"


@pytest.mark.parametrize(
    ("seller", "category", "rule", "assumed"),
    [
        ({}, "Toys & Games", "19 % VAT of DE (standard), owed on the sale", False),
        ({}, "Books", "7 % VAT of DE (books, suggested by the category), owed on the sale", True),
        ({"vat_class": "books"}, "Books", "7 % VAT of DE (books), owed on the sale", False),
    ],
)
def test_vat_names_rate_and_class_and_whether_it_was_suggested(
    seller: dict[str, Any], category: str, rule: str, assumed: bool
) -> None:
    line = explained(seller=seller, category=category, keepa_closing_fee_minor=0.0)["output_vat"]
    assert (line["rule"], line["assumed"], line["table"]) == (rule, assumed, "vat")


def test_vat_that_is_lost_is_explained() -> None:
    fees = explained(seller=UNREGISTERED)["vat_on_fees"]
    assert fees["rule"] == "19 % VAT of DE on Amazon's fees, not recovered"
    imported = explained("UK", "FR", seller={"vat_status": "not-reclaiming", "customs": {"duty_pct": 4}})
    assert imported["import_vat"]["rule"] == "20 % VAT of FR (standard), on import, not recovered"
    bought_net = "22 % VAT of IT (standard), not charged: bought with the VAT number of another EU country"
    assert explained()["input_vat"]["rule"] == bought_net
    recovered = explained(seller={"input_vat": {"IT": "domestic-recovered"}})["input_vat"]
    assert recovered["rule"] == "22 % VAT of IT (standard), recovered on the purchase"


@pytest.mark.parametrize(
    ("customs", "rule", "assumed", "table"),
    [({"duty_pct": 4}, "4 % of goods and freight", True, None), ({}, "unknown: set duty_pct", True, None)],
)
def test_duty_is_as_the_profile_states(customs: dict[str, Any], rule: str, assumed: bool, table: str | None) -> None:
    line = explained("UK", seller={"customs": customs})["duty"]
    assert (line["rule"], line["assumed"], line["table"]) == (rule, assumed, table)


def test_costs_of_the_profile_are_named() -> None:
    seller: dict[str, Any] = {
        "customs": {"duty_pct": 0, "freight_per_unit": 1},
        "exchange_spread_pct": 1.5,
        "prep_per_unit": 1,
    }
    lines = explained("UK", seller=seller)
    found = {name: (lines[name]["rule"], lines[name]["assumed"]) for name in ("freight", "other_costs", "fx_cost")}
    assert found == {
        "freight": ("freight per unit and kg", False),
        "other_costs": ("preparation and inbound", False),
        "fx_cost": ("1.5 % exchange spread", True),
    }


def test_the_individual_plans_fee_is_part_of_the_closing_fee() -> None:
    line = explained(seller={"plan": "individual"})["closing_fee"]
    assert line["rule"] == "per media item, or Keepa's own figure, individual plan's fee per unit"
    assert line["amount"] == -0.99
    assert explained(keepa_closing_fee_minor=81.0)["closing_fee"]["rule"] == "per media item, or Keepa's own figure"


@pytest.mark.parametrize(
    ("on", "days", "rule"),
    [
        (date(2026, 8, 1), 31, "storage in DE: 1.00 months of January to September"),
        (date(2026, 10, 1), 62, "storage in DE: 2.03 months of October to December"),
        (date(2026, 9, 1), 61, "storage in DE: 1.00 months of January to September and 1.00 months of October to "
         "December"),
    ],
)  # fmt: skip
def test_storage_states_its_months_by_season(on: date, days: int, rule: str) -> None:
    assert explained(seller={"expected_days": days}, on=on)["storage"]["rule"] == rule


def test_refunds_state_share_cap_and_handling() -> None:
    seller: dict[str, Any] = {"return_rate_pct": 6, "return_handling": 1.2, "customs": {"duty_pct": 0}}
    line = explained(seller=seller)["refunds"]
    assert line["rule"] == (
        "6 % return rate: 20 % of the referral fee, at most 5.00 EUR, and 1.20 EUR handling"
    )  # fmt: skip
    assert not line["assumed"]
    assert explained("IT", "UK", seller=seller)["refunds"]["assumed"]


@pytest.mark.parametrize(
    ("fields", "rule", "assumed"),
    [
        ({}, "Toys & Games: 15 %, by category", False),
        ({"category": "Home & Kitchen"}, "Kitchen: 15 %, highest of 4 possible rates", True),
        ({"category": "Grocery"}, "Grocery & Gourmet: 5 % / 15 % (threshold), higher of 2 possible rates", True),
        ({"category": "??", "keepa_referral_pct": 12.4}, "as Keepa observes it", False),
    ],
)
def test_the_referral_fee_says_how_its_schedule_was_found(fields: dict[str, Any], rule: str, assumed: bool) -> None:
    price = 15_900.0 if "keepa_referral_pct" in fields else 1_500.0
    line = explained(price_minor=price, keepa_closing_fee_minor=0.0, **fields)["referral_fee"]
    assert line["rule"].endswith(rule)
    assert line["assumed"] == assumed


@pytest.mark.parametrize(
    ("seller", "fields", "rule", "table"),
    [
        ({}, {}, "FBA DE: standard parcel, 0.80 kg", "fulfilment_local"),
        ({"fulfilment": ("pan-eu",)}, {}, "FBA, Pan-EU DE: standard parcel, 0.80 kg", "fulfilment_local"),
        ({"fulfilment": ("efn",)}, {}, "EFN IT → DE: standard parcel, 0.80 kg", "fulfilment_efn"),
        ({"fulfilment": ("fbm",), "fbm_shipping": 3}, {}, "own shipping to the buyer", None),
        ({}, {"keepa_fba_fee_minor": 311.0}, "FBA DE, as Keepa observes it for this product", None),
        ({}, {**SMALL, "price_minor": 1_500.0}, "Low-Price FBA DE: standard envelope, 0.15 kg", "fulfilment_low_price"),
        ({}, {"category": "Grocery & Gourmet"}, "FBA DE, selected category: ", "fulfilment_selected"),
        ({}, {"package_from": "FR"}, "FBA DE: standard parcel, 0.80 kg, package facts of the FR listing",
         "fulfilment_local"),
    ],
)  # fmt: skip
def test_the_fulfilment_fee_names_programme_table_and_size(
    seller: dict[str, Any], fields: dict[str, Any], rule: str, table: str | None
) -> None:
    line = explained(seller=seller, **fields)["fulfilment_fee"]
    assert line["rule"].startswith(rule)
    assert (line["table"], line["assumed"]) == (table, False)


def test_an_estimated_package_marks_the_fee() -> None:
    line = explained(estimated=True, **UNMEASURED)["fulfilment_fee"]
    assert line["rule"].endswith(" kg, the likely package of its category")
    assert line["assumed"]
    line = explained(estimated=True, **{**UNMEASURED, "weight_g": 150.0})["fulfilment_fee"]
    assert line["rule"].endswith(" kg, the likely package by what is known of it")
    assert line["assumed"]
    unknown = explained(**UNMEASURED)["fulfilment_fee"]
    assert (unknown["rule"], unknown["amount"]) == ("FBA DE: size unknown", None)


def test_surcharges_and_the_digital_services_fee_are_explained() -> None:
    lines = explained(on=date(2026, 11, 24))
    # The fuel surcharge is charged on the peak fee, and the whole table is known.
    assert lines["fuel_surcharge"]["rule"] == "1.5 % of the fulfilment fee with what the peak season adds"
    assert explained()["fuel_surcharge"]["rule"] == "1.5 % of the fulfilment fee"
    assert (lines["fuel_surcharge"]["table"], lines["peak_surcharge"]["table"]) == (
        "surcharges.fuel", "surcharges.peak",
    )  # fmt: skip
    assert lines["peak_surcharge"]["rule"].startswith(
        "peak fee minus the base fee, as expected to be sent on 2026-11-24: "
    )
    assert not lines["peak_surcharge"]["assumed"]
    digital = explained(target="FR")["digital_services_fee"]
    assert digital["rule"] == "3 % of selling fees and 3 % of FBA fees, seller in DE"
    assert (digital["table"], digital["valid_from"], digital["assumed"]) == ("digital_services", "2026-03-20", False)
    # Two sources for sellers in Germany; whether FBA fees of Italian sellers count is open.
    stated = explained(target="UK", seller={"customs": {"duty_pct": 0}})["digital_services_fee"]
    assert not stated["assumed"]
    assert explained(target="FR", seller={"home": "IT"})["digital_services_fee"]["assumed"]
