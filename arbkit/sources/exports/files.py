"""Files that users hand over: recognised by content, read whole, refused in one sentence where unusable."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
from python_calamine import CalamineWorkbook

from arbkit.core.errors import RefusedFileError
from arbkit.sources.exports.columns import amount_columns, read_column
from arbkit.sources.exports.plain_sheet import read_plain_sheet
from arbkit.sources.exports.xlsx import (
    Formats,
    check_extent,
    check_order,
    check_size,
    check_whole,
    first_sheet,
    read_formats,
    read_styles,
)
from arbkit.sources.raw_types import Cell, Json, decode_leniently

_MAX_FILE = 128 << 20
"""Bytes of a file, and of the text or JSON in a packed one.

A file is read whole, since all rows decide how it is to be read: JSON takes 10 times its size, and a table of
:data:`~arbkit.sources.exports.xlsx.MAX_CELLS` cells about 1.7 GiB. So an import takes no more than 2 GiB of memory.
"""
_MAX_UNPACKED = 512 << 20
"""Bytes of all parts of an XLSX, whose XML is several times as long as what it says."""
_MAX_RATIO = 200
"""Unpacked to packed: real exports are at about 10, a ZIP bomb at 1,000."""

_FOOTER = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}) \(UTC\)")
_DELIMITERS = ",;\t|"
_EXAMPLE = "Give a Keepa export (CSV or XLSX) or a saved Keepa /product answer (JSON)"
_STYLES = "xl/styles.xml"
_TEXTS = "xl/sharedstrings.xml"
"""In lower case: readers find it whatever its case."""


@dataclass(frozen=True, slots=True)
class SheetRows:
    """An export: its headers and its rows with their numbers in the file; ``""`` is an empty cell.

    ``exported_at`` is in UTC, None if the file does not say. ``delimiter`` is that of a CSV; an XLSX has ``formats``.
    """

    headers: tuple[str, ...]
    rows: Sequence[tuple[int, Sequence[Cell]]]
    exported_at: datetime | None
    delimiter: str = ""
    formats: Formats = field(default_factory=Formats)


@dataclass(frozen=True, slots=True)
class SavedResponse:
    """A saved Keepa answer: its product objects. ``answered_at`` in UTC, if it says."""

    products: Sequence[Json]
    answered_at: datetime | None


def read_file(path: Path) -> SheetRows | SavedResponse:
    """What is in the file.

    Raises:
        RefusedFileError: it cannot be read, or is neither an export nor a saved answer.
    """
    try:
        if not path.is_file() and path.exists():
            raise RefusedFileError("is no file", remedy=_EXAMPLE)
        if path.stat().st_size > _MAX_FILE:
            raise _too_large()
        return _parse(path.read_bytes())
    except OSError as error:
        raise RefusedFileError(f"cannot be read: {error.strerror or error}", field=str(path)) from error
    except RefusedFileError as error:
        raise RefusedFileError(error.why, field=str(path), value=error.value, remedy=error.remedy) from error


def _parse(data: bytes) -> SheetRows | SavedResponse:
    if data.startswith(b"\x1f\x8b"):
        data = _gunzip(data)
    if not data.strip():
        raise RefusedFileError("is empty", remedy=_EXAMPLE)
    if data.startswith(b"PK"):
        return _xlsx(data)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise RefusedFileError("is an old Excel file", remedy="Save it as XLSX or CSV")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] in (b"{", b"["):
        return _answer(data)
    return _csv(data)


def _gunzip(data: bytes) -> bytes:
    limit = _most_unpacked(data, 1 << 20)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(min(limit, _MAX_FILE) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedFileError(f"is a damaged gzip file: {error}", remedy="Save it again") from error
    if len(plain) > limit:
        raise RefusedFileError("unpacks to far more than real files do", remedy=_EXAMPLE)
    if len(plain) > _MAX_FILE:
        raise _too_large()
    return plain


def _too_large() -> RefusedFileError:
    remedy = "Export it in parts, or save the answers in several files"
    return RefusedFileError(f"is larger than {_MAX_FILE >> 20} MiB", remedy=remedy)


def _most_unpacked(data: bytes, least: int) -> int:
    """How many bytes a real file of this size unpacks to at most."""
    return min(_MAX_UNPACKED, max(len(data) * _MAX_RATIO, least))


def _xlsx(data: bytes) -> SheetRows:
    try:
        parts = _parts(data)
        styles = read_styles(parts.styles)
        if parts.are_usual and (plain := read_plain_sheet(parts.sheet, parts.texts, styles)) is not None:
            return replace(_table(plain.rows), formats=plain.formats)
        parts.check()
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        table = _table(enumerate(book.get_sheet_by_index(0).to_python(skip_empty_area=False), 1))
        return replace(table, formats=read_formats(styles, parts.sheet, amount_columns(table.headers)))
    except RefusedFileError:
        raise
    except IndexError as error:
        raise RefusedFileError("has no sheet", remedy=_EXAMPLE) from error
    except BaseException as error:
        # What lost bytes shows itself in as many ways as there are lines that read it; those in Rust panic.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise RefusedFileError(f"is a damaged XLSX file: {error}", remedy="Export it again") from error


@dataclass(frozen=True, slots=True)
class _Parts:
    """Parts of an XLSX: its styles, the texts that cells share, the first sheet, and all that may be the first.

    ``are_usual`` says that there is but one sheet, so that every reader takes it for the first.
    """

    styles: bytes
    texts: bytes
    sheet: bytes
    sheets: Sequence[bytes]
    are_usual: bool

    def check(self) -> None:
        """Check that the sheets fit into memory, and that the first one is whole and in order.

        Raises:
            RefusedFileError: it is not.
            expat.ExpatError: it is no XML.
        """
        # All sheets: which one counts as the first is for the reader to say.
        for sheet in self.sheets:
            check_extent(sheet, self.texts)
        for part in filter(None, (self.sheet, self.texts)):
            check_whole(part)
        check_order(self.sheet)


def _parts(data: bytes) -> _Parts:
    """The parts of an XLSX that are read, once the file is known to be whole.

    A ZIP bomb is refused by what it says that it unpacks to; one that lies there fails its checksum.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = file.infolist()
        if sum(member.file_size for member in members) > _most_unpacked(data, 16 << 20):
            raise RefusedFileError("unpacks to far more than real files do", remedy=_EXAMPLE)
        if "xl/workbook.xml" not in file.namelist():
            raise RefusedFileError("is a ZIP file but no XLSX", remedy=_EXAMPLE)
        first = first_sheet(file)
        # Each is read, so that the checksum of each is looked at.
        found = {
            m.filename: content
            for m in members
            if (content := file.read(m)) and (b"sheetData" in content or m.filename.lower() in (_STYLES, _TEXTS))
        }
    sheets = [content for content in found.values() if b"sheetData" in content]
    return _Parts(
        styles=found.get(_STYLES, b""),
        texts=b"".join(content for name, content in found.items() if name.lower() == _TEXTS),
        sheet=found.get(first.name, b""),
        sheets=sheets,
        are_usual=first.is_only and len(sheets) == 1 and first.name in found,
    )


