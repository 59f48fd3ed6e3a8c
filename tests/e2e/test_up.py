"""`arbkit up` as a new user meets it: real processes, real Voilà, real browser, on the demo market."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from arbkit.settings import Settings
from tests.conftest import missing
from tests.e2e.running import ROWS, Up, running
from tests.processes import arbkit

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    if sys.platform != "linux":
        missing("Linux", "run this test there")
    with running(tmp_path_factory.mktemp("up") / "var") as one:
        yield one


@dataclass
class Visit:
    """A page, and what it did that no page of ours should do."""

    page: Page
    faults: list[str]


@pytest.fixture(scope="module")
def visit(up: Up, browser: Browser) -> Iterator[Visit]:
    """The dashboard with its table filled."""
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.on("dialog", lambda dialog: (faults.append("a dialog opened"), dialog.dismiss()))
    page.on("console", lambda m: faults.append(f"console: {m.text}") if m.type == "error" else None)

    def requested(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1":
            faults.append(f"asked another host: {url}")

    page.on("request", lambda request: requested(request.url))
    page.goto(up.addresses["dashboards"])
    page.wait_for_selector(ROWS, timeout=60_000)
    yield Visit(page, faults)
    page.close()
    assert faults == []


def first_row(page: Page) -> str:
    return str(page.locator(ROWS).first.get_attribute("data-id"))


def test_the_table_is_filled_marked_demo_and_links_to_both_shops(visit: Visit) -> None:
    page = visit.page
    expect(page.locator(".arbkit-demo").first).to_contain_text("DEMO")
    assert page.locator(ROWS).count() == 25
    asin, source, target = first_row(page).split(":")
    links = page.locator(ROWS).first.locator("a")
    urls = [links.nth(i).get_attribute("href") for i in range(links.count())]
    hosts = {"UK": "amazon.co.uk", "DE": "amazon.de", "FR": "amazon.fr", "IT": "amazon.it", "ES": "amazon.es"}
    assert urls == [f"https://www.{hosts[code]}/dp/{asin}" for code in (source, target)]


def test_dashboard_and_api_show_the_same_money(visit: Visit, up: Up) -> None:
    api = up.addresses["api"].removesuffix("/docs")
    shown = visit.page.locator(ROWS).first.locator("td").all_inner_texts()
    asin, source, target = first_row(visit.page).split(":")
    found = requests.get(f"{api}/products/{asin}?components=true", timeout=10).json()["opportunities"]
    same = next(o for o in found if (o["source"], o["target"]) == (source, target))
    assert f"{same['profit']:.2f} EUR" in shown
    assert f"{same['sell_price']:.2f} {same['sell_currency']}" in shown
    expect(visit.page.locator(".arbkit-parts tr.sum .n")).to_be_attached()
    parts = visit.page.locator(".arbkit-parts tbody .n").all_inner_texts()
    assert parts == [*(f"{c['amount']:.2f}" for c in same["components"]), f"{same['profit']:.2f}"]


def test_filters_sorting_and_pages(visit: Visit) -> None:
    page = visit.page
    everything = int(str(page.locator(".arbkit-table").get_attribute("data-total")))
    page.get_by_label("Next page").click()
    expect(page.locator(".arbkit-where")).to_contain_text("26–50 of")
    page.get_by_label("Buy on").select_option("IT")
    expect(page.locator(f"{ROWS} td:first-child").first).to_contain_text("IT →")
    expect(page.locator(".arbkit-where")).to_contain_text("1–25 of")
    fewer = int(str(page.locator(".arbkit-table").get_attribute("data-total")))
    assert 0 < fewer < everything
    assert all(t.startswith("IT") for t in page.locator(f"{ROWS} td:first-child").all_inner_texts())
    page.get_by_label("Sort by ROI").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("ROI")
    roi = [float(t.split()[0]) for t in page.locator(f"{ROWS} td:nth-child(6)").all_inner_texts()]
    assert roi == sorted(roi, reverse=True)
    page.get_by_label("Search").fill("no such product")
    expect(page.locator(".arbkit-empty")).to_contain_text("No opportunity passes")
    page.get_by_label("Search").fill("")
    page.get_by_label("Buy on").select_option("any")
    expect(page.locator(".arbkit-table")).to_have_attribute("data-total", str(everything))


def test_a_clicked_row_shows_where_its_money_goes_and_its_prices(visit: Visit) -> None:
    page = visit.page
    row = page.locator(ROWS).nth(3)
    asin = str(row.get_attribute("data-id")).split(":")[0]
    row.locator("td").first.click()
    expect(page.locator(".arbkit-detail")).to_contain_text(asin)
    expect(page.locator(f"{ROWS}[aria-selected=true]")).to_have_attribute("data-id", str(row.get_attribute("data-id")))
    expect(page.locator(".js-plotly-plot .waterfalllayer .point")).not_to_have_count(0)
    lines = page.locator(".js-plotly-plot .scatterlayer .trace")
    expect(lines.nth(1)).to_be_attached()
    profit = page.locator(".arbkit-parts tr.sum .n").inner_text()
    amounts = [float(t) for t in page.locator(".arbkit-parts tbody tr:not(.sum) .n").all_inner_texts()]
    assert round(sum(amounts), 2) == float(profit)


def test_what_if_the_price_or_the_seller_were_another(visit: Visit) -> None:
    page = visit.page
    page.get_by_text("What if …").click()
    result = page.locator(".arbkit-whatif")
    profit = float(page.locator(".arbkit-parts tr.sum .n").inner_text())
    expect(result.locator("h2")).to_contain_text(f"Profit {profit:.2f} EUR")
    expect(result).to_contain_text("Break-even selling at")
    expect(result.locator("tbody tr")).not_to_have_count(0)
    sell = page.get_by_label("Sell at")
    sell.fill(f"{float(sell.input_value()) + 5:.2f}")
    sell.press("Enter")
    expect(result.locator("h2")).not_to_contain_text(f"Profit {profit:.2f} EUR")
    page.get_by_label("VAT status").select_option("unregistered")
    expect(result).to_contain_text("unregistered")
    page.get_by_text("What if …").click()


def test_a_hostile_title_is_shown_as_text(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Search").fill("alert")
    expect(page.locator(f"{ROWS} .arbkit-title").first).to_contain_text("<script>")
    page.locator(f"{ROWS} td").first.click()
    expect(page.locator(".arbkit-detail h2")).to_contain_text("<script>")
    page.get_by_label("Search").fill("")
    assert visit.faults == []


def test_without_the_token_nobody_comes_in(up: Up) -> None:
    url = up.addresses["dashboards"].partition("?")[0]
    assert "token=" in up.addresses["dashboards"]
    answer = requests.get(url, timeout=10)
    assert "/login" in answer.url
    assert "widget" not in answer.text
    port = urlsplit(url).port
    contents = requests.get(f"http://127.0.0.1:{port}/voila/api/contents", timeout=10, allow_redirects=False)
    assert contents.status_code in {302, 403}


def test_a_port_in_use_is_named_with_the_setting_to_change(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings.load(_env_file=None, home=tmp_path / "var", api_port=0, demo_port=0, dashboards_port=port)
        done = arbkit(settings, "up")
    assert done.returncode == 3
    assert f"port {port}" in done.stderr
    assert "ARBKIT_DASHBOARDS_PORT" in done.stderr
