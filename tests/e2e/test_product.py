"""The product page in a real browser over the demo market."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.helpers.running import Up
from tests.helpers.settlements import item, row, settlement
from tests.helpers.visiting import Visit, address, visiting

pytestmark = pytest.mark.e2e
DRAWN = "#arb-history .main-svg"


@pytest.fixture
def visit(up: Up, browser: Browser) -> Iterator[Visit]:
    with visiting(browser, address(up, "product", asin="B0DEMO0049"), ready=DRAWN) as visit:
        yield visit


def test_a_product_shows_every_route_its_history_and_its_facts(visit: Visit) -> None:
    page = visit.page
    assert page.locator("#arb-routes tbody tr").count() >= 2
    for heading in ("All routes, priced just now", "Over time", "Demand and competition", "Size tier and fees"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator(".arb-demo:visible")).to_have_text("DEMO: invented products and prices")


def test_a_route_is_chosen_by_keyboard_and_a_link_opens_it_again(visit: Visit, up: Up, browser: Browser) -> None:
    page = visit.page
    last = page.locator("#arb-routes tbody tr").last
    route = last.get_attribute("data-id") or ""
    last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#arb-route h2")).to_contain_text(route.replace(":", " → "))
    page.locator("#series-currency").select_option(label="GBP")
    expect(page.locator("#arb-history")).to_contain_text("Price, GBP")
    visit.answered()
    query = dict(parse_qsl(urlsplit(page.url).query))
    with visiting(browser, address(up, "product", **query), ready=DRAWN) as other:
        expect(other.page.locator("#arb-route h2")).to_contain_text(route.replace(":", " → "))
        expect(other.page.locator("#arb-history")).to_contain_text("Price, GBP")


def test_a_purchase_is_decided_sold_by_a_settlement_and_another_cancelled(visit: Visit, tmp_path: Path) -> None:
    page, decided = visit.page, visit.page.locator("#arb-decided")
    for quantity in ("3", "1"):
        form = page.locator("#arb-decision")
        form.get_by_label("Status").select_option("bought")
        form.get_by_label("Units bought").fill(quantity)
        form.get_by_label("Price of one, with VAT").fill("10")
        form.get_by_role("button", name="Decide").click()
        expect(decided).to_contain_text(f"{quantity} unit")
    target = re.findall(r"→ (\w\w)", page.locator("#arb-purchases").inner_text())[0]
    host = "amazon.co.uk" if target == "UK" else f"amazon.{target.lower()}"
    rows = item({"ItemPrice/Principal": "29,99", "ItemFees/Commission": "-4,50"}, market=host, sku="E2E-1",
                day=f"{datetime.now(UTC):%d.%m.%Y}", number="77")  # fmt: skip
    # Longer than one piece of a file.
    noise = [row(settlement_id="77", transaction_type="Storage Fee", amount="0,00", posted_date="02.11.2026")] * 9_000
    file = tmp_path / "settlement.txt"
    file.write_bytes(settlement(*rows, *noise, total="25,49", number="77").encode("cp1252"))
    page.get_by_label("Your SKUs of this product").fill("E2E-1")
    page.get_by_label("Settlement (Flat File V2) or CSV").set_input_files(file)
    expect(page.locator(".arb-notice")).to_contain_text("9,001 lines new")
    expect(page.locator("#arb-purchases tbody tr").last).to_contain_text("VAT as the route was priced")
    decided.get_by_role("button", name="Cancel").first.click()
    expect(decided).to_contain_text("purchase cancelled")
    expect(page.locator("#arb-purchases tbody tr")).to_have_count(1)


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
def test_a_phone_shows_a_product_without_sideways_scrolling(up: Up, browser: Browser, dark: bool) -> None:
    url = address(up, "product", asin="B0DEMO0008")
    with visiting(browser, url, ready="#arb-routes tbody tr[data-id]", size=(390, 844), dark=dark) as visit:
        visit.page.get_by_role("navigation", name="On this page").get_by_role("link", name="Over time").click()
        expect(visit.page.locator(DRAWN).first).to_be_visible()
        visit.unfold()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_bad_address_is_told_and_one_can_go_on(up: Up, browser: Browser) -> None:
    url = address(up, "product", asin="<b>x</b>")
    with visiting(browser, url, ready="#arb-results tbody tr[data-id]") as visit:
        expect(visit.page.locator(".arb-notice")).to_contain_text("asin:")
