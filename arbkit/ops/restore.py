"""``arbkit restore``: a home as a backup has it, all or nothing.

Databases are staged and checked beside those that they replace. While they are put in place a mark beside each keeps
everybody out, and stays if the restore is cut off: nobody works with half of one, and the same command goes on.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath
from uuid import uuid4

import orjson

from arbkit.analysis.decisions.files import import_decisions, read_decisions
from arbkit.analysis.market.snapshot import MarketFiles
from arbkit.core.errors import RefusedFileError, ServiceError, UsageError
from arbkit.core.files import file_lock, is_locked, write_atomically, writing
from arbkit.core.forecasts.record import ForecastRecord
from arbkit.core.formatting import age_words
from arbkit.core.input.env_file import env_file
from arbkit.core.models import Run
from arbkit.core.results import Result
from arbkit.core.sales.line import SaleLine
from arbkit.core.service.api_keys import keys_file
from arbkit.core.service.heartbeat import SERVICES, seconds_since_heartbeat
from arbkit.core.settings import Settings
from arbkit.core.sqlite import restore_mark
from arbkit.ops.backup import BackedUpDatabase, BackedUpFile, Backup, databases_of, is_made_by_a_user, verify_backup
from arbkit.ops.database_files import copy_file, count_rows, put_in_place, require_unused
from arbkit.pipeline.discovery.kept import discovery_files
from arbkit.pipeline.watchlist.keeping import restore_watched, watched_copy
from arbkit.reports.catalogue.notebook_file import SUFFIX
from arbkit.store import open_store
from arbkit.store.alerts import AlertRecord
from arbkit.store.kept_facts import restore_facts
from arbkit.stream import open_stream

_ALIVE_S = 15.0
"""A service sends heartbeats every few seconds: one that is older comes from a service that has ended."""


class Restored(Result):
    """What was restored, or would be. ``kept_aside``: the databases that were there before, under their new names."""

    dry_run: bool
    backup: Backup
    rows: dict[str, int]
    files: list[str]
    kept_aside: list[str]


def restore(settings: Settings, folder: Path, *, with_env: bool = False, dry_run: bool = False) -> Restored:
    """Verify the backup in ``folder`` and put it in place of what the home holds; ``dry_run``: only verify it.

    Raises:
        RefusedFileError: the backup is damaged; nothing was changed.
        UsageError: it is one of another kind of log or store, or has no ``.env``.
        ServiceError: a service is running, or something cannot be written.
    """
    backup = verify_backup(folder)
    targets = _targets(settings, backup)
    files = {file: path for file in backup.files if (path := _place(settings, file, with_env=with_env)) is not None}
    if with_env and not any(file.origin == "environment" for file in backup.files):
        raise UsageError("the backup holds no .env", field="--with-env", value=str(folder))
    aside: list[str] = []
    if not dry_run:
        lock, what = settings.home / ".restore.lock", "another restore"
        with file_lock(lock, what=what, wait_s=0):
            _refuse_beside_services(settings)
            aside = _replace_databases(folder, targets)
            for file, path in files.items():
                is_secret = file.origin == "environment" or path == keys_file(settings)
                _put_back(folder / file.file, path, is_secret=is_secret)
            for path in targets:
                restore_mark(path).unlink()
            MarketFiles.of(settings).forget()
            _bring_into_services(settings, folder, backup)
    rows = {name: n for database in backup.databases for name, n in database.rows.items()}
    return Restored(
        dry_run=dry_run, backup=backup, rows=rows, files=sorted(set(map(str, files.values()))), kept_aside=aside
    )


def _targets(settings: Settings, backup: Backup) -> dict[Path, BackedUpDatabase]:
    ours = databases_of(settings)
    theirs = {tuple(database.parts): database for database in backup.databases}
    if {tuple(parts) for parts in ours.values()} != set(theirs):
        shown = ", ".join(" and ".join(parts) + " in one file" for parts in theirs) or "neither log nor store in a file"
        remedy = "Set ARBKIT_LOG and ARBKIT_STORE as they were when it was made"
        raise UsageError("is of another kind of log or store", field="PATH", value=shown, remedy=remedy)
    return {path: theirs[tuple(parts)] for path, parts in ours.items()}


def _place(settings: Settings, file: BackedUpFile, *, with_env: bool) -> Path | None:
    """Where a file of the backup belongs under today's settings; None: nowhere, or it was not asked for."""
    match file.origin:
        case "home":
            return _place_in_home(settings, file.name)
        case "watchlist":
            # A list of invented products stays one, wherever prices come from now.
            demo = settings.model_copy(update={"demo": True}).watchlist_path
            return demo if file.name == demo.name else settings.watchlist_path
        case "profile" | "schedule" | "alerts" | "verdict":
            named: Path | None = getattr(settings, file.origin)
            return named or settings.user_folder / f"{file.origin}.toml"
        case "reports" | "pages":
            if PurePath(file.name).name != file.name or PurePath(file.name).suffix != SUFFIX:
                raise RefusedFileError("is no notebook of a report or page", field="PATH", value=file.name)
            folder = settings.own_reports_dir if file.origin == "reports" else settings.own_pages_dir
            return folder / file.name
        case "environment":
            return env_file() if with_env else None
        case "runs" | "deliveries" | "forecasts" | "decisions" | "sales":
            return None


