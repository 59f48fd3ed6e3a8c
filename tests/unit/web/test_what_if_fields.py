"""The what-if fields of the opportunities page follow the selected row."""

from __future__ import annotations

import pytest

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.iteration import opportunity_by_id
from tests.helpers.factories import PACKAGE, offer, opportunity
from tests.helpers.pages import Seen, shipped_page
from tests.helpers.routes import store_routes

_CODES = ("IT", "ES", "FR", "UK", "DE")


@pytest.fixture
def seen(settings: Settings) -> Seen:
    """A page of routes of several products, each with prices of its own."""
    asins = [f"B00000000{i}" for i in range(1, 7)]
    found = [
        opportunity(
            asin,
            _CODES[i % 4],
            "DE",
            profit=float(9 - i),
            buy_price=20.5 + i,
            sell_price=60.25 + i,
            evaluated_at=1_785_000_000.0,
        )
        for i, asin in enumerate(asins)
    ]
    with open_store(settings) as store:
        store.put([Update(offer(a, code, price_minor=5_000, **PACKAGE), None) for a in asins for code in _CODES])
        store_routes(store, found)
    return Seen(shipped_page("opportunities", settings))


def test_the_fields_of_the_selected_row_are_empty_and_show_its_own_prices_whichever_row_it_is(seen: Seen) -> None:
    seen.begin()
    seen.emit("toggle", region="whatif", open=True)
    names, ids = ("buy", "sell", "target_roi"), [row["id"] for row in seen.regions["table"]["rows"][:6]]
    for place, one in enumerate(ids):
        seen.emit("select", region="table", id=one)
        with open_store(seen.page.settings, read_only=True) as store:
            route = opportunity_by_id(store, one)
        assert route is not None
        shown = {name: seen.field("whatif", name) for name in names}
        assert [(f["value"], f["wrong"], f["of"]) for f in shown.values()] == [("", None, one)] * 3
        assert shown["buy"]["placeholder"] == f"{route.buy_price:.2f}"
        assert shown["sell"]["placeholder"] == f"{route.sell_price:.2f}"
        assert f"{route.source} → {route.target}" in seen.html("quote")
        seen.fill("whatif", buy=f"{place + 1}", sell="x" if place % 2 else "90", target_roi="12", expected_days="10")
        assert seen.field("whatif", "buy")["value"] == f"{place + 1}"
        assert seen.field("whatif", "expected_days")["value"] == "10"


def test_a_price_that_arrives_after_another_row_was_selected_is_not_applied_to_it(seen: Seen) -> None:
    seen.begin()
    seen.emit("toggle", region="whatif", open=True)
    first, second = (row["id"] for row in seen.regions["table"]["rows"][:2])
    seen.emit("select", region="table", id=second)
    honest = seen.html("quote")
    late = {"buy": "1", "sell": "500", "target_roi": "", "expected_days": ""}
    seen.emit("form", region="whatif", changed="buy", values=late, of=first)
    assert [seen.field("whatif", name)["value"] for name in ("buy", "sell")] == ["", ""]
    assert seen.html("quote") == honest
    seen.emit("form", region="whatif", changed="buy", values=late, of=second)
    assert seen.field("whatif", "buy")["value"] == "1"
    assert seen.html("quote") != honest


def test_a_route_of_an_uncertain_package_is_quoted_with_its_range(seen: Seen) -> None:
    seen.begin()
    seen.emit("toggle", region="whatif", open=True)
    assert "depending on the package" not in seen.html("quote")
    with open_store(seen.page.settings) as store:
        store.put([Update(offer("B00000000A", code, price_minor=5_000), None) for code in ("IT", "DE")])
        store_routes(store, [opportunity("B00000000A", "IT", "DE")])
    seen.page.refresh()
    seen.emit("select", region="table", id="B00000000A:IT:DE")
    assert "EUR, depending on the package" in seen.html("quote")
