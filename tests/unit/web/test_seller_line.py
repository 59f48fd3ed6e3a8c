"""Every page says whose profit it states, and how to make it another seller's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from arbkit.core.settings import Settings
from arbkit.web.dashboards.page import DashboardPage
from tests.helpers.pages import Seen, shipped_page

PAGES = (partial(shipped_page, "opportunities"), partial(shipped_page, "product"), partial(shipped_page, "pipeline"))


@pytest.mark.parametrize("page", PAGES)
def test_the_head_names_the_seller_and_how_to_change_it(
    page: Callable[[Settings], DashboardPage], settings: Settings
) -> None:
    head = Seen(page(settings)).begin().html("head")
    assert "Seller: DE, registered in DE, FR, IT, ES, input VAT recovered" in head
    assert "arbkit profile init" in head
    settings.home.mkdir(parents=True, exist_ok=True)
    own = settings.home / "own.toml"
    own.write_text('name = "<b>own</b>"\nhome = "UK"\nvat_status = "unregistered"\n', "utf-8")
    head = Seen(page(settings.model_copy(update={"profile": own}))).begin().html("head")
    assert "Seller: UK, not VAT-registered" in head
    assert str(own) in head


def test_a_profile_that_cannot_be_used_is_named_and_the_page_is_there(settings: Settings) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    broken = settings.home / "broken.toml"
    broken.write_text('name = "x"\nhome = "<script>"\n', "utf-8")
    head = Seen(shipped_page("opportunities", settings.model_copy(update={"profile": broken}))).begin().html("head")
    assert "home" in head
    assert "<script>" not in head


def test_three_answers_make_the_page_that_of_the_own_seller(settings: Settings, tmp_path: Path) -> None:
    of_mine = settings.model_copy(update={"folder": tmp_path / "mine"})
    page, other = (Seen(shipped_page("opportunities", of_mine)).begin() for _ in range(2))
    # As the seller in force has them, to be corrected.
    assert page.field("seller", "numbers")["value"] == "DE, FR, IT, ES"
    page.fill("seller", home="FR", numbers="fr, de", reclaims=True)
    page.click("save_seller")
    assert "Profile changed, routes are priced again" in page.notices[-1]
    assert "home: DE → FR" in page.notices[-1]
    assert "Seller: FR, registered in FR, DE, input VAT recovered" in page.html("head")
    assert not page.shown("seller")
    other.fill("seller", home="ES", numbers="", reclaims=True)
    other.click("save_seller")
    assert "exists already" in other.notices[-1]
    assert "Seller: FR" in other.html("head")
    assert not other.shown("seller")


def test_an_answer_that_makes_no_sense_is_named_and_stays_typed(settings: Settings, tmp_path: Path) -> None:
    of_mine = settings.model_copy(update={"folder": tmp_path / "mine"})
    page = Seen(shipped_page("opportunities", of_mine)).begin()
    page.fill("seller", numbers="DE, <b>")
    page.click("save_seller")
    assert "VAT numbers" in page.notices[-1]
    assert of_mine.profile_path is None
    page.emit("tick")
    assert page.shown("seller")
    assert "DE, <b>" in [field.get("value") for field in page.regions["seller"]["fields"]]
