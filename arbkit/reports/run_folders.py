"""The folders of report runs on disk: ``$ARBKIT_HOME/reports/<report>/<run>/``.

A run is made in a hidden folder and moved into place at its end, so a folder that can be seen is whole, unless
somebody has been at it since. Nothing here trusts that: what cannot be read is said, never raised.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from arbkit.core.errors import ServiceError

__all__ = [
    "LATEST",
    "LATEST_SUCCESSFUL",
    "Cleaned",
    "append_field",
    "clean",
    "new_run_id",
    "point",
    "read_json",
    "run_folders",
    "sweep",
    "write_result",
]

LATEST = "latest"
LATEST_SUCCESSFUL = "latest-successful"
_RUN_ID = re.compile(r"20[0-9]{6}T[0-9]{6}Z-[0-9a-f]{6}")


def new_run_id(started_at: float) -> str:
    """A name that sorts by time and that nobody else has."""
    return f"{datetime.fromtimestamp(started_at, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def run_folders(report_folder: Path) -> list[Path]:
    """The runs of a report, the newest first; what is no run of ours is not among them."""
    try:
        names = [p for p in report_folder.iterdir() if _RUN_ID.fullmatch(p.name) and not p.is_symlink()]
    except OSError:
        return []
    return sorted(names, key=lambda p: p.name, reverse=True)


def point(link: Path, name: str) -> None:
    """Make ``link`` a symbolic link to ``name``, in one step."""
    fresh = link.with_name(f".{link.name}-{secrets.token_hex(3)}")
    fresh.symlink_to(name)
    fresh.replace(link)


def write_result(folder: str | Path, document: Mapping[str, Any], *, summary: Mapping[str, Any]) -> Path:
    """Leave ``result.json`` in ``folder`` and, for the list of runs, its few figures in ``summary.json``."""
    folder = Path(folder)
    (folder / "summary.json").write_bytes(orjson.dumps(dict(summary)))
    path = folder / "result.json"
    path.write_bytes(orjson.dumps(dict(document), option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))
    return path


def append_field(path: Path, name: str, value: Any) -> None:
    """Add a field to the JSON object in a file without reading it whole: results may be large."""
    with path.open("r+b") as file:
        file.seek(-min(16, file.seek(0, os.SEEK_END)), os.SEEK_END)
        tail = file.read()
        closing = tail.rindex(b"}")
        file.seek(closing - len(tail), os.SEEK_END)
        file.write(b",\n" + orjson.dumps({name: value})[1:])
        file.truncate()


def read_json(path: Path) -> tuple[Any, str | None]:
    """The document of a file, or None and why there is none."""
    try:
        return orjson.loads(path.read_bytes()), None
    except FileNotFoundError:
        return None, "is not there" if path.parent.is_dir() else "is gone with its folder"
    except (OSError, ValueError) as error:
        return None, f"cannot be read: {error}"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A folder that was removed, or would be; ``why_not`` says what kept it."""

    report: str
    run_id: str
    folder: str
    bytes: int
    why_not: str | None = None


def clean(
    reports: Path, *, keep: int, older_than_days: float | None = None, dry_run: bool = False, now: float | None = None
) -> list[Cleaned]:
    """Remove run folders beyond the newest ``keep`` of their report, with ``older_than_days`` only those as old.

    Those that ``latest`` and ``latest-successful`` point at stay. One that cannot be removed keeps no other.

    Raises:
        ServiceError: the folder of reports cannot be read.
    """
    now = time.time() if now is None else now
    before = (
        ""
        if older_than_days is None
        else f"{datetime.fromtimestamp(now - older_than_days * 86_400, UTC):%Y%m%dT%H%M%SZ}"
    )
    try:
        folders = sorted(p for p in reports.iterdir() if p.is_dir()) if reports.exists() else []
    except OSError as error:
        raise ServiceError(f"cannot be read: {error.strerror or error}", field=str(reports)) from error
    cleaned = []
    for folder in folders:
        pointed = {_target(folder / link) for link in (LATEST, LATEST_SUCCESSFUL)}
        for run in run_folders(folder)[keep:]:
            if run.name in pointed or (before and run.name >= before):
                continue
            size, why_not = _size(run), None
            if not dry_run:
                why_not = _remove(run)
            cleaned.append(Cleaned(folder.name, run.name, str(run), size, why_not))
    return cleaned


def sweep(report_folder: Path) -> None:
    """Remove what killed runs have left half-made. Whoever calls this holds the report's lock."""
    for left in _hidden(report_folder):
        if left.is_symlink() or left.is_file():
            left.unlink(missing_ok=True)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _hidden(report_folder: Path) -> Iterator[Path]:
    try:
        yield from [p for p in report_folder.iterdir() if _RUN_ID.fullmatch(p.name[1:]) or p.name.startswith(".latest")]
    except OSError:
        return


def _target(link: Path) -> str | None:
    try:
        return link.readlink().name
    except OSError:
        return None


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _remove(path: Path) -> str | None:
    try:
        # Renamed first: a run that is half removed must not be taken for one.
        gone = path.with_name(f".{path.name}")
        path.replace(gone)
        if gone.is_dir():
            shutil.rmtree(gone)
        else:
            gone.unlink()
    except OSError as error:
        return f"{error.strerror or error}"
    return None
