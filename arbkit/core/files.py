"""Files that are never half-written and read with one clear error; locks between processes; what is shipped."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Literal, TypeVar
from uuid import uuid4

from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from arbkit.core.errors import ConfigError, ServiceError

T = TypeVar("T")

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
"""How a file is opened that must not be there yet."""
_LOCK_POLL_S = 0.1
_HANDOVER_S = 2.0
"""How long a process that is about to end may keep a lock from the next one."""
_CHANGE_POLL_S = 0.01
"""A change takes milliseconds, and whoever clicked waits for it."""
_CHANGE_WAIT_S = 60.0
"""How long a change waits for others of the same file: far longer than hundreds of them take on a slow disk."""


def file_stamp(path: Path) -> tuple[int, int, int] | None:
    """What is another one once a file has changed; None: it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_if_there(path: Path) -> bytes | None:
    """The content of a file, or None where there is none.

    Raises:
        ServiceError: it is there and cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        remedy = "Check that it is a file and that this user may read it"
        raise ServiceError(f"cannot be read: {error.strerror or error}", field=str(path), remedy=remedy) from error


@contextlib.contextmanager
def writing(
    path: Path, *, remedy: str = "Free some space, or give this user the right to write in its folder"
) -> Iterator[None]:
    """Whatever is written to ``path`` in here; ``remedy`` is what to do where that fails.

    Raises:
        ServiceError: it cannot be written (full disk, read-only folder…).
    """
    try:
        yield
    except OSError as error:
        raise ServiceError(f"cannot be written: {error.strerror or error}", field=str(path), remedy=remedy) from error


def write_atomically(path: Path, data: bytes, *, rights: int = 0o666) -> None:
    """Make ``data`` the content of ``path``, durably: readers see the old file or the new one, never a part.

    Makes the folder; follows a symbolic link; keeps the rights of a file that is there. A new one has ``rights``, less
    what the umask takes.

    Raises:
        ServiceError: it cannot be written (full disk, read-only folder…); the old file is as it was.
    """
    target = path.resolve()
    with writing(path):
        is_there = target.exists()
        with _fresh(target, data, stat.S_IMODE(target.stat().st_mode) if is_there else rights) as fresh:
            if is_there:
                shutil.copymode(target, fresh)
            fresh.replace(target)


def write_new(path: Path, data: bytes) -> bool:
    """Make a file of ``data`` at ``path``, durably and whole; False if there is one, which stays as it is.

    Looking first and writing then would lose what another process, or an editor, writes in between.

    Raises:
        ServiceError: it cannot be written (full disk, read-only folder…).
    """
    target = path.resolve()
    with writing(path), _fresh(target, data, 0o666) as fresh:
        try:
            os.link(fresh, target)
        except FileExistsError:
            return False
        except OSError:
            # A disk without hard links (exFAT, some network disks).
            try:
                with target.open("xb") as file:
                    file.write(data)
                    os.fsync(file.fileno())
            except FileExistsError:
                return False
    return True


@contextlib.contextmanager
def _fresh(target: Path, data: bytes, rights: int) -> Iterator[Path]:
    """A file of ``data`` beside ``target``, to be put in its place; gone afterwards, if it still is there.

    It has its ``rights`` from the start: what is private is not open to all while it is written, nor after a kill.

    Raises:
        OSError: it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")
    try:
        with os.fdopen(os.open(fresh, NEW_FILE, rights), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield fresh
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the system lets a folder be opened."""
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sync_file(path: Path) -> None:
    """Make what is in a file survive a power cut.

    Raises:
        OSError: it cannot be opened or written.
    """
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_tree(folder: Path) -> None:
    """Make all that is in a folder survive a power cut: a rename may reach the disk before what it shows.

    Raises:
        OSError: a file cannot be read or written.
    """
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            sync_file(path)
        elif path.is_dir() and not path.is_symlink():
            sync_folder(path)
    sync_folder(folder)


@contextlib.contextmanager
def changing(*paths: Path) -> Iterator[None]:
    """Keep the changes of files apart, of all threads and processes: whoever reads one in here replaces what it read.

    Their folders are made and locked, so that nothing is left beside a file that a user looks after; where the system
    locks no folders, a hidden file in each is. Whoever changes several files names them all at once.

    Raises:
        ServiceError: others changed them all the time, or a folder cannot be used.
    """
    folders = {path.resolve().parent: path for path in paths}
    with contextlib.ExitStack() as held:
        # In one order, so that no two wait for each other.
        for folder, path in sorted(folders.items()):
            with writing(path):
                folder.mkdir(parents=True, exist_ok=True)
            what = f"another change of {path}"
            if not _hold_folder(folder, held, what):
                lock = folder / ".changing.lock"
                held.enter_context(file_lock(lock, what=what, wait_s=_CHANGE_WAIT_S, poll_s=_CHANGE_POLL_S))
        yield


def _hold_folder(folder: Path, held: contextlib.ExitStack, what: str) -> bool:
    """Lock a folder until ``held`` ends; False where that cannot be done (Windows, some network disks)."""
    if sys.platform == "win32":
        return False
    import fcntl

    deadline = time.monotonic() + _CHANGE_WAIT_S
    try:
        handle = os.open(folder, os.O_RDONLY)
        held.callback(os.close, handle)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise _under_way(what) from None
                time.sleep(_CHANGE_POLL_S)
            else:
                return True
    except OSError:
        return False


def _under_way(what: str) -> ServiceError:
    return ServiceError(f"{what} is under way already", remedy="Wait until it has ended, then try again")


@contextlib.contextmanager
def file_lock(
    path: Path, *, what: str, wait_s: float, stop: threading.Event | None = None, poll_s: float = _LOCK_POLL_S
) -> Iterator[None]:
    """Hold the lock file at ``path``, which the system releases when this process dies.

    Waits at most ``wait_s`` seconds for another holder, or until ``stop`` is set, and looks every ``poll_s``. ``what``
    names what the lock is for.

    Raises:
        ServiceError: another holder kept it, or the file cannot be made.
    """
    lock = _acquired(path, wait_s, stop, poll_s)
    if lock is None:
        raise _under_way(what)
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def sole_process(home: Path, name: str) -> Iterator[None]:
    """Be the one process called ``name`` that works in ``home``; a lock, released when the process dies, says so.

    Raises:
        ServiceError: another process is it, which the error names; or the lock's files cannot be written.
    """
    path, said = home / f"{name}.lock", home / f"{name}.holder"
    with writing(path, remedy="Check ARBKIT_HOME and that this user may write there"):
        home.mkdir(parents=True, exist_ok=True)
    lock = _acquired(path, _HANDOVER_S)
    if lock is None:
        holder = (read_if_there(said) or b"another process").decode("utf-8", "replace")
        remedy = f"Stop that one first, or give this one a home of its own (ARBKIT_HOME); the lock is {path.name}"
        raise ServiceError(f"{holder} is its {name} already", field=str(home), remedy=remedy)
    try:
        write_atomically(said, f"process {os.getpid()} (since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC)".encode())
        yield
    finally:
        lock.release()


def _acquired(
    path: Path, wait_s: float, stop: threading.Event | None = None, poll_s: float = _LOCK_POLL_S
) -> FileLock | None:
    """The lock file at ``path``, held; None if another kept it for that long."""
    lock = FileLock(path, thread_local=False)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(wait_s, poll_s, cancel_check=stop.is_set if stop else None)
        except Timeout:
            return None
    return lock


def is_locked(path: Path) -> bool:
    """Whether somebody, in this process or another, holds the lock file at ``path`` now."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def shipped_folder(kind: Literal["apps", "notebooks"]) -> Path:
    """The folder of shipped apps or notebooks: beside the package in a checkout, inside it in an installed wheel.

    Raises:
        ConfigError: the installation is incomplete.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_shipped" / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise ConfigError(f"the shipped {kind} are missing", remedy="Install arbkit again")


def shipped_table(kind: type[T], package: str, name: str) -> T:
    """The TOML file ``name`` that is shipped in ``package``, as a value of this type."""
    return TypeAdapter(kind).validate_python(tomllib.loads(resources.files(package).joinpath(name).read_text("utf-8")))
