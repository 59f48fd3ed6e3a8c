"""Files of sales and of SKUs, from the disk or from a browser."""

from __future__ import annotations

from pathlib import Path

from arbkit.core.errors import RefusedFileError, UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.sources.settlements.amazon import parse_settlement
from arbkit.sources.settlements.exported import is_export, parse_export
from arbkit.sources.settlements.read import LineFault, ReadSales
from arbkit.sources.settlements.sheet import load_words, parse_sheet, read_bytes
from arbkit.sources.settlements.template import parse_template

_NEEDED = ("date", "units", "principal")
_REMEDY = (
    "Download it under Payments > All statements as “Flat File V2”, or fill in the file of `arbkit sales template`"
)


def read_sales(path: Path, *, added_at: float) -> ReadSales:
    """The lines of a file on the disk; see :func:`parse_sales`.

    Raises:
        RefusedFileError: as there, or it cannot be read.
    """
    return parse_sales(read_bytes(path), path.name, added_at=added_at)


def parse_sales(data: bytes, name: str, *, added_at: float) -> ReadSales:
    """The lines of a settlement of Amazon, or of a file by arbkit's template or export; ``added_at`` in Unix seconds.

    Raises:
        RefusedFileError: it is neither; says what it is where that can be known.
    """
    sheet = parse_sheet(data, name)
    if "settlement-id" in sheet.columns and "amount-description" in sheet.columns:
        return parse_settlement(sheet, name, added_at=added_at)
    if is_export(sheet.columns):
        return parse_export(data, name, added_at=added_at)
    if all(column in sheet.columns for column in _NEEDED):
        return parse_template(sheet, name, added_at=added_at)
    text = data[:20_000].decode("utf-8", "replace").lower()
    other = next((what for word, what in load_words().others.items() if word in sheet.columns or word in text), None)
    why = f"is {other} of the payments, which does not say what each amount is" if other else "is no file of sales"
    raise RefusedFileError(why, field=name, remedy=_REMEDY)


def read_skus(path: Path) -> tuple[dict[str, str], list[LineFault]]:
    """The product of each SKU, by ASIN, and the lines that name none.

    Raises:
        RefusedFileError: it cannot be read, or has no columns of SKUs and ASINs.
    """
    sheet, words = parse_sheet(read_bytes(path), path.name), load_words().skus
    found = {name: next((one for one in some if one in sheet.columns), None) for name, some in words.items()}
    if (sku := found["sku"]) is None or (asin := found["asin"]) is None:
        remedy = "Give a file with the columns sku and asin; Amazon's listing report has them"
        raise RefusedFileError("has no columns sku and asin", field=str(path), remedy=remedy)
    known: dict[str, str] = {}
    faults = [LineFault(number, "has more cells than there are columns") for number in sheet.torn]
    for row in sheet.rows:
        if not row.get(sku):
            continue
        try:
            product = parse_asin(row.get(asin))
        except UsageError as error:
            faults.append(LineFault(row.number, str(error)))
            continue
        if known.setdefault(row.get(sku), product) != product:
            faults.append(LineFault(row.number, f"{row.get(sku)} was {known[row.get(sku)]} before"))
    return known, sorted(faults)
