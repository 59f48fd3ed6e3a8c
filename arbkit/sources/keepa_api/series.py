"""Keepa's histories, flat lists of whole numbers, → series of change points. Pure.

A list holds pairs ``[time, value, …]`` or, where shipping is separate, triples ``[time, price, shipping, …]``.
"""

from __future__ import annotations

import struct
from array import array

import orjson

from arbkit.core.errors import BadRecordError
from arbkit.core.models import Series
from arbkit.sources.raw_types import Json

KEPT = {
    "amazon": 0, "new": 1, "used": 2, "sales_rank": 3, "list": 4, "new_fba": 10, "offers_new": 11, "rating": 16,
    "reviews": 17, "buy_box": 18,
}  # fmt: skip
"""The series arbkit keeps, and where each stands in ``csv``."""
TRIPLES = frozenset({7, *range(18, 28), 28, 29, 32})
"""Where in ``csv`` there are lists of triples."""
_FIELDS = tuple((name, at, f"csv[{at}]", 3 if at in TRIPLES else 2) for name, at in KEPT.items())


def read_series(csv: Json) -> dict[str, Series]:
    """The series arbkit keeps, by name, out of ``csv``: 34 or 36 entries, or null; each entry may be null.

    Raises:
        BadRecordError: one is no such list; names the field.
    """
    lists = [] if csv is None else as_list(csv, "csv")
    size = len(lists)
    flat = [(name, width, lists[at]) for name, at, _, width in _FIELDS if at < size and lists[at]]
    if (found := _read_all(flat)) is not None:
        return found
    # One by one, so that the first fault is named.
    return {n: _points(lists[at], field, width) for n, at, field, width in _FIELDS if at < size and lists[at]}


def read_pairs(values: Json, field: str) -> Series:
    """The series in a field of its own, a list of pairs.

    Raises:
        BadRecordError: it is no such list; names the field.
    """
    return _points(values, field, 2)


def as_list(value: Json, field: str) -> list[Json]:
    """The value of a field that must be a list.

    Raises:
        BadRecordError: it is none.
    """
    if not isinstance(value, list):
        raise BadRecordError("is not a list", field=field, value=type(value).__name__)
    return value


def _read_all(flat: list[tuple[str, int, Json]]) -> dict[str, Series] | None:
    """The series of these lists (name, numbers a point, list), which are most of a record, read in one go.

    None where something is wrong with one.
    """
    together, ends = list[Json](), list[int]()
    for _, width, values in flat:
        if not isinstance(values, list) or len(values) % width:
            return None
        together += values
        ends.append(len(together))
    packed = _pack(together)
    if isinstance(packed, str):
        return None
    numbers = array("i", packed)
    series: dict[str, Series] = {}
    start = 0
    for (name, width, _), end in zip(flat, ends, strict=True):
        shipping = numbers[start + 2 : end : 3] if width == 3 else None
        series[name] = Series(numbers[start:end:width], numbers[start + 1 : end : width], shipping)
        start = end
    return series


def _points(flat: Json, field: str, width: int) -> Series:
    """A series out of a flat list of pairs (``width`` 2) or triples (3)."""
    values = as_list(flat, field)
    packed = _pack(values)
    if isinstance(packed, str):
        raise BadRecordError(f"is not a series of whole numbers{packed}", field=field)
    numbers = array("i", packed)
    if len(numbers) % width:
        raise BadRecordError(f"is not a multiple of {width} long", field=field, value=len(numbers))
    return Series(numbers[0::width], numbers[1::width], numbers[2::3] if width == 3 else None)


def _pack(values: list[Json]) -> bytes | str:
    """Whole numbers of 32 bits as bytes; a text that says more where there is something else."""
    try:
        # Twice as fast as array("i", values).
        packed = struct.pack(f"{len(values)}i", *values)
    except struct.error as error:
        return f": {error}"
    # True is packed as 1. Nothing else that has passed is written with an "e".
    return "" if b"e" in orjson.dumps(values) else packed
