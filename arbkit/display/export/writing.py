"""Tables as files in the format of their extension, completely or not at all, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from arbkit.core.errors import UsageError
from arbkit.core.files import writing
from arbkit.display.export.columns import Column
from arbkit.display.export.csv_file import NotationName, write_csv
from arbkit.display.export.parquet import write_parquet
from arbkit.display.export.rows import Cell, FileRow
from arbkit.display.export.workbook import write_workbook

FORMATS = (".csv", ".xlsx", ".parquet")
"""Extensions that name a format."""


def write(
    path: Path,
    columns: Sequence[Column],
    rows: Iterable[FileRow],
    *,
    sheet: str = "Opportunities",
    about: Sequence[Sequence[Cell]] = (),
    notation: NotationName = "english",
    with_units: bool = False,
) -> int:
    """Write a table to ``path``; returns the number of rows.

    ``sheet`` and ``about`` (the rows that explain it) are for a workbook, ``notation`` and ``with_units`` (headings
    name them) for a CSV.

    Raises:
        UsageError: no such format.
        ServiceError: it cannot be written (full disk, read-only folder…).
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise UsageError("no such file format", field="file", value=path.name, remedy=f"Use {', '.join(FORMATS)}")
    fresh = path.with_name(f".{uuid4().hex[:8]}-{path.name}")
    try:
        with writing(path):
            # A folder that cannot be written to is known before the work, not after it.
            fresh.touch()
            match kind:
                case ".csv":
                    number = write_csv(fresh, columns, rows, notation=notation, with_units=with_units)
                case ".xlsx":
                    number = write_workbook(fresh, columns, rows, sheet=sheet, about=about)
                case _:
                    number = write_parquet(fresh, columns, rows)
            fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink()
    return number
