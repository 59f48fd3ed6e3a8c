"""Processes of ours: asked to end, killed with all that they started, and gone with their supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from arbkit.core.service.process import stop_on_signals
from arbkit.core.service.process_tree import descendants, end_tree, kill_tree, spawn

POLITE = "import signal, sys, threading; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7));"
STUBBORN = "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
WAITS = "print('ready', flush=True); threading.Event().wait()"
PARENT = (
    "import subprocess, sys, threading;"
    "wait = 'import threading; threading.Event().wait()';"
    "p = subprocess.Popen([sys.executable, '-c', wait], start_new_session=True);"
    "print(p.pid, flush=True); threading.Event().wait()"
)


def started(code: str) -> tuple[subprocess.Popen[bytes], str]:
    """A process that runs this, and the line by which it says that it is ready."""
    process = spawn([sys.executable, "-c", code], environment=os.environ, output=subprocess.PIPE)
    assert process.stdout is not None
    line = process.stdout.readline().decode().strip()
    process.stdout.close()
    return process, line


def is_gone(pid: int) -> bool:
    for _ in range(1_200):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_who_ends_when_asked_is_not_killed() -> None:
    process, _ = started(POLITE + WAITS)
    assert end_tree([process], grace_s=60) == []
    assert process.returncode == 7


def test_who_does_not_end_in_time_is_killed_and_named() -> None:
    process, _ = started(STUBBORN + WAITS)
    assert end_tree([process], grace_s=0.2) == [process.pid]
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("has_groups", [True, False])
def test_what_a_process_has_started_ends_with_it(monkeypatch: pytest.MonkeyPatch, has_groups: bool) -> None:
    if not has_groups:
        monkeypatch.delattr(os, "killpg")
    process, child = started(PARENT)
    assert [one.pid for one in descendants(process)] == [int(child)]
    end_tree([process], grace_s=60)
    assert is_gone(int(child))
    again, child = started(PARENT)
    kill_tree(again)
    assert is_gone(int(child))
    # Of one that has ended nothing is known and nothing is done.
    assert descendants(again) == []
    assert end_tree([again], grace_s=0) == []


def test_both_signals_that_end_a_service_are_events() -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for number in handlers:
            stop = stop_on_signals()
            signal.raise_signal(number)
            assert stop.wait(60)
        # The last one is stopped already: then it does not wait for the end in order.
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_on_windows_ctrl_break_ends_a_service_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # Any signal that this system has stands for it.
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGUSR1, raising=False)
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    try:
        stop = stop_on_signals()
        signal.raise_signal(signal.SIGUSR1)
        assert stop.wait(60)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_service_ends_with_its_supervisor_even_if_that_is_killed(tmp_path: Path, platform: str) -> None:
    service = tmp_path / "service.py"
    service.write_text(
        "import sys, threading, types\n"
        "from arbkit.core.service import process\n"
        f"process.sys = types.SimpleNamespace(platform={platform!r})\n"
        "process.die_with_parent()\n"
        "print('ready', flush=True)\n"
        "threading.Event().wait()\n"
    )
    supervisor = (
        "import os, subprocess, sys, threading;"
        "e = {**os.environ, 'ARBKIT_SUPERVISED': str(os.getpid())};"
        f"p = subprocess.Popen([sys.executable, {str(service)!r}], env=e, stdout=subprocess.PIPE);"
        "p.stdout.readline(); print(p.pid, flush=True); threading.Event().wait()"
    )
    process, child = started(supervisor)
    process.kill()
    process.wait()
    assert is_gone(int(child))


def test_a_process_by_itself_has_no_supervisor_to_die_with() -> None:
    threads = threading.active_count()
    from arbkit.core.service.process import die_with_parent

    die_with_parent()
    assert threading.active_count() == threads


@pytest.mark.parametrize("depth", [1, 2], ids=["what is started", "what that starts"])
def test_nothing_is_imported_from_the_folder_that_the_user_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    # A user's own keepa.py in the folder of the watchlist, or one that somebody has put into a shared folder.
    for name in ("this", "colorsys", "typer"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a')\n")
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "this"]
    if depth == 2:
        command = [sys.executable, "-c", f"import subprocess, colorsys, typer; subprocess.run({command})"]
    process = spawn(command, environment=os.environ, output=subprocess.PIPE)
    assert process.stdout is not None
    said = process.stdout.read().decode()
    assert process.wait() == 0
    assert "Zen of Python" in said
    process.stdout.close()
    assert not (tmp_path / "ran").exists()
