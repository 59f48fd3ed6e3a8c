"""One cell of an export → the value of its field, read in the notation of its file. Pure.

Cells come as XLSX gives them (floats, percentages as fractions) or as CSV does (``€ 4.72``, ``8.05 %``, bare
``85.98``, ``77.99 -C0A`` from a converted XLSX).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from arbkit.core.errors import BadRecordError
from arbkit.core.input.ean import CODE_LENGTHS, code_key, has_right_check_digit
from arbkit.sources.exports.columns import VOCABULARY, Column, Kind, plain
from arbkit.sources.exports.notation import Mark, Notation, currency_of_symbol
from arbkit.sources.raw_types import Cell

CellValue: TypeAlias = str | int | float | bool | tuple[str, ...] | None
"""What a field of an offer can hold."""

_MAX_SHOWN = 80
_BLANKS = r"[ \u00a0\u2009\u202f]"


def _number_pattern(decimal: Mark, thousands: str) -> re.Pattern[str]:
    grouped = rf"\d{{1,3}}(?:[{thousands}'’ \u00a0\u2009\u202f]\d{{3}})+"
    return re.compile(rf"([^\d+\-−]*)([-−+]?)({grouped}|\d+)(?:\{decimal}(\d+))?{_BLANKS}*(.*)", re.DOTALL)


_NUMBERS: Mapping[Mark, re.Pattern[str]] = {".": _number_pattern(".", ","), ",": _number_pattern(",", ".")}
"""What stands before a number, its sign, its digits before and after the mark, and what stands behind it."""
_NOT_DIGITS = re.compile(r"\D")
_CODES = re.compile(r"[|,;/\s]+")
_CODE = re.compile(r"([0-9]{8,14})(?:\.0+)?")
_LEAST_CODE = 10_000_000
"""A number of fewer than eight digits is none that lost zeros: every tenth has a right check digit by chance."""
_INVENTED = tuple(VOCABULARY["codes"]["invented"])
_NAMES = re.compile(r"[,;|]")
_SELLER_ID = re.compile(r"(?:^|/)\s*(A[0-9A-Z]{11,14})$")
_RATED = re.compile(r"\s*\(\d{1,3}\s?%[^)]*\).*$")
_YES, _NO = (frozenset(VOCABULARY["words"][word]) for word in ("yes", "no"))


def _refuse(why: str, column: Column, cell: Cell) -> BadRecordError:
    shown = cell if isinstance(cell, (int, float)) else str(cell)[:_MAX_SHOWN]
    return BadRecordError(why, field=column.header, value=shown)


def _text(_: Column, cell: Cell, __: str, ___: Notation) -> str:
    return str(cell).strip()


def _texts(_: Column, cell: Cell, __: str, ___: Notation) -> tuple[str, ...]:
    return (str(cell).strip(),)


def _names(_: Column, cell: Cell, __: str, ___: Notation) -> tuple[str, ...]:
    found = (part.partition("(")[0].partition(":")[0].strip() for part in _NAMES.split(str(cell)))
    return tuple(dict.fromkeys(filter(None, found)))


def _path(_: Column, cell: Cell, __: str, ___: Notation) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(cell).split("›") if part.strip())


def _codes(column: Column, cell: Cell, _: str, __: Notation) -> tuple[str, ...]:
    """The EANs and UPCs with a right check digit, without the others; refused if none is right."""
    if isinstance(cell, float) and cell.is_integer() and cell >= _LEAST_CODE:
        # A spreadsheet that made a number of a code lost its first zeros.
        words = [f"{int(cell):012d}"]
    else:
        words = _words(str(cell))
    codes = distinct_codes(code for word in words if (code := _checked(word)) is not None)
    if words and not codes:
        raise _refuse("is no EAN", column, cell)
    return codes


def _words(cell: str) -> list[str]:
    return [word for each in _CODES.split(cell) if (word := each.strip("'\"’` "))]


def distinct_codes(codes: Iterable[str]) -> tuple[str, ...]:
    """The codes, each once: a UPC is the EAN with a zero before it."""
    found: dict[str, str] = {}
    for code in codes:
        found.setdefault(code_key(code), code)
    return tuple(found.values())


def _checked(word: str) -> str | None:
    """The code in ``word``, a GTIN-14 of a single piece as its EAN; None if its check digit is wrong."""
    found = _CODE.fullmatch(word)
    digits = found[1] if found else ""
    if len(digits) not in CODE_LENGTHS or not int(digits):
        return None
    if not has_right_check_digit(digits) and not digits.startswith(_INVENTED):
        return None
    return digits[1:] if len(digits) == 14 and digits[0] == "0" else digits


def _seller(_: Column, cell: Cell, __: str, ___: Notation) -> str:
    """The seller's id where the cell has one, else the name without its rating."""
    text = str(cell).strip()
    named = _SELLER_ID.search(text)
    return named[1] if named else _RATED.sub("", text)


