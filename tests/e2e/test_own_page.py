"""A page that an analyst composed of parts, opened from the header of a shipped one, and filtered."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from arbkit.core.settings import Settings
from arbkit.reports.catalogue.own_pages import make_page
from tests.helpers.running import ROWS, Up
from tests.helpers.visiting import address, visiting

pytestmark = pytest.mark.e2e


@pytest.fixture
def own_page(up: Up) -> Iterator[None]:
    """The page ``brands`` from the template, until the test has ended."""
    settings = Settings.load(_env_file=None, home=up.home, folder=up.home.parent)
    make_page(settings, "brands")
    yield
    shutil.rmtree(settings.own_pages_dir)


@pytest.mark.usefixtures("own_page")
def test_it_is_opened_from_the_header_and_its_parts_show_one_view(browser: Browser, up: Up) -> None:
    with visiting(browser, address(up, "opportunities"), ready=ROWS, patience_ms=120_000) as visit:
        page = visit.page
        page.get_by_role("navigation").get_by_role("link", name="Brands").click()
        page.wait_for_selector(f".arb-on-own {ROWS}")
        expect(page.locator("h1")).to_have_text("Brands")
        expect(page.locator("#arb-chart .scatterlayer .point").first).to_be_attached()
        brand = page.locator("#arb-groups [data-action=group]").first
        name = brand.inner_text()
        brand.click()
        expect(page.get_by_label("Brand", exact=True)).to_have_value(name)
        expect(page.locator("#arb-groups [data-action=group][aria-pressed=true]")).to_have_text(name)
        counted = page.locator("#arb-groups tr[aria-selected=true] td").first.inner_text()
        expect(page.locator("#arb-table .arb-table")).to_have_attribute("data-total", counted.replace(",", ""))
        expect(page).to_have_url(re.compile("brand="))
        page.get_by_role("navigation").get_by_role("link", name="Opportunities").click()
        page.wait_for_selector(f".arb-on-opportunities {ROWS}")
