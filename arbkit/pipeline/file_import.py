"""Users' files → the raw topic: Keepa exports and saved Keepa answers, each row an envelope, bad rows dead letters."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import orjson

from arbkit.core.errors import BadRecordError, InputError, RefusedFileError
from arbkit.core.marketplaces import MARKETS, Market, by_domain
from arbkit.core.models import Origin
from arbkit.core.results import JsonObject
from arbkit.core.settings import Settings
from arbkit.sources.envelope import envelope, from_envelope
from arbkit.sources.export_files import SavedResponse, SheetRows, read_file
from arbkit.sources.export_rows import IDENTITY, check, market_of
from arbkit.sources.raw_types import Cell, Envelope, Json, RawProduct
from arbkit.stream import RAW_TOPIC, Record, Stream, dead_letter_topic, dead_letters, open_stream

_PUBLISH = 2_000


@dataclass(slots=True)
class FileReport:
    """What became of one file, in rows; ``exported_at`` is ISO 8601.

    ``refused`` says why nothing of it was used, ``notes`` what was assumed.
    """

    path: str
    market: str | None = None
    exported_at: str | None = None
    rows: int = 0
    products: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    refused: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of all files, in the order they were given."""

    files: tuple[FileReport, ...]

    @property
    def products(self) -> int:
        """The number of products that were published."""
        return sum(file.products for file in self.files)

    @property
    def exit_code(self) -> int:
        """The command's: 0 all used, 5 nothing usable, 6 some of it refused."""
        if not self.products:
            return InputError.exit_code
        return 6 if any(file.refused or file.dead_lettered for file in self.files) else 0

    def to_dict(self) -> JsonObject:
        """The JSON document of the command."""
        return {"files": [asdict(file) for file in self.files], "products": self.products}


def import_files(settings: Settings, paths: Sequence[Path], *, market: Market | None = None) -> ImportReport:
    """Publish what the files hold; ``market`` is that of exports that do not name their own.

    Raises:
        StreamError: the log cannot be written.
    """
    run_id = f"import-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"
    reports = tuple(FileReport(str(path)) for path in paths)
    with open_stream(settings) as stream:
        for path, report in zip(paths, reports, strict=True):
            try:
                _publish(stream, envelopes_of(path, market, run_id, report), path, report)
            except RefusedFileError as error:
                report.refused = str(error)
    return ImportReport(reports)


def envelopes_of(path: Path, market: Market | None, run_id: str, report: FileReport) -> Iterator[tuple[int, Envelope]]:
    """The envelopes of a file's rows, or products, with their numbers; ``report`` notes what was assumed.

    Raises:
        RefusedFileError: nothing of the file can be used.
    """
    content = read_file(path)
    origin: Origin
    found: Iterator[tuple[int, str, str, RawProduct | Json]]
    if isinstance(content, SheetRows):
        at = _when(content.exported_at, path, report, "it was exported")
        origin, found = "export", _rows(content, path.name, market, at)
    else:
        at = _when(content.answered_at, path, report, "Keepa answered")
        origin, found = "raw", _products(content, market)
    for number, asin, code, product in found:
        yield (number, envelope(asin=asin, market=code, origin=origin, fetched_at=at, run_id=run_id, product=product))


def _publish(stream: Stream, envelopes: Iterable[tuple[int, Envelope]], path: Path, report: FileReport) -> None:
    good: dict[tuple[str, str], Record] = {}
    bad: list[Record] = []
    for number, one in envelopes:
        report.rows += 1
        record = Record(one["asin"], orjson.dumps(one, default=str), {"file": path.name, "row": str(number)})
        try:
            _check(one)
        except BadRecordError as error:
            bad.append(dead_letters.rejected_record(record, RAW_TOPIC, str(error)))
        else:
            good.setdefault((one["asin"], one["market"]), record)
    for start in range(0, len(bad), _PUBLISH):
        stream.publish(dead_letter_topic(RAW_TOPIC), bad[start : start + _PUBLISH])
    fresh, large = list(good.values()), 0
    for start in range(0, len(fresh), _PUBLISH):
        large += dead_letters.publish(stream, RAW_TOPIC, fresh[start : start + _PUBLISH])
    report.market = ",".join(dict.fromkeys(market for _, market in good)) or None
    report.duplicates = report.rows - len(good) - len(bad)
    report.products, report.dead_lettered = len(good) - large, len(bad) + large


