"""arbkit works where Unix's own modules and calls are missing, as on Windows: they are hidden from it here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.core.settings import Settings

SCRIPT = """
import builtins, importlib, io, os, pkgutil, signal, subprocess, sys
from contextlib import redirect_stdout
from pathlib import Path

# What other packages need of this system they take when they are imported.
import kaleido, keepa, orjson, papermill, psutil, uvicorn, voila.app

MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
CALLS = ("fork", "forkpty", "getpgid", "getpgrp", "getsid", "killpg", "setpgid", "setsid")
SIGNALS = ("SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2")
import_module = builtins.__import__

def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    importer = str((globals or {}).get("__name__")).partition(".")[0]
    if importer in ("arbkit", "filelock") and name.partition(".")[0] in MODULES:
        raise ModuleNotFoundError(f"No module named {name!r}")
    return import_module(name, globals, locals, fromlist, level)

def refuse(*_, **__):
    raise OSError("a required privilege is not held by the client")

builtins.__import__ = guarded
os.symlink = refuse
for name in CALLS:
    delattr(os, name)
kill = signal.SIGKILL
for name in SIGNALS:
    delattr(signal, name)

import arbkit
modules = [m.name for m in pkgutil.walk_packages(arbkit.__path__, "arbkit.") if "__main__" not in m.name]
for name in modules:
    importlib.import_module(name)

from arbkit.cli import app
from arbkit.core.files import file_lock, is_locked
from arbkit.core.errors import ServiceError
from arbkit.core.service.process import die_with_parent, stop_on_signals
from arbkit.core.service.process_tree import end_tree, spawn
from arbkit.reports.run_folders import point_to, run_folder

def answer(*words):
    output = io.TextIOWrapper(io.BytesIO())
    with redirect_stdout(output):
        app([*words, "--json"], standalone_mode=False)
    output.flush()
    return orjson.loads(output.buffer.getvalue())

def second_is_refused(lock):
    try:
        with file_lock(lock, what="a test", wait_s=0):
            return False
    except ServiceError:
        return True

folder = Path(sys.argv[1])
found = {
    "modules": len(modules),
    "quote": answer("profit", "--source", "IT", "--buy", "40", "--target", "DE", "--sell", "69.99", "--category",
                    "Toys & Games", "--size-mm", "360x100x100", "--weight-g", "800", "--no-profile"),
    "schedule": answer("schedule", "list"),
    "status": answer("status"),
    "reports": answer("reports", "list"),
}
lock = folder / ".lock"
with file_lock(lock, what="a test", wait_s=0):
    found["locked"] = [is_locked(lock), second_is_refused(lock)]
found["free"] = not is_locked(lock)
point_to(folder / "latest", "20260601T070000Z-000001")
found["latest"] = run_folder(folder, "latest").name
stop_on_signals()
die_with_parent()
# The standard library and psutil kill with it here; on Windows they do without.
signal.SIGKILL = kill
command = [sys.executable, "-c", "import time; time.sleep(600)"]
process = spawn(command, environment=os.environ, output=subprocess.DEVNULL)
end_tree([process], grace_s=60)
found["ended"] = process.returncode is not None
sys.stdout.write(orjson.dumps(found).decode())
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What arbkit answers without Unix, in a process that has hidden it."""
    folder: Path = tmp_path_factory.mktemp("portable")
    settings = Settings.load(_env_file=None, home=folder / "var")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(folder)],
        env={**os.environ, **settings.environment()},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = orjson.loads(done.stdout)
    return answers


def test_every_module_is_imported(found: dict[str, Any]) -> None:
    assert found["modules"] > 100


def test_a_route_is_priced(found: dict[str, Any]) -> None:
    assert found["quote"]["profit"] > 0


def test_schedule_status_and_reports_are_listed(found: dict[str, Any]) -> None:
    assert [entry["name"] for entry in found["schedule"]["entries"]] == ["morning"]
    assert found["status"]["log"]["messages"] == 0
    assert {report["name"] for report in found["reports"]["reports"]} == {"backtest", "detect", "morning", "portfolio"}


def test_a_lock_keeps_others_out(found: dict[str, Any]) -> None:
    assert found["locked"] == [True, True]
    assert found["free"] is True


def test_the_latest_run_is_named_and_a_process_is_ended(found: dict[str, Any]) -> None:
    assert found["latest"] == "20260601T070000Z-000001"
    assert found["ended"] is True
