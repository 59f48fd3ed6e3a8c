"""How a file writes numbers, percentages, currencies and dates: decided from all of its cells, never cell by cell.

``1.299`` is 1,299.00 in one file and 1.30 in another. What remains ambiguous is refused with both readings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, TypedDict

from arbkit.core.errors import RefusedFileError
from arbkit.sources.exports.columns import VOCABULARY, Column
from arbkit.sources.raw_types import Cell

Mark = Literal[".", ","]
_OTHER: Mapping[Mark, Mark] = {".": ",", ",": "."}
_NUMERIC = frozenset({"money", "percent", "whole", "number", "length", "weight", "volume"})
_WHOLE = frozenset({"whole", "weight", "volume"})
_REMEDY = "Export it again from Keepa, or save it so that all numbers are written in one way"
_Found = tuple[str, str]
"""A header, and a cell below it."""


class NotationRow(TypedDict):
    """A :class:`Notation` in an envelope and in the JSON of ``arbkit import``."""

    decimal: Mark
    thousands: Mark
    currency: str | None
    dates: str | None
    fractions: list[str] | None


@dataclass(frozen=True, slots=True)
class Notation:
    """How a file writes.

    ``currency`` is the one it names (None: it names none), ``dates`` an order of :func:`decide_dates` (None: it has no
    date that is read). ``fractions`` are the headers whose 0.15 is 15 percent; None: each cell says so itself.
    """

    decimal: Mark = "."
    currency: str | None = None
    dates: str | None = None
    fractions: frozenset[str] | None = None

    def to_row(self) -> NotationRow:
        """The notation as JSON."""
        fractions = None if self.fractions is None else sorted(self.fractions)
        return NotationRow(
            decimal=self.decimal, thousands=_OTHER[self.decimal], currency=self.currency, dates=self.dates,
            fractions=fractions,
        )  # fmt: skip


def _patterns(mark: Mark) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What shows that ``mark`` is the decimal one; … in a column of whole numbers too; and what does not show it."""
    m, o = re.escape(mark), re.escape(_OTHER[mark])
    alone, last = r"(?<![\d.,])", r"(?![\d.,])"
    clear = (
        rf"\d{m}\d{{1,2}}{last}|\d{m}\d{{4,}}|{alone}0{m}\d{{3}}{last}|{alone}\d{{4,}}{m}\d{{3}}{last}"
        rf"|\d{o}\d{{3}}{m}\d|{alone}\d{{1,3}}(?:{o}\d{{3}}){{2,}}(?!\d)"
    )
    grouped = rf"{alone}[1-9]\d{{0,2}}{o}\d{{3}}{last}"
    return re.compile(clear), re.compile(f"{clear}|{grouped}"), re.compile(grouped)


_PATTERNS: Mapping[Mark, tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]] = {
    ".": _patterns("."),
    ",": _patterns(","),
}


@dataclass(slots=True)
class _Evidence:
    """The first cell that shows each decimal mark, among prices and among the rest, and one that shows none."""

    prices: dict[Mark, _Found]
    others: dict[Mark, _Found]
    unclear: dict[Mark, _Found]


def decide_notation(
    columns: Sequence[Column], cells: Mapping[str, Sequence[Cell]], *, delimiter: str, percent: frozenset[str]
) -> Notation:
    """How the file writes numbers and percentages; currency and dates are left open.

    Args:
        columns: those that are read.
        cells: header → the cells below it.
        delimiter: between the cells of a CSV, empty if the file has none.
        percent: headers of a spreadsheet whose cells have a format in percent.

    Raises:
        RefusedFileError: the numbers can be read in two ways; names both.
    """
    texts = {c.header: _text(cells[c.header]) for c in columns if c.kind in _NUMERIC}
    decimal = _decimal(_collect(columns, texts), delimiter)
    fractions = frozenset(
        column.header
        for column in columns
        if column.kind == "percent"
        and (column.header in percent or _looks_like_fractions(cells[column.header], texts[column.header], decimal))
    )
    return Notation(decimal, fractions=fractions)


