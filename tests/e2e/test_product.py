"""The product page in a real browser over the demo market."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.helpers.running import Up
from tests.helpers.visiting import Visit, address, visiting

pytestmark = pytest.mark.e2e
DRAWN = "#arb-history .main-svg"
HOSTILE = "B0DEMO0007"


@pytest.fixture
def visit(up: Up, browser: Browser) -> Iterator[Visit]:
    with visiting(browser, address(up, "product", asin="B0DEMO0049"), ready=DRAWN) as visit:
        yield visit


def test_a_product_shows_every_route_its_history_and_its_facts(visit: Visit) -> None:
    page = visit.page
    assert page.locator("#arb-routes tbody tr").count() >= 2
    for heading in ("All routes, priced just now", "Over time", "Demand and competition", "Size tier and fees"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator("#arb-about .arb-demo")).to_be_visible()


def test_a_route_is_chosen_by_keyboard_and_a_link_opens_it_again(visit: Visit, up: Up, browser: Browser) -> None:
    page = visit.page
    last = page.locator("#arb-routes tbody tr").last
    route = last.get_attribute("data-id") or ""
    last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#arb-route h2")).to_contain_text(route.replace(":", " → "))
    page.locator("#series-currency").select_option(label="GBP")
    expect(page.locator("#arb-history")).to_contain_text("Price, GBP")
    query = dict(parse_qsl(urlsplit(page.url).query))
    with visiting(browser, address(up, "product", **query), ready=DRAWN) as other:
        expect(other.page.locator("#arb-route h2")).to_contain_text(route.replace(":", " → "))
        expect(other.page.locator("#arb-history")).to_contain_text("Price, GBP")


def test_a_product_is_found_and_opened(up: Up, browser: Browser) -> None:
    with visiting(browser, address(up, "product"), ready="#arb-results tbody tr[data-id]") as visit:
        page = visit.page
        page.get_by_label("Find a product").fill("Kamera")
        expect(page.locator("#arb-hint")).to_contain_text("found")
        asin = page.locator("#arb-results tbody tr").first.get_attribute("data-id") or ""
        page.locator("#arb-results tbody tr").first.click()
        expect(page.locator("#arb-about")).to_contain_text(asin)
        page.wait_for_url(re.compile(f"asin={asin}"))


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_a_hostile_title_as_text_without_sideways_scrolling(up: Up, browser: Browser, dark: bool) -> None:
    url = address(up, "product", asin=HOSTILE)
    with visiting(browser, url, ready=DRAWN, size=(390, 844), dark=dark) as visit:
        expect(visit.page.locator("#arb-about h2")).to_contain_text("<script>")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_bad_address_is_told_and_one_can_go_on(up: Up, browser: Browser) -> None:
    url = address(up, "product", asin="<b>x</b>")
    with visiting(browser, url, ready="#arb-results tbody tr[data-id]") as visit:
        expect(visit.page.locator(".arb-notice")).to_contain_text("asin:")