def _check(message: Envelope) -> None:
    """Raise what the consumer would, so that the record can be named by file and row."""
    product = message["product"]
    if message["source"] != "export" or not isinstance(product, Mapping):
        from_envelope(message)
    elif why := product.get("refused"):
        raise BadRecordError(str(why))
    else:
        check(message)


def _rows(table: SheetRows, file: str, market: Market | None, at: str) -> Iterator[tuple[int, str, str, RawProduct]]:
    where = {name: [i for i, h in enumerate(table.headers) if h in heads] for name, heads in IDENTITY.items()}
    markets = [_market(row, where, market) for _, row in table.rows]
    refused = [found for found in markets if isinstance(found, RefusedFileError)]
    if markets and len(refused) == len(markets):
        raise refused[0]
    for (number, row), found in zip(table.rows, markets, strict=True):
        columns = dict(zip(table.headers, row, strict=False))
        columns.pop("", None)
        product: RawProduct = {"exported_at": at, "row": number, "file": file, "columns": columns}
        asin = str(_pick(row, where["asin"]) or "").strip().upper()
        if isinstance(found, RefusedFileError):
            yield number, asin, "", {**product, "refused": str(found)}
        else:
            yield number, asin, found.code, product


def _when(at: datetime | None, path: Path, report: FileReport, lacks: str) -> str:
    """When a file's prices held, as ISO 8601: what it says itself, else its own time, which is noted."""
    if at is None:
        at = datetime.fromtimestamp(min(path.stat().st_mtime, time.time()), UTC)
        report.notes = (f"the file does not say when {lacks}: its own time is taken",)
    report.exported_at = at.isoformat(timespec="seconds")
    return report.exported_at


def _pick(row: Sequence[Cell], columns: Iterable[int]) -> Cell:
    return next((row[i] for i in columns if i < len(row) and row[i] not in ("", None)), None)


def _market(row: Sequence[Cell], where: Mapping[str, list[int]], given: Market | None) -> Market | RefusedFileError:
    try:
        found = market_of(_pick(row, where["locale"]), _pick(row, where["url"]))
    except RefusedFileError as error:
        return error
    if found is None and given is None:
        return RefusedFileError("names no marketplace", remedy=f"Add --market with one of {', '.join(MARKETS)}")
    if found is not None and given is not None and found != given:
        why = f"is from marketplace {found.code}"
        return RefusedFileError(why, field="--market", value=given.code, remedy="Leave --market out")
    return found or given  # type: ignore[return-value]  # both None has been answered above


def _products(answer: SavedResponse, market: Market | None) -> Iterator[tuple[int, str, str, Json]]:
    domains = [_market_of_product(product) for product in answer.products]
    if not any(domains):
        first, remedy = answer.products[0], f"arbkit compares {', '.join(MARKETS)}"
        value = first.get("domainId") if isinstance(first, dict) else None
        raise RefusedFileError("not a marketplace arbkit knows", field="domainId", value=value, remedy=remedy)
    if market is not None and {d for d in domains if d} != {market}:
        why = "is from another marketplace"
        raise RefusedFileError(why, field="--market", value=market.code, remedy="Leave --market out")
    for number, (product, found) in enumerate(zip(answer.products, domains, strict=True), 1):
        asin = product.get("asin") if isinstance(product, dict) else None
        yield number, asin if isinstance(asin, str) else "", found.code if found else "", product


def _market_of_product(product: Json) -> Market | None:
    domain = product.get("domainId") if isinstance(product, dict) else None
    return by_domain(domain) if isinstance(domain, int) else None
