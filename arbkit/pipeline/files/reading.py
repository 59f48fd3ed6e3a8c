"""A user's file → the envelopes of its rows: marketplace, notation and date are decided for the file as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from arbkit.core.errors import BadRecordError, RefusedFileError, UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.keepa_time import UNDATED_AT, to_unix
from arbkit.core.marketplaces import MARKETS, Market, by_domain
from arbkit.pipeline.files.dates import CLOCKS, date_file, date_rows, to_iso
from arbkit.pipeline.files.report import Columns, FileReport
from arbkit.sources.envelope import envelope, from_envelope
from arbkit.sources.exports.cells import doubtful_columns
from arbkit.sources.exports.columns import PRICES, Column, read_columns
from arbkit.sources.exports.files import SavedResponse, SheetRows, read_file
from arbkit.sources.exports.notation import Notation, currencies_in, decide_notation
from arbkit.sources.exports.rows import EMPTY, check, market_of
from arbkit.sources.raw_types import Cell, Envelope, Json
from arbkit.store.absorbing import why_refused

_MAX_NAMED = 12
"""Columns that a refusal names."""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What the user says of files that do not say it themselves."""

    market: Market | None = None
    dated: date | None = None


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row of a file, or a product, and when its facts were true (ISO 8601, empty: unknown).

    ``error`` says why it cannot be used, ``odd`` what of it cannot be read.
    """

    number: int
    envelope: Envelope
    at: str
    error: BadRecordError | None = None
    odd: tuple[BadRecordError, ...] = ()


_Found = Market | RefusedFileError


def rows_of(path: Path, options: FileOptions, run_id: str, report: FileReport) -> Iterator[FileRow]:
    """The rows of a file, or its products; ``report`` notes what was assumed.

    Raises:
        RefusedFileError: nothing of the file can be used.
    """
    content = read_file(path)
    if isinstance(content, SheetRows):
        return _rows(content, path, options, run_id, report)
    return _products(content, path, options, run_id, report)


def _rows(table: SheetRows, path: Path, options: FileOptions, run_id: str, report: FileReport) -> Iterator[FileRow]:
    if not table.rows:
        raise RefusedFileError("holds no product", field=str(path), remedy="Export it again from Keepa")
    columns = read_columns(table.headers)
    where = _identity(table.headers, columns)
    twins = _twins(table.headers, columns)
    markets = _markets(table, where, twins, options.market)
    report.columns = _checked_columns(table.headers, columns)
    cells = _by_column(table)
    markets, notation = _notation(table, columns, cells, markets)
    dated = date_file(table.exported_at, path, options.dated, report)
    updated = table.headers[where["updated"][0]] if where["updated"] else None
    order, facts = date_rows(updated, cells.get(updated or "", ()), dated, notation, report)
    notation = replace(notation, dates=order)
    report.notation = notation.to_row()
    doubtful = doubtful_columns(columns, cells, notation)
    headers = [*dict.fromkeys(header for header in table.headers if header)]
    kept = [table.headers.index(header) for header in headers]
    # Mostly all columns are kept, up to one without a header behind the others.
    are_first = kept == [*range(len(kept))]
    for at, ((number, row), found) in enumerate(zip(table.rows, markets, strict=True)):
        facts_at = facts[at] if facts else report.exported_at
        product: dict[str, Any] = {
            "exported_at": report.exported_at,
            "facts_at": facts_at if isinstance(facts_at, str) else None,
            "notation": report.notation,
            "row": number,
            "file": path.name,
            "columns": dict(
                zip(headers, row if are_first else [row[index] for index in kept if index < len(row)], strict=False)
            ),
        }
        if refused := next((each for each in (found, facts_at) if isinstance(each, RefusedFileError)), None):
            product["refused"] = str(refused)
        message = envelope(
            asin=_asin(_pick(row, where["asin"])),
            market=found.code if isinstance(found, Market) else "",
            origin="export",
            fetched_at=report.exported_at or product["facts_at"],
            run_id=run_id,
            product=product,
        )
        try:
            yield FileRow(number, message, product["facts_at"] or "", odd=check(message, doubtful))
        except BadRecordError as error:
            yield FileRow(number, message, "", error)


def _checked_columns(headers: Sequence[str], columns: Iterable[Column]) -> Columns:
    """The headers by whether they are read; refused if no price is among them."""
    known = {column.header: column.field for column in columns}
    named = [*dict.fromkeys(filter(None, headers))]
    unread = [header for header in named if header not in known]
    if PRICES.isdisjoint(known.values()):
        shown = ", ".join(unread[:_MAX_NAMED]) + (", …" if len(unread) > _MAX_NAMED else "")
        raise RefusedFileError(f"has no column with a price that arbkit knows (columns not read: {shown or 'none'})")
    return Columns(read=[header for header in named if header in known], unread=unread)


def _asin(cell: Cell) -> str:
    """The ASIN; of an ISBN a spreadsheet may have made a number, without its first zeros."""
    text = str(cell if cell is not None else "").strip().upper()
    number = text.removesuffix(".0")
    return number.zfill(10) if number.isdecimal() else text


def _identity(headers: Sequence[str], columns: Iterable[Column]) -> Mapping[str, list[int]]:
    """``asin``, ``locale``, ``url``, ``updated`` → the indices of their columns, the first that counts first.

    ``facts`` has those of all others that are read.
    """
    where: dict[str, list[int]] = {"asin": [], "locale": [], "url": [], "updated": [], "facts": []}
    for column in columns:
        where[column.field if column.kind == "identity" else "facts"].append(headers.index(column.header))
    return where


def _by_column(table: SheetRows) -> Mapping[str, Sequence[Cell]]:
    """Header → all cells below it; of two equal headers the first counts."""
    below = zip_longest(*(row for _, row in table.rows), fillvalue="")
    pairs = [*zip(table.headers, below, strict=False)]
    return {**dict.fromkeys(table.headers, ()), **dict(reversed(pairs))}


def _pick(row: Sequence[Cell], columns: Iterable[int]) -> Cell:
    for index in columns:
        if index < len(row) and (cell := row[index]) not in EMPTY:
            return cell
    return None


def _markets(
    table: SheetRows, where: Mapping[str, list[int]], twins: Mapping[str, list[int]], given: Market | None
) -> list[_Found]:
    """The marketplace of each row, or why it has none.

    Raises:
        RefusedFileError: the file as a whole has none, or another one than is given.
    """
    width = len(table.headers)
    said: list[_Found | None] = [_contradiction(row, twins) or _said(row, where, width) for _, row in table.rows]
    named = {each for each in said if isinstance(each, Market)}
    refused = [each for each in said if isinstance(each, RefusedFileError)]
    if given is not None and named - {given}:
        codes = ", ".join(sorted(market.code for market in named))
        why = f"is from marketplace {codes}"
        raise RefusedFileError(why, field="--market", value=given.code, remedy="Leave --market out")
    foreign = [each for each in refused if each.field]
    if len(refused) > len(said) / 2 or (given is not None and foreign):
        raise (foreign or refused)[0]
    remedy = f"Say which it is, with --market or on the page: {', '.join(MARKETS)}"
    unnamed = RefusedFileError("names no marketplace", remedy=remedy)
    found: list[_Found] = [each if each is not None else given or unnamed for each in said]
    if not any(isinstance(each, Market) for each in found):
        raise next(each for each in found if isinstance(each, RefusedFileError))
    return found


def _twins(headers: Sequence[str], columns: Iterable[Column]) -> Mapping[str, list[int]]:
    """Header → the indices of all columns that say the same, if there are several: in every row they have to agree.

    Those of a price may have headers in two languages, and all that say which product it is and where say one thing.
    """
    found: dict[str, list[int]] = {}
    names: dict[tuple[str, int], str] = {}
    for column in columns:
        name = column.header
        if column.kind in ("identity", "money"):
            name = names.setdefault((column.field, column.rank if column.kind == "money" else 0), name)
        found.setdefault(name, []).extend(i for i, header in enumerate(headers) if header == column.header)
    return {name: indices for name, indices in found.items() if len(indices) > 1}


def _contradiction(row: Sequence[Cell], twins: Mapping[str, list[int]]) -> RefusedFileError | None:
    for header, indices in twins.items():
        cells = {str(row[i]).strip().casefold() for i in indices if i < len(row) and row[i] not in EMPTY}
        if len(cells) > 1:
            return RefusedFileError(f"has two columns {header!r} that differ", remedy="Remove the wrong one")
    return None


def _said(row: Sequence[Cell], where: Mapping[str, list[int]], width: int) -> _Found | None:
    if len(row) > width and any(cell not in EMPTY for cell in row[width:]):
        # A comma within a cell has moved the cells behind it into the wrong columns.
        return RefusedFileError("has more cells than columns", remedy="Put quotes around cells with a comma")
    if len(row) < width and _may_have_moved(row, where):
        return RefusedFileError("has fewer cells than columns", remedy="Export it again, or save it as XLSX")
    try:
        return market_of(_pick(row, where["locale"]), _pick(row, where["url"]))
    except RefusedFileError as error:
        return error


def _may_have_moved(row: Sequence[Cell], where: Mapping[str, list[int]]) -> bool:
    """Whether a delimiter that is lost may have moved what is read: an ASIN or address behind it would show that."""
    found = [i for name in ("asin", "url") for i in where[name] if i < len(row) and _fits(name, row[i])]
    last = max(found, default=-1)
    facts, others = (
        [i for name in names for i in where[name] if i < len(row) and row[i] not in EMPTY]
        for names in (("facts",), ("locale", "updated"))
    )
    return not facts or max((*facts, *others)) > last


def _fits(name: str, cell: Cell) -> bool:
    try:
        return bool(parse_asin(_asin(cell)) if name == "asin" else market_of(None, cell))
    except (UsageError, RefusedFileError):
        return False


def _notation(
    table: SheetRows, columns: Sequence[Column], cells: Mapping[str, Sequence[Cell]], markets: list[_Found]
) -> tuple[list[_Found], Notation]:
    """How the file writes, and the markets without those of rows in another currency than theirs.

    Raises:
        RefusedFileError: the numbers can be read in two ways, or most rows are in another currency.
    """
    percent = frozenset(table.headers[index] for index in table.formats.percent)
    notation = decide_notation(columns, cells, delimiter=table.delimiter, percent=percent)
    money = [column.header for column in columns if column.kind == "money"]
    named = set(table.formats.currencies).union(*(currencies_in(cells[header]) for header in money))
    expected = {market.currency for market in markets if isinstance(market, Market)}
    if named - expected or (named and len(expected) > 1):
        markets = _in_their_currency(table, [table.headers.index(header) for header in money], markets)
    return markets, replace(notation, currency=",".join(sorted(named)) or None)


def _in_their_currency(table: SheetRows, money: Sequence[int], markets: list[_Found]) -> list[_Found]:
    """The markets, with a refusal in place of that of a row in another currency."""
    found: list[_Found] = []
    wrong: list[RefusedFileError] = []
    for (number, row), market in zip(table.rows, markets, strict=True):
        said = {currency for currency, rows in table.formats.currencies.items() if number in rows}
        said |= currencies_in(row[index] for index in money if index < len(row))
        other = sorted(said - {market.currency}) if isinstance(market, Market) else []
        if other and isinstance(market, Market):
            why = f"has prices in {', '.join(other)}, not in the {market.currency} of marketplace {market.code}"
            wrong.append(RefusedFileError(why, remedy="Import it with the marketplace it is from"))
        found.append(wrong[-1] if other else market)
    if len(wrong) > len(found) / 2:
        raise wrong[0]
    return found


def _products(
    answer: SavedResponse, path: Path, options: FileOptions, run_id: str, report: FileReport
) -> Iterator[FileRow]:
    if answer.answered_at is not None and answer.answered_at > datetime.now(UTC) + CLOCKS:
        raise RefusedFileError(f"is dated in the future: {answer.answered_at:%Y-%m-%d %H:%M} (UTC)", field=str(path))
    report.facts_from = "row"
    report.exported_at = None if answer.answered_at is None else to_iso(answer.answered_at)
    domains = [_market_of_product(product) for product in answer.products]
    if not any(domains):
        first, remedy = answer.products[0], f"arbkit compares {', '.join(MARKETS)}"
        value = first.get("domainId") if isinstance(first, dict) else None
        raise RefusedFileError("not a marketplace arbkit knows", field="domainId", value=value, remedy=remedy)
    if options.market is not None and {d for d in domains if d} != {options.market}:
        why = "is from another marketplace"
        raise RefusedFileError(why, field="--market", value=options.market.code, remedy="Leave --market out")
    for number, (product, found) in enumerate(zip(answer.products, domains, strict=True), 1):
        asin = product.get("asin") if isinstance(product, dict) else None
        message = envelope(
            asin=asin if isinstance(asin, str) else "",
            market=found.code if found else "",
            origin="raw",
            fetched_at=report.exported_at or _updated(product),
            run_id=run_id,
            product=product,
        )
        yield FileRow(number, message, _updated(product), _why_unusable(message))


def _why_unusable(message: Envelope) -> BadRecordError | None:
    """What the consumer would raise, so that the record can be named by file and row."""
    try:
        update = from_envelope(message)
    except BadRecordError as error:
        return error
    if update is not None and (why := why_refused(update)) is not None:
        return BadRecordError(why)
    return None


def _updated(product: Json) -> str:
    """When Keepa looked at a product: the latest that it can have been fetched, if nothing else says it."""
    updated = product.get("lastUpdate") if isinstance(product, dict) else None
    at = to_unix(updated) if isinstance(updated, int) and 0 < updated < 2**31 else UNDATED_AT
    return to_iso(datetime.fromtimestamp(at, UTC))


def _market_of_product(product: Json) -> Market | None:
    domain = product.get("domainId") if isinstance(product, dict) else None
    return by_domain(domain) if isinstance(domain, int) else None
