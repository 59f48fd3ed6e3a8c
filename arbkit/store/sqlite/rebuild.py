"""The file beside the embedded store in which it is built anew, and what a rebuild that was killed has left of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from arbkit.core.files import file_lock, is_locked

_SUFFIXES = ("", "-wal", "-shm")
_LOCK = ".lock"
_NAME = re.compile(r"\.rebuild-[0-9a-f]{8}")
_WAIT_S = 5.0
"""For those who only look whether the lock is held."""


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A new file beside the store at ``path``, gone with its companions when the block ends.

    Raises:
        ServiceError: there cannot be one.
    """
    remove_abandoned(path)
    made = path.with_name(f"{path.name}.rebuild-{uuid4().hex[:8]}")
    lock = made.with_name(made.name + _LOCK)
    with file_lock(lock, what="a rebuild", wait_s=_WAIT_S):
        try:
            yield made
        finally:
            _remove(made)
    lock.unlink(missing_ok=True)


def remove_abandoned(path: Path) -> int:
    """Remove what killed rebuilds of the store at ``path`` have left: nobody holds their locks; how many there were."""
    found = {
        path.with_name(path.name + name.group())
        for each in path.parent.glob(f"{path.name}.rebuild-*")
        if (name := _NAME.match(each.name, len(path.name)))
    }
    abandoned = [made for made in found if not is_locked(made.with_name(made.name + _LOCK))]
    for made in abandoned:
        _remove(made)
        made.with_name(made.name + _LOCK).unlink(missing_ok=True)
    return len(abandoned)


def _remove(made: Path) -> None:
    for suffix in _SUFFIXES:
        made.with_name(made.name + suffix).unlink(missing_ok=True)
