"""SQLite files as backup and restore handle them: copied while they are written, checked, and put in place whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from contextlib import closing, suppress
from pathlib import Path

from arbkit.core.errors import RefusedFileError, ServiceError
from arbkit.core.files import NEW_FILE, sync_file, sync_folder
from arbkit.core.sqlite import Kind, connect, engine, wrap_errors

_CHUNK = 1 << 20
_USED = (engine.SQLITE_BUSY, engine.SQLITE_LOCKED)
_SHARED_FIRST, _SHARED_SIZE = 0x4000_0002, 510
"""The bytes that SQLite's readers lock, by its file format."""
_NOT_COUNTED = ("sqlite_", "product_text_")
"""SQLite's own tables, and those inside of the index of words."""


def copy_live(source: Path, target: Path, kind: Kind) -> None:
    """Copy a database that others may be writing to, as it is at one moment, into one file without a ``-wal``.

    Raises:
        ServiceError: the source cannot be read, or the target cannot be written.
    """
    with wrap_errors(source, kind):
        live = connect(source, read_only=True)
    with closing(live), wrap_errors(target, kind):
        with closing(engine.connect(target, isolation_level=None)) as copy:
            # In one step: it holds up nobody in WAL, and in several it would begin anew at each commit of others.
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        shutil.copymode(source, target)
        sync_file(target)


def count_rows(path: Path) -> dict[str, int]:
    """Table → number of rows, of a database that nobody uses and whose every page, index and reference is whole.

    Raises:
        RefusedFileError: it is damaged.
    """
    try:
        with closing(engine.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise RefusedFileError(f"is a damaged database: {found}", field=str(path))
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise RefusedFileError("is a damaged database: a row refers to one that is not there", field=str(path))
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
            return {
                name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - its own names
                for (name,) in tables
                if not name.startswith(_NOT_COUNTED)
            }
    except engine.Error as error:
        raise RefusedFileError(f"is a damaged database: {error}", field=str(path)) from None


def require_unused(path: Path) -> None:
    """Fold the ``-wal`` of a database into it; that is granted only where no other process has it open.

    A damaged one is left as it is, and whoever has it open is found by the lock alone.

    Raises:
        ServiceError: somebody has it open.
    """
    if not path.exists():
        return
    try:
        with closing(engine.connect(path, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            # Switching asks for nothing where it is DELETE already.
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
    except engine.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _USED or _is_held(path):
            remedy = "Stop `arbkit up` and every other service and page of this home, then try again"
            raise ServiceError("another process has it open", field=str(path), remedy=remedy) from None


def _is_held(path: Path) -> bool:
    """Whether another process has a database open in WAL mode, whatever is in it: it holds a shared lock of it."""
    if sys.platform == "win32":
        # There a file that is open cannot be replaced.
        return False
    import fcntl

    with path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except BlockingIOError:
            return True
    return False


def put_in_place(fresh: Path, path: Path, aside: Path) -> bool:
    """Make ``fresh`` the database at ``path`` in one step; what was there is kept as ``aside``, with its ``-wal``.

    Returns:
        Whether anything was there.

    Raises:
        OSError: it cannot be moved; the old one is in place.
    """
    existed = path.exists()
    if existed:
        # The user's choice of who may read it outlives the file.
        shutil.copymode(path, fresh)
        os.link(path, aside)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(aside.with_name(aside.name + suffix))
    fresh.replace(path)
    sync_folder(path.parent)
    return existed


def copy_file(source: Path, target: Path) -> str:
    """Copy a file durably, with its rights; the SHA-256 of its bytes, as hexadecimal digits.

    Raises:
        OSError: it cannot be read or written.
    """
    # Nobody else may read it before it has the rights of what it is a copy of.
    handle = os.open(target, NEW_FILE, 0o600)
    with os.fdopen(handle, "wb") as copy, source.open("rb") as file:
        shutil.copyfileobj(file, copy, _CHUNK)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copymode(source, target)
    return digest(target)


def digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, as hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
