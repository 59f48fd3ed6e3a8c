"""Files that are small on the disk and large in memory, and files that are none."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from arbkit.core.errors import RefusedFileError
from arbkit.pipeline.files.importing import preview_files
from arbkit.sources.exports.files import SavedResponse, SheetRows, read_file
from tests.helpers.exports import xlsx_bytes
from tests.helpers.workbooks import MAIN, book, relation

HEADERS = '<row r="1"><c r="A1" t="inlineStr"><is><t>ASIN</t></is></c></row>'
FAR = '<row r="9"><c {} t="inlineStr"><is><t>x</t></is></c></row>'
BEYOND = FAR.format('r="XFD9"')


def read(folder: Path, data: bytes) -> SheetRows | SavedResponse:
    path = folder / "file.bin"
    path.write_bytes(data)
    return read_file(path)


@pytest.mark.parametrize(
    "address",
    [
        'r="XFD1048576"', 'r="XFD5000"', 'r="XFD2000"', 'r="CZZ9"', "r='xfd9'", 'r = "XFD9"', '\nr="XFD9"',
        'r="ZZZZZZ9"', 'r="ZZZZZZZZZZZZZZZZZ9"', 'r="XFD0000000000009"', 's="1"r="XFD9"', 'q=">" r="XFD9"',
        'r="XFD9" q="/>"',
        "r=\"XFD9\" q='/>'", 'r="A1" r="XFD9"',
    ],
)  # fmt: skip
def test_a_cell_far_to_the_right_is_refused_before_the_table_is_made(tmp_path: Path, address: str) -> None:
    with pytest.raises(RefusedFileError, match=r"reaches to column [\d,]+, and 2,000 are the most"):
        read(tmp_path, book(HEADERS + FAR.format(address)))


@pytest.mark.parametrize("address", ['r="ALL1048576"', 'r="XX2000000"', 'r="B99999999999999999999"'])
def test_a_cell_far_down_is_refused_before_the_table_is_made(tmp_path: Path, address: str) -> None:
    with pytest.raises(RefusedFileError, match=r"6,000,000 cells are the most"):
        read(tmp_path, book(HEADERS + FAR.format(address)))


def test_a_sheet_that_the_workbook_names_otherwise_is_looked_at_too(tmp_path: Path) -> None:
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{HEADERS}{BEYOND}</sheetData></worksheet>'
    related = relation("worksheets/other.xml", "worksheet")
    other = {"xl/worksheets/other.xml": sheet, "xl/_rels/workbook.xml.rels": related}
    with pytest.raises(RefusedFileError, match="reaches to column"):
        read(tmp_path, book(HEADERS, **other))


def test_what_a_sheet_says_of_its_dimension_is_not_relied_on(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match="reaches to column"):
        read(tmp_path, book(HEADERS + BEYOND, before='<dimension ref="A1:A1"/>'))
    found = read(tmp_path, book(HEADERS + FAR.format('r="A9"'), before='<dimension ref="A1:XFD1048576"/>'))
    assert isinstance(found, SheetRows)
    assert len(found.rows) == 1


def test_a_cell_that_is_only_coloured_counts_for_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, book(HEADERS + FAR.format('r="A9"') + '<row r="1048576"><c r="XFD1048576" s="1"/></row>'))
    assert isinstance(found, SheetRows)
    assert len(found.rows) == 1


def test_a_long_text_that_many_cells_share_is_refused(tmp_path: Path) -> None:
    texts = f"<si><t>ASIN</t></si><si><t>{'x' * 100_000}</t></si>"
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>{1 if n > 1 else 0}</v></c></row>' for n in range(1, 12_000))
    with pytest.raises(RefusedFileError, match="128 MiB of text"):
        read(tmp_path, book(cells, texts=texts))
    few = read(tmp_path, book(cells.replace("<v>1</v>", "<v>0</v>"), texts=texts))
    assert isinstance(few, SheetRows)


def test_cells_without_an_address_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbkit.sources.exports.xlsx.MAX_CELLS", 1_000)
    cells = HEADERS + '<row r="2">' + "<c/>" * 1_001 + "</row>"
    with pytest.raises(RefusedFileError, match="1,000 cells are the most"):
        read(tmp_path, book(cells))


def test_a_csv_of_nothing_but_cells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbkit.sources.exports.xlsx.MAX_CELLS", 10_000)
    with pytest.raises(RefusedFileError, match="10,000 cells are the most"):
        read(tmp_path, b"ASIN,Title\n" + b"," * 10_001)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_what_is_no_file_is_refused_and_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, Path("/dev/zero")):
        with pytest.raises(RefusedFileError, match=r"is no file|cannot be read"):
            read_file(path)


_DAMAGED = ("", "\0\0", "<", "<a><b></a>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<c r='A1'>" * 500)


@pytest.mark.parametrize("part", ["workbook.xml", "worksheets/sheet1.xml", "styles.xml", "sharedStrings.xml"])
@pytest.mark.parametrize("data", _DAMAGED)
def test_a_book_with_a_damaged_part_is_refused_by_name_or_read(tmp_path: Path, part: str, data: str) -> None:
    whole = io.BytesIO(xlsx_bytes(("ASIN", "Locale", "New: Current"), ("B0TESTA001", "de", (9.5, "0.00 €"))))
    out = io.BytesIO()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, data if name == f"xl/{part}" else old.read(name))
    path = tmp_path / "file.bin"
    path.write_bytes(out.getvalue())
    (file,) = preview_files([path]).files
    assert file.products == 1 or str(path) in str(file.refused)
    assert "fault of arbkit" not in str(file.refused)


_ASIN_CELL = '<c r="A2" t="inlineStr"><is><t>B0TESTA001</t></is></c>'


@pytest.mark.parametrize(
    "row",
    [
        f'<row r="2">{_ASIN_CELL}<c r="B2"><v>19.92</v> r="C2" s="1"><v>33.02</v></c></row>',
        f'<row r="2">{_ASIN_CELL}<c r="B3"><v>1</v></c></row>',
        f'<row r="3">{_ASIN_CELL}</row>',
        f'<row r="2">{_ASIN_CELL}<c r="A2"><v>1</v></c></row>',
        f'<row r="2">{_ASIN_CELL}<c r="C2"><v>1</v></c><c r="B2"><v>1</v></c></row>',
        f'<row r="2">{_ASIN_CELL}</row><row r="2"><c r="B2"><v>1</v></c></row>',
        f'<row r="2">{_ASIN_CELL}<c r="B2"><v>1</x></c></row>',
        f'<row r="2">{_ASIN_CELL}<c r="B2"><v>1</v></row>',
        f'<row r="2">{_ASIN_CELL}<c r="B2"><v>&nothing;</v></c></row>',
    ],
)
def test_a_sheet_whose_cells_are_not_where_they_say_is_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises(RefusedFileError, match="is a damaged XLSX file"):
        read(tmp_path, book(HEADERS + row))


def test_cells_in_any_style_of_writing_are_in_order(tmp_path: Path) -> None:
    cells = "".join(f"<c s='1' r='{column}2'><f>1</f><v>1</v> </c>" for column in ("B", "Z", "AA", "AB", "BA"))
    found = read(tmp_path, book(f'{HEADERS}<row spans="1:9" r="2">{_ASIN_CELL}{cells}</row><row r="10"/>'))
    assert isinstance(found, SheetRows)
    assert [row[0] for _, row in found.rows] == ["B0TESTA001"]
