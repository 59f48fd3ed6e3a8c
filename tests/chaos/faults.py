"""What the campaign does to processes: killed, stopped, without room on the disk, locked out."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

__all__ = ["FAULTS", "SmallDisk", "family", "halted", "killed", "locked", "small_disk", "stopped", "without_room"]

FAULTS = {"kill": 0.40, "stop": 0.20, "full": 0.15, "locked": 0.10, "clock": 0.10, "read-only": 0.05}
"""Their shares; a hang, which takes minutes, is placed apart."""
_ROOMY, _LEFT_BYTES = "2g", 20_000
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
    halted(there)
    try:
        yield
    finally:
        _signal(there, signal.SIGCONT)


def halted(processes: Iterable[psutil.Process]) -> None:
    """SIGSTOP, for good: a hang."""
    _signal(processes, signal.SIGSTOP)


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
        # What they have started meanwhile has inherited it.
        for one in there:
            with contextlib.suppress(psutil.NoSuchProcess):
                _limit(one.children(recursive=True), _UNLIMITED)
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


class SmallDisk:
    """A folder that is a file system of its own, in memory, for all processes at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def full(self) -> Iterator[None]:
        """Hardly any room is left: "no space left on device" in the middle of a write."""
        used = shutil.disk_usage(self._folder).used
        _run("mount", "-o", f"remount,size={used + _LEFT_BYTES}", str(self._folder))
        try:
            yield
        finally:
            _run("mount", "-o", f"remount,size={_ROOMY}", str(self._folder))

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Whatever is opened from now on can only be read; what is open is written on: Linux refuses more than that."""
        folder = str(self._folder)
        _run("mount", "--bind", folder, folder)
        try:
            _run("mount", "-o", "remount,bind,ro", folder)
            yield
        finally:
            # What was opened in it stays so until it is closed.
            _run("umount", "--lazy", folder)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """Make an empty folder a file system of its own, and no longer in the end; None where nobody may mount."""
    if os.geteuid() != 0 or not _mounts(folder):
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _mounts(folder: Path) -> bool:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        _run("mount", "-t", "tmpfs", "-o", f"size={_ROOMY},mode=700", "arbkit-campaign", str(folder))
        return True
    return False


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)
