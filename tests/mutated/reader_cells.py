"""What one cell says, read without arbkit: an amount of money, a date, article codes.

Written from Keepa's documentation and from files of real users; slow, plain, and on purpose sharing nothing with the
program. A cell may have several readings: which one holds is decided for the whole file, or not at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

CURRENCIES = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "£": "GBP", "gbp": "GBP", "$": "USD", "usd": "USD", "us$": "USD",
    "zł": "PLN", "pln": "PLN", "kr": "SEK", "sek": "SEK", "chf": "CHF", "₺": "TRY", "tl": "TRY", "try": "TRY",
    "¥": "JPY", "￥": "JPY", "jpy": "JPY", "₹": "INR", "rs.": "INR", "inr": "INR", "cad": "CAD", "mxn": "MXN",
    "brl": "BRL", "aud": "AUD", "r$": "BRL", "a$": "AUD", "ca$": "CAD", "cdn$": "CAD", "mx$": "MXN",
    "-c0a": "EUR", "-407": "EUR", "-40c": "EUR", "-410": "EUR", "-2": "EUR", "-809": "GBP", "-409": "USD",
    "-411": "JPY", "-1009": "CAD", "-4009": "INR", "-80a": "MXN", "-416": "BRL", "-804": "CNY",
}  # fmt: skip
"""What stands beside an amount: a sign, a name, or the language that Keepa's spreadsheets have in its place."""
NOTHING = {"", "-", "–", "nan", "NaN", "N/A", "n/a", "None", "null"}
_SPACES = " \u00a0\u2009\u202f"
_GROUPS = "'’" + _SPACES
_AMOUNT = re.compile(rf"[+]?(\d[\d.,{_GROUPS}]*)", re.ASCII)
_LANGUAGE = re.compile(r"\s-[0-9A-Fa-f]{1,4}$")
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?", re.ASCII)
_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Amount:
    """An amount by decimal mark, for the marks with which it is one; ``currency`` if it names one."""

    by_mark: dict[str, Decimal]
    currency: str | None = None


def _ascii_digits(text: str) -> str:
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)


def amount_of(text: str) -> Amount | None:
    """The amount in a cell of text; None if it is none."""
    word = _ascii_digits(text.strip())
    currency = None
    sign = _LANGUAGE.search(word)
    if sign:
        currency = CURRENCIES.get(sign[0].strip().lower())
        if currency is None:
            return None
        word = word[: sign.start()].strip()
    outside = re.split(r"[+]?\d(?:[\d.,'’\s]*\d)?", word, maxsplit=1)
    if len(outside) != 2:
        return None
    named = [part.strip().lower() for part in outside if part.strip()]
    if len(named) > 1 or (named and sign):
        return None
    if named:
        currency = CURRENCIES.get(named[0])
        if currency is None:
            return None
    number = word[len(outside[0]) : len(word) - len(outside[1]) or None].strip()
    marks = {mark: value for mark in ".," if (value := _number(number, mark)) is not None}
    return Amount(marks, currency) if marks else None


def _number(text: str, mark: str) -> Decimal | None:
    """The number if ``mark`` divides whole and decimals; None if it is no number then."""
    if not _AMOUNT.fullmatch(text):
        return None
    whole, found, rest = text.lstrip("+").partition(mark)
    if found and not rest.isdigit():
        return None
    other = "," if mark == "." else "."
    groups = re.split(rf"[{re.escape(other + _GROUPS)}]", whole)
    if len(groups) > 1 and not (
        1 <= len(groups[0]) <= 3 and groups[0][0] != "0" and all(len(group) == 3 for group in groups[1:])
    ):
        return None
    digits = "".join(groups)
    return Decimal(f"{digits}.{rest or 0}") if digits.isdigit() else None


