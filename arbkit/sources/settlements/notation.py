"""Amounts and days as files of the five marketplaces write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Literal

_AMOUNT = re.compile(r"[0-9]+(?:[., ][0-9]{3})*(?:[.,][0-9]+)?")
_DECIMALS = re.compile(r"([.,])[0-9]{1,2}$")
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ].*)?")
_LOCAL = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4}|[0-9]{2})(?: .*)?")
_CURRENCY_SIGNS = "€£$"
_LARGEST = Decimal(1_000_000_000)
_CENTURY = 2000
"""Of a year with two digits: no settlement is older."""


@dataclass(frozen=True, slots=True)
class FileNotation:
    """What a file's other cells show of its ``decimal`` mark (None: nothing) and whether its days come first."""

    decimal: Literal[".", ","] | None
    day_first: bool

    @classmethod
    def of(cls, amounts: Iterable[str], days: Iterable[str]) -> FileNotation:
        """That of a file with these cells; where both orders of a date are possible, the day is first, as in Europe."""
        marks = {found[1] for text in amounts if (found := _DECIMALS.search(_plain(text)[0]))}
        local = [found for text in days if (found := _LOCAL.fullmatch(text.strip()))]
        month_first = any(int(one[2]) > 12 for one in local) and not any(int(one[1]) > 12 for one in local)
        (mark,) = marks if len(marks) == 1 else (None,)
        return cls("," if mark == "," else "." if mark == "." else None, not month_first)

    def amount(self, text: str) -> float:
        """An amount to the cent, as ``1.234,56``, ``-12.30`` or ``12,30-``.

        Raises:
            ValueError: it is none, or its one mark may be of thousands or of decimals.
        """
        digits, sign = _plain(text)
        if not _AMOUNT.fullmatch(digits):
            raise ValueError(f"{text[:40]!r} is no amount")
        decimal = self._decimal_of(digits)
        if decimal is None:
            raise ValueError(f"{text[:40]!r} may have decimals or thousands, and the file does not show which")
        whole, _, part = digits.rpartition(decimal) if decimal else (digits, "", "")
        try:
            value = Decimal(f"{re.sub('[., ]', '', whole) or '0'}.{part or '0'}")
        except InvalidOperation:
            raise ValueError(f"{text[:40]!r} is no amount") from None
        if value > _LARGEST:
            raise ValueError(f"{text[:40]!r} is too large")
        return float(round(sign * value, 2)) + 0.0

    def _decimal_of(self, digits: str) -> str | None:
        """The decimal mark of these digits and marks; empty: they have none; None: nobody can know."""
        marks = [char for char in digits if char in ".,"]
        last = marks[-1] if marks else ""
        if len(set(marks)) == 2:
            return last
        if len(marks) != 1:
            return ""
        if len(digits.rpartition(last)[2]) != 3:
            return last
        return None if self.decimal is None else last if last == self.decimal else ""

    def day(self, text: str) -> str:
        """A day as ``YYYY-MM-DD``, of ``2026-11-02 09:00:00 UTC``, ``02.11.2026`` or ``02/11/26``.

        Raises:
            ValueError: it is none.
        """
        text = text.strip()
        if (iso := _ISO.fullmatch(text)) is not None:
            year, month, day = map(int, iso.groups())
        elif (local := _LOCAL.fullmatch(text)) is not None:
            day, month, year = map(int, local.groups())
            # Only where slashes are between them a month may be first.
            if not self.day_first and "/" in text:
                day, month = month, day
            year += _CENTURY if year < 100 else 0
        else:
            raise ValueError(f"{text[:40]!r} is no day")
        try:
            return date(year, month, day).isoformat()
        except ValueError:
            raise ValueError(f"{text[:40]!r} is no day") from None


def _plain(text: str) -> tuple[str, int]:
    """The digits and marks of an amount, and its sign."""
    plain = re.sub(r"\s", " ", text).strip().strip(_CURRENCY_SIGNS).strip().replace("−", "-").replace("'", "")
    is_negative = plain.startswith("-") or plain.endswith("-") or (plain.startswith("(") and plain.endswith(")"))
    return plain.strip("-+() ").strip(_CURRENCY_SIGNS).strip(), -1 if is_negative else 1
