"""Decisions on the opportunities page, without a browser."""

from __future__ import annotations

from typing import Any

import pytest

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.decisions import decision
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.pages import Seen, shipped_page
from tests.helpers.routes import store_routes

ASINS = ["B000000001", "B000000002"]


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Two opportunities of one brand."""
    with open_store(settings) as store:
        store.put([Update(offer(a, code), history(a, code)) for a in ASINS for code in ("DE", "IT")])
        store_routes(store, [opportunity(a, profit=float(i), brand="Acme") for i, a in enumerate(ASINS, 1)])
    return settings


@pytest.fixture
def seen(filled: Settings) -> Seen:
    return Seen(shipped_page("opportunities", filled)).begin("?sort=profit")


def shown(seen: Seen) -> list[str]:
    return [row["id"].partition(":")[0] for row in seen.regions["table"]["rows"]]


def decide(seen: Seen, **values: Any) -> None:
    seen.fill("decision", **values)
    seen.click("decide")


def test_a_route_on_the_buy_list_says_so_with_its_note_escaped(seen: Seen) -> None:
    assert not seen.shown("decided")
    decide(seen, status="buy_list", note="<img src=x onerror=alert(1)> ask Ann")
    assert seen.shown("decided")
    assert "buy list" in seen.html("decided")
    assert "&lt;img" in seen.html("decided")
    assert "<img" not in seen.html("decided")
    seen.fill("filters", decision="buy_list")
    assert shown(seen) == ["B000000002"]


def test_a_dismissed_route_and_a_blocked_brand_leave_the_page_and_the_filter_shows_them(seen: Seen) -> None:
    decide(seen, status="dismissed")
    assert shown(seen) == ["B000000001"]
    seen.emit("select", region="table", id=seen.regions["table"]["rows"][0]["id"])
    decide(seen, status="blocked")
    assert shown(seen) == []
    seen.fill("filters", decision="all")
    assert sorted(shown(seen)) == ASINS


def test_who_decides_second_is_shown_both_and_nothing_is_kept(seen: Seen, filled: Settings) -> None:
    seen.fill("decision", status="dismissed")
    with open_store(filled) as store:
        first = decision("B000000002", "buy_list", route="IT:DE", note="hers")
        assert store.add_decisions([first]) == []
        seen.click("decide")
        assert store.decisions() == [first]
    assert "buy list" in seen.notices[-1]
    assert "dismissed" in seen.notices[-1]
    assert "hers" in seen.html("decided")


def test_a_purchase_takes_units_and_a_price_and_a_wrong_field_is_marked(seen: Seen, filled: Settings) -> None:
    decide(seen, status="bought", quantity="3")
    assert seen.field("decision", "price")["wrong"] or seen.field("decision", "status")["wrong"]
    decide(seen, status="bought", quantity="3", price="9.50")
    assert "3 units" in seen.html("decided")
    decide(seen, status="new")
    with open_store(filled) as store:
        assert [one.status for one in store.decisions()] == ["bought", "new"]


def test_one_of_two_purchases_is_cancelled_by_its_button_and_the_other_stays(seen: Seen, filled: Settings) -> None:
    for quantity in ("3", "4"):
        decide(seen, status="bought", quantity=quantity, price="9.50")
    assert seen.html("decided").count('data-action="cancel_purchase"') == 2
    seen.click("cancel_purchase", id="2")
    assert "Cancelled" in seen.notices[-1]
    assert "purchase cancelled" in seen.html("decided")
    assert seen.html("decided").count('data-action="cancel_purchase"') == 1
    seen.fill("filters", decision="bought")
    assert shown(seen) == ["B000000002"]
    with open_store(filled) as store:
        first, *_, cancelled = store.decisions()
        assert (first.quantity, cancelled.quantity, cancelled.cancels) == (3, 4, 2)
        assert store.add_decisions([decision("B000000002", "looked_at", 4, note="hers")]) == []
    seen.click("cancel_purchase", id="1")
    assert "not cancelled" in seen.notices[-1]
    assert "hers" in seen.html("decided")


def test_a_note_that_is_too_long_is_refused_with_its_length(seen: Seen, filled: Settings) -> None:
    decide(seen, status="looked_at", note="x" * 10_000)
    assert "10,000" in str(seen.field("decision", "note")["wrong"])
    with open_store(filled) as store:
        assert store.decisions() == []
