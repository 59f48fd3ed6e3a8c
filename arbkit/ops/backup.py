"""``arbkit backup``: one folder with all that a home holds and a user made, taken while everything runs, and checked.

The order matters where log and store are two files: the files of the home first, then the log, then the store. So
what a consumer group has committed in the copy is in the copied store, and what was read twice changes nothing.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Literal

import orjson
from pydantic import Field, ValidationError

from arbkit import __version__
from arbkit.alerts.rules_file import alerts_path
from arbkit.analysis.decisions.files import decisions_document
from arbkit.analysis.verdict.rules import verdict_path
from arbkit.core.errors import RefusedFileError, ServiceError, UsageError
from arbkit.core.files import sync_folder, write_atomically, writing
from arbkit.core.input.env_file import env_file
from arbkit.core.results import JsonObject, Result
from arbkit.core.service.api_keys import TOKEN_FILE, keys_file
from arbkit.core.settings import Settings, sqlite_path
from arbkit.ops.database_files import copy_file, copy_live, count_rows, digest
from arbkit.ops.first_page import FILE as FIRST_PAGE_FILE
from arbkit.pipeline.discovery.kept import discovery_files
from arbkit.pipeline.watchlist.keeping import watchlist_document
from arbkit.reports.catalogue.find import SHIPPED, own_reports
from arbkit.reports.catalogue.notebook_file import notebooks_in
from arbkit.reports.catalogue.own_pages import own_page_files
from arbkit.store import Store, open_store
from arbkit.store.kept_facts import facts_document
from arbkit.store.leases.sqlite import drop_all
from arbkit.store.queries import AlertQuery

MANIFEST = "manifest.json"
_RUNS_OF_A_REPORT = 1_000
"""Records of runs of each report, the latest, that a backup of Elasticsearch holds: each is put back singly."""
_ALERTS = 10_000
"""Alerts, the latest, that a backup of Elasticsearch holds: what was sent is not sent again."""
_NOT_MADE_BY_A_USER = {
    "reports", "market", "backups", "health", "tokens.json", "dashboards.key", TOKEN_FILE, FIRST_PAGE_FILE,
}  # fmt: skip
"""Large and made anew, true only of this moment (an old count of tokens would be a wrong one), or a secret."""
_TRANSIENT_ENDS = (".lock", ".holder", ".log", ".tmp", "-wal", "-shm", ".restoring")
Part = Literal["log", "store"]
_OfStore = Literal["home", "runs", "deliveries", "forecasts", "decisions", "sales"]
_UserFile = Literal["watchlist", "profile", "schedule", "alerts", "verdict"]


class BackedUpDatabase(Result):
    """A SQLite file of a backup: which parts it is, and how many rows each of its tables has."""

    file: str
    parts: list[Part]
    bytes: int
    sha256: str
    rows: dict[str, int]


class BackedUpFile(Result):
    """A file of a backup. ``origin``: ``home`` with its path in there, or the setting that names it."""

    file: str
    origin: _OfStore | _UserFile | Literal["reports", "pages", "environment"]
    name: str
    bytes: int
    sha256: str


class Backup(Result):
    """What a backup holds, and what it does not; the content of its ``manifest.json``."""

    v: Literal[1] = 1
    arbkit: str = Field(description="version of arbkit that made it")
    created_at: float = Field(description="all that was acknowledged before is in it; Unix seconds")
    databases: list[BackedUpDatabase]
    files: list[BackedUpFile]
    not_included: list[str] = Field(description="what it does not hold, and where that comes from")


class BackupMade(Result):
    """A backup and the folder it is in."""

    path: str
    backup: Backup


def back_up(settings: Settings, path: Path | None, *, with_env: bool = False) -> BackupMade:
    """Make a backup at ``path`` (in it, if it is a folder; by default in ``$ARBKIT_HOME/backups``), and verify it.

    It becomes visible when it is whole and checked. Nobody is held up by it.

    Raises:
        UsageError: there is something else at ``path``.
        ServiceError: log, store or home cannot be read, or the backup cannot be written.
        RefusedFileError: what was copied is damaged.
    """
    created_at = time.time()
    target = _target(settings, path, created_at)
    making = target.with_name(f".{target.name}.{os.getpid()}")
    with writing(target):
        # It holds what only this user may read.
        target.parent.mkdir(parents=True, exist_ok=True)
        making.mkdir(mode=0o700)
    try:
        with writing(making):
            backup = _fill(settings, making, created_at, with_env=with_env)
            write_atomically(making / MANIFEST, orjson.dumps(backup.model_dump(), option=orjson.OPT_INDENT_2))
        verify_backup(making)
        with writing(target):
            making.replace(target)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return BackupMade(path=str(target), backup=backup)


def _target(settings: Settings, path: Path | None, at: float) -> Path:
    name = f"arbkit-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"
    if path is None:
        path = settings.home / "backups" / name
    elif path.is_dir() and not (path / MANIFEST).exists():
        path = path / name
    if path.exists():
        raise UsageError("is there already", field="PATH", value=str(path), remedy="Name another one, or a folder")
    return path


def _fill(settings: Settings, folder: Path, created_at: float, *, with_env: bool) -> Backup:
    files = [*_copy_home(settings, folder), *_copy_user_files(settings, folder, with_env=with_env)]
    copies = {_copy_database(path, parts, folder): parts for path, parts in databases_of(settings).items()}
    of_store = list(_write_of_store(settings, folder))
    written = {file.file for file in of_store}
    files = [file for file in files if file.file not in written] + of_store
    # Only now: opened just above, the copy of an older arbkit's store was brought up to date.
    for copy in (copy for copy, parts in copies.items() if "store" in parts):
        drop_all(copy)
    databases = [_described(copy, parts) for copy, parts in copies.items()]
    return Backup(
        arbkit=__version__, created_at=created_at, databases=databases, files=files,
        not_included=_not_included(settings, with_env=with_env),
    )  # fmt: skip


def databases_of(settings: Settings) -> dict[Path, list[Part]]:
    """The SQLite files of these settings, the log's first, and what each of them is."""
    found: dict[Path, list[Part]] = {}
    urls: tuple[tuple[Part, str], ...] = (("log", settings.log_url), ("store", settings.store_url))
    for part, url in urls:
        if url.startswith("sqlite:"):
            found.setdefault(sqlite_path(url), []).append(part)
    return found


