"""What sources hand on untouched: Keepa's product objects, cells of exports, and the envelope around them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias, TypedDict

import orjson

from arbkit.core.models import Origin

RawProduct: TypeAlias = Mapping[str, Any]
"""A source's own object: its fields are Keepa's to define, and each is checked where it is read."""

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
"""Whatever a JSON document may hold."""

Cell: TypeAlias = str | int | float | bool | datetime | date | time | timedelta | None
"""One cell of an export; ``""`` is an empty one."""


def _within(text: str) -> int | float | None:
    """A number as strict JSON can hold it: one that is too large for 64 bits is a float, or nothing at all."""
    if text.lstrip("-").isdecimal() and len(text) <= _LONGEST_WHOLE and -(2**63) <= int(text) < 2**64:
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else None


_LONGEST_WHOLE = 20
_LENIENT = json.JSONDecoder(parse_constant=lambda _: None, parse_int=_within, parse_float=_within)


def decode_leniently(text: str, at: int = 0) -> tuple[Json, int]:
    """The JSON document that begins there and where it ends, with what only Python writes: ``NaN``, half characters.

    Raises:
        ValueError: it is none.
        RecursionError: it is nested too deeply.
    """
    document, end = _LENIENT.raw_decode(text, at)
    # In a form that can be written again, as orjson writes. A large one must not be there twice.
    strict = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    del document
    return orjson.loads(strict), end


class Envelope(TypedDict):
    """A message of ``raw.keepa_updates``.

    ``market`` is empty where it is none of arbkit's; ``source`` is where the data came from (``origin`` in code);
    ``fetched_at`` is ISO 8601.
    """

    v: int
    asin: str
    market: str
    source: Origin
    fetched_at: str | None
    run_id: str
    product: RawProduct | Json
