"""Fees and taxes that only some sellers pay, and assumptions that are noted where they hold and nowhere else."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arbkit.core.errors import ConfigError
from arbkit.profit import Profile, evaluate, load_rates, load_tables
from arbkit.profit.facts.packages import estimate_packages
from arbkit.profit.facts.priors import load_package_priors
from arbkit.profit.reason_codes import Reason, ReasonCode
from arbkit.profit.route_frame import RouteRow, route_rows
from arbkit.profit.seller.profile import ineligibility_reason
from tests.unit.profit.test_evaluation import offer

TABLES, RATES = load_tables(), load_rates()
ON = date(2026, 8, 1)
PEAK = date(2026, 11, 24)
STALE = RATES.last_date + timedelta(25)


def route(
    profile: Profile, source: str, target: str, *, on: date = ON, estimated: bool = True, **fields: Any
) -> RouteRow:
    """A product bought for 20 and sold for 60, priced by its best method; ``estimated``: with a range of packages."""
    frame = pd.DataFrame([offer(source, 2_000, **fields), offer(target, 6_000, **fields)])
    nowhere = np.full(len(frame), None, object)
    facts = estimate_packages(frame, nowhere, load_package_priors()) if estimated else frame
    return next(route_rows(evaluate(facts, profile, TABLES, RATES, on=on, routes=[(source, target)]).frame()))


def codes(row: RouteRow) -> set[ReasonCode]:
    return {reason.code for reason in row["assumed"]}


def test_an_unregistered_seller_pays_vat_on_the_closing_fee_too() -> None:
    seller = Profile.neutral(vat_status="unregistered", registrations=(), home="UK", customs={"duty_pct": 0},
                             fulfilment=("fbm",), fbm_shipping=3)  # fmt: skip
    row = route(seller, "DE", "UK", category="Books")
    assert row["closing_fee"] == -0.50
    fees = row["referral_fee"] + row["closing_fee"] + row["digital_services_fee"]
    assert row["vat_on_fees"] == pytest.approx(0.20 * fees, abs=0.011)


def test_a_registered_seller_pays_no_vat_on_fees() -> None:
    assert route(Profile.neutral(), "IT", "DE")["vat_on_fees"] == 0
    assert route(Profile.neutral(vat_status="not-reclaiming"), "IT", "DE")["vat_on_fees"] == 0


@pytest.mark.parametrize(
    ("source", "target", "on", "noted"),
    [
        ("UK", "DE", STALE, True),
        ("DE", "UK", STALE, True),
        ("IT", "DE", STALE, False),
        ("UK", "DE", RATES.last_date, False),
        ("DE", "UK", RATES.last_date, False),
    ],
)
def test_a_stale_rate_is_noted_only_where_money_is_exchanged(source: str, target: str, on: date, noted: bool) -> None:
    seller = Profile.neutral(customs={"duty_pct": 0}, fulfilment=("fba-local",))
    for method in ("fba-local", "fbm"):
        profile = seller.model_copy(update={"fulfilment": (method,), "fbm_shipping": 5.0})
        assert (ReasonCode.EXCHANGE_RATE_STALE in codes(route(profile, source, target, on=on))) == noted


def test_an_unknown_exchange_rate_is_named() -> None:
    row = route(Profile.neutral(customs={"duty_pct": 0}), "UK", "DE", on=date(1990, 1, 1))
    assert Reason.of(ReasonCode.NO_EXCHANGE_RATE, on="1990-01-01") in row["unknown"]
    domestic = route(Profile.neutral(), "IT", "DE", on=date(1990, 1, 1))
    assert all(reason.code is not ReasonCode.NO_EXCHANGE_RATE for reason in domestic["unknown"])


PACKAGE: dict[str, Any] = {"length_mm": 200, "width_mm": 150, "height_mm": 50, "weight_g": 450}
NO_PACKAGE: dict[str, Any] = dict.fromkeys(PACKAGE, float("nan"))
PLAIN = Profile.neutral(fulfilment=("fba-local",), customs={"duty_pct": 0})
EFN = PLAIN.model_copy(update={"fulfilment": ("efn",)})
UNREGISTERED = Profile.neutral(vat_status="unregistered", registrations=(), fulfilment=("fba-local", "efn"))


@pytest.mark.parametrize(
    ("code", "holds", "does_not"),
    [
        (ReasonCode.PACKAGE_ASSUMED, (PLAIN, "IT", "DE", NO_PACKAGE), (PLAIN, "IT", "DE", {})),
        (
            ReasonCode.PACKAGE_ASSUMED,
            (EFN, "IT", "DE", {**NO_PACKAGE, "keepa_fba_fee_minor": 300.0}),
            (PLAIN, "IT", "DE", {**NO_PACKAGE, "keepa_fba_fee_minor": 300.0}),
        ),
        (ReasonCode.VAT_CLASS_SUGGESTED, (PLAIN, "IT", "DE", {"category": "Books", "keepa_closing_fee_minor": 0.0}),
         (PLAIN, "IT", "DE", {})),
        (ReasonCode.CUSTOMS_BY_PROFILE, (PLAIN, "UK", "DE", {}), (PLAIN, "IT", "DE", {})),
        (ReasonCode.UK_EFN_CURRENCY, (EFN, "UK", "DE", {}), (PLAIN, "UK", "DE", {})),
        (ReasonCode.UK_EFN_CURRENCY, (EFN, "UK", "DE", {}), (EFN, "IT", "DE", {})),
        (ReasonCode.UNREGISTERED_ABROAD, (UNREGISTERED, "DE", "IT", {}), (UNREGISTERED, "IT", "DE", {})),
        (
            ReasonCode.UK_REFUND_CAP_IN_EUR,
            (PLAIN.model_copy(update={"return_rate_pct": 5}), "DE", "UK", {}),
            (PLAIN.model_copy(update={"return_rate_pct": 5}), "UK", "DE", {}),
        ),
        (ReasonCode.UK_REFUND_CAP_IN_EUR, (PLAIN.model_copy(update={"return_rate_pct": 5}), "DE", "UK", {}),
         (PLAIN, "DE", "UK", {})),
        (ReasonCode.REFERRAL_AMBIGUOUS, (PLAIN, "IT", "DE", {"category": "Home & Kitchen"}), (PLAIN, "IT", "DE", {})),
        (ReasonCode.SHIPPING_UNKNOWN, (PLAIN, "IT", "DE", {"shipping_minor": float("nan")}),
         (PLAIN, "IT", "DE", {"shipping_minor": float("nan"), "price_basis": "amazon"})),
    ],
    ids=lambda value: value.name if isinstance(value, ReasonCode) else "",
)  # fmt: skip
def test_an_assumption_is_noted_where_it_holds_and_nowhere_else(
    code: ReasonCode,
    holds: tuple[Profile, str, str, dict[str, Any]],
    does_not: tuple[Profile, str, str, dict[str, Any]],
) -> None:
    for (profile, source, target, fields), noted in ((holds, True), (does_not, False)):
        row = route(profile, source, target, **fields)
        assert row["unknown"] == ()
        assert (code in codes(row)) == noted


def test_the_peak_fee_replaces_the_other_where_the_season_has_one() -> None:
    in_season, before = route(PLAIN, "IT", "DE", on=PEAK), route(PLAIN, "IT", "DE")
    assert (in_season["fulfilment_fee"], in_season["peak_surcharge"]) == (-3.44, -0.22)
    assert in_season["fuel_surcharge"] == pytest.approx(-(3.44 + 0.22) * 0.015, abs=0.0051)
    assert before["peak_surcharge"] == 0
    oversize: dict[str, Any] = {"length_mm": 1_900.0}
    envelope: dict[str, Any] = {"height_mm": 20.0, "length_mm": 300.0, "weight_g": 90.0}
    for fields in (oversize, envelope):
        assert route(PLAIN, "IT", "DE", on=PEAK, **fields)["peak_surcharge"] == 0
    for target in ("FR", "ES"):
        assert route(PLAIN, "IT", target, on=PEAK)["peak_surcharge"] == 0


@pytest.mark.parametrize(
    ("on", "days", "peak"),
    [
        (date(2026, 9, 1), 0, False), (date(2026, 9, 1), 43, False), (date(2026, 9, 1), 44, True),
        (date(2026, 12, 20), 0, True), (date(2026, 12, 20), 25, True), (date(2026, 12, 20), 26, False),
        (date(2026, 9, 1), 136, False),
    ],
)  # fmt: skip
def test_the_season_is_that_of_the_expected_sale(on: date, days: float, peak: bool) -> None:
    seller = PLAIN.model_copy(update={"expected_days": days})
    assert (route(seller, "IT", "DE", on=on)["peak_surcharge"] < 0) == peak


def test_a_suggested_vat_class_of_the_purchase_matters_only_to_those_who_recover_its_vat() -> None:
    book, toy = offer("IT", 2_000, category="Books"), offer("DE", 6_000)
    for status, noted in (("reclaiming", True), ("not-reclaiming", False)):
        seller = Profile.neutral(vat_status=status, fulfilment=("fba-local",))
        found = evaluate(pd.DataFrame([book, toy]), seller, TABLES, RATES, on=ON, routes=[("IT", "DE")])
        assert (ReasonCode.VAT_CLASS_SUGGESTED in codes(next(route_rows(found.frame())))) == noted


def test_an_unknown_weight_is_named_once() -> None:
    seller = PLAIN.model_copy(update={"inbound_per_kg": 0.5})
    unsendable = route(seller, "IT", "DE", estimated=False, **NO_PACKAGE)
    assert [reason.code for reason in unsendable["unknown"]] == [ReasonCode.PACKAGE_UNKNOWN]
    observed = route(seller, "IT", "DE", estimated=False, **NO_PACKAGE, keepa_fba_fee_minor=300.0)
    assert [reason.code for reason in observed["unknown"]] == [ReasonCode.INBOUND_WEIGHT_UNKNOWN]


def test_a_plain_route_assumes_nothing() -> None:
    assert codes(route(PLAIN, "IT", "DE")) == set()


@pytest.mark.parametrize(("price", "fee"), [(1_999, "keepa"), (2_000, "keepa"), (2_001, "table")])
def test_keepas_fee_seen_at_the_low_price_limit_counts_up_to_the_limit_itself(price: int, fee: str) -> None:
    limit = TABLES.on(ON).get("fulfilment_low_price")["limit"]["DE"]
    assert limit == 20.0
    small = {"length_mm": 300.0, "width_mm": 200.0, "height_mm": 20.0, "weight_g": 150.0, "keepa_fba_fee_minor": 212.0}
    frame = pd.DataFrame([offer("IT", 500), offer("DE", price, keepa_referral_price=limit, **small)])
    seller = Profile.neutral(fulfilment=("fba-local",))
    row = next(route_rows(evaluate(frame, seller, TABLES, RATES, on=ON, routes=[("IT", "DE")]).frame()))
    assert row["fulfilment_from"] == fee


@pytest.mark.parametrize(
    ("profile", "method", "source", "target", "reason"),
    [
        (Profile.neutral(), "fba-local", "IT", "DE", None),
        (Profile.neutral(registrations=("DE",)), "fba-local", "DE", "IT",
         Reason(ReasonCode.STOCK_NEEDS_REGISTRATION, (("country", "IT"),))),
        (Profile.neutral(), "pan-eu", "DE", "UK", Reason(ReasonCode.PAN_EU_OUT_OF_REACH, (("country", "UK"),))),
        (Profile.neutral(registrations=("FR", "ES")), "pan-eu", "FR", "DE",
         Reason(ReasonCode.PAN_EU_NEEDS_REGISTRATIONS, (("countries", "IT"),))),
        (Profile.neutral(), "pan-eu", "IT", "DE", None),
        (Profile.neutral(stock="DE"), "efn", "IT", "DE", Reason(ReasonCode.STOCK_IS_LOCAL, (("country", "DE"),))),
        (Profile.neutral(registrations=()), "efn", "IT", "FR",
         Reason(ReasonCode.STOCK_NEEDS_REGISTRATION, (("country", "IT"),))),
        (Profile.neutral(), "efn", "UK", "DE", Reason(ReasonCode.UK_EU_NEEDS_CUSTOMS)),
        (Profile.neutral(customs={"duty_pct": 3}), "efn", "UK", "DE", None),
        (Profile.neutral(), "fbm", "UK", "DE", None),
    ],
)  # fmt: skip
def test_why_a_method_may_not_be_used(
    profile: Profile, method: Any, source: str, target: str, reason: Reason | None
) -> None:
    assert ineligibility_reason(method, profile, source, target) == reason


def test_a_package_that_nobody_measured_is_priced_by_the_likely_one_and_marked() -> None:
    bare = route(PLAIN, "IT", "DE", estimated=False, **NO_PACKAGE)
    assert [r.code for r in bare["unknown"]] == [ReasonCode.PACKAGE_UNKNOWN]
    assert codes(route(PLAIN, "IT", "DE", **NO_PACKAGE)) == {ReasonCode.PACKAGE_ASSUMED}
    assert codes(route(PLAIN, "IT", "DE", **{**NO_PACKAGE, "weight_g": 450})) == {ReasonCode.PACKAGE_DERIVED}
    # What a profile of 0.1 assumed is read, and not used.
    old = Profile.checked({**PLAIN.model_dump(), "assumed_package": {**PACKAGE, "weight_g": 9_000}})
    assert route(old, "IT", "DE", **NO_PACKAGE)["profit"] == route(PLAIN, "IT", "DE", **NO_PACKAGE)["profit"]


def test_a_vat_class_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="no such VAT class"):
        route(Profile.neutral(vat_class="luxury"), "IT", "DE")


@pytest.mark.parametrize("stated", ["luxury", "source", ""])
def test_a_word_of_one_product_that_is_no_vat_class_costs_only_that_its_price(stated: str) -> None:
    found = route(Profile.neutral(), "IT", "DE", vat_class=stated)
    assert [r.code for r in found["unknown"]] == [ReasonCode.VAT_RATE_UNKNOWN]
    assert np.isnan(found["profit"])
