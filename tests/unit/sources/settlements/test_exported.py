"""Sales as a file from one store to another: what is read is what was written, and a spreadsheet may have saved it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.sales.line import SaleLine
from arbkit.sources.settlements.exported import EXPORT_COLUMNS, export_csv
from arbkit.sources.settlements.files import parse_sales
from arbkit.sources.settlements.read import ReadSales
from tests.helpers.sales import refund, sale

LINES = [
    sale(1, units=3, vat=17.1, other={"Shipping": 2.9, "Promotion: Coupon": -1.0}),
    refund(2, order=None, sku=None),
    sale(3, asin=None, sku="=1+1", market=None, vat=0.0),
    sale(4, kind="other", what="Storage Fee / <b>", asin=None, sku=None, units=0, principal=0.0, fees={},
         other={"Storage Fee": -1234.5}, market=None, order=None),
    sale(5, sku="'=already", source="file sales, 2026.csv", added_at=1_795_000_000.123456, demo=True),
]  # fmt: skip


def read(data: bytes | str) -> ReadSales:
    return parse_sales(data if isinstance(data, bytes) else data.encode(), "sales.csv", added_at=1.0)


def rows_of(lines: list[SaleLine]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(export_csv(lines).decode("utf-8-sig"), newline="")))


def written(rows: list[list[str]], **how: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=how.get("delimiter", ",")).writerows(rows)
    return text.getvalue()


def test_every_line_is_read_as_it_was_written() -> None:
    found = read(export_csv(LINES))
    assert list(found.lines) == LINES
    assert (found.faults, found.left_out, found.mismatches) == ((), 0, ())


def test_nothing_in_it_is_a_formula() -> None:
    cells = [cell for row in rows_of(LINES) for cell in row]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell[:1] in "=+@" and cell[:1]]


TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=30)
AMOUNTS = st.integers(-10_000_000, 10_000_000).map(lambda cents: cents / 100)


@given(
    sku=TEXTS,
    order=st.none() | TEXTS,
    fees=st.dictionaries(TEXTS, AMOUNTS, max_size=3),
    principal=AMOUNTS,
    vat=st.none() | AMOUNTS,
    what=TEXTS,
)
def test_whatever_texts_and_amounts_a_line_has_they_come_back(
    sku: str, order: str | None, fees: dict[str, float], principal: float, vat: float | None, what: str
) -> None:
    line = sale(1, sku=sku, order=order, fees=fees, principal=principal, vat=vat, what=what)
    assert read(export_csv([line])).lines == (line,)


def test_a_spreadsheet_may_have_saved_it_in_its_own_notation() -> None:
    head, *rows = rows_of(LINES[:2])
    for row in rows:
        for name in ("principal", "vat", "total"):
            row[head.index(name)] = row[head.index(name)].replace(".", ",")
        row[head.index("day")] = ".".join(reversed(row[head.index("day")].split("-")))
        row[head.index("added_at")] = "1,79E+09"
    found = read(written([[name.upper() for name in head], *rows], delimiter=";").encode("cp1252"))
    assert [line.is_same(other) for line, other in zip(found.lines, LINES, strict=False)] == [True, True]
    assert {line.added_at for line in found.lines} == {1.0}


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("id", "", "id: is missing"),
        ("kind", "sold", "no such value"),
        ("day", "soon", "is no day"),
        ("asin", "B00", "asin"),
        ("market", "XX", "market"),
        ("units", "-1", "units"),
        ("units", "1.5", "units"),
        ("currency", "euro", "is no currency"),
        ("principal", "many", "is no amount"),
        ("principal", "31.00", "its amounts come to"),
        ("fees", "{", "is no list of amounts"),
        ("fees", '["x"]', "fees"),
        ("fees", '{"Commission": "x"}', "fees"),
        ("other", '{"x": 1e400}', "other"),
        ("id", "s1:2", "is that of a row before"),
    ],
)
def test_a_row_with_a_fault_stops_itself_alone_and_is_named(column: str, cell: str, why: str) -> None:
    head, first, second = rows_of([sale(2), sale(1)])
    second[head.index(column)] = cell
    found = read(written([head, first, second]))
    assert [line.id for line in found.lines] == ["s1:2"]
    (fault,) = found.faults
    assert (fault.number, found.left_out) == (3, 1)
    assert why in fault.why


def test_a_row_with_too_many_cells_is_a_fault_and_columns_may_lack_or_be_more() -> None:
    head, row = rows_of([sale(1)])
    assert read(written([head, [*row, "more"]])).left_out == 1
    assert read(written([[*head, "note"], [*row, "mine"]])).lines == (sale(1),)
    fewer = [name for name in EXPORT_COLUMNS if name not in ("total", "demo", "what")]
    cells = [row[head.index(name)] for name in fewer]
    assert read(written([fewer, cells, [""] * len(fewer)])).lines == (sale(1),)


def test_no_sales_are_a_file_with_its_columns_alone() -> None:
    assert rows_of([]) == [list(EXPORT_COLUMNS)]
    assert read(export_csv([])).lines == ()
