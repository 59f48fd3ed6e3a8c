"""What the campaign does to processes: killed, stopped, without room on the disk, locked out, at another time."""

from __future__ import annotations

import contextlib
import resource
import signal
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from arbkit.core.files import write_atomically

__all__ = ["FAULTS", "clock_at", "family", "killed", "locked", "stopped", "without_room"]

FAULTS = {"kill": 0.40, "stop": 0.20, "full": 0.15, "locked": 0.10, "clock": 0.10, "read-only": 0.05}
"""Their shares."""
_UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it has started, as far as they are still there."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [*parent.children(recursive=True), parent]
    return []


def killed(processes: Iterable[psutil.Process]) -> None:
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


@contextmanager
def stopped(processes: Iterable[psutil.Process]) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end."""
    there = list(processes)
    _signal(there, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(there, signal.SIGCONT)


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.send_signal(number)


@contextmanager
def without_room(processes: Iterable[psutil.Process], room: int) -> Iterator[None]:
    """No file of theirs grows beyond ``room`` bytes: a full disk; with 0 it is as if read-only."""
    there = list(processes)
    _limit(there, (room, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        _limit(there, _UNLIMITED)


def _limit(processes: Iterable[psutil.Process], limits: tuple[int, int]) -> None:
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.rlimit(psutil.RLIMIT_FSIZE, limits)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock of a database."""
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
        yield


def clock_at(path: Path, ahead_s: float) -> None:
    """Let the clock of all processes jump."""
    write_atomically(path, b"%f" % ahead_s)
    # Until the last has looked.
    time.sleep(0.1)
