"""One filter at every door: each field under its name, and under the names of arbkit 0.1."""

from __future__ import annotations

import ast
import inspect
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.core.errors import UsageError
from arbkit.core.input.filters import ALIASES, OpportunityFilter, ProductFilter
from arbkit.reports.catalogue.find import SHIPPED
from arbkit.store.queries import OpportunityQuery, ProductQuery
from arbkit.web.address import AddressFilter
from arbkit.web.api.schemas import ArbitrageRequest, ProductsRequest
from arbkit.web.dashboards.opportunities.filters import View, parse
from arbkit.workbench import Workbench
from tests.helpers.paths import ROOT

ALL: dict[str, Any] = {
    "q": "lantern", "asin": "B000000001", "brand": "Acme", "exclude_brands": "Zeta, Own",
    "category": ("Toys & Games", "Beauty"), "source": "IT", "target": "DE",
    "min_profit": 5.0, "min_roi": 10.0, "min_margin": 15.0, "min_confidence": 0.5, "min_chance": 80.0,
    "min_expected_profit": 4.0, "min_profit_per_day": 0.25, "min_p10": -1.5, "max_days_to_sell": 30.0,
    "min_sold_in_30_days": 60.0, "max_rank": 90_000.0, "min_drops30": 4.0, "min_drops90": 12.0,
    "min_monthly_sold": 50.0, "max_sellers": 8.0, "max_amazon_share": 40.0, "max_price_position": -2.5,
    "min_buy_price": 5.0, "max_buy_price": 80.0, "max_age_hours": 24.0, "amazon_sells": False,
    "decision": "buy_list,bought", "all_routes": True,
}  # fmt: skip
TEXTS = {
    name: "|".join(value)
    if isinstance(value, tuple)
    else {True: "yes", False: "no"}[value]
    if isinstance(value, bool)
    else str(value)
    for name, value in ALL.items()
}
EARLIER = [(alias, name) for alias, name in ALIASES.items() if name in OpportunityFilter.model_fields]


def test_the_example_names_every_field() -> None:
    assert ALL.keys() == OpportunityFilter.model_fields.keys()


def test_every_field_can_be_asked_at_every_door() -> None:
    assert OpportunityFilter(**ALL).filters() == ALL
    assert ArbitrageRequest.model_validate(TEXTS).filters() == ALL
    assert DetectParameters.model_validate(TEXTS).filters() == ALL
    for view, wrong in (parse(urlencode(TEXTS)), AddressFilter.parse_address(urlencode(TEXTS))):
        assert wrong == {}
        assert view.filters() == ALL
    assert OpportunityQuery.of(OpportunityFilter(**ALL)).filters() == ALL
    assert set(ALL) <= set(inspect.signature(Workbench.opportunities).parameters)
    assert set(ProductFilter.model_fields) <= set(inspect.signature(Workbench.products).parameters)


@pytest.mark.parametrize(("alias", "name"), EARLIER)
def test_an_earlier_name_is_taken_at_every_door(alias: str, name: str) -> None:
    expected = {name: ALL[name]}
    text = {alias: TEXTS[name]}
    assert OpportunityFilter.parse({alias: ALL[name]}, strict=True).filters() == expected
    assert ArbitrageRequest.model_validate(text).filters() == expected
    # An address leaves out what is dismissed, unless it says otherwise.
    of_page = {"decision": "open", **expected}
    assert parse(urlencode(text))[0].filters() == of_page
    assert View().with_values(text)[0].filters() == of_page
    assert AddressFilter.parse_address(urlencode(text))[0].filters() == of_page


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("toys", ("toys",)), (["toys", "Beauty"], ("toys", "Beauty")), ("toys|Beauty|toys", ("toys", "Beauty")),
        ("Küche, Haushalt & Wohnen", ("Küche, Haushalt & Wohnen",)), (" | ", None), ([], None), (None, None),
    ],
)  # fmt: skip
def test_one_category_or_several_are_asked_for_in_one_text_or_in_a_list(given: Any, wanted: Any) -> None:
    for asked in (OpportunityFilter, ProductFilter, OpportunityQuery):
        assert asked.parse({"category": given}, strict=True).category == wanted
    with pytest.raises(UsageError):
        OpportunityFilter.parse({"category": 3})


def test_categories_have_all_their_names_each_once() -> None:
    both = OpportunityFilter.parse({"category": ["toys", "Spielzeug", "Nothing"]}).category_names
    assert {"Toys & Games", "Spielzeug", "Nothing"} <= set(both)
    assert len(both) == len(set(both))
    assert OpportunityFilter().category_names == ()


@pytest.mark.parametrize("text", ["Toys & Games", "Küche, Haushalt & Wohnen", "toys"])
def test_a_view_that_was_saved_with_one_category_is_still_that_view(text: str) -> None:
    view, wrong = parse(urlencode({"category": text}))
    assert (view.category, wrong) == ((text,), {})
    assert view.search() == urlencode({"category": text})


def test_earlier_names_of_product_filters() -> None:
    asked = ProductsRequest.model_validate({"marketplace": "de", "min_margin_pct": "5", "sort_by": "margin_desc"})
    assert (asked.filters(), asked.sort_by, asked.descends("margin")) == (
        {"market": "DE", "min_margin": 5.0},
        "margin",
        True,
    )


