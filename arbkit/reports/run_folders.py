"""The folders of report runs on disk: ``$ARBKIT_HOME/reports/<report>/<run>/``.

A run is made in a hidden folder and moved into place at its end, so a visible folder is whole, unless somebody has
changed it since. Nothing here trusts that: what cannot be read is answered with the reason, never raised.

``latest`` and ``latest-successful`` are symbolic links, or, where the system allows this user none, files that hold
the name of the run.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, JsonValue
from typing_extensions import TypedDict

from arbkit.core.errors import ServiceError
from arbkit.core.files import sync_file, sync_folder
from arbkit.core.models import Run
from arbkit.core.results import Json, Result
from arbkit.core.settings import Settings

PLOTLY = "application/vnd.plotly.v1+json"
"""The type under which an executed notebook holds a figure as data."""
LATEST = "latest"
LATEST_SUCCESSFUL = "latest-successful"
SCHEDULED = ".scheduled"
"""An empty file in the folder of a run that a schedule has started."""
_RUN_ID = re.compile(r"20[0-9]{6}T[0-9]{6}Z-[0-9a-f]{6}")


class Job(BaseModel):
    """What the process of a run is to do: the content of ``job.json``."""

    model_config = ConfigDict(frozen=True)

    notebook: Path
    parameters: dict[str, JsonValue]
    title: str
    limit_s: float
    figures: bool
    """whether pictures of the main figures are drawn"""
    is_own: bool = False
    """whether the user wrote the notebook: then the main figures are all that it shows"""
    explain: str | None = None
    """why the notebook's process was killed; then only the page of what it left is made"""

    @property
    def too_long(self) -> str:
        """What went wrong, if the run took longer than its limit."""
        return f"stopped after {self.limit_s:g} s, the time limit (ARBKIT_REPORT_TIME_LIMIT)"


class Picture(TypedDict):
    """A picture by the name its notebook gave it: its ``file`` in the run's folder, or why it is ``missing``."""

    name: str
    file: str | None
    missing: str | None


def new_run_id(started_at: float) -> str:
    """A name that sorts by time and that nobody else has."""
    return f"{_stamp(started_at)}-{secrets.token_hex(3)}"


