"""Amazon's settlement report "Flat File V2": a row per amount, of which those of one item of an order are one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from arbkit.core.errors import RefusedFileError
from arbkit.core.marketplaces import by_host
from arbkit.core.sales.line import SaleKind, SaleLine
from arbkit.sources.settlements.notation import FileNotation
from arbkit.sources.settlements.read import LineFault, LineIds, ReadSales, TotalMismatch
from arbkit.sources.settlements.sheet import NamedRow, NamedSheet, load_words

_ITEM = ("transaction-type", "order-id", "adjustment-id", "shipment-id", "order-item-code", "sku")
"""What tells one line of a settlement from another, with its day."""
_DAYS = ("posted-date-time", "posted-date")
_CENT = 0.005


def parse_settlement(sheet: NamedSheet, name: str, *, added_at: float) -> ReadSales:
    """The lines of a settlement; a row that cannot be read stops its line alone.

    Raises:
        RefusedFileError: it lacks columns; names the file as ``name``.
    """
    words = load_words()
    if missing := [column for column in words.columns if column not in sheet.columns]:
        raise RefusedFileError(
            f"has no column {', '.join(missing)}", field=name, remedy="Give the file as Amazon sent it"
        )
    amounts = (row.get(column) for row in sheet.rows for column in ("amount", "total-amount"))
    days = (row.get(column) for row in sheet.rows for column in _DAYS)
    reader = _Reader(FileNotation.of(filter(None, amounts), days), added_at)
    for number in sheet.torn:
        reader.faults.append(LineFault(number, "has more cells than there are columns"))
    for row in sheet.rows:
        reader.take(row)
    return reader.read()


@dataclass(slots=True)
class _Line:
    """A line of the settlement as it grows, row by row."""

    settlement: str
    kind: SaleKind
    day: str
    currency: str
    cells: NamedRow
    what: str
    units: int = 0
    principal: float = 0.0
    vat: float | None = None
    fees: dict[str, float] = field(default_factory=dict)
    other: dict[str, float] = field(default_factory=dict)
    is_at_fault: bool = False


@dataclass(slots=True)
class _Settlement:
    """The first row of a settlement, and what its other rows come to."""

    currency: str = ""
    stated: float | None = None
    found: float = 0.0


class _Reader:
    def __init__(self, notation: FileNotation, added_at: float) -> None:
        self._notation, self._added_at = notation, added_at
        self._kinds = {word.lower(): kind for kind, some in load_words().kinds.items() for word in some}
        self._parts = {word.lower(): part for part, some in load_words().amounts.items() for word in some}
        self._lines: dict[tuple[str, ...], _Line] = {}
        self._settlements: dict[str, _Settlement] = {}
        self._last = ""
        self.faults: list[LineFault] = []

    def take(self, row: NamedRow) -> None:
        """Read a row: the head of a settlement, or an amount."""
        settlement = row.get("settlement-id") or self._last
        self._last = settlement
        head = self._settlements.setdefault(settlement, _Settlement())
        key = self._key(row, settlement)
        try:
            if not row.get("transaction-type") and row.get("total-amount"):
                head.stated = self._notation.amount(row.get("total-amount"))
                head.currency = row.get("currency")
                return
            if not settlement:
                raise ValueError("belongs to no settlement")
            amount = self._notation.amount(row.get("amount"))
            head.found += amount
            line = self._lines.get(key) or self._begin(row, settlement, head.currency)
            self._add(line, row, amount)
            self._lines[key] = line
        except ValueError as error:
            self.faults.append(LineFault(row.number, str(error)))
            if key in self._lines:
                self._lines[key].is_at_fault = True
            else:
                self._lines[key] = _Line(settlement, "other", "", "", row, "", is_at_fault=True)

    def read(self) -> ReadSales:
        """All that was read."""
        good = [line for line in self._lines.values() if not line.is_at_fault]
        return ReadSales(
            tuple(self._kept(good)), tuple(sorted(self.faults)), len(self._lines) - len(good), tuple(self._mismatches())
        )

    def _key(self, row: NamedRow, settlement: str) -> tuple[str, ...]:
        if self._kind(row) == "other":
            return (str(row.number),)
        return (settlement, *(row.get(name).lower() for name in _ITEM), *(row.get(name)[:10] for name in _DAYS))

    def _kind(self, row: NamedRow) -> SaleKind:
        found = self._kinds.get(row.get("transaction-type").lower())
        return "sale" if found == "sale" else "refund" if found == "refund" else "other"

    def _begin(self, row: NamedRow, settlement: str, currency: str) -> _Line:
        currency = (row.get("currency") or currency).upper()
        if len(currency) != 3 or not currency.isalpha():
            raise ValueError(f"{currency[:20]!r} is no currency" if currency else "has no currency")
        kind = self._kind(row)
        words = [row.get(name) for name in ("transaction-type", "amount-type", "amount-description")]
        what = " / ".join(dict.fromkeys(filter(None, words))) or "without a name"
        day = self._notation.day(next(filter(None, map(row.get, _DAYS)), ""))
        return _Line(settlement, kind, day, currency, row, what if kind == "other" else "")

    def _add(self, line: _Line, row: NamedRow, amount: float) -> None:
        kind, what = row.get("amount-type"), row.get("amount-description")
        part = self._parts.get(f"{kind}/{what}".lower()) or self._parts.get(kind.lower())
        if part == "principal":
            if quantity := row.get("quantity-purchased"):
                line.units += abs(round(self._notation.amount(quantity)))
            line.principal += amount
        elif part == "vat":
            line.vat = (line.vat or 0.0) + amount
        elif part == "fee":
            line.fees[what] = line.fees.get(what, 0.0) + amount
        else:
            name = what if kind == "ItemPrice" else f"{kind}: {what}".strip(": ")
            line.other[name] = line.other.get(name, 0.0) + amount

    def _kept(self, lines: Sequence[_Line]) -> Iterator[SaleLine]:
        ids = {settlement: LineIds(settlement) for settlement in self._settlements}
        for line in lines:
            row = line.cells
            market = by_host(row.get("marketplace-name"))
            made = SaleLine(
                id="", kind=line.kind, day=line.day, currency=line.currency, source=f"settlement {line.settlement}",
                added_at=self._added_at, sku=row.get("sku") or None, market=market.code if market else None,
                order=row.get("order-id") or None, units=line.units, principal=round(line.principal, 2),
                vat=None if line.vat is None else round(line.vat, 2),
                fees={name: round(amount, 2) for name, amount in line.fees.items()},
                other={name: round(amount, 2) for name, amount in line.other.items()}, what=line.what,
            )  # fmt: skip
            # Nothing tells what is no sale from the next one but its amount.
            said = (made.what, f"{made.total:.2f}") if made.kind == "other" else ()
            parts = (*said, *(row.get(name).lower() for name in _ITEM), made.day, made.currency)
            yield replace(made, id=ids[line.settlement].of(parts))

    def _mismatches(self) -> Iterator[TotalMismatch]:
        for settlement, head in self._settlements.items():
            if head.stated is not None and abs(head.stated - head.found) > _CENT:
                yield TotalMismatch(settlement, head.stated, round(head.found, 2))
