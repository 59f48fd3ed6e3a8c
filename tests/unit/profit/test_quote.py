"""The quote's answers: other methods, prices to aim for, the referral schedule, hints and what-ifs."""

from __future__ import annotations

import copy
import re
from datetime import date
from typing import Any

import numpy as np
import pytest

from arbkit.core.errors import UsageError
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.fees.tables import parse_tables
from arbkit.profit.quote.package import QuotedPackage
from arbkit.profit.quote.pricer import QuotePricer
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest, parse_size
from arbkit.profit.quote.results import Quote
from tests.unit.profit.test_tables import FILES

TABLES, RATES = load_tables(), load_rates()
ON = date(2026, 8, 1)
TOY: dict[str, Any] = {
    "source": "IT", "buy": 40.0, "target": "DE", "sell": 69.99, "category": "Toys & Games", "size_mm": "360x100x100",
    "weight_g": 800, "on": ON,
}  # fmt: skip
FROM_UK: dict[str, Any] = {"source": "UK", "duty_pct": 4, "fulfilment": "fba-local"}


def asked(profile: Profile | None = None, *, what_if: bool = False, **fields: Any) -> Quote:
    """The quote of the toy, with changes."""
    request = QuoteRequest.parse({**TOY, **fields})
    return quote(request, profile or Profile.neutral(), TABLES, RATES, what_if=what_if)


def pricer(**fields: Any) -> QuotePricer:
    request = QuoteRequest.parse({**TOY, **fields})
    return QuotePricer(
        request,
        request.apply(Profile.neutral()),
        TABLES.on(request.day()),
        RATES,
        QuotedPackage.of_request(request, TABLES),
    )


def test_the_other_methods_are_compared_with_the_chosen_one() -> None:
    found = asked()
    others = {other.fulfilment: other for other in found.alternatives}
    assert found.fulfilment == "fba-local"
    assert set(others) == {"efn", "pan-eu", "fbm"}
    efn = others["efn"]
    assert efn.profit == asked(fulfilment="efn").profit
    assert found.profit is not None
    assert efn.profit is not None
    assert efn.difference == round(efn.profit - found.profit, 2)
    assert (efn.allowed, efn.why_not) == (True, None)
    unknown = others["fbm"]
    assert (unknown.profit, unknown.difference, unknown.allowed) == (None, None, True)
    assert unknown.why_not == "own shipping cost unknown: set fbm_shipping"


def test_a_method_that_may_not_be_used_says_only_that() -> None:
    found = asked(Profile.neutral(home="IT", registrations=()), category=None)
    local = next(other for other in found.alternatives if other.fulfilment == "fba-local")
    assert (local.allowed, local.profit, local.difference) == (False, None, None)
    assert local.why_not == "stock in DE needs a VAT registration there"
    assert found.fulfilment == "efn"


def test_an_eligible_method_without_a_profit_comes_before_one_that_may_not_be_used() -> None:
    seller = Profile.neutral(home="IT", registrations=(), fulfilment=("fba-local", "fbm"))
    found = asked(seller)
    assert found.fulfilment == "fbm"
    assert found.unknown == ("own shipping cost unknown: set fbm_shipping",)
    only = asked(seller, fulfilment="fba-local")
    assert (only.profit, only.unknown) == (None, ("stock in DE needs a VAT registration there",))


def test_a_loss_is_still_better_than_an_unknown_profit() -> None:
    found = asked(Profile.neutral(fulfilment=("fbm", "efn")), sell=30)
    assert found.fulfilment == "efn"
    assert found.profit is not None
    assert found.profit < 0


def test_nothing_is_calculated_from_an_unknown_profit() -> None:
    found = asked(category="Kitchn", what_if=True)
    assert (found.profit, found.roi_pct, found.invested, found.max_buy.price) == (None, None, None, None)
    assert (found.margin_net_pct, found.margin_gross_pct) == (None, None)
    assert (found.break_even_sell, found.dead_zones, found.vat_grid, found.sensitivity) == ((), (), (), ())
    assert (found.referral.schedule, found.referral.decided_by, found.referral.profit_range) == (None, None, None)
    assert found.unknown == ("category unknown, so no referral fee",)
    assert len(found.hints) == 1
    assert "Kitchen" in found.hints[0]
    assert all(other.difference is None for other in found.alternatives)


def test_without_a_category_the_first_few_are_named() -> None:
    names = sorted(schedule.name for schedule in TABLES.on(ON).schedules)
    assert asked(category=None).hints[0].endswith(f"for example {', '.join(names[:5])}")


