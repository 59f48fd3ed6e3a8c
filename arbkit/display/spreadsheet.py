"""Opportunities as CSV or XLSX: everything a query matches, in constant memory.

Titles come from sellers: no text of theirs becomes a formula in a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from arbkit.core.errors import UsageError
from arbkit.core.files import writing
from arbkit.core.models import Opportunity
from arbkit.profit.components import COMPONENTS
from arbkit.store.base import Store
from arbkit.store.iteration import iter_opportunities
from arbkit.store.queries import OpportunityQuery

_PLAIN = (
    "asin", "title", "brand", "category", "source", "target", "buy_price", "buy_currency", "sell_price",
    "sell_currency", "profit", "currency", "roi_pct", "margin_pct", "spread_pct", "fees", "fulfilment", "amazon_sells",
    "confidence",
)  # fmt: skip
_SINCE_0_2 = ("status", "profit_low", "profit_high", "input_vat", "rank", "rank_drops30", "sellers", "max_buy")
_RENAMED = {"input_vat": "input_vat_case"}
"""A component has that name already."""
HEADINGS = (
    *_PLAIN, "confidence_reasons", "data_at", "evaluated_at", "source_url", "target_url", "demo", *COMPONENTS,
    *(_RENAMED.get(name, name) for name in _SINCE_0_2), "match",
)  # fmt: skip
_UNITS = {
    "buy_price": "buy_currency", "max_buy": "buy_currency", "sell_price": "sell_currency",
    **dict.fromkeys(("profit", "profit_low", "profit_high", "fees", *COMPONENTS), "currency"),
    **dict.fromkeys(("roi_pct", "margin_pct", "spread_pct"), "%"), **dict.fromkeys(("data_at", "evaluated_at"), "UTC"),
    "confidence": "0 to 1", "rank_drops30": "in 30 days",
}  # fmt: skip
HEADINGS_WITH_UNITS = tuple(f"{name} [{_UNITS[name]}]" if name in _UNITS else name for name in HEADINGS)
"""Where a unit is the name of a column, that column has the currency."""
Cell = str | float | bool | None
Row = list[Cell]


def opportunity_rows(store: Store, query: OpportunityQuery) -> Iterator[Row]:
    """A row of :data:`HEADINGS` per opportunity, in the query's order and over all its pages; times in UTC.

    A component that does not apply to a route is 0.

    Raises:
        StoreError: the store went away.
    """
    return map(opportunity_row, iter_opportunities(store, query))


def opportunity_row(found: Opportunity) -> Row:
    """The cells of :data:`HEADINGS`; times in UTC, a component that does not apply is 0."""
    amounts = {part["name"]: part["amount"] for part in found.components}
    return [
        *(getattr(found, name) for name in _PLAIN),
        "; ".join(found.confidence_reasons),
        utc_moment(found.data_at),
        utc_moment(found.evaluated_at),
        found.source_url,
        found.target_url,
        found.demo,
        *(amounts.get(name, 0.0) for name in COMPONENTS),
        *(getattr(found, name) for name in _SINCE_0_2),
        found.match["verdict"] if found.match else None,
    ]


def utc_moment(at: float) -> str:
    """A time (Unix seconds) in UTC, as spreadsheets read one."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def write(path: Path, headings: Iterable[str], rows: Iterable[Row], *, sheet: str = "Opportunities") -> int:
    """Write a table to ``path`` in the format of its extension, completely or not at all; returns the number of rows.

    ``sheet`` is the name of the table, where the format has one.

    Raises:
        UsageError: no such format.
        ServiceError: it cannot be written (full disk, read-only folder…).
    """
    writer = FORMATS.get(path.suffix.lower())
    if writer is None:
        raise UsageError("no such file format", field="file", value=path.name, remedy=f"Use {', '.join(FORMATS)}")
    fresh = path.with_name(f".{uuid4().hex[:8]}-{path.name}")
    try:
        with writing(path):
            # A folder that cannot be written to is known before the work, not after it.
            fresh.touch()
            number = writer(fresh, list(headings), rows, sheet)
            fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink()
    return number


def csv_text(rows: Iterable[Row]) -> str:
    """These rows as CSV: of no text does a spreadsheet make a formula."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue()


_BREAKS = "\t\r\n"
_BEGINS_FORMULA = frozenset(f"=+-@{_BREAKS}")


def _csv(path: Path, headings: Row, rows: Iterable[Row], _: str) -> int:
    number = 0
    # Excel recognises UTF-8 by the byte order mark.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        for row in rows:
            writer.writerow([_harmless(value) for value in row])
            number += 1
    return number


def _harmless(value: Cell) -> Cell:
    """Text that a spreadsheet would evaluate as a formula gets an apostrophe in front, as OWASP advises for CSV.

    Also behind spaces and signs that nobody sees, and where the first character is the full-width form of such a one.
    """
    if not isinstance(value, str):
        return value
    first = next((sign for sign in value if sign in _BREAKS or unicodedata.category(sign)[0] not in "ZC"), "")
    return f"'{value}" if first and unicodedata.normalize("NFKC", first) in _BEGINS_FORMULA else value


def _xlsx(path: Path, headings: Row, rows: Iterable[Row], name: str) -> int:
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    number = 0
    try:
        with closing(xlsxwriter.Workbook(str(path), options)) as book:
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 1)
            sheet.write_row(0, 0, headings, book.add_format({"bold": True}))
            for number, row in enumerate(rows, start=1):
                for column, value in enumerate(row):
                    if isinstance(value, str):
                        sheet.write_string(number, column, value)
                    elif value is not None:
                        sheet.write(number, column, value)
            sheet.autofilter(0, 0, number, len(headings) - 1)
    except FileCreateError as error:
        # xlsxwriter wraps the operating system's error in its own.
        raise OSError(str(error)) from error
    return number


FORMATS: Mapping[str, Callable[[Path, Row, Iterable[Row], str], int]] = {".csv": _csv, ".xlsx": _xlsx}
"""Extension → the function that writes a table in that format."""
