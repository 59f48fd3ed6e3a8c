"""Processes of ours with all that they start, on every system: started apart, asked to end, killed whole."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import IO

import psutil


def spawn(
    command: Sequence[str], *, environment: Mapping[str, str], output: int | IO[bytes], descriptors: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a process apart from this one, so that Ctrl-C does not reach it; both its outputs go to ``output``.

    It inherits these ``descriptors`` (not on Windows, where there are none to inherit). Neither it nor what it starts
    imports modules from the current folder.

    Raises:
        OSError: it cannot be started.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        # `python -m` would run a keepa.py or typer.py that lies in the folder which the user is in.
        env={**environment, "PYTHONSAFEPATH": "1"},
        pass_fds=descriptors,
        # The former on Unix, the latter on Windows; each means nothing on the other.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The living processes that ``process`` has started, and theirs; to be asked while it lives."""
    # The id of one that has ended may be another's by now.
    if process.poll() is None:
        with suppress(psutil.Error):
            return psutil.Process(process.pid).children(recursive=True)
    return []


def kill_tree(process: subprocess.Popen[bytes], family: Iterable[psutil.Process] = ()) -> None:
    """Kill a process that :func:`spawn` started, its descendants, and ``family``: those it had before it ended."""
    for one in [*family, *descendants(process)]:
        with suppress(psutil.Error):
            one.kill()
    process.kill()
    # Where there are process groups, one still holds what was started by a process that is gone.
    if kill_group := getattr(os, "killpg", None):
        with suppress(ProcessLookupError, PermissionError):
            kill_group(process.pid, signal.SIGKILL)
    process.wait()


def end_tree(processes: Sequence[subprocess.Popen[bytes]], *, grace_s: float) -> list[int]:
    """Ask all to end, and kill what is left of them and their descendants after ``grace_s`` seconds.

    Returns:
        The ids of the processes that did not end in time.
    """
    families = {process.pid: descendants(process) for process in processes}
    for process in processes:
        # Windows knows no SIGTERM between processes.
        with suppress(OSError):
            process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
    deadline = time.monotonic() + grace_s
    late = []
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            late.append(process.pid)
    for process in processes:
        kill_tree(process, families[process.pid])
    return late