@pytest.mark.parametrize("fields", [{}, FROM_UK, {"target": "UK", "duty_pct": 4, "sell": 80}], ids=str)
def test_the_break_even_price_leaves_nothing_and_the_highest_purchase_the_return(fields: dict[str, Any]) -> None:
    found = asked(**fields)
    (even,) = found.break_even_sell
    cent_more = pricer(**fields).profits(found.fulfilment, sell=np.array([even - 0.02, even + 0.02]))
    assert cent_more[0] < 0 < cent_more[1]
    most = found.max_buy.price
    assert most is not None
    roi, _ = pricer(**fields).returns(found.fulfilment, np.array([most, most + 0.01]))
    assert roi[0] >= 30 > roi[1]
    assert (found.max_buy.currency, found.max_buy.target_roi_pct) == ("GBP" if "source" in fields else "EUR", 30)


def test_a_price_to_aim_for_far_from_the_one_asked_about_is_found() -> None:
    cheap, dear = asked(sell=2.0), asked(buy=0.5, sell=100)
    assert cheap.break_even_sell == asked().break_even_sell
    assert dear.max_buy.price is not None
    assert dear.max_buy.price > 60


def test_the_highest_purchase_leaves_the_target_profit_too() -> None:
    by_return = asked(target_roi=10)
    both = asked(target_roi=10, target_profit=15)
    assert by_return.max_buy.price is not None
    assert both.max_buy.price is not None
    assert both.max_buy.price < by_return.max_buy.price
    _, profit = pricer().returns("fba-local", np.array([both.max_buy.price, both.max_buy.price + 0.01]))
    assert profit[0] >= 15 > profit[1]
    assert both.model_dump()["max_buy"]["target_profit"] == 15
    assert "target_profit" not in by_return.model_dump()["max_buy"]
    assert asked(sell=5).max_buy.price is None


@pytest.mark.parametrize(
    ("fields", "decided_by", "candidates"),
    [
        ({"category": "Toys & Games"}, "user", ("Toys & Games",)),
        ({"category": "Toys & Games", "keepa_referral_pct": 15}, "user", ("Toys & Games",)),
        ({"category": "Home & Kitchen"}, "category",
         ("Kitchen", "Furniture", "Furniture accessories", "Home Products")),
        ({"category": "Home & Kitchen", "keepa_referral_pct": 8}, "keepa", ("Home Products",)),
        ({"category": "??", "keepa_referral_pct": 8}, "keepa", ("Home Products", "Video game consoles")),
        ({"category": "??"}, None, ()),
    ],
)  # fmt: skip
def test_who_decided_the_referral_schedule_is_stated(
    fields: dict[str, Any], decided_by: str | None, candidates: tuple[str, ...]
) -> None:
    found = asked(buy=5, sell=19, **fields).referral
    assert (found.decided_by, found.candidates) == (decided_by, candidates)


def test_the_profit_is_a_range_where_several_schedules_are_possible() -> None:
    several, one = asked(buy=5, sell=19, category="Home & Kitchen"), asked()
    cheapest = asked(buy=5, sell=19, category="Home Products")
    assert several.referral.profit_range == (several.profit, cheapest.profit)
    assert one.referral.profit_range == (one.profit, one.profit)


def test_two_possible_schedules_make_a_range_too() -> None:
    found = asked(buy=5, sell=19, category="Grocery", vat_class="standard")
    assert set(found.referral.candidates) == {"Grocery & Gourmet", "Beer, Wine, Spirits"}
    assert found.referral.profit_range is not None
    least, most = found.referral.profit_range
    assert least is not None
    assert most is not None
    assert most - least == pytest.approx(19 * 0.05, abs=0.011)


def test_the_user_knows_the_schedule_better_than_keepa() -> None:
    found = asked(buy=5, sell=19, category="Home Products", keepa_referral_pct=15).referral
    assert (found.decided_by, found.candidates) == ("user", ("Home Products",))


def test_a_schedule_of_the_sellers_own_choice_is_the_users_decision() -> None:
    seller = Profile.neutral(schedules={"Home & Kitchen": "Home Products"})
    found = asked(seller, buy=5, sell=19, category="Home & Kitchen").referral
    assert (found.decided_by, found.candidates) == ("user", ("Home Products",))


BABY: dict[str, Any] = {"category": "Baby products", "buy": 5}


