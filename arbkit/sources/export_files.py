"""Files that users hand over: recognised by content, read whole, refused in one sentence where unusable."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from python_calamine import CalamineError, CalamineWorkbook

from arbkit.core.errors import RefusedFileError
from arbkit.sources.export_rows import IDENTITY
from arbkit.sources.raw_types import Cell, Json

_MAX_FILE = 512 << 20
_MAX_UNPACKED = 1 << 30
_MAX_RATIO = 200
"""Unpacked to packed: real exports are at about 10, a ZIP bomb at 1,000."""

_FOOTER = re.compile(r"Exported on (\d{4}-\d{2}-\d{2} \d{2}:\d{2}) \(UTC\)")
_EXAMPLE = "Give a Keepa export (CSV or XLSX) or a saved Keepa /product answer (JSON)"


@dataclass(frozen=True, slots=True)
class SheetRows:
    """An export: its headers and its rows with their numbers in the file; ``""`` is an empty cell.

    ``exported_at`` is in UTC, None if the file does not say.
    """

    headers: tuple[str, ...]
    rows: Sequence[tuple[int, Sequence[Cell]]]
    exported_at: datetime | None


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
        if path.stat().st_size > _MAX_FILE:
            raise RefusedFileError("is larger than 512 MiB", remedy="Export it in parts")
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
    if data.lstrip()[:1] in (b"{", b"["):
        return _answer(data)
    return _csv(data)


def _gunzip(data: bytes) -> bytes:
    limit = _most_unpacked(data, 1 << 20)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedFileError(f"is a damaged gzip file: {error}", remedy="Save it again") from error
    if len(plain) > limit:
        raise RefusedFileError("unpacks to far more than real files do", remedy=_EXAMPLE)
    return plain


def _most_unpacked(data: bytes, least: int) -> int:
    """How many bytes a real file of this size unpacks to at most."""
    return min(_MAX_UNPACKED, max(len(data) * _MAX_RATIO, least))


def _xlsx(data: bytes) -> SheetRows:
    try:
        _check_zip(data)
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (zipfile.BadZipFile, zlib.error, CalamineError, EOFError, NotImplementedError, RuntimeError) as error:
        raise RefusedFileError(f"is a damaged XLSX file: {error}", remedy="Export it again") from error
    except IndexError as error:
        raise RefusedFileError("has no sheet", remedy=_EXAMPLE) from error
    return _table(rows)


def _check_zip(data: bytes) -> None:
    """Refuse a ZIP bomb by what it would unpack to; one that lies there fails its checksum."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = file.infolist()
        if sum(member.file_size for member in members) > _most_unpacked(data, 16 << 20):
            raise RefusedFileError("unpacks to far more than real files do", remedy=_EXAMPLE)
        if "xl/workbook.xml" not in {member.filename for member in members}:
            raise RefusedFileError("is a ZIP file but no XLSX", remedy=_EXAMPLE)
        if (broken := file.testzip()) is not None:
            raise RefusedFileError(f"is a damaged XLSX file: {broken}", remedy="Export it again")


def _csv(data: bytes) -> SheetRows:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        # What Excel writes in western Europe.
        text = data.decode("cp1252", "replace")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise RefusedFileError(f"is no CSV file: {error}", remedy=_EXAMPLE) from error
    return _table(rows)


def _table(rows: Sequence[Sequence[Cell]]) -> SheetRows:
    headers = tuple(str(cell).strip() for cell in rows[0]) if rows else ()
    if not IDENTITY["asin"] & set(headers):
        raise RefusedFileError("has no column ASIN, so it is no Keepa export", remedy=_EXAMPLE)
    kept: list[tuple[int, Sequence[Cell]]] = []
    exported_at = None
    for number, row in enumerate(rows[1:], 2):
        empty = row.count("")
        if empty == len(row):
            continue
        if empty == len(row) - 1 and (found := _FOOTER.search("".join(map(str, row)))):
            exported_at = datetime.strptime(found[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        else:
            kept.append((number, row))
    return SheetRows(headers, kept, exported_at)


def _answer(data: bytes) -> SavedResponse:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise RefusedFileError(f"is no whole JSON document: {error}", remedy="Save the answer again") from error
    stamp, products = None, document
    if isinstance(document, dict):
        stamp, products = document.get("timestamp"), document.get("products", [document])
    if not isinstance(products, list) or not any(isinstance(p, dict) and "domainId" in p for p in products):
        raise RefusedFileError("holds no Keepa product", remedy=_EXAMPLE)
    at = datetime.fromtimestamp(stamp / 1000, UTC) if isinstance(stamp, int) and 0 < stamp < 1e14 else None
    return SavedResponse(products, at)
