"""SQLite as stream and store use it: one file, several processes, every commit durable.

The connections are in autocommit mode; :func:`immediate` is a write transaction, :func:`snapshot` several reads of one
moment, and :func:`wrap_errors` turns errors into arbkit's.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from arbkit.core.errors import ServiceError, StoreCorruptError, StoreError, StoreRefusedError, StreamError
from arbkit.core.files import shipped_table

logger = logging.getLogger(__name__)

engine = sqlite3
"""The one SQLite of this process, for whoever opens a file past :func:`connect`: two drop each other's locks."""

Kind = Literal["log", "store"]


class _Fault(TypedDict):
    codes: list[str]
    damaged: NotRequired[bool]
    why: str
    remedy: str


_FAULTS: Mapping[int | None, _Fault] = {
    getattr(sqlite3, code): fault
    for fault in shipped_table(dict[str, list[_Fault]], "arbkit.core", "sqlite_errors.toml")["faults"]
    for code in fault["codes"]
}

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for another one: the largest batch (hundreds of MB) takes seconds."""

WAL_LIMIT = 64 << 20
"""Bytes of ``-wal`` file above which a writer folds it back: constant readers let it grow without bound."""

_CHECKPOINT_WAIT_S = 0.1
"""How long folding back may hold up other writers while it waits for readers."""


FileIdentity = tuple[int, int]
"""Device and inode: another file under the same name has others."""


class _ReplacedError(sqlite3.OperationalError):
    """Another file has taken the name of the one that a connection writes to: nobody would find what it writes."""


class _RestoringError(sqlite3.OperationalError):
    """A restore is under way, or was cut off half-way."""


class _Database(sqlite3.Connection):
    """A connection that knows which file it was opened on."""

    path: Path
    identity: FileIdentity | None


def file_identity(path: Path) -> FileIdentity | None:
    """Which file is under this name now; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def restore_mark(path: Path) -> Path:
    """The file beside a database that keeps everybody out of it while a restore replaces it."""
    return path.with_name(f"{path.name}.restoring")


def _refuse_while_restoring(path: Path) -> None:
    if restore_mark(path).exists():
        raise _RestoringError


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to the database at ``path``, which is made, with its folder, unless ``read_only``.

    In autocommit mode; may be used by one thread at a time, whichever it is. Call it inside
    :func:`wrap_errors`.

    Raises:
        sqlite3.Error: the file cannot be opened or is no database; its bytes are left as they are.
        OSError: the folder cannot be made.
    """
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    _refuse_while_restoring(path)
    mode = "ro" if read_only else "rwc"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        factory=_Database,
    )
    try:
        connection.path, connection.identity = path, file_identity(path)
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            # For a new file: a raw product has 3 to 170 KB, which small pages cut into chains.
            connection.execute("PRAGMA page_size = 16384")
            _use_wal(connection)
            # NORMAL would not sync the WAL at a commit: a power cut could take back what was acknowledged.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        # Again, now that the file is held: a restore that began meanwhile waits for nobody who came before this line.
        _refuse_while_restoring(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL; SQLite does not wait here for others that open it at the same moment."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            if mode != "wal":
                raise sqlite3.OperationalError(f"this disk cannot hold a shared database (journal {mode})")


def read_statements(package: str, name: str) -> tuple[str, ...]:
    """The statements of a SQL file beside a package's modules, which holds semicolons only at their ends."""
    script = resources.files(package).joinpath(name).read_text("utf-8")
    return tuple(statement.strip() for statement in script.split(";") if statement.strip())


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A write transaction: committed and durable when the block ends, rolled back if it raises."""
    if isinstance(connection, _Database) and file_identity(connection.path) != connection.identity:
        raise _ReplacedError
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back already after some errors, such as a full disk.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A read transaction: all reads of the block see one moment. Keep it short, it holds up the WAL."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def bound_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Fold the ``-wal`` file back into the database if it has outgrown :data:`WAL_LIMIT`.

    For writers, after a commit. It only tries: readers in the way or a full disk leave it to the next one,
    for what was committed is durable already.
    """
    try:
        if path.with_name(f"{path.name}-wal").stat().st_size <= WAL_LIMIT:
            return
    except FileNotFoundError:
        return
    connection.execute(f"PRAGMA busy_timeout = {round(_CHECKPOINT_WAIT_S * 1000)}")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        logger.warning("the write-ahead log of %s could not be folded back: %s", path, error)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")


@contextmanager
def wrap_errors(path: Path, kind: Kind) -> Iterator[None]:
    """Turn SQLite's errors of the block, and the system's, into arbkit's.

    Raises:
        ServiceError: a ``StreamError``, ``StoreError`` or ``StoreCorruptError``, as :func:`to_service_error` says.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise to_service_error(error, path, kind) from error


def to_service_error(error: sqlite3.Error | OSError, path: Path, kind: Kind) -> ServiceError:
    """The ``StreamError``, ``StoreError`` or ``StoreCorruptError`` that says what happened, and the remedy."""
    plain: type[ServiceError] = StreamError if kind == "log" else StoreError
    if isinstance(error, _ReplacedError):
        why = f"the {kind}'s file was replaced or taken away while this process had it open: {path}"
        refused = StreamError if kind == "log" else StoreRefusedError
        return refused(why, remedy="Nothing was written into the old one. Start this command again")
    if isinstance(error, _RestoringError):
        why = f"a restore of the {kind}'s file is under way, or was cut off: {path}"
        return plain(why, remedy="Wait until it has ended, or run `arbkit restore PATH` again")
    fault = _FAULTS.get(_code(error))
    if fault is None and isinstance(error, OSError):
        why = f"the {kind}'s file cannot be used: {error.strerror or error}: {path}"
        return plain(why, remedy="Check ARBKIT_HOME and that this user may write there")
    if fault is None:
        return plain(f"SQLite failed on the {kind}'s file: {error}: {path}")
    why = fault["why"].format(kind=kind, path=path, error=error)
    is_damaged_store = fault.get("damaged", False) and kind == "store"
    return (StoreCorruptError if is_damaged_store else plain)(why, remedy=fault["remedy"])


def _code(error: Exception) -> int | None:
    """SQLite's primary result code, if the error came from SQLite itself."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