def _finite(value: float, column: Column, cell: Cell) -> float:
    if not -1e15 < value < 1e15:
        raise _refuse("is not a number", column, cell)
    return value


def _parts(column: Column, cell: Cell, notation: Notation) -> tuple[float, str, int]:
    """The number in a cell, the words around it, and how many digits follow its decimal mark."""
    if isinstance(cell, (int, float)):
        if isinstance(cell, bool):
            raise _refuse("is not a number", column, cell)
        return _finite(float(cell), column, cell), "", 0
    text = str(cell)
    # What Keepa's own CSV has, at a third of the time.
    if notation.decimal == "." and text.isascii() and text.replace(".", "", 1).isdigit() and text.strip(".") == text:
        return _finite(float(text), column, cell), "", len(text.partition(".")[2])
    found = _NUMBERS[notation.decimal].fullmatch(text.strip())
    if found is None:
        raise _refuse("is not a number", column, cell)
    before, sign, whole, rest, behind = found.groups()
    value = _finite(float(f"{_NOT_DIGITS.sub('', whole)}.{rest or 0}"), column, cell)
    return -value if sign in ("-", "−") else value, f"{before} {behind}".strip(), len(rest or "")


def _money(column: Column, cell: Cell, currency: str, notation: Notation) -> int | None:
    value, word, digits = _parts(column, cell, notation)
    if digits == 3 and 1 <= value < 1000:
        raise _refuse("has three decimals, or is a thousand in another notation", column, cell)
    if word and (named := currency_of_symbol(word)) != currency:
        raise _refuse(f"is in {named}, not in {currency}" if named else "is not a number", column, cell)
    amount = round(value * 100)
    if amount < 0 or amount >= 2**31:
        raise _refuse("cannot be a price", column, cell)
    # Shipping of 0.00 is free; a price of 0.00 is none.
    return amount if amount or column.field == "buy_box_shipping_minor" else None


def _number(column: Column, cell: Cell, _: str, notation: Notation) -> float:
    value, word, _digits = _parts(column, cell, notation)
    if word:
        raise _refuse("is not a number", column, cell)
    return value


def _percent(column: Column, cell: Cell, _: str, notation: Notation) -> float | int:
    value, word, _digits = _parts(column, cell, notation)
    if word not in ("", "%"):
        raise _refuse("is not a number", column, cell)
    fraction = 0 < value <= 1 if notation.fractions is None else column.header in notation.fractions
    if fraction and word != "%":
        value *= 100
    if not 0 <= value <= 100:
        raise _refuse("is not between 0 and 100 percent", column, cell)
    return round(value) if column.field == "coupon_pct" else round(value, 4)


def _whole(column: Column, cell: Cell, _: str, notation: Notation) -> int | None:
    value, word, digits = _parts(column, cell, notation)
    if word not in ("", "+") or digits == 3:
        # 12.345 among numbers with a decimal point: a thousand in another notation.
        raise _refuse("is not a whole number", column, cell)
    return _positive(value)


