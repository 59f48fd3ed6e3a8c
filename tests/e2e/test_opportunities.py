"""The opportunities page as an analyst works with it: real processes, real Voilà, real browser, the demo market."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pandas as pd
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
    expect(page.locator(".arb-empty")).to_contain_text("No opportunity passes these filters: Search no such product")
    page.get_by_role("button", name="Clear all filters").click()
    expect(page.locator("#arb-table .arb-table")).to_have_attribute("data-total", str(everything))
    page.get_by_text("Columns and rows", exact=True).click()
    page.get_by_label("Rows", exact=True).select_option("compact")
    expect(page.locator("#arb-table .arb-is-compact")).to_have_count(1)
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


def test_a_decision_is_in_the_table_the_filter_and_after_a_reload(visit: Visit) -> None:
    page = visit.page
    row = page.locator(ROWS).nth(2)
    name = str(row.get_attribute("data-id"))
    row.get_by_role("gridcell").first.click()
    expect(page.locator("#arb-route")).to_contain_text(name.split(":")[0])
    panel = page.locator("#arb-decision")
    panel.get_by_label("Status").select_option("buy_list")
    panel.get_by_label("Note").fill("ask Ann <b>first</b>")
    panel.get_by_role("button", name="Decide").click()
    expect(page.locator("#arb-decided")).to_contain_text("buy list")
    expect(page.locator("#arb-decided")).to_contain_text("ask Ann <b>first</b>")
    page.locator("#arb-filters").get_by_label("Status").select_option("buy_list")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(ROWS).first).to_have_attribute("data-id", name)
    page.wait_for_url(re.compile("decision=buy_list"))
    page.reload()
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#arb-decided")).to_contain_text("ask Ann <b>first</b>")


def test_back_and_forward_go_through_what_was_done(visit: Visit) -> None:
    page = visit.page
    rows = page.locator(ROWS)
    first, everything = str(rows.first.get_attribute("data-id")), total(page)
    search = page.get_by_label("Search")
    # Typed with pauses in between, it is one entry all the same.
    for text in ("r", "radio"):
        search.fill(text)
        visit.page.wait_for_url(re.compile(f"q={text}(&|$)"))
    search.press("Enter")
    visit.answered()
    assert 4 < total(page) < everything
    page.get_by_label("Sort by ROI").click()
    expect(page.locator("#arb-table th[aria-sort=descending]")).to_contain_text("ROI")
    selected = page.locator(f"{ROWS}[aria-selected=true]")
    before = str(selected.get_attribute("data-id"))
    opened = next(one for one in (str(rows.nth(n).get_attribute("data-id")) for n in (2, 3)) if one != before)
    page.locator(f'{ROWS}[data-id="{opened}"]').get_by_role("gridcell").first.click()
    expect(page.locator("#arb-route")).to_contain_text(opened.split(":")[0])
    page.wait_for_url(lambda url: f"chosen={opened}" in unquote(url))
    page.go_back()
    expect(selected).to_have_attribute("data-id", before)
    expect(page.locator("#arb-table th[aria-sort=descending]")).to_contain_text("ROI")
    page.go_back()
    expect(page.locator("#arb-table th[aria-sort=descending]")).not_to_contain_text("ROI")
    expect(search).to_have_value("radio")
    page.go_back()
    expect(page.locator("#arb-table .arb-table")).to_have_attribute("data-total", str(everything))
    expect(search).to_have_value("")
    expect(rows.first).to_have_attribute("data-id", first)
    page.go_forward()
    expect(search).to_have_value("radio")


def test_back_from_a_product_leads_to_the_row_at_its_place(visit: Visit) -> None:
    page = visit.page
    row = page.locator(ROWS).nth(20)
    name = str(row.get_attribute("data-id"))
    row.scroll_into_view_if_needed()
    page.mouse.wheel(0, 40)
    place = page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(scrollY))))")
    row.locator(".arb-title a").click()
    page.wait_for_selector("#arb-about h2")
    page.go_back()
    page.wait_for_selector(ROWS)
    expect(page.locator(f'{ROWS}[data-id="{name}"]')).to_be_focused()
    assert abs(page.evaluate("scrollY") - place) <= 60


def test_a_row_opened_by_keyboard_gives_the_focus_to_its_details_and_back(visit: Visit) -> None:
    page = visit.page
    row = page.locator(ROWS).nth(2)
    row.focus()
    page.keyboard.press("Enter")
    details = page.get_by_role("region", name="Details of the selected row")
    expect(details).to_be_focused()
    expect(details).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(row).to_be_focused()
    page.set_viewport_size({"width": 1000, "height": 700})
    row.get_by_role("gridcell").first.click()
    expect(page.locator("#arb-route h2")).to_be_in_viewport()
    page.get_by_role("button", name="Back to the list").click()
    expect(row).to_be_focused()
    expect(row).to_be_in_viewport()


def test_what_if_prices_exchange_rate_or_the_seller_were_others(visit: Visit) -> None:
    page = visit.page
    page.get_by_text("What if …").click()
    answer = page.locator("#arb-quote")
    expect(answer).to_contain_text("Break-even selling price")
    page.get_by_label("Selling prices ± %").fill("-10")
    page.keyboard.press("Enter")
    expect(page.locator("#arb-outcome")).to_contain_text("instead of")
    pairs = zip(column(page, "Profit if …"), column(page, "Profit today"), strict=True)
    # Some can be priced only at the lower price: EFN from another country has a highest one.
    known = [(number(after), number(today)) for after, today in pairs if today != "–"]
    assert known
    assert all(after < today for after, today in known)
    expect(page.locator("#arb-outcome")).to_contain_text("routes of the whole market would be profitable")
    page.get_by_label("Selling prices ± %").fill("15")
    page.keyboard.press("Enter")
    page.get_by_label("Show").select_option("becomes an opportunity")
    expect(page.locator(ROWS).first).to_contain_text("becomes an opportunity")
    winners = column(page, "Profit if …")
    page.wait_for_url(lambda url: all(part in unquote(url) for part in ("sell_change=15", "turn=wins")))
    page.reload()
    expect(page.locator(ROWS).first).to_contain_text("becomes an opportunity")
    assert column(page, "Profit if …") == winners
    page.get_by_text("What if …").click()
    expect(page.get_by_label("Selling prices ± %")).to_have_value("15")
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


@pytest.mark.parametrize(
    ("kind", "target", "profit"),
    [("CSV", "target", "profit"), ("XLSX", "Sell on", "Profit"), ("Parquet", "target", "profit")],
)
def test_a_download_holds_all_that_the_filters_find(
    visit: Visit, tmp_path: Path, kind: str, target: str, profit: str
) -> None:
    page = visit.page
    page.get_by_label("Sell on").select_option("DE")
    expect(page.locator(ROWS).first).to_contain_text("→ DE")
    page.get_by_label("Sort by Profit").click()
    expect(page.locator("#arb-table th[aria-sort=descending]")).to_contain_text("Profit")
    visit.answered()
    with page.expect_download() as waited:
        page.get_by_role("button", name=f"Download as {kind}").click()
    path = tmp_path / waited.value.suggested_filename
    waited.value.save_as(path)
    if kind == "CSV":
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    elif kind == "Parquet":
        rows = [{str(n): str(v) for n, v in row.items()} for row in pd.read_parquet(path).to_dict("records")]
    else:
        headings, *values = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        rows = [dict(zip(map(str, headings), map(str, v), strict=True)) for v in values]
    assert len(rows) == total(page)
    assert {row[target] for row in rows} == {"DE"}
    profits = [float(row[profit]) for row in rows]
    assert profits == sorted(profits, reverse=True)
    assert profits[:25] == [number(text) for text in column(page, "Profit")]
    expect(page.locator(".arb-notice")).to_contain_text("were downloaded")


def test_a_link_opens_the_same_view(visit: Visit, up: Up, browser: Browser) -> None:
    page = visit.page
    page.get_by_label("Sell on").select_option("FR")
    page.get_by_label("Sort by ROI").click()
    page.get_by_label("Sort by ROI").click()
    expect(page.locator("#arb-table th[aria-sort=ascending]")).to_contain_text("ROI")
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
    naming = page.get_by_label("Save this view as")
    naming.fill("by Enter")
    naming.press("Enter")
    expect(page.get_by_label("Saved view")).to_have_value("by Enter")
    expect(naming).to_have_value("")


def test_a_product_leaves_the_watchlist_and_comes_back(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Remove from the watchlist").click()
    expect(page.locator(".arb-notice")).to_contain_text("no longer on the watchlist")
    page.get_by_role("button", name="Add to the watchlist").click()
    remove = page.get_by_role("button", name="Remove from the watchlist")
    remove.click()
    asin = str(page.locator(f"{ROWS}[aria-selected=true]").get_attribute("data-id")).partition(":")[0]
    expect(page.get_by_role("button", name="Add to the watchlist")).to_be_visible()
    # And in a list, with a word that is none.
    page.get_by_text("Add products", exact=True).click()
    page.get_by_label("ASINs, EANs, Amazon addresses").fill(f"https://www.amazon.de/dp/{asin}?th=1\n<b>nonsense</b>")
    page.get_by_role("button", name="Check", exact=True).click()
    checked = page.locator("#arb-checked")
    expect(checked).to_contain_text("1 to add")
    expect(checked).to_contain_text("Line 2: b>nonsense</b")
    expect(checked).to_contain_text("Keepa tokens")
    checked.get_by_role("button", name="Add the good one").click()
    expect(page.locator(".arb-notice")).to_contain_text("1 product is now on the watchlist")
    expect(remove).to_be_visible()


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


def test_a_page_whose_widget_ipywidgets_gave_up_loads_again(up: Up, browser: Browser) -> None:
    gives_up = """
        if (!sessionStorage.getItem("gave-up")) addEventListener("DOMContentLoaded", () => {
            sessionStorage.setItem("gave-up", "yes");
            const lost = document.createElement("div");
            lost.className = "jupyter-widgets";
            lost.textContent = "Error displaying widget: model not found";
            document.body.append(lost);
        });"""
    context = browser.new_context()
    context.add_init_script(gives_up)
    page = context.new_page()
    page.goto(address(up, "opportunities"))
    page.wait_for_selector(ROWS, timeout=120_000)
    assert page.evaluate("sessionStorage.getItem('gave-up')") == "yes"
    expect(page.get_by_text("model not found")).to_have_count(0)
    context.close()


def test_a_page_that_is_left_takes_its_session_with_it(up: Up, browser: Browser) -> None:
    with visiting(browser, address(up, "opportunities"), ready=ROWS) as visit:
        session = session_of(visit.page, up)
        visit.page.goto("about:blank")
        session.wait(30)


def test_a_phone_shows_cards_without_sideways_scrolling(up: Up, browser: Browser) -> None:
    with visiting(browser, address(up, "opportunities"), ready=ROWS, size=(390, 844), dark=True) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.page.get_by_label("Order by").select_option("roi")
        expect(visit.page).to_have_url(re.compile("sort=roi"))
        visit.page.get_by_role("button", name="Highest first").click()
        expect(visit.page).to_have_url(re.compile("descending=no"))
        visit.page.get_by_text("Filters", exact=True).click()
        visit.page.get_by_label("Sell on").select_option("DE")
        expect(visit.page.locator(ROWS).first).to_contain_text("→ DE")


def test_a_phone_opens_a_row_as_a_sheet_that_button_escape_and_back_close(up: Up, browser: Browser) -> None:
    with visiting(browser, address(up, "opportunities"), ready=ROWS, size=(390, 844)) as visit:
        page = visit.page
        row, sheet = page.locator(ROWS).nth(2), page.get_by_role("dialog", name="Details of the selected row")
        expect(sheet).to_have_count(0)
        ways = (
            page.get_by_role("button", name="Back to the list").click,
            lambda: page.keyboard.press("Escape"),
            page.go_back,
        )
        for close in ways:
            row.locator('[data-label="Profit"]').click()
            expect(sheet).to_be_visible()
            expect(sheet.locator("h2").first).to_be_in_viewport()
            visit.answered()
            close()
            expect(sheet).to_have_count(0)
            expect(row).to_be_focused()
