"""Keepa exports chosen on the opportunities page, without a browser."""

from __future__ import annotations

import tempfile
import threading

import pytest

from arbkit.core.settings import Settings
from arbkit.pipeline.consumer import drain
from arbkit.store import open_store
from arbkit.stream import RAW_TOPIC, open_stream
from tests.helpers.exports import csv_text
from tests.helpers.pages import Seen, shipped_page

HEADERS = ("Locale", "ASIN", "Title", "Buy Box: Current", "Sales Rank: Current", "Used: Current")
ROW = ("it", "B0TESTA001", "<img src=x>", "1.200,50", "12.345", "1,00")


@pytest.fixture
def seen(settings: Settings) -> Seen:
    return Seen(shipped_page("opportunities", settings)).begin()


def choose(seen: Seen, text: str, name: str = "export.csv") -> str:
    seen.upload("adding", "list", name, text.encode())
    return seen.html("checked") if seen.shown("checked") else ""


def messages(settings: Settings) -> int:
    with open_stream(settings) as stream:
        return sum(end - begin for begin, end in stream.watermarks(RAW_TOPIC).values())


def test_an_export_is_shown_before_it_is_imported_once_however_often_it_is_clicked(
    seen: Seen, settings: Settings
) -> None:
    html = choose(seen, csv_text(HEADERS, ROW, ("it", "nonsense", "x", "1,50", "", "")), "../<b>e</b>.csv")
    assert "1 product to import" in html
    assert "marketplace IT" in html
    assert "1 row that cannot be used" in html
    assert "1 of 6 columns are not read: Used: Current" in html
    assert "1,200.50 EUR" in html
    assert "12,345" in html
    assert "&lt;img src=x&gt;" in html
    assert "<b>e" not in html
    assert not list(settings.home.glob("*.db"))
    seen.click("import")
    seen.emit("action", region="checked", name="import")
    assert "1 product is imported" in seen.notices[-1]
    assert "1 row cannot be used" in seen.notices[-1]
    assert messages(settings) == 1
    assert not seen.shown("checked")
    assert drain(settings, stop=threading.Event())
    with open_store(settings, read_only=True) as store:
        (found,) = store.offers(["B0TESTA001"])
    assert (found.market, found.price_minor) == ("IT", 120_050)


def test_an_export_that_names_no_marketplace_is_imported_with_the_chosen_one(seen: Seen) -> None:
    text = csv_text(HEADERS[1:], ("B0TESTA001", "x", "1.50", "", ""))
    assert choose(seen, text) == ""
    assert seen.notices[-1].startswith("export.csv: ")
    assert "names no marketplace" in seen.notices[-1]
    seen.fill("adding", market="FR")
    assert "marketplace FR" in choose(seen, text)


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ("Locale,ASIN,Kaufbox\nde,B0TESTA001,1.50\n", "x.csv", "Kaufbox"),
        ("PK\x03\x04 broken", "x.xlsx", "x.xlsx"),
        ('{"products": 3}', "x.json", "x.json"),
    ],
)
def test_a_file_that_is_no_export_says_why_and_is_not_taken_for_a_list(
    seen: Seen, text: str, name: str, why: str
) -> None:
    assert choose(seen, text, name) == ""
    assert why in seen.notices[-1]
    assert tempfile.gettempdir() not in seen.notices[-1]


def test_a_list_in_a_file_of_values_is_a_list(seen: Seen) -> None:
    assert "2 to add" in choose(seen, "B000000001\nB000000002\n", "list.csv")