@pytest.mark.parametrize(
    ("sort_by", "order", "expected"),
    [
        ("margin_desc", None, ("margin", True)),
        ("profit_asc", None, ("profit", False)),
        ("buy_price", None, ("buy_price", False)),
        ("sell_price_desc", None, ("sell_price", True)),
        ("margin", "asc", ("margin", False)),
        ("profit_per_day_asc", "asc", ("profit_per_day", False)),
        ("days_to_sell", None, ("days_to_sell", False)),
        ("chance", None, ("chance", True)),
        ("roi_pct", None, ("roi", True)),
        ("margin_pct_asc", None, ("margin", False)),
        ("days_to_sell_p50", None, ("days_to_sell", False)),
    ],
)
def test_an_order_may_be_part_of_the_sort(sort_by: str, order: str | None, expected: tuple[str, bool]) -> None:
    given = {"sort_by": sort_by} | ({"order": order} if order else {})
    asked = ArbitrageRequest.model_validate(given)
    assert (asked.sort_by, asked.descends(asked.sort_by)) == expected


def test_a_field_under_both_names_is_refused() -> None:
    with pytest.raises(ValidationError, match="confidence and min_confidence are one filter"):
        OpportunityFilter.model_validate({"min_confidence": 0.5, "confidence": 0.5})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"min_prfit": 1}, "argument: no such field (got 'min_prfit'). Did you mean min_profit?"),
        ({"source": "US"}, "source: not a marketplace arbkit knows (got 'US'). Use UK"),
        ({"asin": "B0"}, "asin: an ASIN has 10 characters"),
        ({"min_profit": float("nan")}, "min_profit: not a finite number"),
        ({"max_age_hours": -1}, "max_age_hours: must be at least 0 (got -1)"),
        ({"amazon_sells": "perhaps"}, "amazon_sells: neither true nor false (got 'perhaps')"),
    ],
)
def test_a_mistake_is_one_error_with_the_field_and_its_value(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        OpportunityFilter.parse(given)
    assert says in str(raised.value)


def test_an_address_is_written_as_it_is_read_and_a_view_saved_by_0_1_is_the_same_one() -> None:
    view, _ = parse("min_profit=4&max_age=12&amazon=no&sort=roi&page=2&columns=route,profit&chosen=B000000001:IT:DE")
    assert parse(view.search()) == (view, {})
    assert "max_age_hours=12" in view.search()
    assert "amazon_sells=no" in view.search()


def test_an_address_of_the_page_is_a_filter_for_a_command_too() -> None:
    found, wrong = AddressFilter.parse_address("?min_profit=4&page=3&columns=route&chosen=x&sort=roi&descending=no")
    assert wrong == {}
    query = found.query(now=1_000_000.0)
    assert (query.min_profit, query.sort, query.descending, query.offset) == (4.0, "roi", False, 0)


def test_an_address_orders_by_the_name_of_a_column_too() -> None:
    found, wrong = AddressFilter.parse_address("?sort=roi_pct")
    assert (found.sort, wrong) == ("roi", {})


def test_ages_count_back_from_the_given_time() -> None:
    assert OpportunityQuery(max_age_hours=2, at=10_000.5).min_data_at == 2_801
    assert OpportunityQuery().min_data_at is None


@pytest.mark.parametrize(("price", "minor"), [(19.99, 1_999), (20, 2_000), (0.07, 7), (19.999, 1_999), (None, None)])
def test_a_price_bound_is_rounded_down_to_whole_cents(price: float | None, minor: int | None) -> None:
    assert ProductQuery(market="DE", max_price=price).max_price_minor == minor


def test_parameters_of_the_detect_report_are_the_filter_and_the_shipped_notebook_takes_them_all() -> None:
    report = SHIPPED["detect"]
    words = [f"{name}={value}" for name, value in TEXTS.items()] + ["sources=DE,FR", "on=2026-08-01"]
    several = {"category": [*ALL["category"]], "sources": ["DE", "FR"]}
    assert report.check(report.parse(words)) == {**ALL, **several, "on": "2026-08-01"}
    cells = json.loads((ROOT / "notebooks" / "detect.ipynb").read_text())["cells"]
    [parameters] = [cell for cell in cells if cell["metadata"].get("tags") == ["parameters"]]
    code = ast.parse("".join(parameters["source"]))
    assigned = {ast.unparse(node.target) for node in code.body if isinstance(node, ast.AnnAssign)}
    assert assigned >= DetectParameters.model_fields.keys()
    passed = "".join("".join(cell["source"]) for cell in cells)
    assert all(f"{name}={name}" in passed for name in DetectParameters.model_fields)


@pytest.mark.parametrize(
    ("given", "routes"),
    [
        ({}, None),
        ({"sources": ("IT",), "targets": ("DE", "IT")}, [("IT", "DE")]),
        ({"source": "IT", "target": "DE"}, [("IT", "DE")]),
        ({"target": "DE"}, [(code, "DE") for code in ("UK", "FR", "IT", "ES")]),
    ],
)
def test_one_or_several_marketplaces_on_either_side(
    given: dict[str, Any], routes: list[tuple[str, str]] | None
) -> None:
    assert DetectParameters(**given).routes() == routes