def _copy_database(path: Path, parts: list[Part], folder: Path) -> Path:
    if not path.exists():
        raise ServiceError("is not there yet", field=str(path), remedy="There is nothing to back up: run `arbkit init`")
    copy = folder / f"{'-and-'.join(parts)}.db"
    copy_live(path, copy, parts[0])
    return copy


def _described(copy: Path, parts: list[Part]) -> BackedUpDatabase:
    rows = count_rows(copy)
    return BackedUpDatabase(file=copy.name, parts=parts, bytes=copy.stat().st_size, sha256=digest(copy), rows=rows)


def _copy_home(settings: Settings, folder: Path) -> Iterator[BackedUpFile]:
    home = settings.home
    # A backup made into the home is not put into the next one, which would be twice as large.
    earlier = {manifest.parent for manifest in home.rglob(f"*/{MANIFEST}") if _is_backup(manifest.parent)}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home)
        if is_made_by_a_user(settings, name) and path.is_file() and earlier.isdisjoint(path.parents):
            # What a service keeps for a moment may be gone by now.
            with suppress(FileNotFoundError):
                yield _copied(path, folder / "home" / name, folder, "home", name.as_posix())
    for shared in (keys_file(settings), *discovery_files(settings)):
        if shared.parent != home and shared.is_file():
            yield _copied(shared, folder / "home" / shared.name, folder, "home", shared.name)