def _text(cells: Sequence[Cell]) -> str:
    return "\n".join([cell for cell in cells if cell.__class__ is str])


def _collect(columns: Sequence[Column], texts: Mapping[str, str]) -> _Evidence:
    found = _Evidence({}, {}, {})
    for column in columns:
        text = texts.get(column.header, "")
        if "," not in text and "." not in text:
            continue
        whole = column.kind in _WHOLE and column.factor == 1
        level = found.prices if column.kind == "money" else found.others
        for mark, (clear, clear_if_whole, grouped) in _PATTERNS.items():
            if mark not in level and (match := (clear_if_whole if whole else clear).search(text)):
                level[mark] = column.header, _cell_at(text, match.start())
            if not whole and _OTHER[mark] not in found.unclear and (match := grouped.search(text)):
                found.unclear[_OTHER[mark]] = column.header, _cell_at(text, match.start())
    return found


def _cell_at(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0]


def _decimal(found: _Evidence, delimiter: str) -> Mark:
    """The decimal mark: as prices show, else as other numbers show, else as the delimiter suggests."""
    usual: Mark = "," if delimiter == ";" else "."
    for level in (found.prices, found.others):
        if len(level) == 2:
            if level is found.others and not found.unclear:
                # No price depends on it; what does not fit is unknown.
                return usual
            (one, first), (two, second) = level["."], level[","]
            raise RefusedFileError(
                f"has numbers in two notations: {first!r} in {one} has a decimal point and {second!r} in {two} a "
                "decimal comma",
                remedy=_REMEDY,
            )
        if level:
            return next(iter(level))
    # Where decimals have a comma, Excel puts a semicolon between cells; a point in 1.299 then marks thousands.
    if set(found.unclear) <= {_OTHER[usual]} and (delimiter in (",", ";") or not found.unclear):
        return usual
    separator, (header, cell) = next(iter(found.unclear.items()))
    digits = re.sub(r"[^\d.,]", "", cell)
    whole, _, rest = digits.partition(separator)
    raise RefusedFileError(
        f"has numbers that can be read in two ways: {cell!r} is {whole}{rest} or {whole}.{rest}, and no other cell "
        "says which",
        field=header,
        remedy=_REMEDY,
    )


def _looks_like_fractions(cells: Sequence[Cell], text: str, decimal: Mark) -> bool:
    """Whether a column in percent has no value above 1: then 1 is the whole."""
    if "%" in text:
        return False
    values = [float(cell) for cell in cells if isinstance(cell, (int, float)) and not isinstance(cell, bool)]
    for word in text.split("\n") if text else ():
        try:
            values.append(float(word.replace(decimal, ".")))
        except ValueError:
            continue
    return bool(values) and 0 < max(values) <= 1


_SYMBOLS: Mapping[str, str] = {
    **{symbol.casefold(): code for code, symbols in VOCABULARY["currencies"].items() for symbol in symbols},
    **{f"-{code}".casefold(): name for name, codes in VOCABULARY["language_codes"].items() for code in codes},
}
_SYMBOL = re.compile(r"(?<=\d)[^\S\n]+-[0-9A-F]{3,4}(?![^\n])|[^\d\s.,'’+\-][^\d\s]*")


def currencies_in(cells: Iterable[Cell]) -> set[str]:
    """ISO codes of the currencies that money cells name."""
    words = set(_SYMBOL.findall("\n".join([cell for cell in cells if isinstance(cell, str)])))
    return {_SYMBOLS[word] for each in words if (word := each.strip().casefold()) in _SYMBOLS}


@lru_cache(maxsize=256)
def currency_of_symbol(symbol: str) -> str | None:
    """ISO code of a symbol, a code or a language code (``-C0A``) beside an amount; None if it is none."""
    return _SYMBOLS.get(symbol.strip().casefold())


