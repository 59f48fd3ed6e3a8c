"""Numbers as people read them: thousands apart, a real minus, a sign where something changed, and never a bare NaN."""

from __future__ import annotations

import math

__all__ = ["count", "money", "number", "percent"]

_UNKNOWN = "unknown"


def money(amount: float | None, currency: str, *, signed: bool = False) -> str:
    """``1,234.50 EUR``; signed ``+12.00 EUR``, ``−3.10 EUR``."""
    return _number(amount, ".2f", f" {currency}", signed=signed)


def number(amount: float | None) -> str:
    """``1,234.50``, where its currency stands beside."""
    return _number(amount, ".2f", "", signed=False)


def percent(value: float | None, *, signed: bool = False) -> str:
    """``31.5 %``."""
    return _number(value, ".1f", " %", signed=signed)


def count(value: float | None, *, signed: bool = False) -> str:
    """``12,345``."""
    return _number(value, ".0f", "", signed=signed)


def _number(value: float | None, form: str, unit: str, *, signed: bool) -> str:
    if value is None or not math.isfinite(value):
        return _UNKNOWN
    text = f"{value:{'+' if signed else ''},{form}}"
    # Rounded to nothing is no change in either direction.
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", "−") + unit
