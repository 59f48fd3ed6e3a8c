"""A sheet as the usual programs write it is read in one pass, and says the same as to a whole XML reader."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from arbkit.core.errors import RefusedFileError
from arbkit.sources.exports import files
from arbkit.sources.exports.files import SavedResponse, SheetRows, read_file
from arbkit.sources.exports.plain_sheet import PlainSheet, read_plain_sheet
from arbkit.sources.exports.xlsx import read_styles
from tests.helpers.exports import xlsx_bytes
from tests.helpers.workbooks import MAIN, book

HEADERS = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>ASIN</t></is></c>'
    '<c r="B1" t="inlineStr"><is><t>New: Current</t></is></c></row>'
)
PRESERVED = '<t xml:space="preserve">'


def _parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    names = ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml")
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        sheet, texts, styles = (file.read(name) if name in file.namelist() else b"" for name in names)
    return sheet, texts, styles


def _plain(data: bytes) -> PlainSheet | None:
    sheet, texts, styles = _parts(data)
    return read_plain_sheet(sheet, texts, read_styles(styles))


def _found(path: Path) -> SheetRows | SavedResponse | str:
    try:
        return read_file(path)
    except RefusedFileError as error:
        return str(error)


def _agrees(data: bytes) -> bool:
    """Whether calamine reads the same rows, each cell of the same type, once those without a cell are left out."""
    plain = _plain(data)
    assert plain is not None
    rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    theirs = [(n, row) for n, row in enumerate(rows, 1) if n == 1 or any(cell != "" for cell in row)]
    ours = [(n, row) for n, row in plain.rows if n == 1 or any(cell != "" for cell in row)]
    return repr(ours) == repr(theirs)


def _text(content: str, opening: str = "<t>") -> str:
    return f'<row r="2"><c r="A2" t="inlineStr"><is>{opening}{content}</t></is></c></row>'


@pytest.mark.parametrize("opening", ["<t>", PRESERVED])
@pytest.mark.parametrize(
    "content",
    [
        "", " ", "x", " a  b ", "\n a\tb \n", "a&amp;b&lt;&gt;&quot;&apos;", "a&amp;lt;b", "a&amp;amp;",
        "\u00a0x\u00a0",
        "é€✜🚚\u2028", "]] >", "_X0041_", "_x004_", ">", "＀\ufefe", "0", "TRUE",
    ],
)  # fmt: skip
def test_a_text_is_what_a_whole_reader_makes_of_it(content: str, opening: str) -> None:
    assert _agrees(book(HEADERS + _text(content, opening)))
    shared = f"<si>{opening}{content}</t></si><si><t>other</t></si>"
    row = '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" s="0" t="s"><v>1</v></c></row>'
    assert _agrees(book(HEADERS + row, texts=shared, **{"xl/styles.xml": STYLES}))


STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="170" formatCode="yyyy-mm-dd"/>'
    '<numFmt numFmtId="171" formatCode="_-* #,##0.00\\ [$€-407]_-;-* &quot;Tag&quot;"/></numFmts>'
    '<cellXfs><xf/><xf numFmtId="2"/><xf numFmtId="171"/><xf numFmtId="170"/><xf numFmtId="14"/></cellXfs></styleSheet>'
)


@pytest.mark.parametrize("style", ["", ' s="0"', ' s="1"', ' s="2"', ' s="2" t="n"'])
@pytest.mark.parametrize(
    "number",
    [
        "0", "-0", "1", "007", "19.99", "-3.5", "1e5", "1E-3", "0.1234567890123456789", "123456789012345678901234",
        "1e400", "4.35", "2.2250738585072011e-308", "9007199254740993",
    ],
)  # fmt: skip
def test_a_number_is_what_a_whole_reader_makes_of_it(number: str, style: str) -> None:
    row = f'<row r="2"><c r="B2"{style}><v>{number}</v></c></row>'
    assert _agrees(book(HEADERS + row, **{"xl/styles.xml": STYLES}))


@pytest.mark.parametrize(
    "rows",
    [
        "",
        '<row r="2"></row><row r="3" spans="1:2"><c r="A3"/></row>',
        '<row r="2"><c r="C2"><v>1</v></c></row><row r="9"><c r="AA9"><v>2</v></c></row>',
        '<row r="2"><c r="A2"><v>1</v></c><c r="D2" t="inlineStr"/><c r="CZ2" s="1"/></row>',
        '<row r="2"><c r="A2"><v>1</v></c><c r="D2" t="inlineStr"><is><t></t></is></c></row>',
        '<row r="2" ht="15.5" customHeight="1"><c r="A2" t="n" /><c r="B2" s="1" /></row>',
    ],
)
def test_cells_are_where_a_whole_reader_puts_them(rows: str) -> None:
    assert _agrees(book(HEADERS + rows, **{"xl/styles.xml": STYLES}))


@pytest.mark.parametrize(
    "row",
    [
        _text("a&#65;"), _text("a&nbsp;"), _text("a & b"), _text("a\rb"), _text("_x0041_"), _text("]]>"),
        _text("a\x0bb"), _text("\uffff"), _text("<b/>"), _text("a</t><t>b"), _text("x") + "<!-- -->",
        "<!-- -->" + _text("x"), _text("x").replace("</row>", " </row>"), _text("x").replace(' r="2"', ""),
        _text("x").replace('r="A2"', "r='A2'"), _text("x").replace('r="A2"', 'r="a2"'), _text("x", "<t a=''>"),
        _text("x").replace('r="A2"', 'r="A02"'), _text("x").replace('r="A2"', 'r="A3"'),
        _text("x").replace('<row r="2"', '<row r="02"'), _text("x").replace('<row r="2"', '<row r="1"'),
        _text("x").replace('<row r="2"', '<row r="2" a="1" a="2"'), _text("x").replace("inlineStr", "str"),
        _text("x").replace('<row r="2"', '<row r="2" x:a="1"'), _text("x").replace("<c", "<x:c"),
        '<row r="2"/>',
        '<row r="2"><c r="A2"><v></v></c></row>', '<row r="2"><c r="A2"><v>1_0</v></c></row>',
        '<row r="2"><c r="A2"><v> 1</v></c></row>', '<row r="2"><c r="A2"><v>nan</v></c></row>',
        '<row r="2"><c r="A2" t="inlineStr"><v>1</v></c></row>', '<row r="2"><c r="A2"><is><t>1</t></is></c></row>',
        '<row r="2"><c r="A2" t="s"><v>0</v></c></row>', '<row r="2"><c r="A2" t="b"><v>1</v></c></row>',
        '<row r="2"><c r="A2" t="e"><v>#N/A</v></c></row>', '<row r="2"><c r="A2"><f>1</f><v>1</v></c></row>',
        '<row r="2"><c r="A2"><v>1</v><v>2</v></c></row>', '<row r="2"><c r="A2"><v>1</v></c>5</row>',
        '<row r="2"><c r="A2" s="3"><v>46000</v></c></row>', '<row r="2"><c r="A2" s="4"><v>46000</v></c></row>',
        '<row r="2"><c r="A2" s="9"><v>1</v></c></row>', '<row r="2"><c r="A2" s="01"><v>1</v></c></row>',
        '<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row>',
        '<row r="2"><c r="A2"><v>1</v></c><c r="A2"><v>1</v></c></row>',
        '<row r="2"><c r="AAAAAAAAAA2"><v>1</v></c></row>', '<row r="2"><c r="CZZ2"/></row>',
        '<row r="9999999"><c r="A9999999"/></row>', '<row r="2"></row></sheetData><sheetData>',
        '<row r="2">' + '<c r="A2"/>' * 100_000 + "</row>",
    ],
)  # fmt: skip
def test_what_is_written_in_another_way_is_left_to_a_whole_reader(row: str) -> None:
    assert _plain(book(HEADERS, **{"xl/styles.xml": STYLES})) is not None
    assert _plain(book(HEADERS + row, **{"xl/styles.xml": STYLES})) is None


@pytest.mark.parametrize(
    "sheet",
    [
        b"", b'<?xml version="1.0" encoding="latin-1"?>%b', b"<!DOCTYPE worksheet>%b",
        b"<!-- -->%b", b"%b<!-- -->", b"<x>%b", b"%b</x>", b'<?xml version="1.0"?><?x y?>%b', b"%b%b",
    ],
)  # fmt: skip
def test_a_part_that_is_more_than_a_sheet_is_left_to_a_whole_reader(sheet: bytes) -> None:
    whole, texts, styles = _parts(book(HEADERS))
    for before in (b'<?xml version="1.0" encoding="UTF-8"?>\r\n', b"<?xml version='1.0' encoding='utf-8'?>", b"\n"):
        assert read_plain_sheet(before + whole, texts, read_styles(styles)) is not None
    assert read_plain_sheet(sheet.replace(b"%b", whole), texts, read_styles(styles)) is None


@pytest.mark.parametrize(
    "texts",
    [
        "<si><t>x</t></si> <si><t>x</t></si>", "<si><r><t>x</t></r></si>", "<si/>", "<si><t>&#65;</t></si>", "<other/>",
        "<si><t>x</t></si><si><t>x</t><rPh><t>y</t></rPh></si>", "<si><t>_x0041_</t></si>", "<si><t>x</t></si><!-- -->",
    ],
)  # fmt: skip
def test_texts_in_another_form_are_left_to_a_whole_reader(texts: str) -> None:
    assert _plain(book(HEADERS, texts=texts)) is None


def test_a_larger_sheet_is_left_to_the_checks_that_name_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f'<row r="{n}"><c r="A{n}"/><c r="E{n}" t="s"><v>0</v></c></row>' for n in range(2, 20))
    data = book(HEADERS + rows, texts="<si><t>123456789</t></si>")
    for name, limit in [("MAX_CELLS", 19 * 5), ("MAX_COLUMNS", 5), ("MAX_TEXTS", 38 * 25)]:
        with monkeypatch.context() as patched:
            patched.setattr(f"arbkit.sources.exports.xlsx.{name}", limit)
            assert _plain(data) is not None
            patched.setattr(f"arbkit.sources.exports.xlsx.{name}", limit - 1)
            assert _plain(data) is None


def _written() -> bytes:
    headers = ("ASIN", "Title", "New: Current", "Referral Fee %", "Sales Rank: Current")
    rows: Sequence[tuple[tuple[str | float, str] | str | float, ...]] = [
        ("B0TESTA001", "Ding & <Dong> ", (19.99, "#,##0.00 [$€-407]"), (0.15, "0%"), 17),
        ("B0TESTA002", "", (5.0, '0.00 "£"'), 0.08, ""),
    ]
    return xlsx_bytes(headers, *rows)


def _written_with_dates() -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["ASIN", "New: Current", "Last Update"])
        sheet.write_row(1, 0, ["B0TESTA001", 9.5])
        sheet.write_datetime(1, 2, date(2026, 5, 20), made.add_format({"num_format": "dd/mm/yyyy"}))
    return out.getvalue()


def _real() -> list[Path]:
    return (
        sorted(Path(os.environ.get("ARBKIT_REAL_DATA", "")).glob("*.xlsx")) if "ARBKIT_REAL_DATA" in os.environ else []
    )


@pytest.mark.parametrize("name", ["written", "written with dates", *map(str, _real())])
def test_a_file_is_the_same_in_one_pass_and_by_a_whole_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "file.xlsx"
    made = {"written": _written, "written with dates": _written_with_dates}
    path.write_bytes(made[name]() if name in made else Path(name).read_bytes())
    in_one_pass = _found(path)
    monkeypatch.setattr(files, "read_plain_sheet", lambda *_: None)
    by_reader = _found(path)
    assert repr(in_one_pass) == repr(by_reader)
    assert isinstance(by_reader, SheetRows)
    if name == "written":
        assert by_reader.formats.currencies == {"EUR": {2}, "GBP": {3}}
        assert by_reader.formats.percent == {3}
    assert (_plain(path.read_bytes()) is None) == (name == "written with dates")
