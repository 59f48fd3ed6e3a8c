"""A file of lines with named columns, separated by tabs, semicolons or commas, as Amazon and spreadsheets write it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from arbkit.core.errors import RefusedFileError
from arbkit.core.files import shipped_table

LARGEST = 200 << 20
"""Bytes of a file: a year of a large seller has some tens of millions."""
MOST_LINES = 1_000_000
_LONGEST = 2_000
"""Characters of a cell that are kept."""
_DELIMITERS = "\t;,"


class SettlementWords(BaseModel):
    """``words.toml``."""

    columns: tuple[str, ...]
    kinds: Mapping[str, tuple[str, ...]]
    amounts: Mapping[str, tuple[str, ...]]
    others: Mapping[str, str]
    skus: Mapping[str, tuple[str, ...]]


@cache
def load_words() -> SettlementWords:
    """The words that the shipped table knows."""
    return shipped_table(SettlementWords, "arbkit.sources.settlements", "words.toml")


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row of a file with its number, and its cells by the name of their column, in small letters."""

    number: int
    cells: Mapping[str, str]

    def get(self, name: str) -> str:
        """A cell without blanks around it; empty where there is none."""
        return self.cells.get(name, "")


@dataclass(frozen=True, slots=True)
class NamedSheet:
    """The columns of a file and its rows; ``torn`` has the numbers of those with more cells than columns."""

    columns: tuple[str, ...]
    rows: tuple[NamedRow, ...]
    torn: tuple[int, ...]


def read_bytes(path: Path) -> bytes:
    """The content of a file of bounded size.

    Raises:
        RefusedFileError: it cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise RefusedFileError(f"has more than {LARGEST >> 20} MB", field=str(path), remedy="Split it")
        return path.read_bytes()
    except OSError as error:
        raise RefusedFileError(f"cannot be read: {error.strerror}", field=str(path)) from None


def parse_sheet(data: bytes, name: str) -> NamedSheet:
    """The rows of a file in UTF-8, UTF-16 or cp1252; those without any cell are none.

    Raises:
        RefusedFileError: it is no text, has no rows, or too many; names the file as ``name``.
    """
    text = sheet_text(data)
    if "\0" in text:
        raise RefusedFileError("is no text", field=name, remedy="Give the file as Amazon sent it, not a spreadsheet")
    delimiter = delimiter_of(text)
    # Amazon quotes nothing: a title may hold one quotation mark.
    lines = io.StringIO(text, newline="")
    if delimiter == "\t":
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=delimiter)
    rows, torn = [], []
    try:
        columns = tuple(_cell(cell).lower() for cell in next(reader, []))
        for cells in reader:
            named = {column: _cell(cell) for column, cell in zip(columns, cells, strict=False)}
            if not any(named.values()):
                continue
            if any(cell.strip() for cell in cells[len(columns) :]):
                torn.append(reader.line_num)
                continue
            rows.append(NamedRow(reader.line_num, named))
            if len(rows) > MOST_LINES:
                raise RefusedFileError(f"has more than {MOST_LINES:,} lines", field=name, remedy="Split it")
    except csv.Error as error:
        raise RefusedFileError(f"is no file of lines: {error}", field=name) from None
    if not any(columns):
        raise RefusedFileError("is empty", field=name)
    return NamedSheet(columns, tuple(rows), tuple(torn))


def delimiter_of(text: str) -> str:
    """What stands between the cells of a file: what its first line has most of."""
    return max(_DELIMITERS, key=text.partition("\n")[0].count)


def sheet_text(data: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 or cp1252."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _cell(text: str) -> str:
    # A spreadsheet that saved a file of tabs has put quotation marks around some cells.
    text = text.strip()[:_LONGEST]
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    return text
