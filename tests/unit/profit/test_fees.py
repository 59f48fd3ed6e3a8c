"""Fees at the limits of their tables: sizes, weights, surcharges, storage, and how a schedule is found."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arbkit.core.errors import ConfigError
from arbkit.core.marketplaces import MARKETS
from arbkit.profit import Profile, evaluate, load_rates, load_tables
from arbkit.profit.fees.bands import Schedule
from arbkit.profit.fees.fulfilment import efn_column, months, size_tiers, storage_per_month
from arbkit.profit.fees.referral import ReferralUnits, possible_schedules
from arbkit.profit.reason_codes import ReasonCode
from arbkit.profit.route_frame import RouteRow, route_rows
from tests.unit.profit.test_evaluation import offer

TABLES, RATES = load_tables(), load_rates()
ON, PEAK = date(2026, 8, 1), date(2026, 11, 24)
LOCAL: dict[str, Any] = {"fulfilment": ("fba-local",), "customs": {"duty_pct": 0}}


def sale(target: str = "DE", *, seller: dict[str, Any] | None = None, on: date = ON, **fields: Any) -> RouteRow:
    """A toy from Italy, sold for 69.99."""
    sold = {**offer(target, 6_999), **fields}
    frame = pd.DataFrame([{**sold, "market": "IT" if target != "IT" else "FR", "price_minor": 2_000.0}, sold])
    profile = Profile.neutral(**{**LOCAL, **(seller or {})})
    routes = [(str(frame["market"][0]), target)]
    return next(route_rows(evaluate(frame, profile, TABLES, RATES, on=on, routes=routes).frame()))


def box(sides: tuple[float, float, float], grams: float) -> dict[str, Any]:
    return {**dict(zip(("length_mm", "width_mm", "height_mm"), sides, strict=True)), "weight_g": grams}


@pytest.mark.parametrize(
    ("sides", "kg", "tier", "billed"),
    [
        ((330, 230, 25), 0.1, "light envelope", 0.1),
        ((25, 330, 230), 0.1, "light envelope", 0.1),
        ((330, 230, 25), 0.101, "standard envelope", 0.101),
        ((331, 230, 25), 0.1, "small parcel", 331 * 230 * 25 / 5e6),
        ((330, 230, 26), 0.1, "large envelope", 0.1),
        ((330, 230, 60), 0.96, "extra-large envelope", 0.96),
        ((330, 231, 60), 0.96, "small parcel", 0.96),
        ((350, 250, 120), 3.9, "small parcel", 3.9),
        ((350, 250, 120), 0.5, "small parcel", 2.1),  # its dimensional weight is the greater one
        ((350, 250, 120), 3.901, "standard parcel", 3.901),
        ((450, 340, 260), 11.9, "standard parcel", 11.9),
        ((450, 340, 260), 11.901, "standard oversize light", 11.901),
        ((1010, 600, 600), 15.0, "standard oversize light", 72.72),
        ((1010, 600, 600), 15.001, "standard oversize heavy", 72.72),
        ((1200, 600, 600), 5.0, "standard oversize large", 86.4),
        ((1201, 600, 600), 23.0, "special oversize", 23.0),
        ((1750, 500, 425), 23.0, "bulky oversize", 1750 * 500 * 425 / 5e6),
        ((1750, 500, 425), 23.001, "heavy oversize", 1750 * 500 * 425 / 5e6),
        ((1750, 500, 425), 31.501, "special oversize", 31.501),
        ((1750, 500, 426), 5.0, "special oversize", 5.0),  # 3602 mm of length and girth
        ((1751, 100, 100), 5.0, "special oversize", 5.0),
    ],
    ids=str,
)
def test_a_package_falls_into_the_first_size_tier_that_holds_it(
    sides: tuple[float, float, float], kg: float, tier: str, billed: float
) -> None:
    day = TABLES.on(ON)
    found = size_tiers(day, np.array([sides], float), np.array([kg]), np.array([False]))
    assert day.tiers[found.tier[0]] == tier
    assert found.billing_kg[0] == pytest.approx(billed)
    assert found.volume_m3[0] == pytest.approx(np.prod(sides) / 1e9)


def test_a_size_is_unknown_without_a_side_a_weight_or_a_table() -> None:
    day, early = TABLES.on(ON), TABLES.on(date(2020, 1, 1))
    sides = np.array([[300, 200, np.nan], [300, 200, 20], [300, 200, 20]])
    found = size_tiers(day, sides, np.array([0.1, np.nan, 0.1]), np.zeros(3, bool))
    assert found.tier.tolist() == [-1, -1, 0]
    assert np.isnan(found.billing_kg).tolist() == [True, True, False]
    assert size_tiers(early, sides, np.full(3, 0.1), np.zeros(3, bool)).tier.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("price", "category", "found_in"),
    [
        (2_000, "Toys & Games", "low-price table"), (2_001, "Toys & Games", "table"),
        (1_000, "Footwear", "low-price table"), (2_001, "Footwear", "table"),
    ],
)  # fmt: skip
def test_low_price_fba_holds_up_to_its_limit(price: int, category: str, found_in: str) -> None:
    row = sale(price_minor=price, category=category, **box((300, 200, 20), 150))
    assert row["fulfilment_from"] == found_in


def test_keepas_fee_holds_for_german_stock_alone_and_includes_dangerous_goods() -> None:
    observed: dict[str, Any] = {"keepa_fba_fee_minor": 311.0, "hazmat": 1.0}
    assert sale(**observed)["fulfilment_fee"] == -3.11
    plain, dangerous = sale(), sale(hazmat=1.0)
    assert dangerous["fulfilment_fee"] == pytest.approx(plain["fulfilment_fee"] - 0.10)
    cep = {"warehouses": "cep"}
    assert sale(seller=cep, keepa_fba_fee_minor=311.0)["fulfilment_from"] == "table"
    assert sale("FR", seller=cep, keepa_fba_fee_minor=311.0)["fulfilment_from"] == "keepa"
    assert sale(keepa_fba_fee_minor=0.0)["fulfilment_from"] == "table"
    assert sale(seller=cep)["fulfilment_fee"] != plain["fulfilment_fee"]


@pytest.mark.parametrize(
    ("cover_days", "extra"), [(0, 0.67), (13, 0.67), (14, 0.35), (20, 0.35), (21, 0.21), (27, 0.21), (28, 0), (60, 0)]
)
def test_little_pan_eu_stock_costs_a_fee(cover_days: int, extra: float) -> None:
    local, pan_eu = sale(), sale(seller={"fulfilment": ("pan-eu",), "cover_days": cover_days})
    assert local["fulfilment_fee"] - pan_eu["fulfilment_fee"] == pytest.approx(extra)


@pytest.mark.parametrize(
    ("target", "grams", "extra"),
    [("DE", 700, 1.64), ("DE", 1_760, 1.64 + 0.03), ("DE", 761, 1.64 + 0.03), ("FR", 1_760, 1.47), ("ES", 700, 0.77)],
)
def test_oversize_costs_a_surcharge_in_pan_eu(target: str, grams: float, extra: float) -> None:
    package = box((460, 60, 50), grams)
    local, pan_eu = sale(target, **package), sale(target, seller={"fulfilment": ("pan-eu",)}, **package)
    assert local["size_tier"] == "small oversize"
    assert local["fulfilment_fee"] - pan_eu["fulfilment_fee"] == pytest.approx(extra)


@pytest.mark.parametrize(
    ("target", "seller", "package", "price", "surcharge"),
    [
        ("DE", {}, box((360, 100, 100), 800), 6_999, 0.19),
        ("DE", {}, box((330, 230, 60), 800), 6_999, 0.19),  # an extra-large envelope
        ("DE", {}, box((330, 230, 40), 800), 6_999, 0.19),  # a large one
        ("DE", {}, box((330, 230, 25), 400), 6_999, 0.0),
        ("DE", {}, box((460, 60, 50), 700), 6_999, 0.0),
        ("DE", {}, box((340, 100, 60), 800), 1_999, 0.0),  # Low-Price FBA
        ("FR", {}, box((360, 100, 100), 800), 6_999, 0.0),
        ("FR", {"fulfilment": ("efn",), "stock": "DE"}, box((340, 100, 50), 400), 6_999, 0.22),
        ("FR", {"fulfilment": ("efn",), "stock": "DE"}, box((340, 100, 50), 500), 6_999, 0.19),
        ("FR", {"fulfilment": ("efn",), "stock": "IT"}, box((340, 100, 50), 400), 6_999, 0.0),
    ],
)
def test_the_peak_surcharge_goes_by_kind_of_package_and_country_of_stock(
    target: str, seller: dict[str, Any], package: dict[str, Any], price: int, surcharge: float
) -> None:
    assert sale(target, seller=seller, on=PEAK, price_minor=price, **package)["peak_surcharge"] == -surcharge
    assert sale(target, seller=seller, price_minor=price, **package)["peak_surcharge"] == 0


@pytest.mark.parametrize(("grams", "pounds"), [(400, 0.11), (900, 0.11), (901, 0.10)])
def test_a_known_point_of_the_season_holds_for_its_weight_band(grams: float, pounds: float) -> None:
    bands = TABLES.on(PEAK).local
    assert bands is not None
    up_to = bands.tiers["small parcel"][1]
    row = sale("UK", on=PEAK, **box((340, 100, 50), grams))
    rate = RATES.rate("GBP", "EUR", PEAK)
    assert rate is not None
    below = float(up_to[int(np.searchsorted(up_to, 0.9)) - 1])
    expected = pounds if grams / 1000 > below else 0.10
    assert row["peak_surcharge"] == pytest.approx(-expected * rate.value, abs=0.0051)


@pytest.mark.parametrize(
    ("package", "fields", "kind"),
    [
        (box((360, 100, 100), 800), {}, "standard"),
        (box((360, 100, 100), 800), {"category": "Footwear"}, "clothing"),
        (box((460, 60, 50), 700), {}, "oversize"),
        (box((460, 60, 50), 700), {"category": "Footwear"}, "oversize"),
        (box((700, 500, 400), 9_000), {}, "oversize"),  # "standard oversize light"
        (box((360, 100, 100), 800), {"hazmat": 1.0}, "dangerous"),
        (box((460, 60, 50), 700), {"hazmat": 1.0}, "dangerous_oversize"),
    ],
)
@pytest.mark.parametrize(("on", "season"), [(date(2026, 8, 1), 0), (date(2026, 10, 1), 1)])
def test_a_month_of_storage_costs_by_volume_kind_and_season(
    package: dict[str, Any], fields: dict[str, Any], kind: str, on: date, season: int
) -> None:
    volume = package["length_mm"] * package["width_mm"] * package["height_mm"] / 1e9
    content = TABLES.on(on).get("storage")
    row = sale(seller={"expected_days": 31}, on=on, **package, **fields)
    assert row["storage"] == pytest.approx(-volume * content["per_cubic_metre"][kind][season], abs=0.0101)
    british = sale("UK", seller={"expected_days": 31}, on=on, **package, **fields)
    rate = RATES.rate("GBP", "EUR", on)
    assert rate is not None
    pounds = volume * 35.3147 * content["per_cubic_foot"][kind][season]
    assert british["storage"] == pytest.approx(-pounds * rate.value, abs=0.0101)


def test_storage_is_unknown_without_a_table_or_a_volume() -> None:
    early = TABLES.on(date(2020, 1, 1))
    sizes = size_tiers(early, np.full((1, 3), 100.0), np.array([0.1]), np.array([False]))
    for first, second in storage_per_month(early, sizes, np.array([False]), np.array([False])).values():
        assert np.isnan([first, second]).all()
    row = sale(seller={"expected_days": 31}, keepa_fba_fee_minor=300.0, **box((np.nan, np.nan, np.nan), 800))
    assert ReasonCode.STORAGE_UNKNOWN in [reason.code for reason in row["unknown"]]


@pytest.mark.parametrize(
    ("on", "days", "expected"),
    [
        (date(2026, 8, 1), 0, (0, 0)),
        (date(2026, 8, 1), 31, (1, 0)),
        (date(2026, 8, 16), 16, (16 / 31, 0)),
        (date(2026, 8, 16), 17, (16 / 31 + 1 / 30, 0)),
        (date(2026, 9, 30), 1, (1 / 30, 0)),
        (date(2026, 9, 30), 2, (1 / 30, 1 / 31)),
        (date(2026, 10, 1), 92, (0, 3)),
        (date(2026, 12, 31), 2, (1 / 31, 1 / 31)),
        (date(2027, 1, 31), 29, (1 / 31 + 1, 0)),
        (date(2026, 12, 1), 0.5, (0, 0.5 / 31)),
    ],
)
def test_months_of_storage_are_counted_by_season(on: date, days: float, expected: tuple[float, float]) -> None:
    assert months(on, days) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("stock", "store", "warehouses", "column"),
    [
        ("DE", "FR", "de", "DE"), ("DE", "FR", "cep", "EU4"), ("FR", "DE", "de", "EU4"), ("UK", "DE", "de", "UK_EU4"),
        ("DE", "UK", "de", "EU4_UK"), ("FR", "UK", "cep", "EU4_UK"),
    ],
)  # fmt: skip
def test_efn_has_a_column_for_each_pair_of_countries(stock: str, store: str, warehouses: str, column: str) -> None:
    assert efn_column(stock, store, warehouses) == column


def test_a_referral_fee_by_slices_charges_each_slice_at_its_own_rate() -> None:
    marginal = Schedule("S", "marginal", (0.15, 0.08), {"EUR": (100.0,)})
    assert marginal.fee(np.array([50.0, 100.0, 150.0, np.nan]), "EUR")[:3].tolist() == pytest.approx([7.5, 15, 19])
    assert np.isnan(marginal.fee(np.array([np.nan]), "EUR")[0])
    assert np.isnan(marginal.fee(np.array([50.0]), "GBP")[0])
    threshold = Schedule("T", "threshold", (0.08, 0.15), {"EUR": (10.0,)})
    assert threshold.fee(np.array([10.0, 10.01]), "EUR").tolist() == pytest.approx([0.8, 1.5015])
    assert Schedule("F", "flat", (0.15,), {"EUR": ()}).fee(np.array([20.0]), "EUR").tolist() == [3.0]
    assert (marginal.rule, Schedule("F", "flat", (0.15,), {}).rule) == ("S: 15 % / 8 % (marginal)", "F: 15 %")


@pytest.mark.parametrize(
    ("pct", "seen_at", "candidates"),
    [
        (15.0, 15.0, 5), (8.0, 15.0, 1),
        (15.2, 15.0, 6),  # no schedule gives it: all of the category stay possible
        (15.03, 15.0, 5),  # half a cent of 15.00 is 3 hundredths of a percent
        (14.95, 15.0, 6), (15.0, np.nan, 6),
    ],
)  # fmt: skip
def test_keepas_percentage_rules_out_the_schedules_that_do_not_give_it(
    pct: float, seen_at: float, candidates: int
) -> None:
    row = sale(price_minor=1_500.0, category="Home & Kitchen", keepa_referral_pct=pct, keepa_referral_price=seen_at)
    day = TABLES.on(ON)
    rules = {day.schedules[i].rule.partition(": ")[2] for i in day.schedules_of("Home & Kitchen")}
    assert row["referral_observed"] == (candidates != 6)
    assert (row["referral_schedule"] == "Home Products") == (pct == 8.0)
    assert len(rules) > 1


def test_schedules_that_cost_the_same_are_not_ambiguous() -> None:
    fields: dict[str, Any] = {"category": "Home & Kitchen", "price_minor": 1_500.0, "keepa_referral_price": 15.0}
    same, differ = sale(**fields, keepa_referral_pct=15.0), sale(**fields)
    assert (same["referral_candidates"], differ["referral_candidates"]) == (1, 4)
    noted = [ReasonCode.REFERRAL_AMBIGUOUS in [reason.code for reason in row["assumed"]] for row in (same, differ)]
    assert noted == [False, True]


def test_the_possible_schedules_are_those_of_the_first_row() -> None:
    unknown = np.full(2, np.nan)
    names = ("Home & Kitchen", "Toys & Games")
    for codes, expected in (([0, 1], 4), ([1, 0], 1)):
        units = ReferralUnits(
            price=np.array([15.0, 15.0]), market=np.zeros(2, np.int64), category=np.array(codes),
            own=np.zeros(2, bool), keepa_pct=unknown, keepa_price=unknown,
        )  # fmt: skip
        assert len(possible_schedules(TABLES.on(ON), units, names)) == expected


def test_a_percentage_with_the_uplift_of_its_time_is_recognised() -> None:
    fields: dict[str, Any] = {"category": "Home & Kitchen", "price_minor": 1_500.0}
    assert sale("FR", keepa_referral_pct=8.24, keepa_referral_price=15.0, **fields)["referral_schedule"] == (
        "Home Products"
    )


def test_the_least_fee_per_item_is_charged_and_marked_where_it_is_disputed() -> None:
    toy, book = sale(price_minor=150.0), sale(price_minor=150.0, category="Books", keepa_closing_fee_minor=0.0)
    assert (toy["referral_fee"], book["referral_fee"]) == (-0.30, -0.30)
    noted = [[reason.code for reason in row["assumed"]] for row in (toy, book)]
    assert ReasonCode.REFERRAL_MINIMUM_DISPUTED not in noted[0]
    assert ReasonCode.REFERRAL_MINIMUM_DISPUTED in noted[1]
    dear = sale(category="Books", keepa_closing_fee_minor=0.0)
    assert ReasonCode.REFERRAL_MINIMUM_DISPUTED not in [reason.code for reason in dear["assumed"]]


def test_closing_fees_are_keepas_else_the_tables_on_media_else_none() -> None:
    assert sale(keepa_closing_fee_minor=81.0)["closing_fee"] == -0.81
    assert sale(keepa_closing_fee_minor=0.0, category="Books")["closing_fee"] == 0
    unknown = sale(category="Books")
    assert ReasonCode.CLOSING_FEE_UNKNOWN in [reason.code for reason in unknown["unknown"]]
    assert sale()["closing_fee"] == 0
    individual = {"plan": "individual"}
    assert sale(seller=individual)["closing_fee"] == -0.99
    assert sale(seller=individual, keepa_closing_fee_minor=81.0)["closing_fee"] == -1.80


@pytest.mark.parametrize(
    ("category", "names"),
    [
        ("Toys & Games", ["Toys & Games"]),
        ("  SPIELZEUG ", ["Toys & Games"]),
        ("Haustier", ["Pet supplies", "Pet clothing & food"]),
        ("Haustier › Hunde › Futter & Leckerli", ["Pet clothing & food"]),
        ("Haustier › Hunde", ["Pet supplies", "Pet clothing & food"]),
        ("home products", ["Home Products"]),
        ("Pets", []), ("", []), (None, []),
    ],
)  # fmt: skip
def test_a_category_has_its_schedules_in_any_language(category: str | None, names: list[str]) -> None:
    day = TABLES.on(ON)
    assert [day.schedules[index].name for index in day.schedules_of(category)] == names


def test_a_schedule_is_named_exactly_or_not_at_all() -> None:
    day = TABLES.on(ON)
    (index,) = day.schedules_named(" home PRODUCTS ")
    assert index == day.schedule_index("Home Products")
    assert (day.schedules_named("Home & Kitchen"), day.schedules_named(None)) == ((), ())
    assert day.schedule_index("home products") == -1


def test_vat_is_a_fraction_by_country_and_class() -> None:
    day, early = TABLES.on(ON), TABLES.on(date(1990, 1, 1))
    assert {code: day.vat(code) for code in MARKETS} == {"DE": 0.19, "FR": 0.2, "IT": 0.22, "ES": 0.21, "UK": 0.2}
    assert (day.vat("DE", "books"), day.vat("IT", "food")) == (0.07, 0.10)
    assert {"standard", "books", "food"} <= set(day.vat_classes)
    assert "suggested" not in day.vat_classes
    assert np.isnan(early.vat("DE"))
    assert early.vat_classes == ()
    for code, vat_class in (("DE", "luxury"), ("US", "standard"), ("DE", "source")):
        with pytest.raises(ConfigError, match="no such VAT class"):
            day.vat(code, vat_class)


def test_a_day_names_its_newest_table_and_every_first_day_is_a_change() -> None:
    assert TABLES.on(date(2026, 4, 16)).version == "2026-03-20"
    assert TABLES.on(date(2026, 4, 17)).version == "2026-04-17"
    assert TABLES.version == "2026-10-15"
    assert TABLES.on(date(1990, 1, 1)).version == "1990-01-01"
    changes = TABLES.changes
    assert list(changes) == sorted(set(changes))
    assert {date(2026, 1, 15), date(2026, 3, 20), date(2026, 10, 15), date(2027, 1, 15)} <= set(changes)
    assert date(2026, 1, 14) not in changes