ISO, DAY_FIRST, MONTH_FIRST = "year-month-day", "day-month-year", "month-day-year"
SERIAL = "days since 1900"
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::\d{2}(?:\.\d+)?)?)?(?:Z| ?UTC)?")
_DAYS = re.compile(
    r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2}),?(?: +(\d{1,2}):(\d{2})(?::\d{2})?(?: ?([AaPp])\.?[Mm]\.?)?)?"
)
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
_FROM_NAME = re.compile(r"KeepaExport-(\d{4}-\d{2}-\d{2})", re.IGNORECASE)
_EXCEL_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_ORDERS: Mapping[str, tuple[int, int]] = {DAY_FIRST: (1, 3), MONTH_FIRST: (3, 1)}
"""Groups of ``_DAYS`` that are day and month."""


def date_in_name(name: str) -> datetime | None:
    """The day that Keepa writes in the name of an export, from its first minute: no fact of it is newer than shown."""
    found = _FROM_NAME.search(name)
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def decide_dates(cells: Iterable[Cell], *, latest: datetime, day_first: bool) -> str | None:
    """The order of day, month and year in a column; None if it holds no date as text.

    Args:
        cells: of the column.
        latest: no date in it can be later.
        day_first: whether the rest of the file is written as where the day comes first.

    Raises:
        RefusedFileError: the dates can be read in two ways; names both.
    """
    texts = [cell.strip() for cell in cells if isinstance(cell, str)]
    split = [found for text in texts if (found := _DAYS.fullmatch(text)) is not None]
    if not split:
        return ISO if any(map(_ISO.fullmatch, texts)) else SERIAL if any(map(_SERIAL.fullmatch, texts)) else None
    readings = {order: [_read_days(found, order) for found in split] for order in _ORDERS}
    possible = [order for order, dates in readings.items() if all(d is not None and d <= latest for d in dates)]
    if len(possible) == 1 or readings[DAY_FIRST] == readings[MONTH_FIRST]:
        return possible[0] if possible else DAY_FIRST
    if len(possible) == 2 and (day_first or all(found[2] == "." for found in split)):
        return DAY_FIRST
    one, other = _examples(split, readings)
    raise RefusedFileError(
        f"has dates that can be read in two ways: {one} and {other}",
        remedy="Export it again from Keepa, or write dates as 2026-01-31",
    )


def _examples(split: Sequence[re.Match[str]], readings: Mapping[str, Sequence[datetime | None]]) -> tuple[str, str]:
    """A date with each reading, or two dates that contradict each other."""
    said = []
    for order, dates in readings.items():
        at = next((i for i, d in enumerate(dates) if d is not None and d != readings[DAY_FIRST][i]), None)
        at = next((i for i, d in enumerate(dates) if d is not None), 0) if at is None else at
        shown = dates[at]
        said.append(f"{split[at][0]!r} as {order}" + (f" is {shown:%d %B %Y}" if shown else ""))
    return said[0], said[1]


def read_date(cell: Cell, order: str | None) -> datetime | None:
    """The time in a cell of a column in this order; None if it is none. In UTC, as Keepa writes."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=UTC)
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day, tzinfo=UTC)
    if isinstance(cell, float) and 30_000 <= cell < 80_000:
        return _EXCEL_EPOCH + timedelta(minutes=round(cell * 1440))
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    if found := _ISO.fullmatch(text):
        year, month, day, hour, minute = (int(found[group] or 0) for group in (1, 3, 4, 5, 6))
        return _time(year, month, day, hour, minute)
    if found := _DAYS.fullmatch(text):
        return _read_days(found, MONTH_FIRST if order == MONTH_FIRST else DAY_FIRST)
    return read_date(float(text.replace(",", ".")), order) if _SERIAL.fullmatch(text) else None


def _read_days(found: re.Match[str], order: str) -> datetime | None:
    day, month = (int(found[group]) for group in _ORDERS[order])
    year = int(found[4]) + (2000 if len(found[4]) == 2 else 0)
    hour = int(found[5] or 0)
    if found[7]:
        hour = hour % 12 + (12 if found[7] in "pP" else 0)
    return _time(year, month, day, hour, int(found[6] or 0))


def _time(year: int, month: int, day: int, hour: int, minute: int) -> datetime | None:
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
