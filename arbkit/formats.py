"""Numbers as people read them: thousands set apart, a true minus, money beside its currency, a dash for unknown."""

from __future__ import annotations

import math

__all__ = ["UNKNOWN", "count", "money", "number", "percent", "signed"]

UNKNOWN = "–"


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


def _text(value: float | None, digits: int, unit: str = "", *, sign: str = "") -> str:
    if value is None or not math.isfinite(value):
        return UNKNOWN
    rounded = round(value, digits)
    # What is rounded to nothing is no change in either direction.
    return f"{rounded if rounded else 0.0:{sign if rounded else ''},.{digits}f}".replace("-", "−") + unit