def _measure(column: Column, cell: Cell, _: str, notation: Notation) -> int | None:
    """A length in mm, a weight in g or a volume in cm³; a unit in the cell goes before the header's."""
    value, word, digits = _parts(column, cell, notation)
    factor = VOCABULARY["units"][column.kind].get(plain(word)) if word else column.factor
    if factor is None:
        raise _refuse("is not a number", column, cell)
    if digits == 3 and factor == 1:
        raise _refuse("is not a whole number", column, cell)
    if value < 0 or value * factor >= 2**31:
        raise _refuse("cannot be a measure", column, cell)
    return _positive(value * factor)


def _positive(value: float) -> int | None:
    return round(value) or None if value > 0 else None


def _flag(column: Column, cell: Cell, _: str, __: Notation) -> bool:
    word = plain(str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell))
    if word not in _YES and word not in _NO:
        raise _refuse("is neither yes nor no", column, cell)
    return word in _YES


Reader: TypeAlias = Callable[[Column, Cell, str, Notation], CellValue]
"""Reads a cell that is not empty; None where it says that there is none.

It takes what the header says, the cell, the currency of the marketplace (an amount in another one is refused) and the
notation of the file, and raises BadRecordError, which names column and cell, where the cell cannot be what its column
says.
"""
READERS: Mapping[Kind, Reader] = {
    "text": _text, "texts": _texts, "names": _names, "path": _path, "codes": _codes, "seller": _seller,
    "money": _money, "percent": _percent, "whole": _whole, "number": _number, "length": _measure, "weight": _measure,
    "volume": _measure, "flag": _flag,
}  # fmt: skip


_ALWAYS_READ = frozenset({"text", "texts", "names", "path", "seller", "identity"})
_LARGEST: Mapping[str, float] = {
    "money": 1e7, "percent": 1, "whole": 1e9, "number": 1e9, "length": 1e5, "weight": 1e6, "volume": 1e6,
}  # fmt: skip
_SIMPLE = {
    kind: re.compile(rf"(?:(?:{cell})?\n)*+")
    for kind, cell in {
        "money": r"(?:[€£] ?)?\d{1,7}(?:\.\d{1,2})?",
        "percent": r"\d{1,2}(?:\.\d{1,2})? ?%",
        "whole": r"\d{1,9}(?:\.0)?\+?",
        "number": r"\d{1,9}(?:\.\d{1,2})?",
        "length": r"\d{1,5}(?:\.\d{1,2})?",
        "weight": r"\d{1,6}(?:\.\d)?",
        "volume": r"\d{1,6}(?:\.\d)?",
    }.items()
}
"""What a column of text looks like in a file with decimal points if every cell can be read."""


def doubtful_columns(
    columns: Sequence[Column], cells: Mapping[str, Sequence[Cell]], notation: Notation
) -> frozenset[str]:
    """Headers of the columns whose cells may not be readable: the others need not be checked row by row.

    Args:
        columns: those that are read.
        cells: header → the cells below it.
        notation: of the file.
    """
    return frozenset(column.header for column in columns if not _is_clean(column, cells[column.header], notation))


def _is_clean(column: Column, cells: Sequence[Cell], notation: Notation) -> bool:
    if column.kind in _ALWAYS_READ:
        return True
    if column.kind == "codes":
        return all(cell == "" or (isinstance(cell, str) and any(map(_checked, _words(cell)))) for cell in cells)
    simple, kinds = _SIMPLE.get(column.kind), set(map(type, cells))
    if simple is None or not kinds <= {str, float} or column.factor > 1000:
        return False
    numbers = [cell for cell in cells if isinstance(cell, float)]
    if numbers and (math.isnan(sum(numbers)) or not 0 <= min(numbers) <= max(numbers) <= _LARGEST[column.kind]):
        return False
    if kinds == {float}:
        return True
    texts = [cell for cell in cells if isinstance(cell, str)]
    text = "\n".join(texts) + "\n"
    if text.count("\n") > len(texts):
        # Two lines in one cell are not two numbers.
        return False
    return simple.fullmatch(text) is not None and (notation.decimal == "." or "." not in text)
