"""Parquet, with the type of each column: numbers, whole numbers, truths, times in UTC and text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import pandas as pd

from arbkit.display.export.columns import Column, Kind
from arbkit.display.export.rows import FileRow

_ROWS = 50_000
"""Rows that are in memory at once: a row group of the file."""
_TYPES: dict[Kind, str] = {
    "amount": "float64", "percent": "float64", "number": "float64", "whole": "Int64", "yes_no": "boolean",
    "moment": "datetime64[us, UTC]", "text": "object", "link": "object",
}  # fmt: skip


def write_parquet(path: Path, columns: Sequence[Column], rows: Iterable[FileRow]) -> int:
    """Write these rows, and return their number."""
    from fastparquet import write

    names = [column.name for column in columns]
    types = {column.name: _TYPES[column.kind] for column in columns}
    encodings = {name: "utf8" if kind == "object" else "infer" for name, kind in types.items()}
    left, number = iter(rows), 0
    while (part := list(islice(left, _ROWS))) or not number:
        table = pd.DataFrame(part, columns=names, dtype="object").astype(types)
        write(str(path), table, append=number > 0, write_index=False, object_encoding=encodings)
        number += len(part)
        if len(part) < _ROWS:
            break
    return number
