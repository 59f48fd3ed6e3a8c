"""CSV, in the notation that a spreadsheet of the user's country opens; no text in it becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, cast, get_args

from pydantic import BaseModel

from arbkit.core.files import shipped_table
from arbkit.core.formatting import harmless
from arbkit.display.export.columns import Column
from arbkit.display.export.rows import Cell, FileRow

NotationName = Literal["english", "european"]


class Notation(BaseModel):
    """How a CSV separates cells and writes numbers."""

    label: str
    delimiter: str
    decimal: str


class _Formats(BaseModel):
    notation: dict[str, Notation]


NOTATIONS: Mapping[NotationName, Notation] = {
    cast("NotationName", name): one
    for name, one in shipped_table(_Formats, __package__, "formats.toml").notation.items()
    if name in get_args(NotationName)
}


def csv_text(rows: Iterable[Sequence[Cell]], notation: NotationName = "english") -> str:
    """These rows as CSV."""
    how, text = NOTATIONS[notation], io.StringIO(newline="")
    csv.writer(text, delimiter=how.delimiter).writerows([_written(cell, how) for cell in row] for row in rows)
    return text.getvalue()


def write_csv(
    path: Path, columns: Sequence[Column], rows: Iterable[FileRow], *, notation: NotationName, with_units: bool
) -> int:
    """Write these rows, and return their number; ``with_units``: headings name them."""
    number, how = 0, NOTATIONS[notation]
    # Excel recognises UTF-8 by the byte order mark.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=how.delimiter)
        writer.writerow([column.heading if with_units else column.name for column in columns])
        for row in rows:
            writer.writerow([_written(cell, how) for cell in row])
            number += 1
    return number


def _written(cell: Cell, how: Notation) -> Cell:
    match cell:
        case str():
            return harmless(cell)
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M:%S}"
        case float():
            return repr(cell).replace(".", how.decimal)
    return cell
