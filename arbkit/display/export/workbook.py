"""XLSX as a person would make it: headings in words, numbers with their units, links, and a sheet that explains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from arbkit.core.files import shipped_table
from arbkit.display.export.columns import Column
from arbkit.display.export.rows import Cell, FileRow

ABOUT = "About"
"""The sheet that explains the others."""
_ABOUT_WIDTHS = (28, 34, 24, 14, 80)
_ARROW = 3
"""Characters that the arrow of the filter takes in a heading."""
_LINK = 14


class _Workbook(BaseModel):
    percent: str
    whole: str
    number: str
    moment: str
    amount: dict[str, str]
    other_amount: str = Field(alias="other amount")
    most_links: int
    most_rows: int
    widest: int


class _File(BaseModel):
    workbook: _Workbook


_FORMATS = shipped_table(_File, __package__, "formats.toml").workbook


def write_workbook(
    path: Path, columns: Sequence[Column], rows: Iterable[FileRow], *, sheet: str, about: Sequence[Sequence[Cell]]
) -> int:
    """Write these rows, and return their number; more than a sheet can have go on in the next one.

    ``about`` are the rows of the sheet that explains them; without any there is no such sheet.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "remove_timezone": True,
    }  # fmt: skip
    try:
        with closing(xlsxwriter.Workbook(str(path), options)) as book:
            number = _Rows(book, columns, sheet).write(rows)
            if about:
                _write_about(book, about)
    except FileCreateError as error:
        # xlsxwriter wraps the operating system's error in its own.
        raise OSError(str(error)) from error
    return number


class _Rows:
    """The sheets of one table; ``book`` is an ``xlsxwriter.Workbook``."""

    def __init__(self, book: Any, columns: Sequence[Column], name: str) -> None:
        self._book, self._columns, self._name = book, columns, name
        self._formats: dict[str, Any] = {}
        self._head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self._link = book.get_default_url_format()
        self._links = 0
        names = [column.name for column in columns]
        self._currency = [
            names.index(column.unit) if column.kind == "amount" and column.unit in names else None for column in columns
        ]

    def write(self, rows: Iterable[FileRow]) -> int:
        """All rows; their number."""
        number, at = 0, 0
        sheet = self._begin(1)
        widths = self._narrowest()
        for row in rows:
            if at + 1 == _FORMATS.most_rows:
                self._end(sheet, at, widths)
                sheet, at = self._begin(1 + number // (_FORMATS.most_rows - 1)), 0
            number, at = number + 1, at + 1
            for n, (column, cell) in enumerate(zip(self._columns, row, strict=True)):
                if cell is not None:
                    widths[n] = max(widths[n], self._write(sheet, at, n, column, cell, row))
        self._end(sheet, at, widths)
        return number

    def _begin(self, number: int) -> Any:
        sheet = self._book.add_worksheet(self._name if number == 1 else f"{self._name} {number}")
        sheet.freeze_panes(1, 1)
        sheet.write_row(0, 0, [column.label + _UTC.get(column.kind, "") for column in self._columns], self._head)
        return sheet

    def _narrowest(self) -> list[int]:
        """The width of the longest word of each heading."""
        return [max(map(len, column.label.split())) + _ARROW for column in self._columns]

    def _end(self, sheet: Any, last: int, widths: Sequence[int]) -> None:
        for n, width in enumerate(widths):
            sheet.set_column(n, n, min(width + 1, _FORMATS.widest))
        sheet.autofilter(0, 0, last, len(self._columns) - 1)
        # ASINs and EANs are text, whatever they look like.
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})

    def _write(self, sheet: Any, at: int, n: int, column: Column, cell: Cell, row: FileRow) -> int:
        """One cell; the number of characters that it takes."""
        if isinstance(cell, bool):
            cell = "yes" if cell else "no"
        if isinstance(cell, datetime):
            sheet.write_datetime(at, n, cell, self._format(_FORMATS.moment))
            return len(_FORMATS.moment)
        if isinstance(cell, str):
            if column.kind == "link" and self._links < _FORMATS.most_links:
                self._links += 1
                shown = (urlsplit(cell).hostname or cell).removeprefix("www.")
                sheet.write_url(at, n, cell, self._link, string=shown)
                return _LINK
            sheet.write_string(at, n, cell)
            return len(cell)
        return self._write_number(sheet, at, n, column, cell or 0, row)

    def _write_number(self, sheet: Any, at: int, n: int, column: Column, number: float, row: FileRow) -> int:
        match column.kind:
            case "percent":
                sheet.write_number(at, n, number / 100, self._format(_FORMATS.percent))
            case "amount":
                place = self._currency[n]
                sheet.write_number(at, n, number, self._amount("" if place is None else str(row[place])))
            case "whole" | "number":
                sheet.write_number(at, n, number, self._format(getattr(_FORMATS, column.kind)))
            case _:
                sheet.write_number(at, n, number)
        return len(f"{number:,.2f} EUR")

    def _amount(self, currency: str) -> Any:
        known = _FORMATS.amount.get(currency)
        return self._format(known or _FORMATS.other_amount.format(currency=currency.replace('"', "")))

    def _format(self, text: str) -> Any:
        if text not in self._formats:
            self._formats[text] = self._book.add_format({"num_format": text})
        return self._formats[text]


_UTC = {"moment": " (UTC)"}


def _write_about(book: Any, rows: Sequence[Sequence[Cell]]) -> None:
    sheet = book.add_worksheet(ABOUT)
    bold, wrapped = (
        book.add_format({"bold": True, "valign": "top"}),
        book.add_format({"text_wrap": True, "valign": "top"}),
    )
    for n, width in enumerate(_ABOUT_WIDTHS):
        sheet.set_column(n, n, width)
    for at, row in enumerate(rows):
        for n, cell in enumerate(row):
            if cell is not None:
                sheet.write_string(at, n, str(cell), wrapped if n else bold)