def _csv(data: bytes) -> SheetRows:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        # What Excel writes in western Europe.
        text = data.decode("cp1252", "replace")
    text = text.lstrip("\r\n")
    if (head := text.partition("\n")[0]).lower().startswith("sep="):
        text = text.partition("\n")[2]
        head = text.partition("\n")[0]
    try:
        delimiter = max(_DELIMITERS, key=lambda each: (_columns_read(head, each), head.count(each)))
        check_size(text.count(delimiter) + text.count("\n"), 1)
        # io.StringIO would hold four bytes a character.
        lines = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline="")
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise RefusedFileError(f"is no CSV file: {error}", remedy=_EXAMPLE) from error
    return replace(_table(enumerate(rows, 1)), delimiter=delimiter)


def _columns_read(head: str, delimiter: str) -> int:
    """How many headers are known if this is the delimiter: a header may hold commas of its own."""
    headers = next(csv.reader([head], delimiter=delimiter), [])
    return sum(read_column(header.strip()) is not None for header in headers)


def _table(rows: Iterable[tuple[int, Sequence[Cell]]]) -> SheetRows:
    """The table in the rows of a file with their numbers."""
    lines = iter(rows)
    headers = tuple(str(cell).strip() for cell in next(lines, (1, ()))[1])
    if not any(column is not None and column.field == "asin" for column in map(read_column, headers)):
        raise RefusedFileError("has no column ASIN, so it is no Keepa export", remedy=_EXAMPLE)
    kept: list[tuple[int, Sequence[Cell]]] = []
    exported: list[datetime] = []
    for number, row in lines:
        empty = row.count("")
        if empty == len(row):
            continue
        if empty == len(row) - 1 and (found := _FOOTER.search("".join(map(str, row)))):
            exported += _footer_time(found[1])
        else:
            kept.append((number, row))
    # Of several exports put together, the rows may be from the oldest.
    return SheetRows(headers, kept, min(exported, default=None))


def _footer_time(text: str) -> list[datetime]:
    try:
        return [datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)]
    except ValueError:
        return []


def _answer(data: bytes) -> SavedResponse:
    documents = list(_documents(data))
    stamps = [d.get("timestamp") for d in documents if isinstance(d, dict)]
    products = [_without_data(product) for document in documents for product in _products(document)]
    if not any(isinstance(p, dict) and "domainId" in p for p in products):
        raise RefusedFileError("holds no Keepa product", remedy=_EXAMPLE)
    known = [stamp for stamp in stamps if isinstance(stamp, int) and not isinstance(stamp, bool) and 0 < stamp < 1e14]
    return SavedResponse(products, datetime.fromtimestamp(min(known) / 1000, UTC) if known else None)


def _documents(data: bytes) -> Iterator[Json]:
    """The JSON documents in a file: one, or one a line; ``NaN`` and ``Infinity``, as Python writes them, are null."""
    try:
        yield orjson.loads(data)
        return
    except orjson.JSONDecodeError as error:
        strict = error
    at, text = 0, data.decode("utf-8", "replace").strip()
    try:
        while at < len(text):
            document, at = decode_leniently(text, at)
            yield document
            while at < len(text) and text[at] in " \t\r\n,\x1e":
                at += 1
    except (ValueError, RecursionError) as error:
        raise RefusedFileError(f"is no whole JSON document: {strict}", remedy="Save the answer again") from error


def _products(document: Json) -> Sequence[Json]:
    if isinstance(document, list):
        return [product for each in document for product in (_products(each) if _is_answer(each) else [each])]
    if isinstance(document, dict) and _is_answer(document):
        found = document["products"]
        return found if isinstance(found, list) else []
    return [document]


def _is_answer(document: Json) -> bool:
    return isinstance(document, dict) and "products" in document


def _without_data(product: Json) -> Json:
    """The product without what the Python client adds to it: the same series once more, as arrays."""
    if isinstance(product, dict) and "data" in product:
        return {name: value for name, value in product.items() if name != "data"}
    return product