def _place_in_home(settings: Settings, name: str) -> Path:
    """Where a file of the home belongs: none that a backup never holds, whoever wrote the manifest."""
    for shared in (settings.facts_file, keys_file(settings), watched_copy(settings), *discovery_files(settings)):
        if name == shared.name:
            return shared
    home = settings.home.resolve()
    path = (home / name.replace("\0", "")).resolve()
    if not path.is_relative_to(home):
        raise RefusedFileError("a file outside of the home", field="PATH", value=name)
    if path.is_dir() or "\0" in name or not is_made_by_a_user(settings, path.relative_to(home)):
        why = "a file that no backup holds: it could let somebody in, or damage a database"
        raise RefusedFileError(why, field="PATH", value=name, remedy="Restore a backup that you made yourself")
    return path


def _put_back(copy: Path, path: Path, *, is_secret: bool) -> None:
    """Make a file what the backup holds, with the rights of the one that is there, or else those of the copy."""
    with writing(path):
        if is_secret and path.exists():
            path.chmod(0o600)
        write_atomically(path, copy.read_bytes(), rights=0o600 if is_secret else stat.S_IMODE(copy.stat().st_mode))


def _refuse_beside_services(settings: Settings) -> None:
    """Whoever has a database open is found by that; this finds `up` and a producer, and who has no database to open."""
    for name in ("supervisor", "producer"):
        if is_locked(settings.home / f"{name}.lock"):
            remedy = "Stop `arbkit up` and every other service of this home, then try again"
            raise ServiceError(f"its {name} is running", field=str(settings.home), remedy=remedy)
    if databases_of(settings):
        return
    for name in SERVICES:
        age_s = seconds_since_heartbeat(settings, name)
        if age_s is not None and age_s < _ALIVE_S:
            why = f"is running: its last heartbeat was {age_words(age_s, days='days')} ago"
            raise ServiceError(why, field=name, remedy=f"Stop it and try again {_ALIVE_S:g} s later")


def _replace_databases(folder: Path, targets: Mapping[Path, BackedUpDatabase]) -> list[str]:
    """Stage all, keep everybody out, and put all in place; what was there is kept under another name."""
    stamp = f"{datetime.fromtimestamp(time.time(), UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:4]}"
    staged = {path: path.with_name(f".{path.name}.{uuid4().hex[:8]}.restore") for path in targets}
    aside = []
    try:
        for path, database in targets.items():
            _stage(folder / database.file, staged[path], database)
        _keep_out(folder, targets)
        for path in targets:
            kept = path.with_name(f"{path.name}.before-restore-{stamp}")
            with writing(path):
                if put_in_place(staged[path], path, kept):
                    aside.append(str(kept))
    finally:
        for fresh in staged.values():
            fresh.unlink(missing_ok=True)
    return aside


def _stage(copy: Path, fresh: Path, database: BackedUpDatabase) -> None:
    with writing(fresh):
        fresh.parent.mkdir(parents=True, exist_ok=True)
        sha256 = copy_file(copy, fresh)
    if sha256 != database.sha256 or count_rows(fresh) != database.rows:
        raise ServiceError("was not copied as it is", field=str(fresh), remedy="Check the disk")


def _keep_out(folder: Path, paths: Collection[Path]) -> None:
    """Mark the databases as being restored, and require that nobody came before that."""
    marked = [path for path in paths if not restore_mark(path).exists()]
    for path in paths:
        write_atomically(restore_mark(path), str(folder.absolute()).encode())
    try:
        for path in paths:
            require_unused(path)
    except ServiceError:
        # One that an earlier restore has left stays: what it began is not whole.
        for path in marked:
            restore_mark(path).unlink()
        raise


def _bring_into_services(settings: Settings, folder: Path, backup: Backup) -> None:
    """Open what was restored, which brings a backup of an older arbkit up to date; fill Elasticsearch."""
    with open_stream(settings), open_store(settings) as store:
        restore_facts(settings, store)
        restore_watched(settings, store)
        for file in backup.files:
            if file.origin == "runs":
                rows = orjson.loads((folder / file.file).read_bytes())
                for row in rows:
                    if store.run(row["run_id"]) is None:
                        store.put_run(Run(**row))
            elif file.origin == "deliveries":
                kept = orjson.loads((folder / file.file).read_bytes())
                store.add_alerts([AlertRecord.from_dict(row) for row in kept])
            elif file.origin == "decisions":
                import_decisions(store, read_decisions(folder / file.file))
            elif file.origin == "sales":
                rows = orjson.loads((folder / file.file).read_bytes())
                store.put_sales([SaleLine.from_dict(row) for row in rows])
            elif file.origin == "forecasts":
                for kept in orjson.loads((folder / file.file).read_bytes()):
                    store.put_forecasts([ForecastRecord.from_dict(row) for row in kept["records"]])
                    store.put_forecast_notes(kept["notes"], demo=kept["demo"])
