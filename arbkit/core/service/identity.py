"""Which process made something that others find: whether it has ended, where that can be known for sure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

_PROC = Path("/proc")


def this_process() -> dict[str, JsonValue]:
    """What tells this process from all others, ever; empty where the system does not say (only Linux does)."""
    started = _started(os.getpid())
    space = _space()
    return {"pid": os.getpid(), "started": started, "space": space} if started and space else {}


def has_ended(process: Mapping[str, JsonValue]) -> bool | None:
    """Whether the process that :func:`this_process` described has ended; None where that cannot be known from here.

    That is so on another machine, after a restart of this one, and in another container.
    """
    space, pid = _space(), process.get("pid")
    # Where the first process is hidden, all of other users may be.
    if not space or process.get("space") != space or not isinstance(pid, int) or not _started(1):
        return None
    try:
        return _started(pid) != process.get("started")
    except PermissionError:
        return None


def _started(pid: int) -> str:
    """When a process began, in ticks since this machine did; empty if there is none.

    Raises:
        PermissionError: nobody but its owner may know.
    """
    try:
        # The name before it may hold spaces and brackets.
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    except PermissionError:
        raise
    except (OSError, IndexError):
        return ""


def _space() -> str:
    """In which run of which machine, and in which container, the numbers of processes mean the same as here."""
    try:
        boot = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self' / 'ns' / 'pid').readlink()}"
    except OSError:
        return ""
