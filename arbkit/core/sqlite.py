"""SQLite as stream and store use it: one file, several processes, every commit durable.

The connections are in autocommit mode; :func:`immediate` is a write transaction, :func:`snapshot` several reads of one
moment, and :func:`wrap_errors` turns errors into arbkit's.
"""

from __future__ import annotations

import importlib
import logging
import os
import sqlite3 as built_in
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NotRequired

import orjson
from typing_extensions import TypedDict

from arbkit.core.errors import ServiceError, StoreCorruptError, StoreError, StoreRefusedError, StreamError
from arbkit.core.files import shipped_table

if TYPE_CHECKING:
    import sqlite3

logger = logging.getLogger(__name__)


def is_fixed(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite is free of the WAL-reset bug, which may damage a file that several processes write.

    Source: sqlite.org/wal.html#walresetbug: 3.7.0 to 3.51.2, mended in 3.51.3, 3.50.7 and 3.44.6.
    """
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


if not TYPE_CHECKING:
    # All of arbkit must use one: two SQLites in a process drop each other's locks on a file.
    sqlite3 = built_in
    if not is_fixed(built_in.sqlite_version_info):
        with suppress(ImportError):
            sqlite3 = importlib.import_module("pysqlite3.dbapi2")

FOLDS_ALONE = not is_fixed(sqlite3.sqlite_version_info)
"""Whether the write-ahead log is folded back by one process at a time, and while nobody writes: what the bug needs
is another one that writes at that moment."""


def describe_engine() -> str:
    """The SQLite in use, where it is from, and how it is kept from the WAL-reset bug."""
    origin = "Python's own" if sqlite3 is built_in else "pysqlite3's"
    if FOLDS_ALONE:
        kept = "has the WAL-reset bug; the log is folded back by one process alone, while nobody writes"
    else:
        kept = "is free of the WAL-reset bug"
    return f"SQLite {sqlite3.sqlite_version}, {origin}, {kept}"


engine = sqlite3
"""The one SQLite of this process, for whoever opens a file past :func:`connect`: two drop each other's locks."""

Kind = Literal["log", "store"]
SqlValue = str | int | float | bytes | None
"""What a column holds."""


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

_FAULTS_NAMED = 20
_FOREIGN_KEYS = "PRAGMA foreign_key_check"
_STEPS_BETWEEN_LOOKS = 10_000
"""Steps of SQLite's machine between two looks at the clock: about a tenth of a millisecond."""

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
    :func:`wrap_errors`. A file on a disk that is mounted read-only is read as one that nobody writes.

    Raises:
        sqlite3.Error: the file cannot be opened or is no database; its bytes are left as they are.
        OSError: the folder cannot be made.
    """
    is_frozen = _is_frozen(path)
    read_only = read_only or is_frozen
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    _refuse_while_restoring(path)
    mode = "ro&immutable=1" if is_frozen else "ro" if read_only else "rwc"
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
            if FOLDS_ALONE:
                # Else each commit might, whoever writes.
                connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        # Again, now that the file is held: a restore that began meanwhile waits for nobody who came before this line.
        _refuse_while_restoring(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_frozen(path: Path) -> bool:
    """Whether nobody can be writing the file: its disk is mounted read-only, and no writer has left its files there.

    SQLite would have to make those files itself to read it. Where they are, a writer may be at work through another
    mount, and its log counts.
    """
    if any(path.with_name(f"{path.name}{suffix}").exists() for suffix in ("-wal", "-shm")):
        return False
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except (OSError, AttributeError):  # no such file; no such call on Windows
        return False


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


def digest(*parts: bytes) -> bytes:
    """Eight bytes that show whether stored parts are still what was written: SQLite itself keeps no checksums."""
    lengths = struct.pack(f"<{len(parts)}q", *map(len, parts))
    # One call for the small parts, which are many: only the last one may be large.
    made = blake2b(b"".join((lengths, *parts[:-1])), digest_size=8)
    made.update(parts[-1])
    return made.digest()


@dataclass(frozen=True, slots=True)
class DigestCheck:
    """How many rows were ``checked``, how many of them have no digest (they are of before), and which are damaged."""

    checked: int
    unmarked: int
    damaged: tuple[str, ...]


def integrity_faults(path: Path, kind: Kind) -> list[str]:
    """What SQLite itself finds wrong in the structure of the file at ``path``; it reads all of it.

    Raises:
        ServiceError: it cannot be read.
    """
    with wrap_errors(path, kind):
        connection = connect(path, read_only=True)
        try:
            found = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_FAULTS_NAMED})")]
            found += [f"{row[0]}: a row points to none of {row[2]}" for row in connection.execute(_FOREIGN_KEYS)]
        finally:
            connection.close()
    return [fault for fault in found if fault != "ok"]


def fetch_damaged(connection: sqlite3.Connection, query: str, values: Sequence[SqlValue]) -> list[tuple[SqlValue, ...]]:
    """All rows of a query, also where a damaged text is no UTF-8: its digest tells, and the others can be read."""
    try:
        return connection.execute(query, values).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    plain = connection.text_factory
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.text_factory = plain


def read_statements(package: str, name: str) -> tuple[str, ...]:
    """The statements of a SQL file beside a package's modules, which holds semicolons only at their ends."""
    script = resources.files(package).joinpath(name).read_text("utf-8")
    return tuple(statement.strip() for statement in script.split(";") if statement.strip())


def json_array(values: Sequence[str]) -> str:
    """Values for ``json_each``, which takes as many as there are."""
    return orjson.dumps(list(values)).decode()


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
def time_limit(connection: sqlite3.Connection, seconds: float | None) -> Iterator[None]:
    """Interrupt what the block asks of SQLite once it has taken ``seconds``; None: it may take as long as it does."""
    if seconds is None:
        yield
        return
    until = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A read transaction: all reads of the block see one moment. Keep it short, it holds up the WAL."""
    connection.execute("BEGIN")
    ending = "ROLLBACK"
    try:
        yield connection
        # Keeps what the connection has put into temporary tables.
        ending = "COMMIT"
    finally:
        if connection.in_transaction:
            connection.execute(ending)


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
        if FOLDS_ALONE:
            _fold_alone(connection, path)
        else:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        logger.warning("the write-ahead log of %s could not be folded back: %s", path, error)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")


def _fold_alone(connection: sqlite3.Connection, path: Path) -> None:
    """Fold the log back by another connection while this one lets nobody write; the next writer begins it anew."""
    with closing(sqlite3.connect(path.absolute().as_uri(), uri=True, isolation_level=None)) as folding:
        connection.execute("BEGIN IMMEDIATE")
        try:
            folding.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        finally:
            connection.execute("ROLLBACK")


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
