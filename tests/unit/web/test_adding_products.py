"""Lists that are pasted or chosen on the opportunities page, without a browser."""

from __future__ import annotations

import asyncio

import pytest

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.editing import add
from arbkit.pipeline.watchlist.reading import load_if_any
from arbkit.sources.keepa_api.token_budget import Tokens, write_tokens
from arbkit.store import open_store
from arbkit.web.dashboards.adding.form import AddProducts
from tests.helpers.factories import history, offer
from tests.helpers.pages import Seen, SeenWidget, shipped_page

ONE, TWO, EAN = "B000000001", "B000000002", "4006381333931"


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """A store with one product that has an EAN, and another one on the watchlist."""
    with open_store(settings) as store:
        store.put([Update(offer(ONE, eans=(EAN,)), history(ONE))])
        add(settings, store, [TWO])
    return settings


@pytest.fixture
def seen(filled: Settings) -> Seen:
    return Seen(shipped_page("opportunities", filled)).begin()


def check(seen: SeenWidget, text: str) -> str:
    """Paste a text and check it, as the front end does: it comes before the button is heard."""
    seen.upload("adding", "pasted", "ASINs, EANs, Amazon addresses", text.encode())
    seen.click("check")
    return seen.html("checked") if seen.shown("checked") else ""


def watched(settings: Settings) -> list[str]:
    with open_store(settings, read_only=True) as store:
        return list(load_if_any(settings, store).asins)


def test_a_list_is_checked_first_and_added_with_a_second_click(seen: Seen, filled: Settings) -> None:
    html = check(seen, f"{EAN}, {TWO}\nB000000003\nnonsense\n4006381333948")
    assert "2 to add" in html
    assert "1 already watched" in html
    assert "2 unusable" in html
    assert "Line 3: <code>nonsense</code>" in html
    assert "no product that is stored has this EAN. Write its ASIN" in html
    assert "Add the 2 good ones" in html
    assert watched(filled) == [TWO]
    seen.click("add")
    assert watched(filled) == [TWO, ONE, "B000000003"]
    assert "2 products are now on the watchlist" in seen.notices[-1]
    assert not seen.shown("checked")


def test_what_a_list_costs_is_said_before_it_is_added(seen: Seen, filled: Settings) -> None:
    assert "without a Keepa key" in check(seen, ONE)
    seen = Seen(shipped_page("opportunities", filled.model_copy(update={"demo": True}))).begin()
    assert "not known until Keepa has said" in check(seen, ONE)
    write_tokens(filled, Tokens(left=1, refill_rate=1, refill_in_s=1.0, at=0.0, consumed=0, origin="demo"))
    html = check(seen, ONE)
    assert "A look at 2 products on 5 marketplaces costs 30 Keepa tokens: with the 1 that" in html
    assert "up to 30 min old" in html


def test_of_many_faults_the_first_are_shown_and_the_rest_counted_and_all_are_text(seen: Seen) -> None:
    html = check(seen, "\n".join(f"<img/src=x{number}>" for number in range(25)))
    assert "<img" not in html
    assert html.count("<li>") == 21
    assert "and 5 more" in html
    assert 'data-action="add"' not in html


def test_a_file_is_checked_as_soon_as_it_is_chosen_and_a_bad_one_says_why(seen: Seen) -> None:
    seen.upload("adding", "list", "mine.txt", f"{ONE}\n".encode())
    assert "1 to add" in seen.html("checked")
    assert "Add the good one" in seen.html("checked")
    seen.upload("adding", "list", "<b>.txt", b"\0\x03\x04\0")
    assert not seen.shown("checked")
    assert "is no text" in seen.notices[-1]
    assert check(seen, "") == ""
    assert "names no product" in seen.notices[-1]


def test_a_second_click_adds_nothing_more(seen: Seen, filled: Settings) -> None:
    check(seen, ONE)
    seen.click("add")
    said = len(seen.notices)
    seen.emit("action", region="checked", name="add")
    assert watched(filled) == [TWO, ONE]
    assert len(seen.notices) == said


def test_the_page_stays_usable_while_a_list_is_checked_and_added(filled: Settings) -> None:
    async def run() -> None:
        form = AddProducts(filled, on_added=lambda: None)
        seen = SeenWidget.alone(form)
        for part in form.parts:
            part.attach(form.widget)
        check(seen, ONE)
        assert "Checking" in seen.html("adding" if "html" in seen.regions["adding"] else "checked")
        seen.click("check")
        assert "is being checked still" in seen.notices[-1]
        await form._checking.settled()
        form._answer.handle({"type": "action", "name": "add"})
        form._answer.handle({"type": "action", "name": "add"})
        assert "Adding 1 product" in seen.html("checked")
        await form._adding.settled()
        assert "1 product is now on the watchlist" in seen.notices[-1]

    asyncio.run(run())
    assert watched(filled) == [TWO, ONE]


def test_products_can_be_added_where_nothing_is_stored_yet(settings: Settings) -> None:
    seen = Seen(shipped_page("opportunities", settings)).begin()
    assert seen.shown("adding")
    assert "1 to add" in check(seen, ONE)
    seen.click("add")
    assert ONE in watched(settings)