@pytest.mark.parametrize(
    ("sell", "hints"),
    [
        (8.00, ()),  # 10.01 is more than a quarter above it
        (8.01, ("prices of 10.01 to 11.01 EUR leave less than 10.00",)),
        (10.00, ("prices of 10.01 to 11.01 EUR leave less than 10.00",)),
        (10.01, ("sell at 10.00, not at 10.01 to 11.01 EUR: that leaves 0.69 EUR more than 10.01",)),
        (10.50, ("sell at 10.00, not at 10.01 to 11.01 EUR: that leaves 0.35 EUR more than 10.50",)),
        (11.01, ("sell at 10.00, not at 10.01 to 11.01 EUR: that leaves 0.00 EUR more than 11.01",)),
        (11.02, ()),
    ],
)
def test_prices_that_leave_less_than_a_lower_one_are_advised_against(sell: float, hints: tuple[str, ...]) -> None:
    found = asked(**BABY, sell=sell, fulfilment="fba-local")
    assert found.hints == hints
    assert [(zone.low, zone.high, zone.currency) for zone in found.dead_zones] == [(10.01, 11.01, "EUR")]


def test_dead_zones_are_shown_up_to_three_times_the_price_and_at_least_to_30() -> None:
    fields: dict[str, Any] = {"category": "Home Products", "buy": 1, "fulfilment": "fbm", "fbm_shipping": 0}
    assert [zone.low for zone in asked(**fields, sell=2).dead_zones] == [20.01]
    files = copy.deepcopy(FILES)
    for row in files["referral"]["version"][-1]["changes"]:
        if row["name"] == "Home Products":
            row["up_to_EUR"] = [100.0]
    tables = parse_tables(files)
    found = [
        quote(QuoteRequest.parse({**TOY, **fields, "sell": sell}), Profile.neutral(), tables, RATES, what_if=False)
        for sell in (30, 40)
    ]
    assert [[zone.low for zone in each.dead_zones] for each in found] == [[], [100.01]]


@pytest.mark.parametrize(
    ("size", "hints"),
    [
        ("320x220x41", {"2 mm less on the shortest side (41 mm)": "the next tier"}),
        ("332x231x41", {"2 mm less on every side leaves": "more"}),
        ("320x220x39", {"2 mm more on the shortest side (39 mm) would cost": "measure well"}),
        ("329x220x39", {"2 mm more on the longest side (329 mm) would cost": "measure well",
                        "2 mm more on the shortest side (39 mm) would cost": "measure well"}),
        ("300x200x60", {}),
    ],
)  # fmt: skip
def test_two_millimetres_that_change_the_fee_are_pointed_out(size: str, hints: dict[str, str]) -> None:
    found = asked(size_mm=size, weight_g=300, fulfilment="fba-local").hints
    assert len(found) == len(hints)
    for text, (start, end) in zip(found, hints.items(), strict=True):
        assert text.startswith(start)
        assert text.endswith(end)


def test_a_size_hint_states_what_the_smaller_package_leaves() -> None:
    as_is, smaller = asked(size_mm="320x220x41", weight_g=300), asked(size_mm="320x220x39", weight_g=300)
    assert as_is.profit is not None
    assert smaller.profit is not None
    for text in (as_is.hints[0], smaller.hints[0]):
        stated = float(re.findall(r"\d+\.\d\d", text)[0])
        # The profits are rounded to cents, and so are their fees.
        assert stated == pytest.approx(smaller.profit - as_is.profit, abs=0.011)


def test_no_size_matters_to_the_sellers_own_shipping_or_where_it_is_unknown() -> None:
    assert asked(size_mm="320x220x41", weight_g=300, fulfilment="fbm", fbm_shipping=3).hints == ()
    assert asked(size_mm=None, weight_g=None, keepa_fba_fee=3.1).hints == ()


def test_storage_by_volume_makes_no_size_hint() -> None:
    assert asked(expected_days=3_650, fulfilment="fba-local").hints == ()


