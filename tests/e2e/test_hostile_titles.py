"""Titles that sellers wrote to harm, in a real browser: they are shown as the text that they are."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from arbkit.analysis import detection
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.dashboards import TOKEN, Served, serving
from tests.helpers.factories import PACKAGE, history, offer
from tests.helpers.running import ROWS
from tests.helpers.visiting import visiting

pytestmark = pytest.mark.e2e
TITLES = {
    "B000000001": "<script>alert('title')</script> Kamera",
    "B000000002": "<img src=x onerror=alert(1)> Kamera " + "sehr" * 60,
    "B000000003": '=HYPERLINK("https://example.invalid") \u202eKamera',
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("hostile")
    settings = Settings.load(_env_file=None, home=folder / "var", watchlist=folder / "watchlist.txt", demo=True)
    with open_store(settings) as store:
        for asin, title in TITLES.items():
            facts = {**PACKAGE, "title": title, "brand": title, "price_at": int(time.time()), "shipping_minor": 0}
            prices = {"DE": 69_99, "IT": 40_00}
            store.put([Update(offer(asin, c, price_minor=p, **facts), history(asin, c)) for c, p in prices.items()])
    detection.run(settings, run_id="r1")
    with serving(settings) as one:
        yield one


def test_on_the_opportunities_page_and_in_the_details_of_a_route(served: Served, browser: Browser) -> None:
    url = f"{served.url}/voila/render/opportunities.ipynb?token={TOKEN}"
    with visiting(browser, url, ready=ROWS) as visit:
        page = visit.page
        expect(page.locator(ROWS)).to_have_count(len(TITLES))
        for mark in ("<script>", "<img", "=HYPERLINK"):
            row = page.locator(ROWS).filter(has_text=mark)
            row.locator("td").first.click()
            expect(page.locator("#arb-route h2")).to_contain_text(mark)


@pytest.mark.parametrize("asin", TITLES)
@pytest.mark.parametrize("dark", [False, True])
def test_on_the_product_page_of_a_phone_without_sideways_scrolling(
    served: Served, browser: Browser, asin: str, dark: bool
) -> None:
    url = f"{served.url}/voila/render/product.ipynb?asin={asin}&token={TOKEN}"
    with visiting(browser, url, ready="#arb-routes tbody tr[data-id]", size=(390, 844), dark=dark) as visit:
        expect(visit.page.locator("#arb-about h2")).to_contain_text(TITLES[asin][:8])
        visit.unfold()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
