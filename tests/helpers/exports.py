"""Exports made in a test: files on disk, and the offers that an import would make of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import xlsxwriter

from arbkit.core.marketplaces import Market
from arbkit.core.models import Offer
from arbkit.pipeline.files.reading import FileOptions, FileRow, rows_of
from arbkit.pipeline.files.report import FileReport
from arbkit.sources.exports.rows import to_offer

FOOTER = "Exported on 2026-11-25 20:00 (UTC) by ✜ Keepa.com"


def csv_text(headers: Sequence[str], *rows: Sequence[str], delimiter: str = ",", footer: str = FOOTER) -> str:
    """A CSV with every cell in quotes; ``footer`` empty leaves the last row out."""
    lines = [headers, *rows, *([[footer, *[""] * (len(headers) - 1)]] if footer else [])]
    quoted = (delimiter.join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    return "\n".join(quoted) + "\n"


def xlsx_bytes(headers: Sequence[str], *rows: Sequence[tuple[str | float | bool, str] | str | float | bool]) -> bytes:
    """An XLSX; a cell may be a value and its number format."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate((headers, *rows)):
            for index, cell in enumerate(line):
                value, code = cell if isinstance(cell, tuple) else (cell, "")
                sheet.write(number, index, value, book.add_format({"num_format": code}) if code else None)
    return out.getvalue()


def read_rows(
    folder: Path,
    content: str | bytes,
    *,
    name: str = "export.csv",
    market: Market | None = None,
    dated: date | None = None,
) -> tuple[list[FileRow], FileReport]:
    """The rows of a file with this content, and the report on it.

    Raises:
        RefusedFileError: the file cannot be used.
    """
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    report = FileReport(str(path))
    return list(rows_of(path, FileOptions(market, dated), "test", report)), report


def read_offers(
    folder: Path,
    content: str | bytes,
    *,
    name: str = "export.csv",
    market: Market | None = None,
    dated: date | None = None,
) -> list[Offer]:
    """The offers of a file all of whose rows can be used."""
    rows, _ = read_rows(folder, content, name=name, market=market, dated=dated)
    assert [row.error for row in rows] == [None] * len(rows)
    return [to_offer(row.envelope) for row in rows]
