"""When the facts of an imported file were true: the row's own date, else the file's, never the time of its copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from arbkit.core.errors import RefusedFileError
from arbkit.core.keepa_time import CLOCK_TOLERANCE_S, UNDATED_AT
from arbkit.pipeline.files.report import FactsFrom, FileReport
from arbkit.sources.exports.notation import Notation, date_in_name, decide_dates, read_date
from arbkit.sources.exports.rows import EMPTY
from arbkit.sources.raw_types import Cell

CLOCKS = timedelta(seconds=CLOCK_TOLERANCE_S)
_ZONES = timedelta(hours=14)
"""How far a local date can be ahead of UTC."""
_NO_DATE = "nothing says when the prices were true, so they count as old: give the day with --dated"


@dataclass(frozen=True, slots=True)
class FileDate:
    """When a file's facts were true, None if nothing says it, and the latest that one of its rows can be."""

    at: datetime | None
    latest: datetime


def to_iso(at: datetime) -> str:
    """ISO 8601, to the second."""
    return at.isoformat(timespec="seconds")


def date_file(footer: datetime | None, path: Path, given: date | None, report: FileReport) -> FileDate:
    """When a file's facts were true: its footer, else the day in the name Keepa gave it, else what the user says.

    A day counts from its first minute, so that nothing looks newer than it is. The time of the file itself says when
    it was copied, and is not used.

    Raises:
        RefusedFileError: that is in the future, or older than Keepa.
    """
    now = datetime.now(UTC)
    named = date_in_name(path.name)
    asked = None if given is None else datetime(given.year, given.month, given.day, tzinfo=UTC)
    source: FactsFrom = "footer" if footer else "file name" if named else "option" if asked else "unknown"
    found = footer or named or asked
    report.facts_from = source
    if found is None:
        report.notes = (*report.notes, _NO_DATE)
        return FileDate(None, now)
    if found > now + (CLOCKS if footer else _ZONES):
        raise RefusedFileError(f"is dated in the future: {found:%Y-%m-%d %H:%M} (UTC)", field=str(path))
    if found.timestamp() < UNDATED_AT:
        raise RefusedFileError(f"is dated before Keepa's first day: {found:%Y-%m-%d} (UTC)", field=str(path))
    at = min(found, now)
    report.exported_at = to_iso(at)
    return FileDate(at, at if footer else min(now, at + timedelta(days=1)))


def date_rows(
    header: str | None, cells: Sequence[Cell], file: FileDate, notation: Notation, report: FileReport
) -> tuple[str | None, Sequence[str | RefusedFileError | None]]:
    """The order of the dates in the rows' own column, and when the facts of each row were true.

    Args:
        header: of that column; None: there is none, and so no times.
        cells: of that column.
        file: when the file's facts were true.
        notation: of the file.
        report: says whether rows date themselves, and how many cells are no dates.

    Returns:
        an order of :func:`decide_dates`, and ISO times: the row's own, else the file's; None if nothing says it, or
        why the row is refused.

    Raises:
        RefusedFileError: the dates can be read in two ways.
    """
    if header is None:
        return None, ()
    latest = file.latest + _ZONES
    order = decide_dates(cells, latest=latest, day_first=notation.decimal == ",")
    facts: list[str | RefusedFileError | None] = []
    unread = 0
    for cell in cells:
        found = read_date(cell, order)
        if found is not None and found > datetime.now(UTC) + _ZONES:
            facts.append(RefusedFileError("is dated in the future", field=header, value=str(cell)))
        elif found is not None and found <= latest:
            facts.append(to_iso(min(found, file.latest)))
        else:
            unread += cell not in EMPTY
            facts.append(report.exported_at)
    if any(isinstance(fact, str) and fact != report.exported_at for fact in facts):
        report.facts_from = "row"
        undated = facts.count(None)
        more = (f"rows without a date, which count as old: {undated}",) if undated else ()
        report.notes = (*(note for note in report.notes if note != _NO_DATE), *more)
    if unread:
        report.notes = (*report.notes, f"{header!r}: cells that are no dates, so that the file's counts: {unread}")
    return order, facts