def _is_backup(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except RefusedFileError:
        return False
    return True


def is_made_by_a_user(settings: Settings, name: PurePath) -> bool:
    """Whether a backup holds the file of this name within the home: no secret, database or hidden one."""
    databases = tuple(str(path.resolve()).casefold() for path in databases_of(settings))
    # Some disks know no case: what is one file there must not pass as another.
    parts = [part.casefold() for part in name.parts]
    if not parts or parts[0] in _NOT_MADE_BY_A_USER or any(part.startswith(".") for part in parts):
        return False
    in_place = str((settings.home / name).resolve()).casefold()
    return not in_place.startswith(databases) and not parts[-1].endswith(_TRANSIENT_ENDS)


def _copy_user_files(settings: Settings, folder: Path, *, with_env: bool) -> Iterator[BackedUpFile]:
    ours: dict[_UserFile, Path | None] = {
        "watchlist": settings.watchlist_path,
        "profile": settings.profile_path,
        "schedule": settings.schedule_path,
        "alerts": alerts_path(settings),
        "verdict": verdict_path(settings),
    }
    for origin, path in ours.items():
        if path is not None and path.is_file():
            yield _copied(path, folder / "user" / f"{origin}{path.suffix}", folder, origin, path.name)
    for path in notebooks_in(settings.own_reports_dir):
        yield _copied(path, folder / "user" / "reports" / path.name, folder, "reports", path.name)
    for path in own_page_files(settings):
        yield _copied(path, folder / "user" / "apps" / path.name, folder, "pages", path.name)
    # It holds secrets.
    if with_env and env_file().is_file():
        yield _copied(env_file(), folder / "user" / "env", folder, "environment", env_file().name)


def _copied(
    path: Path,
    copy: Path,
    folder: Path,
    origin: Literal["home", "reports", "pages", "environment"] | _UserFile,
    name: str,
) -> BackedUpFile:
    copy.parent.mkdir(parents=True, exist_ok=True)
    sha256 = copy_file(path, copy)
    if origin in ("environment", "alerts"):
        # Keys, and the addresses of channels with their passwords.
        copy.chmod(0o600)
    file = copy.relative_to(folder).as_posix()
    return BackedUpFile(file=file, origin=origin, name=name, bytes=copy.stat().st_size, sha256=sha256)


def _write_of_store(settings: Settings, folder: Path) -> Iterator[BackedUpFile]:
    """What users typed as the copied store has it; of Elasticsearch also runs and alerts, which nothing makes anew."""
    copy = folder / "store.db" if (folder / "store.db").exists() else folder / "log-and-store.db"
    on_file = settings.store_url.startswith("sqlite:")
    of_copy = settings.model_copy(update={"store": f"sqlite:///{copy.absolute()}"}) if on_file else settings
    with open_store(of_copy, read_only=not on_file) as store:
        yield _written(folder, "home/facts.json", "home", facts_document(store.facts()))
        yield _written(folder, "home/watchlist.json", "home", watchlist_document(store))
        if not on_file:
            reports = (*SHIPPED, *own_reports(settings).reports)
            runs = [run.to_dict() for report in reports for run in store.runs(report=report, limit=_RUNS_OF_A_REPORT)]
            yield _written(folder, "runs.json", "runs", orjson.dumps(runs))
            kept = store.alerts(AlertQuery(limit=_ALERTS)).items
            yield _written(folder, "deliveries.json", "deliveries", orjson.dumps([one.to_dict() for one in kept]))
            yield _written(folder, "forecasts.json", "forecasts", orjson.dumps(_forecasts(store)))
            yield _written(folder, "decisions.json", "decisions", decisions_document(store.decisions()))
            sold = [one.to_dict() for one in store.sales()]
            yield _written(folder, "sales.json", "sales", orjson.dumps(sold))


def _forecasts(store: Store) -> list[JsonObject]:
    """The record of forecasts with what was made of it, of real products and of the demo market."""
    return [
        {
            "demo": demo,
            "records": [one.to_dict() for one in store.forecasts(demo=demo)],
            "notes": {**store.forecast_notes(demo=demo)},
        }
        for demo in (False, True)
    ]


def _written(folder: Path, file: str, origin: _OfStore, data: bytes) -> BackedUpFile:
    path = folder / file
    write_atomically(path, data)
    return BackedUpFile(file=file, origin=origin, name=path.name, bytes=len(data), sha256=digest(path))


def _not_included(settings: Settings, *, with_env: bool) -> list[str]:
    lines = ["the folders of report runs: their list is included"]
    if not settings.store_url.startswith("sqlite:"):
        lines.append(
            "offers, histories, products and opportunities in Elasticsearch: `arbkit replay` and `arbkit detect` "
            "make them again of what the log still holds; for older ones take a snapshot of Elasticsearch"
        )
    if not settings.log_url.startswith("sqlite:"):
        lines.append("messages, offsets and dead letters in Kafka: they are kept by Kafka's own replicas")
    return lines if with_env else [*lines, ".env, which holds secrets: `arbkit backup --with-env` includes it"]


def read_manifest(folder: Path) -> Backup:
    """What the backup in ``folder`` is said to hold.

    Raises:
        RefusedFileError: it is none, is not whole, or a newer arbkit made it.
    """
    try:
        return Backup.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        inside = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
        remedy = f"The latest one in there is {folder / inside[-1]}" if inside else "Name the folder of a backup"
        raise RefusedFileError("is no backup of arbkit", field=str(folder), remedy=remedy) from None
    except (OSError, ValidationError) as error:
        why = "cannot be read, or a newer arbkit made it"
        raise RefusedFileError(f"{why}: {str(error).splitlines()[0]}", field=str(folder / MANIFEST)) from None


def verify_backup(folder: Path) -> Backup:
    """Read every byte of a backup: digests, the integrity of its databases, and their rows, as when it was made.

    Raises:
        RefusedFileError: anything is missing or other than it was; names the file.
    """
    backup = read_manifest(folder)
    digests = {d.file: d.sha256 for d in backup.databases} | {f.file: f.sha256 for f in backup.files}
    for name, sha256 in digests.items():
        path = folder / name
        try:
            # A pipe or a device would keep its reader waiting.
            is_in_there = path.resolve().is_relative_to(folder.resolve()) and (path.is_file() or not path.exists())
            same = is_in_there and digest(path) == sha256
        except OSError as error:
            raise RefusedFileError(f"cannot be read: {error.strerror}", field=str(path)) from None
        if not same:
            raise RefusedFileError("is not what was backed up", field=str(path), remedy="Take another backup")
    for database in backup.databases:
        if count_rows(folder / database.file) != database.rows:
            raise RefusedFileError("has other rows than were backed up", field=str(folder / database.file))
    return backup
