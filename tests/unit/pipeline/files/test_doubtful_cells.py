"""Cells that may not be where they stand, or contradict each other: the row is refused, and the others are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.core.errors import RefusedFileError
from tests.helpers.exports import csv_text, read_offers, read_rows, xlsx_bytes

ASIN, PRICE = "B0TESTA001", "Buy Box: Current"
GOOD = "".join(f"it,B0TESTA00{number},x,12.99,13.50,4006381333931\n" for number in range(2, 6))


@pytest.mark.parametrize("row", [f"it,{ASIN},x,13.50,", f"it,{ASIN},x 12.99,13.50,", f"it,{ASIN}", ASIN])
def test_a_row_that_lost_a_delimiter_is_refused(tmp_path: Path, row: str) -> None:
    head = f"Locale,ASIN,Title,{PRICE},New: Current,Product Codes: EAN\n"
    read, _ = read_rows(tmp_path, f"{head}{row}\n{GOOD}")
    assert [found.error is None for found in read] == [False, True, True, True, True]
    assert "fewer cells than columns" in str(read[0].error)


@pytest.mark.parametrize("name", ["ASIN", "URL: Amazon"])
def test_an_asin_or_address_behind_all_that_is_read_shows_that_nothing_moved(tmp_path: Path, name: str) -> None:
    behind = ASIN if name == "ASIN" else f"https://www.amazon.it/dp/{ASIN}"
    first = ASIN if name != "ASIN" else "x"
    names = ("ASIN", name) if name != "ASIN" else ("Image", name)
    text = f"{names[0]},Locale,{PRICE},{names[1]},Color,Size\n{first},it,12.99,{behind}\n"
    (offer,) = read_offers(tmp_path, text)
    assert (offer.asin, offer.price_minor) == (ASIN, 1_299)


@pytest.mark.parametrize(
    ("headers", "cells"),
    [
        (("Locale", "ASIN", PRICE, PRICE), ("it", ASIN, "12.99", "13.99")),
        (("Locale", "ASIN", PRICE, "ASIN"), ("it", ASIN, "12.99", "B0TESTA009")),
        (("Locale", "ASIN", PRICE, "Buy Box: Aktuell"), ("it", ASIN, "12.99", "13.99")),
        (("Locale", "ASIN", PRICE, "Locale"), ("it", ASIN, "12.99", "de")),
        (("Locale", "ASIN", PRICE, "Standort"), ("it", ASIN, "12.99", "de")),
        (("Locale", "ASIN", PRICE, "Product Codes: EAN", "Product Codes: EAN"), ("it", ASIN, "1.99", "96385074", "x")),
    ],
)
def test_columns_that_contradict_each_other_are_refused(
    tmp_path: Path, headers: tuple[str, ...], cells: tuple[str, ...]
) -> None:
    with pytest.raises(RefusedFileError, match=r"has two columns .* that differ"):
        read_rows(tmp_path, csv_text(headers, cells))


def test_a_price_with_and_one_without_shipping_may_differ(tmp_path: Path) -> None:
    (offer,) = read_offers(
        tmp_path, csv_text(("Locale", "ASIN", PRICE, "Buy Box 🚚: Current"), ("it", ASIN, "9", "12"))
    )
    assert offer.price_minor == 1_200


def test_columns_that_say_the_same_twice_are_read(tmp_path: Path) -> None:
    headers = ("Locale", "ASIN", PRICE, "ASIN", PRICE, "Standort")
    (offer,) = read_offers(tmp_path, csv_text(headers, ("it", ASIN, "12.99", ASIN.lower(), "12.99", "IT")))
    assert offer.price_minor == 1_299


@pytest.mark.parametrize("cell", [".12", "12.", "."])
def test_a_number_that_lost_its_digits_is_no_price(tmp_path: Path, cell: str) -> None:
    rows = (("it", f"B0TESTA00{number}", price) for number, price in enumerate(("12.99", cell)))
    read, _ = read_rows(tmp_path, csv_text(("Locale", "ASIN", PRICE), *rows))
    assert [row.error is None for row in read] == [True, False]


@pytest.mark.parametrize("cell", ["９６３８５０７４", "٩٦٣٨٥٠٧٤", 710.0, 17.0])
def test_what_is_no_ean_is_not_made_one(tmp_path: Path, cell: str | float) -> None:
    headers = ("Locale", "ASIN", PRICE, "Product Codes: EAN")
    (offer,) = read_offers(tmp_path, xlsx_bytes(headers, ("it", ASIN, 12.99, cell)), name="x.xlsx")
    assert offer.eans == ()
    assert any("is no EAN" in note for note in offer.notes)


@pytest.mark.parametrize("cell", ["2025-04/11 15:56", "2025/04.11", "11.04/2025"])
def test_a_date_of_two_notations_is_none(tmp_path: Path, cell: str) -> None:
    text = csv_text(("Locale", "ASIN", PRICE, "Last Update"), ("it", ASIN, "12.99", cell))
    (row,), report = read_rows(tmp_path, text)
    assert row.at == "2026-11-25T20:00:00+00:00"
    assert any("cells that are no dates" in note for note in report.notes)
