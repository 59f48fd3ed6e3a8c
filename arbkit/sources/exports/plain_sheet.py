"""A sheet as Keepa and the usual programs write it, read and checked in one pass.

Every other sheet is for a whole XML reader and the checks of :mod:`arbkit.sources.exports.xlsx`: what is read here
would pass them, and the reader would find the same in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress, pairwise
from xml.parsers import expat

from arbkit.sources.exports import xlsx
from arbkit.sources.exports.columns import amount_columns
from arbkit.sources.exports.xlsx import Formats, Styles
from arbkit.sources.raw_types import Cell

_HEAD = re.compile(
    rb"""(?:<\?xml version=(["'])1\.0\1(?: encoding=(["'])utf-8\2)?(?: standalone=(["'])(?:yes|no)\3)?\?>)?"""
    rb"(?!.*<[?!])",
    re.DOTALL | re.IGNORECASE,
)
_DIMENSION = re.compile(rb'<dimension ref="[A-Z]{1,3}\d{1,7}(?::[A-Z]{1,3}\d{1,7})?" ?/>')
_ROW = re.compile(rb'<row r="([1-9]\d{0,6})"((?: [^<>]*[^<>/])?)>')
_TEXT = rb'<t( xml:space="preserve")?>([^<]*+)</t>'
_NUMBER = rb"-?\d++(?:\.\d++)?+(?:[eE][+-]?\d++)?+"
_CELL = re.compile(
    rb'<c r="([A-Z]++\d++)"(?: s="(\d++)")?(?: t="inlineStr"><is>%b</is></c>|(?: t="(?:inlineStr|n|s)")? ?/>'
    rb'|(?: t="n")?><v>(%b)</v></c>| t="s"><v>(\d{1,9})</v></c>)' % (_TEXT, _NUMBER)
)
"""A cell: address and style, whether the blanks around its text count, that text, a number, the number of a text."""
_STRIDE = 1 + _CELL.groups
_SHARED = re.compile(rb"<si>%b</si>" % _TEXT)
_LONGEST_ROW = 1 << 20
"""Bytes of a row that is taken apart at once; with all descriptions a product has some 10,000."""
_CHUNK = 1 << 16
_ODD = re.compile(rb"[\x00-\x08\x0b-\x1f]|\]\]>|\xef\xbf[\xbe\xbf]|_x[0-9A-Fa-f]{4}_")
"""What no text in XML may hold, and what stands for another character in an XLSX (ECMA-376, part 1, 22.9.2.19)."""
_LONGEST_ODD = 7
_ODD_TOGETHER = (b"]]>", b"_x", b"\xef\xbf\xbe", b"\xef\xbf\xbf")
_NEVER_ODD = bytes({*range(256)} - {*range(32), *b"".join(_ODD_TOGETHER)} | {*b"\t\n"})
_ONLY_ODD_TOGETHER = bytes({*b"".join(_ODD_TOGETHER)})
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"))


@dataclass(frozen=True, slots=True)
class PlainSheet:
    """The rows of a sheet with their numbers, from row 1 on and all of one length, and the formats of its amounts."""

    rows: Sequence[tuple[int, Sequence[Cell]]]
    formats: Formats


class _OtherwiseError(Exception):
    """Something is written in a way that is not read here."""


def read_plain_sheet(sheet_xml: bytes, texts_xml: bytes, styles: Styles) -> PlainSheet | None:
    """The sheet; None if any of it is not as the usual programs write it, or it is too large.

    Args:
        sheet_xml: the part with the sheet.
        texts_xml: the part with the texts that cells share, empty if there is none.
        styles: of the workbook.
    """
    try:
        return _Reader(*_shared_texts(texts_xml), styles).read(sheet_xml)
    except (_OtherwiseError, UnicodeDecodeError, expat.ExpatError):
        return None


def _require(is_usual: bool) -> None:
    if not is_usual:
        raise _OtherwiseError


def _shared_texts(xml: bytes) -> tuple[Sequence[str], int]:
    """The texts that cells share, and how many bytes the longest has."""
    if not xml:
        return (), 0
    start, end = xml.find(b"<si>"), xml.rfind(b"</si>") + len(b"</si>")
    _check_around(xml, start, end, b"")
    texts: list[str] = []
    longest, at = 0, start
    for found in _SHARED.finditer(xml, start, end):
        _require(found.start() == at and len(texts) < xlsx.MAX_CELLS)
        longest, at = max(longest, found.end() - at), found.end()
        texts.append(_unescaped(_decoded(found[2], found[1])))
    _require(at == end)
    return texts, longest


def _check_around(xml: bytes, start: int, end: int, tags: bytes) -> None:
    """Check all of a part but what is read from it, in whose place ``tags`` stand."""
    _require(0 <= start <= end)
    head, tail = xml[:start], xml[end:]
    _require(_HEAD.match(head) is not None and b"<!" not in tail and b"<?" not in tail)
    xlsx.check_whole(head + tags + tail)
    for at in range(start, end, _CHUNK):
        chunk = xml[at : min(at + _CHUNK + _LONGEST_ODD, end)]
        _require(not _may_be_odd(chunk) or _ODD.search(chunk) is None)


def _may_be_odd(text: bytes) -> bool:
    """Whether a search for something odd may find it: this takes a tenth of its time."""
    left = text.translate(None, _NEVER_ODD)
    return left.translate(None, _ONLY_ODD_TOGETHER) != b"" or any(each in left for each in _ODD_TOGETHER)


def _decoded(text: bytes, keeps_blanks: bytes | None) -> str:
    return (text if keeps_blanks else text.strip()).decode()


def _unescaped(text: str) -> str:
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    _require(text.count("&") == text.count("&amp;"))
    return text.replace("&amp;", "&")


class _Reader:
    """Reads the rows of one sheet."""

    def __init__(self, texts: Sequence[str], longest_text: int, styles: Styles) -> None:
        self._texts = texts
        self._longest_text = longest_text
        self._known_styles = {None, *(style.encode() for style in styles.numeric)}
        self._shown = {style.encode(): meaning for style, meaning in styles.shown.items()}
        self._amounts: frozenset[int] = frozenset()
        self._formats = Formats()
        self._layout: tuple[bytes, Sequence[int]] = b"", ()
        self._styles: Sequence[bytes | None] = ()
        self._formatted: Sequence[int] = ()
        self._cells = self._width = 0

    def read(self, xml: bytes) -> PlainSheet:
        """The sheet."""
        start, end = xml.find(b"<sheetData>") + len(b"<sheetData>"), xml.rfind(b"</sheetData>")
        head = xml[:start]
        _require(head.endswith(b"<sheetData>") and head.count(b"sheetData") == xml.count(b"sheetData", end) == 1)
        _require(b"<dimension" not in head or _DIMENSION.search(head) is not None)
        rows: list[tuple[int, list[Cell]]] = []
        at, before, tags = start, 0, set[bytes]()
        while at < end:
            stop = xml.find(b"</row>", at, end)
            found = _ROW.match(xml, at, max(stop, at))
            if found is None or (number := int(found[1])) <= before or stop - at > _LONGEST_ROW:
                raise _OtherwiseError
            tags.add(found[2])
            if (row := self._row(xml[found.end() : stop], found[1])) or number == 1:
                rows.append((number, row))
            _require(max(number * max(self._width, 1), self._cells) <= xlsx.MAX_CELLS)
            at, before = stop + len(b"</row>"), number
        _require(at == end and rows[:1] != [] and rows[0][0] == 1)
        _require(self._cells * self._longest_text <= xlsx.MAX_TEXTS)
        _check_around(xml, start, end, b"".join(b'<row r="1"%b/>' % tag for tag in tags))
        for _, row in rows:
            # Cells that have but a format are none.
            row[self._width :] = [""] * (self._width - len(row))
        return PlainSheet(rows, self._formats)

    def _row(self, xml: bytes, number: bytes) -> list[Cell]:
        parts = _CELL.split(xml)
        addresses, styles, kept = parts[1::_STRIDE], parts[2::_STRIDE], parts[3::_STRIDE]
        texts, numbers, shared = parts[4::_STRIDE], parts[5::_STRIDE], parts[6::_STRIDE]
        if any(parts[::_STRIDE]):
            raise _OtherwiseError
        if styles != self._styles:
            _require(self._known_styles.issuperset(styles))
            self._styles, self._formatted = styles, [at for at, style in enumerate(styles) if style in self._shown]
        cells: list[Cell] = [
            (text if blanks else text.strip()).decode() if text
            else float(amount) if amount
            else "" if index is None
            else self._shared(int(index))
            for blanks, text, amount, index in zip(kept, texts, numbers, shared, strict=True)
        ]  # fmt: skip
        if b"&" in xml:
            for at, text in enumerate(texts):
                if text and b"&" in text:
                    cells[at] = _unescaped(str(cells[at]))
        columns = self._columns(addresses, number)
        self._cells += len(cells)
        if columns and columns[-1] >= min(self._width, len(cells)):
            # What has but a format is no cell: a row may end far to the left of it.
            held = [each != (None, None, None) for each in zip(texts, numbers, shared, strict=True)]
            found = dict(compress(zip(columns, cells, strict=True), held))
            cells = [found.get(column, "") for column in range(max(found, default=-1) + 1)]
            self._width = max(self._width, len(cells))
        if number == b"1":
            self._amounts = amount_columns([str(cell).strip() for cell in cells])
        for at in self._formatted:
            if columns[at] in self._amounts:
                self._formats.add(self._shown[styles[at]], int(number), columns[at])
        return cells

    def _shared(self, index: int) -> str:
        _require(index < len(self._texts))
        return self._texts[index]

    def _columns(self, addresses: Sequence[bytes], number: bytes) -> Sequence[int]:
        """The columns of the cells of a row, which mostly are those of the row before it."""
        layout, columns = self._layout
        joined = b"".join(addresses)
        if layout.replace(b"#", number) == joined:
            return columns
        letters = [address.rstrip(b"0123456789") for address in addresses]
        layout = b"".join(b"%b#" % each for each in letters)
        columns = [*map(_column_index, letters)]
        _require(layout.replace(b"#", number) == joined and all(one < other for one, other in pairwise(columns)))
        _require(columns[-1:] < [xlsx.MAX_COLUMNS])
        self._layout = layout, columns
        return columns


_column_index = lru_cache(maxsize=2048)(xlsx.column_index)
