"""What sources hand on untouched: Keepa's product objects, cells of exports, and the envelope around them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias, TypedDict

from arbkit.core.models import Origin

RawProduct: TypeAlias = Mapping[str, Any]
"""A source's own object: its fields are Keepa's to define, and each is checked where it is read."""

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
"""Whatever a JSON document may hold."""

Cell: TypeAlias = str | int | float | bool | datetime | date | time | timedelta | None
"""One cell of an export; ``""`` is an empty one."""


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
