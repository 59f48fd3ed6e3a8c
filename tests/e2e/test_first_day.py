"""A reseller's first day: who sells, a filter, a look, a decision with a note, the buy list as a file, a settlement."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from arbkit.core.marketplaces import MARKETS
from arbkit.profit.seller.first_run import HOME_QUESTION, NUMBERS_QUESTION
from tests.helpers.running import ROWS, Up, running
from tests.helpers.settlements import item, settlement
from tests.helpers.visiting import address, visiting

pytestmark = pytest.mark.e2e
NUMBERS = "DE, FR, IT, ES"


@pytest.fixture
def new_user(tmp_path: Path) -> Iterator[Up]:
    with running(tmp_path / "var") as up:
        yield up


def decide(page: Page, status: str, **typed: str) -> None:
    panel = page.locator("#arb-decision")
    panel.get_by_label("Status").select_option(status)
    for label, text in typed.items():
        panel.get_by_label(label.replace("_", " ")).fill(text)
    panel.get_by_role("button", name="Decide").click()


def open_row(page: Page, number: int) -> str:
    row = page.locator(ROWS).nth(number)
    name = str(row.get_attribute("data-id"))
    row.get_by_role("gridcell").first.click()
    expect(page.locator("#arb-route")).to_contain_text(name.split(":")[0])
    expect(page.locator(".arb-verdict")).to_be_visible()
    return name


def test_from_the_first_questions_to_the_first_settlement(new_user: Up, browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, address(new_user, "opportunities"), ready=ROWS) as visit:
        page = visit.page
        say_who_sells(page)
        page.locator("#arb-filters").get_by_label("Min profit").fill("5")
        page.wait_for_url(re.compile("min_profit=5"))
        expect(page.locator(ROWS).nth(1)).to_be_visible()
        dismissed = open_row(page, 1)
        decide(page, "dismissed", Note="too slow")
        expect(page.locator(f'{ROWS}[data-id="{dismissed}"]')).to_have_count(0)
        chosen = open_row(page, 0)
        decide(page, "buy_list", Note="two at most")
        page.locator("#arb-filters").get_by_label("Status").select_option("buy_list")
        expect(page.locator(ROWS)).to_have_count(1)
        (row,) = download(page, tmp_path)
        assert (row["asin"], row["source"], row["target"]) == tuple(chosen.split(":"))
        assert (row["decision"], row["decision_note"]) == ("buy_list", "two at most")
        decide(page, "bought", Units_bought="2", **{"Price_of_one,_with_VAT": "10"})
        expect(page.locator("#arb-decided")).to_contain_text("2 units")
    asin, source, target = chosen.split(":")
    product = address(new_user, "product", asin=asin, route=f"{source}:{target}")
    with visiting(browser, product, ready="#arb-purchases tbody tr") as visit:
        page = visit.page
        page.get_by_label("Your SKUs of this product").fill("FIRST-DAY")
        page.get_by_label("Settlement (Flat File V2) or CSV").set_input_files(sold(target, tmp_path))
        expect(page.locator(".arb-notice")).to_contain_text("1 line new")
        # Bought, sold, returned and left; then what was forecast for it, and what came of it.
        cells = page.locator("#arb-purchases tbody tr td")
        expect(cells.nth(1)).to_have_text("1")
        expect(cells.nth(3)).to_have_text("1")
        expect(cells.nth(4)).to_contain_text("EUR (")
        expect(cells.nth(5)).to_contain_text("EUR")
    with visiting(browser, address(new_user, "opportunities", decision="bought"), ready=ROWS) as visit:
        expect(visit.page.locator(ROWS).first).to_have_attribute("data-id", chosen)


def say_who_sells(page: Page) -> None:
    page.get_by_text("Built-in example seller: is this you?").click()
    page.get_by_label(HOME_QUESTION).select_option("DE")
    page.get_by_label(NUMBERS_QUESTION).fill(NUMBERS)
    page.get_by_role("button", name="Save my profile").click()
    expect(page.locator(".arb-notice")).to_contain_text("Profile changed, routes are priced again")
    expect(page.get_by_text("Built-in example seller: is this you?")).to_be_hidden()
    expect(page.locator(".arb-seller")).to_contain_text(f"registered in {NUMBERS}")


def download(page: Page, folder: Path) -> list[dict[str, str]]:
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download as CSV").click()
    path = folder / waited.value.suggested_filename
    waited.value.save_as(path)
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def sold(target: str, folder: Path) -> Path:
    """One unit sold there today, as Amazon settles it."""
    assert target in MARKETS
    host = "amazon.co.uk" if target == "UK" else f"amazon.{target.lower()}"
    rows = item({"ItemPrice/Principal": "29,99", "ItemFees/Commission": "-4,50"}, market=host, sku="FIRST-DAY",
                day=f"{datetime.now(UTC):%d.%m.%Y}", number="78")  # fmt: skip
    path = folder / "settlement.txt"
    path.write_bytes(settlement(*rows, total="25,49", number="78").encode("cp1252"))
    return path
