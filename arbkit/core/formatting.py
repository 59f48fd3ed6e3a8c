"""Numbers, ages and texts as people read them: grouped thousands, a true minus sign, a dash for unknown."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime

UNKNOWN = "–"
_BREAKS = "\t\r\n"
_BEGINS_FORMULA = frozenset(f"=+-@{_BREAKS}")


def money(amount: float | None, currency: str | None) -> str:
    """``1,234.50 EUR``."""
    return _text(amount, 2, f" {currency}" if currency else "")


def signed(amount: float | None, currency: str | None = None) -> str:
    """``+1,234.50 EUR``, for a change."""
    return _text(amount, 2, f" {currency}" if currency else "", sign="+")


def number(amount: float | None) -> str:
    """``1,234.50``, where its currency stands beside."""
    return _text(amount, 2)


def percent(value: float | None, digits: int = 1, *, sign: str = "") -> str:
    """``31.5 %``; ``sign="+"`` for a change."""
    return _text(value, digits, " %", sign=sign)


def count(value: float | None, *, sign: str = "") -> str:
    """``12,345``; ``sign="+"`` for a change."""
    return _text(value, 0, sign=sign)


def counted(number: float, singular: str, plural: str | None = None) -> str:
    """``1 record``, ``2,000 records``."""
    return f"{count(number)} {singular if number == 1 else plural or singular + 's'}"


def printable(text: str) -> str:
    """Foreign text for a terminal: what would move its cursor, set its clipboard or turn its lines around is marked.

    Each character stays one; lines stay lines.
    """
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def harmless(text: str) -> str:
    """Text that a spreadsheet would evaluate as a formula gets an apostrophe in front, as OWASP advises for CSV.

    Also behind spaces and signs that nobody sees, and where the first character is the full-width form of such a one.
    """
    first = next((sign for sign in text if sign in _BREAKS or unicodedata.category(sign)[0] not in "ZC"), "")
    return f"'{text}" if first and unicodedata.normalize("NFKC", first) in _BEGINS_FORMULA else text


def guarded(text: str) -> str:
    """Text as :func:`harmless` writes it, of which :func:`unguarded` makes the same again."""
    return f"'{text}" if text.startswith("'") else harmless(text)


def unguarded(text: str) -> str:
    """What :func:`guarded` made this of."""
    return text.removeprefix("'")


def age_words(seconds: float, *, days: str = "d") -> str:
    """``12 s``, ``5 min``, ``3 h``, ``9 d``; ``days`` is the word for the last."""
    for size, unit in ((86_400, days), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def utc_time(at: float) -> str:
    """``2026-08-01 07:00 UTC`` of a Unix time in seconds."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def iso_time(at: float) -> str:
    """``2026-08-01T07:00:00.000+00:00`` of a Unix time in seconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _text(value: float | None, digits: int, unit: str = "", *, sign: str = "") -> str:
    if value is None or not math.isfinite(value):
        return UNKNOWN
    rounded = round(value, digits)
    # What is rounded to nothing is no change in either direction.
    return f"{rounded if rounded else 0.0:{sign if rounded else ''},.{digits}f}".replace("-", "−") + unit
