"""Input VAT as a case of each purchase: what the VAT numbers give, what a profile states, and what is impossible."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit import Profile, load_profile, load_rates, load_tables
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.quote.results import Quote
from arbkit.profit.seller.input_vat import input_vat_of, why_not_possible
from arbkit.profit.seller.profile import COUNTRIES, INPUT_VAT_CASES

TABLES, RATES = load_tables(), load_rates()
WORKED: dict[str, Any] = {
    "source": "IT", "buy": 40.0, "target": "DE", "sell": 69.99, "category": "Toys & Games", "size_mm": "360x100x100",
    "weight_g": 800, "fulfilment": "fba-local", "warehouses": "de", "other_costs": 1.3, "on": "2026-08-01",
}  # fmt: skip
FROM_UK = {**WORKED, "source": "UK", "buy": 36.0, "duty_pct": 0}


def asked(profile: Profile | None = None, **changes: Any) -> Quote:
    return quote(QuoteRequest.parse({**WORKED, **changes}), profile or Profile.neutral(), TABLES, RATES)


@pytest.mark.parametrize(
    ("numbers", "source", "stock", "case"),
    [
        (("DE",), "FR", "DE", "net-intra-eu"),
        (("DE",), "DE", "DE", "domestic-recovered"),
        (("DE",), "FR", "FR", "domestic-lost"),
        (("DE", "FR"), "FR", "FR", "domestic-recovered"),
        (("DE", "FR"), "IT", "FR", "net-intra-eu"),
        (("DE",), "UK", "DE", "domestic-lost"),
        (("DE", "UK"), "UK", "DE", "import"),
        (("DE", "UK"), "FR", "UK", "domestic-lost"),
        (("DE", "UK"), "DE", "UK", "import"),
        (("DE", "UK"), "UK", "UK", "domestic-recovered"),
    ],
)
def test_without_a_word_of_the_profile_the_vat_numbers_decide(
    numbers: tuple[str, ...], source: str, stock: str, case: str
) -> None:
    assert input_vat_of(Profile.neutral(registrations=numbers), source, stock) == case
    for status in ("not-reclaiming", "unregistered"):
        losing = Profile.neutral(vat_status=status, registrations=() if status == "unregistered" else numbers)
        assert input_vat_of(losing, source, stock) == "domestic-lost"


def test_the_built_in_seller_does_not_recover_uk_vat() -> None:
    built_in = load_profile(None)
    assert "UK" not in built_in.registrations
    assert {input_vat_of(built_in, "UK", stock) for stock in MARKET_CODES} == {"domestic-lost"}
    lost = asked(built_in, **FROM_UK)
    assert lost.input_vat == "domestic-lost"
    assert "input_vat" not in {part.name for part in lost.components}
    with_number = asked(built_in.model_copy(update={"registrations": (*built_in.registrations, "UK")}), **FROM_UK)
    assert with_number.input_vat == "import"
    assert (with_number.profit or 0) > (lost.profit or 0)


@given(
    numbers=st.sets(st.sampled_from(COUNTRIES)),
    stated=st.dictionaries(st.sampled_from(MARKET_CODES), st.sampled_from(INPUT_VAT_CASES)),
    home=st.sampled_from(MARKET_CODES),
)
def test_a_case_that_holds_is_one_that_can(numbers: set[str], stated: dict[str, str], home: str) -> None:
    try:
        profile = Profile.neutral(home=home, registrations=tuple(numbers), input_vat=stated)
    except ConfigError as error:
        assert "input_vat" in str(error)  # noqa: PT017 - which of them are refused is another test's matter
        return
    for source, stock in product(MARKET_CODES, COUNTRIES):
        case = input_vat_of(profile, source, stock)
        assert why_not_possible(case, source, stock) is None
        if stated.get(source) == "domestic-lost":
            assert case == "domestic-lost"
        if case == "domestic-recovered":
            assert profile.may_store_in(source)


def test_lost_vat_costs_what_was_in_the_price_and_the_other_cases_cost_the_same() -> None:
    of = {case: asked(input_vat=case) for case in INPUT_VAT_CASES if case != "import"}
    assert (of["net-intra-eu"].profit, of["domestic-recovered"].profit) == (10.74, 10.74)
    assert of["domestic-lost"].profit == asked(vat_status="not-reclaiming").profit == 3.52
    assert {case: found.input_vat for case, found in of.items()} == {case: case for case in of}


def test_a_profile_says_which_case_holds_where() -> None:
    seller = Profile.neutral(input_vat={"IT": "domestic-lost"})
    assert asked(seller).profit == 3.52
    assert asked(seller, source="FR").input_vat == "net-intra-eu"
    # Another VAT status, or another case, is asked for: then the profile's case of its own status says nothing.
    assert asked(seller, vat_status="reclaiming").profit == 10.74
    assert asked(seller, input_vat="domestic-recovered").profit == 10.74
    export = Profile.neutral(registrations=("DE",), input_vat={"UK": "import"})
    assert asked(export, **FROM_UK).input_vat == "import"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"input_vat": "import"}, "no customs border lies between IT and DE"),
        ({"input_vat": "net-intra-eu", "source": "UK", "duty_pct": 0}, "UK is not in the EU"),
        ({"input_vat": "net-intra-eu", "target": "UK", "duty_pct": 0}, "leave the EU"),
        ({"input_vat": "net-intra-eu", "fulfilment": "efn"}, "the goods stay in IT"),
        # No UK number, so the goods stay in Germany: nothing is imported before the sale.
        (
            {
                "input_vat": "import",
                "source": "DE",
                "target": "UK",
                "fulfilment": "best",
                "duty_pct": 0,
                "registrations": ("DE",),
            },
            "nothing is imported",
        ),
        ({"input_vat": "net-intra-eu", "vat_status": "unregistered"}, "set vat_status to reclaiming"),
        ({"input_vat": "domestic-recovered", "vat_status": "not-reclaiming"}, "set vat_status to reclaiming"),
        ({"input_vat": "none"}, "input_vat"),
    ],
)
def test_a_case_that_cannot_hold_on_the_route_is_refused(changes: dict[str, Any], says: str) -> None:
    numbers = changes.pop("registrations", None)
    seller = Profile.neutral() if numbers is None else Profile.neutral(registrations=numbers)
    with pytest.raises(UsageError, match=says):
        asked(seller, **changes)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"registrations": ("DE",), "input_vat": {"FR": "domestic-recovered"}}, "add FR to registrations"),
        ({"home": "UK", "registrations": (), "input_vat": {"FR": "net-intra-eu"}}, "another EU country"),
        ({"input_vat": {"UK": "net-intra-eu"}}, "UK is not in the EU"),
        ({"vat_status": "not-reclaiming", "input_vat": {"FR": "net-intra-eu"}}, "set vat_status to reclaiming"),
        ({"input_vat": {"US": "import"}}, "use one of UK, DE"),
        ({"input_vat": {"FR": "recovered"}}, "input_vat"),
    ],
)
def test_a_profile_that_recovers_without_a_number_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Profile.neutral(**fields)


def test_import_vat_is_recovered_only_with_a_number_where_it_is_paid() -> None:
    route = {**FROM_UK, "target": "FR", "fulfilment": "efn", "stock": "UK"}
    amounts = {}
    for numbers in (("DE", "FR", "UK"), ("DE", "UK")):
        found = asked(Profile.neutral(registrations=numbers), **route)
        amounts[numbers] = {part.name: part.amount or 0.0 for part in found.components}
    assert "import_vat" not in amounts["DE", "FR", "UK"]
    paid = amounts["DE", "UK"]
    base = -(paid["purchase_price"] + paid["input_vat"])
    assert paid["import_vat"] == pytest.approx(-0.2 * base, abs=0.01)
