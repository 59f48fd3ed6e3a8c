"""Users' files → the raw topic: Keepa exports and saved Keepa answers, each row an envelope, bad rows dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import orjson

from arbkit.core.errors import RefusedFileError
from arbkit.core.marketplaces import Market
from arbkit.core.results import JsonObject
from arbkit.core.settings import Settings
from arbkit.pipeline.file_reading import FileOptions, FileRow, rows_of
from arbkit.pipeline.file_report import FileReport, ImportReport
from arbkit.sources.envelope import from_envelope
from arbkit.stream import RAW_TOPIC, Record, Stream, dead_letter_topic, dead_letters, open_stream

_PUBLISH = 2_000
_SAMPLE = 10
"""Offers that a dry run shows."""


def import_files(
    settings: Settings, paths: Sequence[Path], *, market: Market | None = None, dated: date | None = None
) -> ImportReport:
    """Publish what the files hold; ``market`` and ``dated`` are for those that do not say it themselves.

    Raises:
        StreamError: the log cannot be written.
    """
    run_id = f"import-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"
    options = FileOptions(market, dated)
    with open_stream(settings) as stream:
        return ImportReport(tuple(_import_file(stream, path, options, run_id) for path in paths))


def preview_files(paths: Sequence[Path], *, market: Market | None = None, dated: date | None = None) -> ImportReport:
    """What :func:`import_files` would read, with a sample of each file; nothing is published or stored."""
    options = FileOptions(market, dated)
    return ImportReport(tuple(_import_file(None, path, options, "dry-run") for path in paths))


def _import_file(stream: Stream | None, path: Path, options: FileOptions, run_id: str) -> FileReport:
    report = FileReport(str(path), sample=[] if stream is None else None)
    try:
        _publish(stream, rows_of(path, options, run_id, report), path, report)
    except RefusedFileError as error:
        report.refused = str(error)
    return report


def _publish(stream: Stream | None, rows: Iterable[FileRow], path: Path, report: FileReport) -> None:
    good: list[Record] = []
    bad: list[Record] = []
    seen: set[tuple[str, str]] = set()
    markets: dict[str, None] = {}
    odd: dict[str, list[str]] = {}
    for row in rows:
        report.rows += 1
        key = (row.envelope["asin"], row.envelope["market"])
        record = Record(key[0], orjson.dumps(row.envelope, default=str), {"file": path.name, "row": str(row.number)})
        for error in row.odd:
            odd.setdefault(error.field or "", []).append(f"row {row.number}: {error.value!r} {error.why}")
        if row.error is not None:
            bad.append(dead_letters.rejected_record(record, RAW_TOPIC, str(row.error)))
            continue
        markets[key[1]] = None
        if key in seen:
            report.duplicates += 1
            continue
        seen.add(key)
        good.append(record)
        if report.sample is not None and len(report.sample) < _SAMPLE:
            report.sample.append(_shown(row))
    report.market = ",".join(markets) or None
    report.notes += tuple(
        f"{header!r}: cells not read: {len(cells)}, first in {cells[0]}" for header, cells in odd.items()
    )
    large = 0 if stream is None else _send(stream, good, bad)
    report.products, report.dead_lettered = len(good) - large, len(bad) + large


def _send(stream: Stream, good: Sequence[Record], bad: Sequence[Record]) -> int:
    """Publish both; the number of good ones that are too large."""
    for start in range(0, len(bad), _PUBLISH):
        stream.publish(dead_letter_topic(RAW_TOPIC), bad[start : start + _PUBLISH])
    return sum(
        dead_letters.publish(stream, RAW_TOPIC, good[start : start + _PUBLISH])
        for start in range(0, len(good), _PUBLISH)
    )


def _shown(row: FileRow) -> JsonObject:
    """What a row says, without what it does not say."""
    update = from_envelope(row.envelope)
    said = {} if update is None else update.offer.to_dict()
    silent = {name for name, value in said.items() if value is None or (isinstance(value, Sized) and not len(value))}
    return {"row": row.number, **{name: value for name, value in said.items() if name not in silent}}
