"""Numbers as people read them: thousands set apart, a true minus, money beside its currency, a dash for unknown."""

from __future__ import annotations

import math

__all__ = ["UNKNOWN", "count", "money", "percent", "signed"]

UNKNOWN = "–"


def money(amount: float | None, currency: str | None) -> str:
    """``1,234.50 EUR``."""
    return UNKNOWN if _unknown(amount) else f"{_number(amount)} {currency or ''}".rstrip()


def signed(amount: float | None, currency: str | None = None) -> str:
    """``+1,234.50 EUR``, for a change."""
    if amount is None or _unknown(amount):
        return UNKNOWN
    sign = "+" if round(amount, 2) > 0 else ""
    return f"{sign}{_number(amount)} {currency or ''}".rstrip()


def percent(value: float | None, digits: int = 1) -> str:
    """``31.5 %``."""
    return UNKNOWN if _unknown(value) else f"{_number(value, digits)} %"


def count(number: float | None) -> str:
    """``12,345``."""
    return UNKNOWN if _unknown(number) else _number(number, 0)


def _unknown(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _number(value: float | None, digits: int = 2) -> str:
    # Adding zero makes a minus zero a plain one.
    return f"{round(value or 0.0, digits) + 0.0:,.{digits}f}".replace("-", "−")
