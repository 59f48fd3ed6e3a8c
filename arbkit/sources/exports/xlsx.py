"""What the cell formats of an XLSX say: the currency of an amount and whether 0.15 is shown as 15 %."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple
from xml.parsers import expat

from arbkit.core.errors import RefusedFileError
from arbkit.sources.exports.notation import currency_of_symbol

_BRACKETED = re.compile(r"\[\$([^\]\-]*)(-[0-9A-Fa-f]+)?\]")
_QUOTED = re.compile(r'"([^"]*)"')
_ESCAPED = re.compile(r"\\(.)|_.|\*.")
_CELLS = (
    rb"<c r=\"([A-Z]{1,3})(\d+)\" (?:t=\"\w+\" )?s=\"(%b)\"",
    rb"<(?:\w+:)?c\s(?=[^<>]*\bs=[\"'](%b)[\"'])(?=[^<>]*\br=[\"']([A-Z]{1,3})(\d+)[\"'])",
)
"""A cell with one of the styles, as all known programs write it, and as XML may be.

An attribute value has no "<", so a tag is found as surely as by a parser, at a tenth of its time.
"""
_ADDRESS = rb"""r\s*=\s*["']([A-Za-z]+)0*(\d+)["']"""
_ADDRESSES = re.compile(_ADDRESS)
_USED = re.compile(_ADDRESS + rb"""(?!(?:[^<>"']|"[^"]*"|'[^']*')*/>)""")
"""The address of a cell that holds something: one that has but a format ends with its tag."""
_ROW = re.compile(rb"<(?:\w+:)?row\b")
_ROW_NUMBER = re.compile(rb"""<[^<>]*?\sr\s*=\s*["'](\d{1,9})["']""")
_USUAL_CELL_AT = re.compile(rb'<c r="([A-Za-z]+)(\d{1,9})"')
_UNUSUAL_CELL = re.compile(rb'<c[\t\r\n]|<c (?!r=")|<\w+:c\b')
_CELL_AT = re.compile(rb"""<(?:\w+:)?c\s(?:[^<>]*?\s)?r\s*=\s*["']([A-Za-z]+)(\d{1,9})["']""")
_SECOND_VALUE = re.compile(rb"</(?:\w+:)?v\s*>(?!\s*(?:</(?:\w+:)?c\s*>|<(?:\w+:)?(?:is|extLst)\b))")
"""The end of a value with something behind it that may not be there (ECMA-376, part 1, 18.3.1.4)."""
_INDEX = re.compile(rb"<(?:\w+:)?v>\s*(\d{1,9})\s*</")
"""A whole number in a cell, which may be that of a text."""
_TEXT = re.compile(rb"<(?:\w+:)?si\b")

MAX_COLUMNS = 2_000
"""Keepa knows some 500 columns."""
MAX_CELLS = 6_000_000
"""Cells of a table, the empty ones counted too: 300,000 products have as many in 20 columns, or 30,000 in 200."""
MAX_TEXTS = 128 << 20
"""Characters of all cells together: a text that many cells share is unpacked for each of them."""
_DIGITS = 9
"""Of the address of a cell: more are too many whatever they say."""
_AGAIN = "Export it again"
_IN_PARTS = "Remove what lies beyond the data, or export it in parts"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_PERCENT_IDS = frozenset({"9", "10"})
"""Built-in formats ``0%`` and ``0.00%`` (ECMA-376, part 1, 18.8.30)."""
_NUMERIC_IDS = frozenset(map(str, (*range(5), *range(9, 14), *range(37, 41), 48, 49)))
_NUMERIC_CODE = re.compile(r'(?:"[^"&]*"|\[\$[^\[\]"&]*\]|[\\_*][^A-Za-z"&\[\]]|[#0?,.;%() +€$£¥-])*')
"""A format whose letters, by which dates are known, stand in quotes or in the brackets of a currency."""


@dataclass(frozen=True, slots=True)
class Styles:
    """What the styles of a workbook show, by their numbers.

    ``shown`` are those with a currency (its ISO code) or percent (``%``); a number with one of ``numeric`` is shown as
    a number, while one with another may be a date.
    """

    shown: Mapping[str, str]
    numeric: frozenset[str]


@dataclass(slots=True)
class Formats:
    """The formats in use: currency → numbers of the rows with it, and indices of the columns in percent."""

    currencies: dict[str, set[int]] = field(default_factory=dict)
    percent: set[int] = field(default_factory=set)

    def add(self, shown: str, row: int, column: int) -> None:
        """Note a cell whose style shows this currency, or percent (``%``)."""
        if shown == "%":
            self.percent.add(column)
        else:
            self.currencies.setdefault(shown, set()).add(row)


def check_extent(sheet_xml: bytes, texts_xml: bytes) -> None:
    """Refuse a sheet that is small as a file and would fill the memory as a table.

    Cells that lie far apart have a table of empty ones between them, and a long text may stand in many of them. What
    the sheet says of its own dimension is not relied on.

    Raises:
        RefusedFileError: it is too large; says which way.
    """
    try:
        check_size(*_extent(_ADDRESSES, sheet_xml))
    except RefusedFileError:
        # A cell may be coloured far from all that is used.
        check_size(*_extent(_USED, sheet_xml))
    # Without an address a cell follows the one before it.
    unpacked = sheet_xml.count(b"<c") + sheet_xml.count(b":c")
    check_size(unpacked, 1)
    starts = [found.start() for found in _TEXT.finditer(texts_xml)]
    lengths = [end - start for start, end in pairwise([*starts, len(texts_xml)])]
    if max(lengths, default=0) * unpacked > MAX_TEXTS:
        used_texts = (lengths[at] for found in _INDEX.finditer(sheet_xml) if (at := int(found[1])) < len(lengths))
        if sum(used_texts) > MAX_TEXTS:
            raise RefusedFileError(f"holds more than {MAX_TEXTS >> 20} MiB of text", remedy=_IN_PARTS)


def _extent(addresses: re.Pattern[bytes], sheet_xml: bytes) -> tuple[int, int]:
    """Rows and columns from the first cell on to the last with such an address."""
    columns: set[bytes] = set()
    rows: set[bytes] = set()
    for found in addresses.finditer(sheet_xml):
        columns.add(found[1])
        rows.add(found[2])
    return max((int(digits[:_DIGITS]) for digits in rows), default=0), 1 + max(map(column_index, columns), default=0)


def check_size(rows: int, columns: int) -> None:
    """Refuse a table that is larger than any real export.

    Raises:
        RefusedFileError: it is; says its size and the limit.
    """
    if columns > MAX_COLUMNS:
        why = f"reaches to column {columns:,}, and {MAX_COLUMNS:,} are the most"
        raise RefusedFileError(why, remedy="Remove what lies beyond the data")
    if rows * columns > MAX_CELLS:
        why = f"has {rows:,} rows of {columns:,} columns, and {MAX_CELLS:,} cells are the most"
        raise RefusedFileError(why, remedy=_IN_PARTS)


def read_formats(styles: Styles, sheet_xml: bytes, columns: frozenset[int]) -> Formats:
    """The formats of the cells of a sheet in these columns (counted from 0)."""
    found = Formats()
    if not styles.shown:
        return found
    wanted = "|".join(sorted(styles.shown)).encode()
    usual, any_order = (re.compile(pattern % wanted) for pattern in _CELLS)
    for first, second, third in usual.findall(sheet_xml) or any_order.findall(sheet_xml):
        letters, row, style = (second, third, first) if first.isdigit() else (first, second, third)
        if (column := column_index(letters)) in columns:
            found.add(styles.shown[style.decode()], int(row), column)
    return found


def column_index(letters: bytes) -> int:
    """The index of a column, counted from 0, from the letters of an address."""
    index = 0
    for letter in letters[:_DIGITS].upper():
        index = index * 26 + letter - 64
    return index - 1


def currency_or_percent(code: str) -> str | None:
    """What a number format shows: an ISO currency code, ``%``, or None for neither."""
    literals = [*_BRACKETED.findall(code), *((text, "") for text in _QUOTED.findall(code))]
    bare = _QUOTED.sub("", re.sub(r"\[[^\]]*\]", "", code))
    # A date has a language in brackets too.
    if not re.search(r"[0#?]", bare) or re.search(r"[ymdh]", _ESCAPED.sub("", bare), re.IGNORECASE):
        return None
    if "%" in bare:
        return "%"
    literals += [(symbol, "") for symbol in re.findall(r"[€£¥$₺₹]", bare)]
    return next((known for symbol, code in literals if (known := currency_of_symbol(symbol or code))), None)


def read_styles(xml: bytes) -> Styles:
    """The styles of a workbook; ``xml`` is empty if it has none.

    Raises:
        expat.ExpatError: it is no XML.
    """
    if not xml:
        return Styles({}, frozenset())
    codes: dict[str, str] = {}
    used: list[str] = []
    inside = False
    for name, attributes in _elements(xml):
        if name == "numFmt":
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            inside = name == "cellXfs"
        elif name == "xf" and inside:
            used.append(attributes.get("numFmtId", "0"))
    shown = {number: meaning for number, code in codes.items() if (meaning := currency_or_percent(code))}
    shown |= dict.fromkeys(_PERCENT_IDS - set(codes), "%")
    numeric = (_NUMERIC_IDS - set(codes)) | {number for number, code in codes.items() if _NUMERIC_CODE.fullmatch(code)}
    return Styles(
        {str(style): shown[number] for style, number in enumerate(used) if number in shown},
        frozenset(str(style) for style, number in enumerate(used) if number in numeric),
    )


class SheetPart(NamedTuple):
    """The name of the part with a sheet, and whether the workbook names that part and no other sheet."""

    name: str
    is_only: bool


def first_sheet(book: zipfile.ZipFile) -> SheetPart:
    """The part with the first sheet; that of most files where the workbook does not say.

    Raises:
        expat.ExpatError: the workbook is no XML.
    """
    sheets = [attributes for name, attributes in _elements(book.read("xl/workbook.xml")) if name == "sheet"]
    if sheets and _RELATIONS in book.namelist():
        relation = next((value for key, value in sheets[0].items() if key.endswith(":id")), None)
        for name, attributes in _elements(book.read(_RELATIONS)):
            if name == "Relationship" and attributes.get("Id") == relation and "Target" in attributes:
                target = attributes["Target"]
                return SheetPart(target[1:] if target.startswith("/") else f"xl/{target}", len(sheets) == 1)
    return SheetPart("xl/worksheets/sheet1.xml", is_only=False)


def check_whole(xml: bytes) -> None:
    """Refuse a part that is no whole XML: a lenient reader goes on behind the damage with other cells than there are.

    Raises:
        expat.ExpatError: it is none.
    """
    expat.ParserCreate(namespace_separator=" ").Parse(xml, True)


def check_order(sheet_xml: bytes) -> None:
    """Refuse a sheet whose cells are not where it says: a lenient reader puts them elsewhere, or one over another.

    Raises:
        RefusedFileError: cells are out of their order, or one holds two values.
    """
    starts = [found.start() for found in _ROW.finditer(sheet_xml)]
    addresses = _CELL_AT if _UNUSUAL_CELL.search(sheet_xml) else _USUAL_CELL_AT
    before, in_order = 0, set[tuple[bytes, ...]]()
    for start, end in pairwise([*starts, len(sheet_xml)]):
        row = sheet_xml[start:end]
        numbered = _ROW_NUMBER.match(row)
        letters, own = zip(*found, strict=True) if (found := addresses.findall(row)) else ((), ())
        numbers = {*map(int, own), *([int(numbered[1])] if numbered else [])}
        # Mostly all rows have cells in the same columns.
        if letters not in in_order and _rises([(len(each), each) for each in letters]):
            in_order.add(letters)
        if len(numbers) > 1 or letters not in in_order or min(numbers, default=before + 1) <= before:
            why = f"is a damaged XLSX file: the cells after row {before} are out of order"
            raise RefusedFileError(why, remedy=_AGAIN)
        before = min(numbers, default=before + 1)
    ends = sheet_xml.count(b"</v>"), sheet_xml.count(b"</v></c>")
    if (ends[0] != ends[1] or b":v" in sheet_xml or b"</v " in sheet_xml) and _SECOND_VALUE.search(sheet_xml):
        raise RefusedFileError("is a damaged XLSX file: a cell holds two values", remedy=_AGAIN)


def _rises(values: Sequence[tuple[int, bytes]]) -> bool:
    return all(one < other for one, other in pairwise(values))


def _elements(xml: bytes) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Name and attributes of every element; an entity of the document's own is refused, so none can explode."""
    found: list[tuple[str, Mapping[str, str]]] = []
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append((name.rpartition(":")[2], attributes))

    def refuse(*_: str | int | None) -> None:
        raise expat.ExpatError("has a document type")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(xml, True)
    return iter(found)
