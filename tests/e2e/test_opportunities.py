"""The opportunities page as an analyst works with it: real processes, real Voilà, real browser, the demo market."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from python_calamine import CalamineWorkbook

from tests.helpers.running import ROWS, Up
from tests.helpers.visiting import Visit, address, session_of, visiting

pytestmark = pytest.mark.e2e


@pytest.fixture
def visit(up: Up, browser: Browser) -> Iterator[Visit]:
    """The page with its table filled."""
    with visiting(browser, address(up, "opportunities"), ready=ROWS) as one:
        yield one


def total(page: Page) -> int:
    return int(str(page.locator("#arb-table .arb-table").get_attribute("data-total")))


def number(text: str) -> float:
    return float(text.split()[0].replace(",", "").replace("−", "-"))


def column(page: Page, label: str) -> list[str]:
    return page.locator(f'{ROWS} td[data-label="{label}"] > :first-child').all_inner_texts()


def test_the_table_is_filled_marked_demo_and_links_to_both_shops(visit: Visit) -> None:
    page = visit.page
    expect(page.locator(".arb-demo").first).to_contain_text("DEMO")
    expect(page.locator(ROWS)).to_have_count(25)
    asin, source, target = str(page.locator(ROWS).first.get_attribute("data-id")).split(":")
    links = page.locator(ROWS).first.locator("a[target=_blank]")
    urls = [links.nth(i).get_attribute("href") for i in range(links.count())]
    hosts = {"UK": "amazon.co.uk", "DE": "amazon.de", "FR": "amazon.fr", "IT": "amazon.it", "ES": "amazon.es"}
    assert urls == [f"https://www.{hosts[code]}/dp/{asin}" for code in (source, target)]
    figures = page.locator(".arb-figures")
    for label in ("Products tracked", "Routes priced", "Keepa tokens left", "Data updated"):
        expect(figures).to_contain_text(label)


def test_filters_sorting_and_pages(visit: Visit) -> None:
    page = visit.page
    everything = total(page)
    page.get_by_label("Next page").click()
    expect(page.locator(".arb-where")).to_contain_text("26–50 of")
    page.get_by_label("Buy on").select_option("IT")
    expect(page.locator(ROWS).first).to_contain_text("IT →")
    expect(page.locator(".arb-where")).to_contain_text("1–25 of")
    assert 0 < total(page) < everything
    assert all(text.startswith("IT") for text in column(page, "Route"))
    page.get_by_label("Sort by ROI").click()
    expect(page.locator("#arb-table th[aria-sort=descending]")).to_contain_text("ROI")
    roi = [number(text) for text in column(page, "ROI")]
    assert roi == sorted(roi, reverse=True)
    page.get_by_label("Search").fill("no such product")
    expect(page.locator(".arb-empty")).to_contain_text("No opportunity passes")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("#arb-table .arb-table")).to_have_attribute("data-total", str(everything))
    page.get_by_label("Min profit").fill("a lot")
    expect(page.get_by_label("Min profit")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#filters-min_profit-wrong")).to_contain_text("'a lot' is not a number")


def test_the_map_of_routes_narrows_the_table(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name=re.compile("^IT to DE")).click()
    expect(page.get_by_label("Sell on")).to_have_value("DE")
    expect(page.locator(ROWS).first).to_contain_text("IT → DE")
    assert set(column(page, "Route")) == {"IT → DE"}


def test_a_chosen_row_shows_where_its_money_goes_and_its_prices(visit: Visit) -> None:
    page = visit.page
    row = page.locator(ROWS).nth(3)
    name = str(row.get_attribute("data-id"))
    row.locator("td").first.click()
    expect(page.locator("#arb-route")).to_contain_text(name.split(":")[0])
    expect(page.locator(f"{ROWS}[aria-selected=true]")).to_have_attribute("data-id", name)
    expect(page.locator("#arb-waterfall .waterfalllayer .point")).not_to_have_count(0)
    expect(page.locator("#arb-prices .scatterlayer .trace").nth(1)).to_be_attached()
    visit.answered()
    profit = number(page.locator(".arb-components tr.arb-total .arb-number").inner_text())
    amounts = [
        number(text) for text in page.locator(".arb-components tbody tr:not(.arb-total) .arb-number").all_inner_texts()
    ]
    assert round(sum(amounts), 2) == profit
    page.locator(ROWS).nth(3).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS).nth(4)).to_have_attribute("aria-selected", "true")


def test_what_if_prices_exchange_rate_or_the_seller_were_others(visit: Visit) -> None:
    page = visit.page
    page.get_by_text("What if …").click()
    answer = page.locator("#arb-quote")
    expect(answer).to_contain_text("Break-even selling price")
    before = [number(text) for text in column(page, "Profit")]
    page.get_by_label("Selling prices ± %").fill("-10")
    page.keyboard.press("Enter")
    expect(page.locator("#arb-outcome")).to_contain_text("instead of")
    after = [number(text) for text in column(page, "Profit if …")]
    assert all(a < b for a, b in zip(after, before, strict=True))
    expect(answer.locator("h3")).to_contain_text(f"Profit {after[0]:,.2f}".replace("-", "−"))
    page.get_by_label("VAT status").select_option("unregistered")
    expect(page.locator("#arb-outcome")).to_contain_text(re.compile("instead of"))
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.locator('#arb-table th:has-text("Profit if")')).to_have_count(0)


def test_what_is_typed_in_for_one_row_is_gone_with_the_next(visit: Visit) -> None:
    page = visit.page
    page.get_by_text("What if …").click()
    field = page.get_by_label(re.compile("Selected row: buy price"))
    seen = set()
    for row in range(4):
        page.locator(ROWS).nth(row).get_by_role("gridcell").first.click()
        expect(page.locator(ROWS).nth(row)).to_have_attribute("aria-selected", "true")
        visit.answered()
        expect(field).to_have_value("")
        seen.add(field.get_attribute("placeholder"))
        field.fill("60")
    assert len(seen) > 1


@pytest.mark.parametrize("kind", ["CSV", "XLSX"])
def test_a_download_holds_all_that_the_filters_find(visit: Visit, tmp_path: Path, kind: str) -> None:
    page = visit.page
    page.get_by_label("Sell on").select_option("DE")
    expect(page.locator(ROWS).first).to_contain_text("→ DE")
    visit.answered()
    with page.expect_download() as waited:
        page.get_by_role("button", name=f"Download as {kind}").click()
    path = tmp_path / waited.value.suggested_filename
    waited.value.save_as(path)
    if kind == "CSV":
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    else:
        headings, *values = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        rows = [dict(zip(map(str, headings), map(str, v), strict=True)) for v in values]
    assert len(rows) == total(page)
    assert {row["target"] for row in rows} == {"DE"}
    profits = [float(row["profit"]) for row in rows]
    assert profits == sorted(profits, reverse=True)
    assert profits[:25] == [number(text) for text in column(page, "Profit")]
    expect(page.locator(".arb-notice")).to_contain_text("were downloaded")


def test_a_link_opens_the_same_view(visit: Visit, up: Up, browser: Browser) -> None:
    page = visit.page
    page.get_by_label("Sell on").select_option("FR")
    page.get_by_label("Sort by Margin").click()
    page.get_by_label("Sort by Margin").click()
    expect(page.locator("#arb-table th[aria-sort=ascending]")).to_contain_text("Margin")
    visit.answered()
    assert "token" not in page.url
    query = dict(parse_qsl(urlsplit(page.url).query))
    assert query["target"] == "FR"
    with visiting(browser, address(up, "opportunities", **query), ready=ROWS) as other:
        assert column(other.page, "Product") == column(page, "Product")
        expect(other.page.get_by_label("Sell on")).to_have_value("FR")


def test_a_bad_link_says_what_of_it_could_not_be_used(up: Up, browser: Browser) -> None:
    url = address(up, "opportunities", min_proft="5", source="<script>alert(1)</script>", max_age="1e999")
    with visiting(browser, url, ready=ROWS) as visit:
        told = visit.page.locator(".arb-notice")
        for text in ("did you mean min_profit?", "<SCRIPT>", "max_age: must be between"):
            expect(told).to_contain_text(text)


def test_a_view_is_saved_and_deleted(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Buy on").select_option("ES")
    expect(page.locator(ROWS).first).to_contain_text("ES →")
    page.get_by_label("Save this view as").fill("from Spain")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Saved view")).to_have_value("from Spain")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_label("Saved view")).to_have_value("")
    page.get_by_label("Saved view").select_option("from Spain")
    expect(page.get_by_label("Buy on")).to_have_value("ES")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".arb-notice")).to_contain_text("“from Spain” is deleted")


def test_a_product_leaves_the_watchlist_and_comes_back(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Remove from the watchlist").click()
    expect(page.locator(".arb-notice")).to_contain_text("no longer on the watchlist")
    page.get_by_role("button", name="Add to the watchlist").click()
    expect(page.get_by_role("button", name="Remove from the watchlist")).to_be_visible()


def test_a_hostile_title_is_shown_as_text(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Search").fill("alert")
    expect(page.locator(f"{ROWS} .arb-title").first).to_contain_text("<script>")
    page.locator(f"{ROWS} td").first.click()
    expect(page.locator("#arb-route h2")).to_contain_text("<script>")


def test_a_session_that_ended_says_so_and_a_reload_begins_anew(up: Up, browser: Browser) -> None:
    # Jupyter's own client complains of the kernel that it lost.
    lost = ("Cannot send", "Canceled", "WebSocket", "ernel", "Failed to load resource")
    with visiting(browser, address(up, "opportunities"), ready=ROWS, forgiven=lost) as visit:
        page = visit.page
        session_of(page, up).kill()
        expect(page.locator(".arb-lost")).to_contain_text("Session", timeout=60_000)
        expect(page.locator(ROWS)).to_have_count(25)
        page.get_by_role("button", name="Reload").click()
        page.wait_for_selector(".arb-lost", state="hidden", timeout=60_000)
        page.wait_for_selector(ROWS, timeout=60_000)
        page.get_by_label("Buy on").select_option("IT")
        expect(page.locator(ROWS).first).to_contain_text("IT →")


def test_a_page_that_is_left_takes_its_session_with_it(up: Up, browser: Browser) -> None:
    with visiting(browser, address(up, "opportunities"), ready=ROWS) as visit:
        session = session_of(visit.page, up)
        visit.page.goto("about:blank")
        session.wait(30)


def test_a_phone_shows_cards_without_sideways_scrolling(up: Up, browser: Browser) -> None:
    with visiting(browser, address(up, "opportunities"), ready=ROWS, size=(390, 844), dark=True) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.page.get_by_text("Filters", exact=True).click()
        visit.page.get_by_label("Sell on").select_option("DE")
        expect(visit.page.locator(ROWS).first).to_contain_text("→ DE")
