"""Tables of notebooks as files. Excel has no times with a zone, and Parquet no lists; text stays text."""

from __future__ import annotations

from typing import Any

import pandas as pd

from arbkit.core.formatting import harmless


def for_excel(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with times in UTC without a zone, which its heading names, and lists as text."""
    made = _with_text(frame)
    zoned = [name for name in made.columns if isinstance(made[name].dtype, pd.DatetimeTZDtype)]
    for name in zoned:
        made[name] = made[name].dt.tz_convert("UTC").dt.tz_localize(None)
    return made.rename(columns={name: f"{name} [UTC]" for name in zoned})


def for_csv(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with lists as text, of which none becomes a formula in a spreadsheet."""
    made = _with_text(frame)
    for name in made.columns:
        if _is_text(made[name]):
            made[name] = made[name].map(lambda cell: harmless(cell) if isinstance(cell, str) else cell)
    return made


def for_parquet(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with times in microseconds, which Parquet has, and lists as text."""
    made = _with_text(frame)
    for name in made.columns:
        if isinstance(made[name].dtype, pd.DatetimeTZDtype):
            made[name] = made[name].dt.as_unit("us")
        elif _is_text(made[name]):
            made[name] = made[name].astype("str")
    made.attrs = {}
    return made


def _with_text(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy of plain pandas in which lists and mappings are text."""
    made = pd.DataFrame(frame, copy=True)
    for name in made.columns:
        if made[name].dtype == "object":
            made[name] = made[name].map(_as_text)
    return made


def _as_text(cell: object) -> object:
    match cell:
        case list() | tuple():
            return "; ".join(map(str, cell))
        case dict():
            return ", ".join(f"{name} {value}" for name, value in cell.items())
    return cell


def _is_text(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_string_dtype(column.dtype) or column.dtype == "object"
