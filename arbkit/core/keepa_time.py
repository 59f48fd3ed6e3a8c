"""Keepa's clock: minutes since 1 January 2011, UTC (Keepa API documentation, "Keepa Time"), and ISO times."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

from arbkit.core.errors import BadRecordError

_EPOCH_MINUTES = 21_564_000

FIRST_DAY = date(2011, 1, 1)
"""The day on which Keepa's clock begins: no price is older."""

CLOCK_TOLERANCE_S = 3_600.0
"""How far two clocks may differ before a time counts as one of the future."""

UNDATED_AT = _EPOCH_MINUTES * 60
"""The time (Unix s) that stands for "nobody knows when": older than every fact, so never fresh."""

NEW_INCLUDES_SHIPPING_FROM = 1_771_200_000
"""16 February 2026 in Unix seconds: from then on Keepa's NEW price includes shipping."""

RATING_COUNT_FROZEN_FROM = 1_744_156_800
"""9 April 2025 in Unix seconds: since then Keepa's number of ratings stands still (Keepa API documentation,
"Product Object", ``reviews.ratingCount``)."""


def to_unix(minutes: int) -> int:
    """Unix seconds of a Keepa time."""
    return (minutes + _EPOCH_MINUTES) * 60


def to_minutes(unix: float) -> int:
    """The Keepa time of Unix seconds, rounded down."""
    return int(unix // 60) - _EPOCH_MINUTES


def iso_to_unix(value: str | None, *, field: str) -> float:
    """Unix seconds of an ISO 8601 time in a record's ``field``.

    Raises:
        BadRecordError: it is none; names the field.
    """
    try:
        return _from_iso(value)
    except (TypeError, ValueError):
        raise BadRecordError("is not an ISO time", field=field, value=value) from None


@lru_cache(maxsize=64)
def _from_iso(text: str | None) -> float:
    # All rows of a file have the same one.
    return datetime.fromisoformat(text or "").timestamp()
