"""An empty table of opportunities says why it is empty, and offers what to do about it."""

from __future__ import annotations

import pytest

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.parts import OpportunityTable
from arbkit.store import open_store
from arbkit.web.dashboards.opportunities.filters import View
from tests.helpers.decisions import decision
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.pages import Seen, SeenWidget, shipped_page
from tests.helpers.routes import store_routes


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """One opportunity from IT to DE."""
    with open_store(settings) as store:
        store.put([Update(offer("B000000001", code), history("B000000001", code)) for code in ("DE", "IT")])
        store_routes(store, [opportunity("B000000001", profit=5.0)])
    return settings


def ways(seen: SeenWidget) -> list[str]:
    return [way["text"] for way in seen.regions["table"]["ways"]]


def test_filters_that_leave_nothing_are_named_and_cleared_by_one_button(filled: Settings) -> None:
    seen = Seen(shipped_page("opportunities", filled)).begin(
        "?target=UK&min_profit=2.5&amazon_sells=no&sort=roi&decision=new"
    )
    message = seen.regions["table"]["message"]
    assert message.startswith("No opportunity passes these filters: ")
    for said in ("Sell on UK", "Profit, min. 2.5", "Amazon sells no", "Status new"):
        assert said in message
    seen.click("clear")
    table = seen.regions["table"]
    assert (table["total"], table["sort"], table["message"], ways(seen)) == (1, "roi", "", [])
    assert not seen.field("filters", "min_profit")["value"]


def test_products_of_one_marketplace_only_have_no_routes(settings: Settings) -> None:
    with open_store(settings) as store:
        store.put([Update(offer(f"B00000000{n}", "IT"), None) for n in (1, 2)])
        store_routes(store, [])
    message = Seen(shipped_page("opportunities", settings)).begin().regions["table"]["message"]
    assert message.startswith("A route needs prices of two marketplaces, and each product is known on one only (IT).")


def test_routes_that_need_a_size_are_not_counted_as_opportunities(filled: Settings) -> None:
    assert "Opportunities shown" in Seen(shipped_page("opportunities", filled)).begin().html("figures")
    with open_store(filled) as store:
        both = [opportunity("B000000001", profit=5.0), opportunity("B000000001", "DE", "IT", status="needs_size")]
        store_routes(store, both)
    figures = Seen(shipped_page("opportunities", filled)).begin("?all=yes").html("figures")
    assert "Routes shown" in figures
    assert "opportunities stored: 1" in figures


def test_narrow_rows_are_kept_in_the_address_and_when_filters_are_cleared(filled: Settings) -> None:
    seen = Seen(shipped_page("opportunities", filled)).begin()
    assert not seen.regions["table"]["compact"]
    seen.fill("columns", density="compact")
    assert seen.regions["table"]["compact"]
    assert "density=compact" in seen.address
    seen.fill("filters", target="UK")
    seen.click("clear")
    assert "density=compact" in seen.address
    again = Seen(shipped_page("opportunities", filled)).begin("?density=compact&target=DE")
    assert again.field("columns", "density")["value"] == "compact"
    odd = Seen(shipped_page("opportunities", filled)).begin("?density=tiny")
    assert "'tiny' must be one of comfortable, compact" in odd.notices[-1]


def test_a_table_alone_is_cleared_too(filled: Settings) -> None:
    seen = SeenWidget.alone(OpportunityTable(filled, View(target="UK")))
    assert ways(seen) == ["Clear all filters"]
    seen.click("clear")
    assert seen.regions["table"]["total"] == 1


def test_what_is_dismissed_can_be_shown_where_nothing_else_is_left(filled: Settings) -> None:
    with open_store(filled) as store:
        store.add_decisions([decision()])
    seen = Seen(shipped_page("opportunities", filled)).begin()
    assert "dismissed" in seen.regions["table"]["message"]
    seen.click("any_status")
    assert seen.regions["table"]["total"] == 1
    assert "decision=all" in seen.address


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ({"demo": True}, "`arbkit up`"),
        ({"demo": False, "keepa_api_key": "k" * 64}, "`arbkit watch add ASIN`"),
        ({"demo": False}, "`arbkit import FILE...`"),
    ],
)
def test_an_empty_store_says_the_next_command(settings: Settings, given: dict[str, object], command: str) -> None:
    asked = Settings(**{**settings.model_dump(), **given})
    seen = Seen(shipped_page("opportunities", asked)).begin()
    assert command in seen.regions["table"]["message"]
    assert [way["href"] for way in seen.regions["table"]["ways"]] == ["pipeline.ipynb"]


def test_products_whose_routes_wait_to_be_priced_say_so(settings: Settings) -> None:
    with open_store(settings) as store:
        store.put([Update(offer("B000000001", code), history("B000000001", code)) for code in ("DE", "IT")])
    seen = Seen(shipped_page("opportunities", settings)).begin()
    assert "`arbkit detect`" in seen.regions["table"]["message"]


def test_routes_that_need_a_size_are_offered_where_no_other_is_profitable(settings: Settings) -> None:
    with open_store(settings) as store:
        store.put([Update(offer("B000000001", code), history("B000000001", code)) for code in ("DE", "IT")])
        store_routes(store, [opportunity("B000000001", status="needs_size")])
    seen = Seen(shipped_page("opportunities", settings)).begin()
    assert "No route is profitable" in seen.regions["table"]["message"]
    seen.click("all_routes")
    assert seen.regions["table"]["total"] == 1
