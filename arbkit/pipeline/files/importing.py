"""Users' files → the raw topic: Keepa exports and saved Keepa answers, each row an envelope, bad rows dead letters."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence, Sized
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import orjson

from arbkit.core.errors import BadRecordError, RefusedFileError, ServiceError
from arbkit.core.marketplaces import Market
from arbkit.core.results import JsonObject, Progress
from arbkit.core.settings import Settings
from arbkit.pipeline.files.reading import FileOptions, FileRow, rows_of
from arbkit.pipeline.files.report import FileReport, ImportReport
from arbkit.sources.envelope import from_envelope
from arbkit.sources.raw_types import Envelope
from arbkit.stream import RAW_TOPIC, Record, Stream, dead_letter_topic, dead_letters, open_stream

logger = logging.getLogger(__name__)

_PUBLISH = 2_000
_TOLD_EVERY = 100
_SAMPLE = 10
"""Offers that a dry run shows."""


def import_files(
    settings: Settings,
    paths: Sequence[Path],
    *,
    market: Market | None = None,
    dated: date | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Publish what the files hold; ``market`` and ``dated`` are for those that do not say it themselves.

    ``progress`` is told how many rows of a file are read.

    Raises:
        StreamError: the log cannot be written.
    """
    run_id = f"import-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"
    options = FileOptions(market, dated)
    with open_stream(settings) as stream:
        return ImportReport(tuple(_import_file(stream, path, options, run_id, progress) for path in paths))


def preview_files(paths: Sequence[Path], *, market: Market | None = None, dated: date | None = None) -> ImportReport:
    """What :func:`import_files` would read, with a sample of each file; nothing is published or stored."""
    options = FileOptions(market, dated)
    return ImportReport(tuple(_import_file(None, path, options, "dry-run") for path in paths))


def _import_file(
    stream: Stream | None, path: Path, options: FileOptions, run_id: str, progress: Progress | None = None
) -> FileReport:
    report = FileReport(str(path), sample=[] if stream is None else None)
    try:
        rows = rows_of(path, options, run_id, report)
        _publish(stream, rows if progress is None else _counted(rows, progress), path, report)
    except RefusedFileError as error:
        report.refused = str(error)
    except ServiceError:
        raise
    except Exception as error:
        # Whatever one file does, it must not stop the others.
        logger.debug("%s", path, exc_info=error)
        why = f"cannot be understood, which is a fault of arbkit: {type(error).__name__}: {error}"
        report.refused = str(RefusedFileError(why, field=str(path), remedy="Please report it with the file"))
    return report


def _counted(rows: Iterable[FileRow], progress: Progress) -> Iterator[FileRow]:
    for number, row in enumerate(rows, 1):
        if number % _TOLD_EVERY == 0:
            progress(number, 0)
        yield row


def _publish(stream: Stream | None, rows: Iterable[FileRow], path: Path, report: FileReport) -> None:
    good: dict[tuple[str, str], tuple[str, Record]] = {}
    bad: list[Record] = []
    odd: dict[str, list[str]] = {}
    for row in rows:
        report.rows += 1
        key = (row.envelope["asin"], row.envelope["market"])
        value, error = _written(row)
        record = Record(key[0], value, {"file": path.name, "row": str(row.number)})
        for cell in row.odd:
            odd.setdefault(cell.field or "", []).append(f"row {row.number}: {cell.value!r} {cell.why}")
        if error is not None:
            bad.append(dead_letters.rejected_record(record, RAW_TOPIC, str(error)))
        elif key not in good or good[key][0] < row.at:
            # Of a product that is there twice, the newer row counts.
            good[key] = row.at, record
    fresh = [record for _, record in good.values()]
    report.market = ",".join(dict.fromkeys(market for _, market in good)) or None
    report.notes += tuple(f"{name!r}: cells not read: {len(cells)}, first in {cells[0]}" for name, cells in odd.items())
    report.duplicates = report.rows - len(good) - len(bad)
    if report.sample is not None:
        report.sample += map(_shown, fresh[:_SAMPLE])
    large = 0 if stream is None else _send(stream, fresh, bad)
    report.products, report.dead_lettered = len(good) - large, len(bad) + large


def _written(row: FileRow) -> tuple[bytes, BadRecordError | None]:
    """The message of a row, and why it cannot be used: one whose product cannot be written says so without it."""
    try:
        return orjson.dumps(row.envelope, default=str), row.error
    except orjson.JSONEncodeError as error:
        bare: Envelope = {**row.envelope, "product": None}
        return orjson.dumps(bare, default=str), BadRecordError(f"cannot be written as JSON: {error}", field="product")


def _send(stream: Stream, good: Sequence[Record], bad: Sequence[Record]) -> int:
    """Publish both; the number of good ones that are too large."""
    for start in range(0, len(bad), _PUBLISH):
        stream.publish(dead_letter_topic(RAW_TOPIC), bad[start : start + _PUBLISH])
    return sum(
        dead_letters.publish(stream, RAW_TOPIC, good[start : start + _PUBLISH])
        for start in range(0, len(good), _PUBLISH)
    )


def _shown(record: Record) -> JsonObject:
    """What a row says, without what it does not say."""
    update = from_envelope(orjson.loads(record.value))
    said = {} if update is None else update.offer.to_dict()
    silent = {name for name, value in said.items() if value is None or (isinstance(value, Sized) and not len(value))}
    return {"row": int(record.headers["row"]), **{name: said[name] for name in said if name not in silent}}