def test_every_case_of_input_vat_every_vat_status_and_every_other_rate_is_compared() -> None:
    rows = asked(what_if=True, fulfilment="fba-local").vat_grid
    assert [(row.vat_status, row.input_vat, row.vat_class) for row in rows] == [
        ("reclaiming", "net-intra-eu", "auto"), ("reclaiming", "domestic-recovered", "auto"),
        ("reclaiming", "domestic-lost", "auto"), ("reclaiming", "import", "auto"),
        ("not-reclaiming", "domestic-lost", "auto"), ("unregistered", "domestic-lost", "auto"),
        ("reclaiming", "net-intra-eu", "books"), ("reclaiming", "net-intra-eu", "food"),
    ]  # fmt: skip
    for row in rows:
        if row.input_vat == "import":
            assert (row.profit, row.why_not) == (None, "no customs border lies between IT and DE")
        elif row.vat_status != "unregistered":
            changed = {name: getattr(row, name) for name in ("vat_status", "vat_class")}
            changed |= {"input_vat": row.input_vat} if row.vat_status == "reclaiming" else {}
            expected = asked(fulfilment="fba-local", **changed)
            assert (row.profit, row.roi_pct, row.why_not) == (expected.profit, expected.roi_pct, None)


def test_a_vat_status_that_is_impossible_says_why() -> None:
    seller = Profile.neutral(warehouses="cep")
    row = next(r for r in asked(seller, what_if=True).vat_grid if r.vat_status == "unregistered")
    assert (row.profit, row.roi_pct, row.fulfilment) == (None, None, None)
    assert "VAT numbers" in str(row.why_not)
    abroad = asked(what_if=True, fulfilment="fba-local", home="FR").vat_grid
    stock = next(r for r in abroad if r.vat_status == "unregistered")
    assert (stock.profit, stock.fulfilment) == (None, "fba-local")
    assert stock.why_not == "stock in DE needs a VAT registration there"


def test_the_exchange_rate_varies_only_where_money_is_exchanged() -> None:
    at_home = {row.of for row in asked(what_if=True, fulfilment="fba-local").sensitivity}
    assert at_home == {"sell_price", "buy_price"}
    rows = asked(what_if=True, **FROM_UK).sensitivity
    by = {(row.of, row.change_pct): row.profit for row in rows}
    assert [change for of, change in by if of == "exchange_rate"] == [-10, -5, 5, 10]
    # A dearer pound makes the purchase dearer, and nothing else.
    for change in (-10, -5, 5, 10):
        assert by["exchange_rate", change] == by["buy_price", change]
    assert by["buy_price", 5] == asked(**FROM_UK, buy=42).profit


def test_an_amount_is_exchanged_at_the_rate_of_the_day() -> None:
    rate = RATES.rate("GBP", "EUR", ON)
    assert rate is not None
    assert pricer().in_currency_of("DE", 10, "UK") == pytest.approx(10 * rate.value)
    assert pricer().in_currency_of("IT", 10, "DE") == 10
    assert pricer(on=date(1990, 1, 1)).in_currency_of("DE", 10, "UK") == 10


def test_keepas_percentage_is_taken_at_the_price_it_was_seen_at() -> None:
    fields: dict[str, Any] = {"buy": 5, "sell": 25, "category": "Home & Kitchen", "keepa_referral_pct": 8}
    assert asked(**fields).referral.decided_by == "category"
    assert asked(**fields, keepa_referral_price=19).referral.candidates == ("Home Products",)


def test_dangerous_goods_and_keepas_own_fees_are_taken_over() -> None:
    amounts = {c.name: c.amount for c in asked(keepa_fba_fee=3.11, keepa_closing_fee=0.81).components}
    assert (amounts["fulfilment_fee"], amounts["closing_fee"]) == (-3.11, -0.81)
    plain, dangerous = asked(fulfilment="fba-local"), asked(fulfilment="fba-local", hazmat=True)
    fees = [next(c.amount for c in found.components if c.name == "fulfilment_fee") for found in (plain, dangerous)]
    surcharge = TABLES.on(ON).get("surcharges.hazmat")["amount"]
    assert fees[0] is not None
    assert fees[1] is not None
    assert fees[0] - fees[1] == pytest.approx(surcharge)


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("360x100x90", (360, 100, 90)), ("360 × 100.5 × 90", (360, 100.5, 90)), ("36*10X9", (36, 10, 9)),
        ("0.1x0.2x0.3", (0.1, 0.2, 0.3)),
    ],
)  # fmt: skip
def test_sizes_are_read_as_people_write_them(text: str, sides: tuple[float, float, float]) -> None:
    assert parse_size(text) == sides


