"""Sales as a file, from one store to another: what is read is what was written, also by a spreadsheet that saved it."""

from __future__ import annotations

import csv
import io
import math
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any

import orjson
from pydantic import Field, JsonValue

from arbkit.core.errors import RefusedFileError, UsageError
from arbkit.core.formatting import guarded, unguarded
from arbkit.core.input.filters import Asin
from arbkit.core.input.validation import Request
from arbkit.core.marketplaces import MarketCode
from arbkit.core.sales.entry import Currency
from arbkit.core.sales.line import SaleKind, SaleLine
from arbkit.sources.settlements.notation import FileNotation
from arbkit.sources.settlements.read import LineFault, ReadSales
from arbkit.sources.settlements.sheet import delimiter_of, sheet_text

EXPORT_COLUMNS = (
    "id", "kind", "day", "asin", "sku", "market", "order", "units", "currency", "principal", "vat", "fees", "other",
    "total", "what", "source", "demo", "added_at",
)  # fmt: skip
_TELLING = ("id", "day", "principal", "fees", "added_at")
"""The columns by which such a file is known."""
_AMOUNTS = ("principal", "vat", "total")
_BY_NAME = ("fees", "other")
_LARGEST = 1_000_000_000
_LONGEST = 10_000
"""Characters of a text: three cells of a settlement are one."""
_CENT = 0.005
_NAMED = 'Write it as {"Commission": -4.5}'


Amount = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)]
Text = Annotated[str, Field(max_length=_LONGEST)]


class _Row(Request):
    """A line as the file says it."""

    id: Text = Field(description="id that arbkit wrote")
    kind: SaleKind
    day: str
    asin: Asin | None = None
    sku: Text | None = None
    market: MarketCode | None = None
    order: Text | None = None
    units: int = Field(0, ge=0, le=_LARGEST)
    currency: Currency
    principal: Amount = 0.0
    vat: Amount | None = None
    fees: dict[str, Amount] = Field(default_factory=dict)
    other: dict[str, Amount] = Field(default_factory=dict)
    what: Text = ""
    source: Text = ""
    demo: bool = False
    added_at: float | None = None


def export_csv(lines: Iterable[SaleLine]) -> bytes:
    """The CSV file of these lines; no text in it becomes a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(EXPORT_COLUMNS)
    writer.writerows([_cell(name, getattr(line, name)) for name in EXPORT_COLUMNS] for line in lines)
    # Excel recognises UTF-8 by the byte order mark.
    return BOM_UTF8 + text.getvalue().encode()


def is_export(columns: Collection[str]) -> bool:
    """Whether a file with these columns is one of :func:`export_csv`."""
    return all(column in columns for column in _TELLING)


def parse_export(data: bytes, name: str, *, added_at: float) -> ReadSales:
    """The lines of such a file, as they were; one that cannot be read stops itself alone.

    Raises:
        RefusedFileError: it is no CSV.
    """
    text = sheet_text(data)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    reader.fieldnames = [column.strip().lower() for column in reader.fieldnames or ()]
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell for cell in row.values())]
    except csv.Error as error:
        raise RefusedFileError(f"is no file of lines: {error}", field=name) from None
    notation = FileNotation.of(
        (row[column] for _, row in rows for column in _AMOUNTS if row.get(column)),
        (row["day"] or "" for _, row in rows),
    )
    lines: dict[str, SaleLine] = {}
    faults = list[LineFault]()
    for number, row in rows:
        try:
            line = _line(row, notation, added_at)
            if line.id in lines:
                raise UsageError("is that of a row before", field="id", value=line.id, remedy="Leave one of them out")
            lines[line.id] = line
        except UsageError as error:
            faults.append(LineFault(number, error.what, error.remedy))
        except ValueError as error:
            faults.append(LineFault(number, str(error)))
    return ReadSales(tuple(lines.values()), tuple(faults), len(faults), ())


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return orjson.dumps(dict(value)).decode() if value else ""
    if isinstance(value, float) and name in _AMOUNTS:
        return f"{value:.2f}"
    if isinstance(value, bool):
        # A spreadsheet writes true in its own language.
        return "1" if value else ""
    return guarded(value) if isinstance(value, str) else str(value)


def _line(cells: Mapping[str | None, Any], notation: FileNotation, added_at: float) -> SaleLine:
    # A row that is too long has its last cells under no name.
    if cells.get(None):
        raise ValueError("has more cells than there are columns")
    given = {name: unguarded(cells[name]) for name in EXPORT_COLUMNS if cells.get(name)}
    made: dict[str, Any] = {**given}
    for name in _AMOUNTS:
        if name in given:
            made[name] = notation.amount(given[name])
    if "day" in given:
        made["day"] = notation.day(given["day"])
    for name in _BY_NAME:
        if name in given:
            made[name] = _amounts(name, given[name])
    made["added_at"] = _moment(given.get("added_at", ""), added_at)
    total = made.pop("total", None)
    line = SaleLine(**_Row.parse(made).model_dump())
    if total is not None and abs(total - line.total) > _CENT:
        raise UsageError(
            f"its amounts come to {line.total:.2f}", field="total", value=total,
            remedy="Mend principal, vat, fees or other, or leave total empty",
        )  # fmt: skip
    return line


def _amounts(name: str, text: str) -> JsonValue:
    try:
        found: JsonValue = orjson.loads(text)
        return found
    except orjson.JSONDecodeError:
        raise UsageError("is no list of amounts by name", field=name, value=text[:80], remedy=_NAMED) from None


def _moment(text: str, default: float) -> float:
    """When a line was added: a spreadsheet may have made something else of it."""
    try:
        at = float(text)
    except ValueError:
        return default
    return at if math.isfinite(at) else default
