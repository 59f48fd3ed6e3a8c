"""arbkit's own file of sales: a line a sale or refund, for what was sold elsewhere or before settlements were kept."""

from __future__ import annotations

import csv
import io

from pydantic import ValidationError

from arbkit.core.errors import UsageError
from arbkit.core.input.validation import usage_error
from arbkit.core.sales.entry import SaleEntry
from arbkit.core.sales.line import SaleLine
from arbkit.sources.settlements.notation import FileNotation
from arbkit.sources.settlements.read import LineFault, LineIds, ReadSales
from arbkit.sources.settlements.sheet import NamedRow, NamedSheet

TEMPLATE_COLUMNS = tuple(SaleEntry.model_fields)
_AMOUNTS = ("principal", "vat", "referral_fee", "fulfilment_fee", "other_fees", "other")
_EXAMPLE = {
    "date": "2026-11-02", "kind": "sale", "asin": "B07DVM36PS", "sku": "DE-0042", "marketplace": "DE",
    "order": "305-1234567-1234567", "units": "2", "currency": "EUR", "principal": "59.98", "vat": "",
    "referral_fee": "9.00", "fulfilment_fee": "7.04", "other_fees": "0", "other": "0",
}  # fmt: skip


def template() -> str:
    """The file with its columns and one line as an example."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([TEMPLATE_COLUMNS, [_EXAMPLE[name] for name in TEMPLATE_COLUMNS]])
    return text.getvalue()


def parse_template(sheet: NamedSheet, name: str, *, added_at: float) -> ReadSales:
    """The lines of such a file; one that cannot be read stops itself alone."""
    notation = FileNotation.of(
        (row.get(column) for row in sheet.rows for column in _AMOUNTS if row.get(column)),
        (row.get("date") for row in sheet.rows),
    )
    ids, lines = LineIds("file"), list[SaleLine]()
    faults = [LineFault(number, "has more cells than there are columns") for number in sheet.torn]
    for row in sheet.rows:
        try:
            entry = _entry(row, notation)
            said = [str(getattr(entry, column)) for column in TEMPLATE_COLUMNS]
            lines.append(entry.line(ids.of(said), source=f"file {name}", added_at=added_at))
        except UsageError as error:
            faults.append(LineFault(row.number, error.what, error.remedy))
        except ValueError as error:
            faults.append(LineFault(row.number, str(error)))
    return ReadSales(tuple(lines), tuple(sorted(faults)), len(faults), ())


def _entry(row: NamedRow, notation: FileNotation) -> SaleEntry:
    given: dict[str, object] = {column: text for column in TEMPLATE_COLUMNS if (text := row.get(column))}
    for column in _AMOUNTS:
        if column in given:
            given[column] = notation.amount(str(given[column]))
    if "date" in given:
        given["date"] = notation.day(str(given["date"]))
    try:
        return SaleEntry.model_validate(given)
    except ValidationError as error:
        raise usage_error(error, model=SaleEntry) from None
