"""Every page says whose profit it states, and how to make it another seller's."""

from __future__ import annotations

import pytest

from arbkit.core.settings import Settings
from arbkit.web.dashboards.opportunities.page import OpportunitiesPage
from arbkit.web.dashboards.page import DashboardPage
from arbkit.web.dashboards.pipeline.page import PipelinePage
from arbkit.web.dashboards.product.page import ProductPage
from tests.helpers.pages import Seen

PAGES = (OpportunitiesPage, ProductPage, PipelinePage)


@pytest.mark.parametrize("page", PAGES)
def test_the_head_names_the_seller_and_how_to_change_it(page: type[DashboardPage], settings: Settings) -> None:
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
    head = Seen(OpportunitiesPage(settings.model_copy(update={"profile": broken}))).begin().html("head")
    assert "home" in head
    assert "<script>" not in head