@pytest.mark.parametrize("text", ["360x100", "360x100x90x1", "0x100x90", "360x100x-1", "a", ""])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="three sides"):
        parse_size(text)


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("buy", [0.01, 1_000_000], [0, 0.009, 1_000_000.01]),
        ("sell", [0.01, 1_000_000], [0, 5e-324, 1_000_000.01]),
        ("weight_g", [0.1, 1_000_000], [0, 1_000_001]),
        ("other_costs", [0, 1_000_000], [-0.01, 1_000_000.01]),
        ("duty_pct", [0, 100], [-0.1, 100.1]),
        ("return_rate_pct", [0, 100], [-0.1, 100.1]),
        ("expected_days", [0, 3_650], [-1, 3_651]),
        ("target_roi", [0, 1_000], [-1, 1_001]),
        ("keepa_referral_price", [0.01], [0]),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(field: str, allowed: list[float], refused: list[float]) -> None:
    for value in allowed:
        assert getattr(QuoteRequest.parse({**TOY, field: value}), field) == value
    for value in [*refused, float("nan"), float("inf")]:
        with pytest.raises(UsageError) as caught:
            QuoteRequest.parse({**TOY, field: value})
        assert caught.value.field == field


def test_the_request_comes_before_the_profile() -> None:
    seller = Profile.neutral(home="FR", other_costs=3, buy_basis="avg90", sell_basis="robust", target_roi_pct=20)
    request = QuoteRequest.parse({**TOY, "home": "IT", "other_costs": 0, "target_roi": 0, "duty_pct": 0})
    found = request.apply(seller)
    assert (found.home, found.other_costs, found.target_roi_pct, found.customs.duty_pct) == ("IT", 0, 0, 0)
    assert (found.buy_basis, found.sell_basis) == ("spot", "spot")
    untouched = QuoteRequest.parse(TOY).apply(seller)
    assert (untouched.home, untouched.other_costs, untouched.target_roi_pct) == ("FR", 3, 20)
    assert (untouched.customs, untouched.fulfilment) == (seller.customs, seller.fulfilment)


def test_a_price_for_ones_own_shipping_puts_it_among_the_methods() -> None:
    seller = Profile.neutral()
    assert QuoteRequest.parse({**TOY, "fbm_shipping": 0}).apply(seller).fulfilment == ("fba-local", "efn", "fbm")
    named = Profile.neutral(fulfilment=("fbm", "efn"))
    assert QuoteRequest.parse({**TOY, "fbm_shipping": 0}).apply(named).fulfilment == ("fbm", "efn")
    one = QuoteRequest.parse({**TOY, "fbm_shipping": 0, "fulfilment": "efn"}).apply(named)
    assert one.fulfilment == ("efn",)


def test_an_unregistered_seller_of_a_request_gives_up_the_profiles_registrations() -> None:
    found = QuoteRequest.parse({**TOY, "vat_status": "unregistered"}).apply(Profile.neutral())
    assert (found.vat_status, found.registrations) == ("unregistered", ())
    kept = QuoteRequest.parse({**TOY, "vat_status": "not-reclaiming"}).apply(Profile.neutral())
    assert kept.registrations == Profile.neutral().registrations


def test_a_request_that_the_profile_forbids_is_refused() -> None:
    with pytest.raises(UsageError, match="pan-eu"):
        QuoteRequest.parse({**TOY, "fulfilment": "pan-eu"}).apply(Profile.neutral(registrations=("DE",)))


@pytest.mark.parametrize("vat_class", ["", "boks", "source", "suggested", "Books"])
def test_a_vat_class_that_is_none_is_the_fault_of_who_asks(vat_class: str) -> None:
    with pytest.raises(UsageError, match="no such VAT class") as caught:
        asked(vat_class=vat_class)
    assert (caught.value.field, caught.value.value) == ("vat_class", vat_class)
    assert "books" in str(caught.value)


def test_every_vat_class_and_the_suggested_one_can_be_asked_for() -> None:
    for vat_class in ("auto", *TABLES.on(ON).vat_classes):
        assert asked(vat_class=vat_class).profit is not None


@pytest.mark.parametrize("day", [date(2015, 1, 1), date(2019, 5, 1), date(2024, 2, 29), ON, date(2031, 12, 31)])
def test_what_no_table_of_that_day_says_is_unknown_and_why(day: date) -> None:
    for route in ({}, FROM_UK, {"source": "DE", "target": "UK"}):
        found = asked(on=day, **route)
        for part in found.components:
            assert "nan" not in part.rule
            if part.amount is None and part.table is None and part.name in ("output_vat", "referral_fee", "storage"):
                assert part.rule == f"no table reaches back to {day}"