def cents(value: Decimal) -> frozenset[int]:
    """The whole cents nearest to an amount: two of them where it lies in the middle, none for what is no price."""
    if value >= 2**31:
        return frozenset()
    hundred = value * 100
    low = int(hundred // 1)
    rest = hundred - low
    near = {low} if rest < Decimal("0.5") else {low + 1} if rest > Decimal("0.5") else {low, low + 1}
    return frozenset(cent for cent in near if 0 < cent < 2**31)


def has_three_decimals(text: str, mark: str) -> bool:
    """Whether exactly three digits follow the mark: a tenth of a cent, or a thousand in another notation."""
    return re.search(rf"{re.escape(mark)}\d{{3}}(?!\d)", _ascii_digits(text)) is not None


# Dates


def date_readings(cell: str | float | datetime | None) -> dict[str, datetime]:
    """The times in UTC that a cell may mean, by the order of day and month (``""``: there is but one)."""
    if isinstance(cell, datetime):
        return {"": cell if cell.tzinfo else cell.replace(tzinfo=UTC)}
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return {"": _serial(float(cell))} if 30_000 <= cell < 80_000 else {}
    if not isinstance(cell, str):
        return {}
    text = cell.strip()
    if _SERIAL.fullmatch(text):
        value = float(text.replace(",", "."))
        return {"": _serial(value)} if 30_000 <= value < 80_000 else {}
    day, _, clock = re.sub(r"(?<=\d)T(?=\d)", " ", text).partition(" ")
    day = day.removesuffix(",")
    parts = re.split(r"[-/.]", day)
    minutes = _clock(clock.strip())
    if len(parts) != 3 or minutes is None or not all(part.isdecimal() for part in parts):
        return {}
    if max(map(len, parts[1:2] + [part for part in (parts[0], parts[2]) if len(part) != 4])) > 2:
        return {}
    if len(set(re.findall(r"[-/.]", day))) > 1:
        return {}
    numbers = [int(part) for part in parts]
    if len(parts[0]) == 4:
        orders = {"": numbers}
    else:
        year = numbers[2] + (2000 if len(parts[2]) == 2 else 0)
        orders = {"day": [year, numbers[1], numbers[0]], "month": [year, numbers[0], numbers[1]]}
    found = {order: _day(*each) for order, each in orders.items()}
    return {order: at + minutes for order, at in found.items() if at is not None}


def _serial(value: float) -> datetime:
    return _EPOCH + timedelta(minutes=round(value * 1440))


def _day(year: int, month: int, day: int) -> datetime | None:
    try:
        at = date(year, month, day)
    except ValueError:
        return None
    return datetime(at.year, at.month, at.day, tzinfo=UTC)


def _clock(text: str) -> timedelta | None:
    if not text or text in ("Z", "UTC"):
        return timedelta()
    found = re.fullmatch(r"(\d{1,2}):(\d{2})(?::\d{2}(?:\.\d+)?)?\s*(?:([AaPp])\.?[Mm]\.?)?\s*(?:Z|UTC)?", text)
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2])
    if found[3]:
        hour = hour % 12 + (12 if found[3] in "pP" else 0)
    return timedelta(hours=hour, minutes=minute) if hour < 24 and minute < 60 else None


# Article codes


def is_right(code: str) -> bool:
    """Whether the last digit of a GTIN is the one that GS1 asks for, or the code is one of the invented ones."""
    if code.lstrip("0").startswith(("29000000000", "40000000000")):
        return True
    weights = [3 if place % 2 == 0 else 1 for place in range(len(code) - 1)]
    total = sum(int(digit) * weight for digit, weight in zip(reversed(code[:-1]), weights, strict=True))
    return (10 - total % 10) % 10 == int(code[-1])


def codes_of(cell: str | float) -> frozenset[str]:
    """The EANs and UPCs of a cell without their first zeros; what is none, or has a wrong check digit,
    is not there."""
    if isinstance(cell, float):
        words: Iterable[str] = [f"{cell:.0f}"] if cell.is_integer() and 0 < cell < 1e14 else []
    else:
        words = (word.strip("'\"’` ") for word in re.split(r"[|,;/\s]+", cell))
    found = set()
    for word in words:
        code = re.sub(r"\.0+$", "", word)
        sized = len(code) in (8, 12, 13, 14) if isinstance(cell, str) else 8 <= len(code) <= 14
        if code.isascii() and code.isdigit() and sized and int(code) and is_right(code):
            found.add(code.lstrip("0"))
    return frozenset(found)
