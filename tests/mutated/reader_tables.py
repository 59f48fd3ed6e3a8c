"""A table out of the bytes of a CSV or XLSX, read without arbkit: with ``csv``, ``zipfile`` and ``ElementTree``.

Bytes that are not whole (a checksum, the XML, the shape of a row) say nothing that can be relied on.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from xml.etree import ElementTree

from tests.mutated.reader_cells import CURRENCIES

Value = str | float | bool | datetime | None


class UnknownError(Exception):
    """The bytes do not say it for sure."""


@dataclass
class Table:
    """Headers, rows by their number, and what the formats of a spreadsheet say: currency by (row, column)."""

    headers: list[str]
    rows: list[tuple[int, list[Value]]]
    delimiter: str = ""
    currencies: dict[tuple[int, int], str] = field(default_factory=dict)


def unpacked(data: bytes) -> bytes:
    """The bytes without gzip around them."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise UnknownError(str(error)) from None


def text_of(data: bytes) -> str:
    """The text of a file: what its first bytes say, else UTF-8, else what Excel writes in western Europe."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").removeprefix("\ufeff")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def csv_table(text: str) -> Table:
    """The table of a CSV."""
    lines = text.lstrip("\r\n")
    if lines[:4].lower() == "sep=":
        lines = lines.partition("\n")[2]
    best: list[list[str]] = []
    mark = ","
    for delimiter in ",;\t|":
        try:
            rows = list(csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter))
        except csv.Error:
            continue
        if rows and (not best or _likely(rows[0]) > _likely(best[0])):
            best, mark = rows, delimiter
    if not best:
        raise UnknownError("no table")
    kept: list[tuple[int, list[Value]]] = [(n, [*row]) for n, row in enumerate(best[1:], 2) if any(row)]
    return Table([header.strip() for header in best[0]], kept, mark)


def _likely(headers: list[str]) -> tuple[bool, int]:
    plain = [header.strip().casefold() for header in headers]
    return "asin" in plain, len(plain)


# XLSX: ECMA-376, part 1


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _xml(data: bytes) -> ElementTree.Element:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise UnknownError("has a document type")
    try:
        # ElementTree takes a brace in the name of a namespace for the end of it.
        data = re.sub(rb"""(xmlns(?::\w+)?=["'][^"'<>]*)\}""", rb"\1_", data)
        return ElementTree.fromstring(data)  # noqa: S314 - without a document type nothing can explode
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UnknownError(str(error)) from None


def _parts(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            return {name: book.read(name) for name in book.namelist()}
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnknownError(str(error)) from None


def xlsx_table(data: bytes) -> Table:
    """The table of the first sheet of an XLSX."""
    parts = _parts(data)
    if "xl/workbook.xml" not in parts:
        raise UnknownError("no workbook")
    name = _first_sheet(parts)
    if name not in parts:
        raise UnknownError("no sheet")
    texts = _texts(parts)
    currencies = _styles(parts.get("xl/styles.xml", b""))
    sheet = _xml(parts[name])
    cells: dict[tuple[int, int], tuple[Value, str]] = {}
    last = 0
    for row in (e for e in sheet.iter() if _tag(e) == "row"):
        number = row.get("r", str(last + 1))
        if not (number.isascii() and number.isdigit()):
            raise UnknownError("a row without a number")
        last = int(number)
        column = -1
        for cell in (e for e in row if _tag(e) == "c"):
            if place := cell.get("r"):
                found = re.fullmatch(r"([A-Za-z]+)(\d+)", place)
                if found is None or int(found[2]) != last:
                    raise UnknownError("a cell outside its row")
                column = _index(found[1])
            else:
                column += 1
            if (last, column) in cells:
                raise UnknownError("two cells at one address")
            cells[last, column] = _value(cell, texts), cell.get("s", "0")
    if not cells:
        raise UnknownError("an empty sheet")
    return _as_table(cells, currencies)


def _as_table(cells: dict[tuple[int, int], tuple[Value, str]], currencies: dict[str, str]) -> Table:
    used = {place for place, (value, _) in cells.items() if value not in (None, "")}
    if not used:
        raise UnknownError("an empty sheet")
    numbers = sorted({row for row, _ in cells})
    width = 1 + max(column for _, column in cells)
    rows = [(row, [cells.get((row, column), (None, ""))[0] for column in range(width)]) for row in numbers]
    shown = {place: currencies[style] for place, (_, style) in cells.items() if style in currencies}
    first, *rest = rows
    headers = ["" if value is None else str(value).strip() for value in first[1]]
    return Table(headers, [(row, line) for row, line in rest if any(v not in (None, "") for v in line)], "", shown)


def _index(letters: str) -> int:
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def _first_sheet(parts: dict[str, bytes]) -> str:
    sheets = [e for e in _xml(parts["xl/workbook.xml"]).iter() if _tag(e) == "sheet"]
    if not sheets:
        raise UnknownError("no sheet")
    wanted = next((value for key, value in sheets[0].attrib.items() if key.endswith("}id")), "")
    for relation in _xml(parts.get("xl/_rels/workbook.xml.rels", b"<none/>")).iter():
        if _tag(relation) == "Relationship" and relation.get("Id") == wanted:
            target = relation.get("Target", "")
            return target[1:] if target.startswith("/") else f"xl/{target}"
    raise UnknownError("nothing says which sheet is the first")


def _texts(parts: dict[str, bytes]) -> list[str]:
    name = next((name for name in parts if name.lower() == "xl/sharedstrings.xml"), None)
    if name is None:
        return []
    return [_joined(item) for item in _xml(parts[name]) if _tag(item) == "si"]


def _joined(item: ElementTree.Element) -> str:
    """The text of a string, without the reading aids beside it."""
    aside = {e for part in item.iter() if _tag(part) == "rPh" for e in part.iter()}
    return "".join(e.text or "" for e in item.iter() if _tag(e) == "t" and e not in aside)


def _styles(data: bytes) -> dict[str, str]:
    """Style → the currency that its number format shows."""
    if not data:
        return {}
    root = _xml(data)
    codes = {e.get("numFmtId"): e.get("formatCode", "") for e in root.iter() if _tag(e) == "numFmt"}
    used = [e.get("numFmtId") for group in root if _tag(group) == "cellXfs" for e in group if _tag(e) == "xf"]
    currencies = {}
    for style, number in enumerate(used):
        code = codes.get(number, "")
        bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", code)
        # A date has a language in brackets too.
        if not re.search(r"[ymdhs]", bare, re.IGNORECASE) and (currency := _currency(code)) is not None:
            currencies[str(style)] = currency
    return currencies


def _currency(code: str) -> str | None:
    for sign, language in re.findall(r"\[\$([^\]\-]*)(-[0-9A-Fa-f]+)?\]", code):
        if known := CURRENCIES.get((sign or language).strip().lower()):
            return known
    words = [*re.findall(r'"([^"]*)"', code), *re.findall(r"[€£$¥₺₹]", re.sub(r"\[[^\]]*\]", "", code))]
    return next((known for word in words if (known := CURRENCIES.get(word.strip().lower()))), None)


def _number(raw: str) -> Value:
    """The number in a cell; what is none is text."""
    try:
        return float(raw) if raw.strip() else None
    except ValueError:
        return raw


def _value(cell: ElementTree.Element, texts: list[str]) -> Value:
    kind = cell.get("t", "n")
    values = [e.text or "" for e in cell if _tag(e) == "v"]
    inside = [_joined(e) for e in cell if _tag(e) == "is"]
    if inside and not values:
        return "".join(inside)
    if len(values) + len(inside) > 1:
        raise UnknownError("a cell with two values")
    raw = values[0] if values else ""
    try:
        if kind == "s":
            return texts[int(raw)] if raw else None
        if kind == "b":
            return bool(int(raw)) if raw else None
        if kind == "n":
            return _number(raw)
    except (ValueError, IndexError):
        # A cell that nobody can read; the others can be.
        return f"? {raw}"
    return raw or None
