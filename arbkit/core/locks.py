"""Locks between processes: a file that one of them holds, and that the system lets go of when it dies."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arbkit.core.errors import ServiceError
from arbkit.core.files import writing

__all__ = ["held", "is_held"]

_LOOK_S = 0.1


@contextmanager
def held(path: Path, *, what: str, wait_s: float, stop: threading.Event | None = None) -> Iterator[None]:
    """Hold the lock at ``path``, waiting at most ``wait_s`` seconds for whoever has it, or until ``stop`` is set.

    Raises:
        ServiceError: somebody else kept it (``what`` says what they are at), or it cannot be made.
    """
    stop = stop or threading.Event()
    deadline = time.monotonic() + wait_s
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        while not _taken(file.fileno()):
            if stop.is_set() or time.monotonic() >= deadline:
                raise ServiceError(f"{what} is under way already", remedy="Wait until it has ended, then try again")
            stop.wait(_LOOK_S)
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds the lock now."""
    try:
        with path.open("rb") as file:
            return not _taken(file.fileno())
    except OSError:
        return False


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