def iso_time(at: float) -> str:
    """A Unix time in seconds as JSON documents have it: ``2026-08-01T07:00:00+00:00``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _stamp(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"


def run_folders(report_folder: Path) -> list[Path]:
    """The runs of a report, the newest first; what is no run of ours is not among them."""
    try:
        names = [p for p in report_folder.iterdir() if _RUN_ID.fullmatch(p.name) and not p.is_symlink()]
    except OSError:
        return []
    return sorted(names, key=lambda p: p.name, reverse=True)


def run_folder(report_folder: Path, run: str) -> Path:
    """The folder of a run of a report, also of ``latest`` and ``latest-successful``; it need not be there."""
    pointer = report_folder / run
    target = _target(pointer) if run in (LATEST, LATEST_SUCCESSFUL) else None
    return pointer if target is None else report_folder / target


def folder_of(settings: Settings, run: Run) -> Path:
    """The folder of a run, by its record; it need not be there."""
    return settings.reports_dir / run.report / run.run_id


def point_to(pointer: Path, name: str) -> None:
    """Make ``pointer`` (``latest``…) name the run ``name`` beside it, in one step where the system can.

    Raises:
        OSError: it cannot be written.
    """
    fresh = pointer.with_name(f".{pointer.name}-{secrets.token_hex(3)}")
    try:
        fresh.symlink_to(name, target_is_directory=True)
    except (OSError, NotImplementedError):
        fresh.write_text(name, "utf-8")
        sync_file(fresh)
    try:
        fresh.replace(pointer)
    except PermissionError:
        # Windows replaces no link to a folder.
        pointer.unlink()
        fresh.replace(pointer)
    sync_folder(pointer.parent)


def write_result(folder: str | Path, document: Mapping[str, JsonValue], *, summary: Mapping[str, JsonValue]) -> Path:
    """Leave ``result.json`` in ``folder`` and, for the list of runs, its few figures in ``summary.json``.

    Returns:
        The path of ``result.json``.

    Raises:
        OSError: they cannot be written.
    """
    folder = Path(folder)
    (folder / "summary.json").write_bytes(orjson.dumps(dict(summary)))
    path = folder / "result.json"
    path.write_bytes(orjson.dumps(dict(document), option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))
    return path


def append_field(path: Path, name: str, value: Json | list[Picture]) -> None:
    """Add a field to the JSON object in a file without reading it whole: results may be large.

    Raises:
        OSError, ValueError: the file cannot be written, or holds no object.
    """
    with path.open("r+b") as file:
        file.seek(-min(16, file.seek(0, os.SEEK_END)), os.SEEK_END)
        tail = file.read()
        closing = tail.rindex(b"}")
        file.seek(closing - len(tail), os.SEEK_END)
        file.write(b",\n" + orjson.dumps({name: value})[1:])
        file.truncate()


def read_json(path: Path) -> tuple[JsonValue, str | None]:
    """The document of a JSON file and None, or None and why there is no document."""
    try:
        return orjson.loads(path.read_bytes()), None
    except FileNotFoundError:
        return None, "is not there" if path.parent.is_dir() else "is gone with its folder"
    except (OSError, ValueError) as error:
        return None, f"cannot be read: {error}"


class Cleaned(Result):
    """A folder that was removed, or would be; ``why_not`` says what kept it."""

    report: str
    run_id: str
    folder: str
    bytes: int
    why_not: str | None = None


def clean(
    reports: Path,
    *,
    keep: int,
    older_than_days: float | None = None,
    dry_run: bool = False,
    now: float | None = None,
    stop: threading.Event | None = None,
) -> list[Cleaned]:
    """Remove run folders beyond the newest ``keep`` of their report, with ``older_than_days`` only older ones.

    Ends early when ``stop`` is set.

    Those that ``latest`` and ``latest-successful`` point at stay. One that cannot be removed keeps no other.

    Raises:
        ServiceError: the folder of reports cannot be read.
    """
    now = time.time() if now is None else now
    before = "" if older_than_days is None else _stamp(now - older_than_days * 86_400)
    try:
        folders = sorted(p for p in reports.iterdir() if p.is_dir()) if reports.exists() else []
    except OSError as error:
        raise ServiceError(f"cannot be read: {error.strerror or error}", field=str(reports)) from error
    cleaned: list[Cleaned] = []
    for folder in folders:
        pointed = {_target(folder / link) for link in (LATEST, LATEST_SUCCESSFUL)}
        for run in run_folders(folder)[keep:]:
            if stop is not None and stop.is_set():
                return cleaned
            if run.name in pointed or (before and run.name >= before):
                continue
            size, why_not = _size(run), None if dry_run else _remove(run)
            cleaned.append(Cleaned(report=folder.name, run_id=run.name, folder=str(run), bytes=size, why_not=why_not))
    return cleaned


def sweep(report_folder: Path) -> None:
    """Remove what killed runs have left half-made. Whoever calls this holds the report's lock."""
    for path in report_folder.glob(".*"):
        if path.name.startswith(".latest") or _RUN_ID.fullmatch(path.name[1:]):
            with suppress(OSError):
                _delete(path)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _target(pointer: Path) -> str | None:
    """The name of the run that ``latest`` or ``latest-successful`` stands for."""
    try:
        if pointer.is_symlink():
            return pointer.readlink().name
        name = pointer.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if _RUN_ID.fullmatch(name) else None


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in (path, *path.rglob("*")) if p.is_file())


def _remove(path: Path) -> str | None:
    try:
        # Renamed first: a run that is half removed must not be taken for one.
        gone = path.with_name(f".{path.name}")
        path.replace(gone)
        _delete(gone)
    except OSError as error:
        return f"{error.strerror or error}"
    return None
