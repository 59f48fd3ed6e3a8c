"""How a file writes numbers, currencies and dates is decided for the file as a whole, or the file is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arbkit.core.errors import RefusedFileError
from arbkit.sources.exports.columns import read_columns
from arbkit.sources.exports.notation import (
    DAY_FIRST,
    ISO,
    MONTH_FIRST,
    SERIAL,
    currencies_in,
    date_in_name,
    decide_dates,
    decide_notation,
    read_date,
)
from arbkit.sources.exports.xlsx import currency_or_percent

PRICE, RANK, WEIGHT = "Buy Box: Current", "Sales Rank: Current", "Package: Weight (g)"
LATEST = datetime(2026, 11, 26, tzinfo=UTC)


def decimal(delimiter: str, **cells: list[str]) -> str:
    named = {
        {"price": PRICE, "rank": RANK, "weight": WEIGHT, "length": "Package: Length (cm)"}[name]: column
        for name, column in cells.items()
    }
    return decide_notation(read_columns(tuple(named)), named, delimiter=delimiter, percent=frozenset()).decimal


@pytest.mark.parametrize(
    ("delimiter", "cells", "mark"),
    [
        (",", {"price": ["1299", "12.99"]}, "."),
        (",", {"price": ["€ 1.299", "€ 3,20"]}, ","),
        (",", {"price": ["1.299,00"]}, ","),
        (",", {"price": ["1,299.00"]}, "."),
        (",", {"price": ["1.234.567"]}, ","),
        (",", {"price": ["1,299"]}, "."),
        (";", {"price": ["1.299"]}, ","),
        (";", {"price": ["12.99"]}, "."),
        ("\t", {"price": ["1.299"], "rank": ["23.456"]}, ","),
        (",", {"price": ["1299"], "rank": ["23,456"]}, "."),
        (",", {"price": ["0.999"]}, "."),
        (",", {"price": ["1299.999"]}, "."),
        (",", {"price": ["19"], "length": ["30,5"]}, ","),
        (",", {"price": ["12.99"], "length": ["30,5"]}, "."),
        (";", {"price": ["19"], "length": ["30,5", "30.5"]}, ","),
        ("", {"price": []}, "."),
    ],
)
def test_the_decimal_mark_is_what_the_cells_show(delimiter: str, cells: dict[str, list[str]], mark: str) -> None:
    assert decimal(delimiter, **cells) == mark


@pytest.mark.parametrize(
    ("delimiter", "cells"),
    [
        (",", {"price": ["1.299"]}),
        ("\t", {"price": ["1,299"]}),
        ("", {"price": ["1.299", "2.399"]}),
        (";", {"price": ["1,299"]}),
        (",", {"price": ["1.299", "1,299"]}),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_both(delimiter: str, cells: dict[str, list[str]]) -> None:
    with pytest.raises(RefusedFileError, match=r"two ways.* 1299 or 1\.299") as refused:
        decimal(delimiter, **cells)
    assert refused.value.field == PRICE


@pytest.mark.parametrize("cells", [{"price": ["12.99", "12,99"]}, {"price": ["1.299,00", "1,299.00"]}])
def test_two_notations_in_one_column_are_refused(cells: dict[str, list[str]]) -> None:
    with pytest.raises(RefusedFileError, match="two notations"):
        decimal(",", **cells)


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["2026/11/25 07:50", ""], ISO),
        (["2026-11-05"], ISO),
        (["46039.54"], SERIAL),
        (["25/11/2026", "03/04/2026"], DAY_FIRST),
        (["11/25/2026", "03/04/2026"], MONTH_FIRST),
        (["03.04.2026"], DAY_FIRST),
        (["12/10/2026"], DAY_FIRST),
        (["05/05/2026"], DAY_FIRST),
        (["yesterday"], None),
        ([], None),
    ],
)
def test_the_order_of_a_date_is_what_the_column_shows(cells: list[str], order: str | None) -> None:
    # 10 December 2026 would be in the future.
    assert decide_dates(cells, latest=LATEST, day_first=False) == order


def test_a_date_that_can_be_read_in_two_ways_is_refused_with_both() -> None:
    with pytest.raises(RefusedFileError, match=r"03 April 2026.*04 March 2026"):
        decide_dates(["03/04/2026"], latest=LATEST, day_first=False)
    assert decide_dates(["03/04/2026"], latest=LATEST, day_first=True) == DAY_FIRST
    with pytest.raises(RefusedFileError, match="two ways"):
        decide_dates(["25/03/2026", "03/25/2026"], latest=LATEST, day_first=True)


@pytest.mark.parametrize(
    ("cell", "order", "expected"),
    [
        ("2026/11/25 07:50", ISO, datetime(2026, 11, 25, 7, 50, tzinfo=UTC)),
        ("2026-11-25T07:50:10Z", ISO, datetime(2026, 11, 25, 7, 50, tzinfo=UTC)),
        ("25.11.26", DAY_FIRST, datetime(2026, 11, 25, tzinfo=UTC)),
        ("11/25/2026 1:05 PM", MONTH_FIRST, datetime(2026, 11, 25, 13, 5, tzinfo=UTC)),
        ("46039.5", SERIAL, datetime(2026, 1, 17, 12, 0, tzinfo=UTC)),
        (46039.5, SERIAL, datetime(2026, 1, 17, 12, 0, tzinfo=UTC)),
        (datetime(2026, 1, 17, 12), None, datetime(2026, 1, 17, 12, tzinfo=UTC)),  # noqa: DTZ001  # as calamine has it
        ("31.02.2026", DAY_FIRST, None),
        ("soon", ISO, None),
    ],
)
def test_a_date_is_read_in_its_order(
    cell: str | float | datetime, order: str | None, expected: datetime | None
) -> None:
    assert read_date(cell, order) == expected


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("KeepaExport-2026-01-20-ProductFinder (1).csv", datetime(2026, 1, 20, tzinfo=UTC)),
        ("GAE_DE_KeepaExport-2026-05-20-BestSellersList-3-908823031.xlsx", datetime(2026, 5, 20, tzinfo=UTC)),
        ("export-it-2025-07-17.xlsx", None),
        ("KeepaExport-2026-02-30-ProductFinder.csv", None),
    ],
)
def test_the_date_in_a_name_counts_only_where_keepa_wrote_it(name: str, day: datetime | None) -> None:
    assert date_in_name(name) == day


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        (["€ 4.72", "5"], {"EUR"}), (["4,72 €"], {"EUR"}), (["77.99 -C0A"], {"EUR"}), (["99.95 -409"], {"USD"}),
        (["£19.99"], {"GBP"}), (["EUR 5.00"], {"EUR"}), (["CDN$ 5.00"], {"CAD"}), (["19,99 zł"], {"PLN"}),
        (["12.50", "", "zehn"], set()), (["€ 1", "£ 1"], {"EUR", "GBP"}),
    ],
)  # fmt: skip
def test_the_currency_is_what_the_cells_name(cells: list[str], codes: set[str]) -> None:
    assert currencies_in(cells) == codes


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("#,##0.00 [$£-809]", "GBP"), ("#,##0.00 [$€-C0A];-#,##0.00 [$€-C0A]", "EUR"), ("#,##0.00 [$-C0A]", "EUR"),
        ("#,##0.00 [$-809]", "GBP"), ("#,##0.00 [$-409]", "USD"), ('"£"#,##0.00', "GBP"), ("#,##0.00 €", "EUR"),
        ("#,##0.00 [$BRL]", "BRL"), ("#,##0.00 [$zł-415]", "PLN"), ("0.00%", "%"), ("0 %", "%"), ("0.00", None),
        ("General", None), ("[$-409]d mmm yyyy", None), ("yyyy-mm-dd hh:mm", None), ("[Red]0.00", None),
    ],
)  # fmt: skip
def test_a_cell_format_names_a_currency_or_percent(code: str, meaning: str | None) -> None:
    assert currency_or_percent(code) == meaning
