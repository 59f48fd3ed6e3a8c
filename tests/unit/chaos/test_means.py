"""What a campaign does things with: a clock that jumps, and a disk that is full or read-only."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.clocked.clock import Clock
from tests.chaos.faults import small_disk

DAY_S = 86_400.0
TIMES = """
import sqlite3, subprocess, sys, time
ask = "import time; print(time.time())"
print(time.time(), sqlite3.connect(":memory:").execute("select unixepoch()").fetchone()[0])
print(subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout)
"""


def times(clock: Clock) -> list[float]:
    """The time by Python, by SQLite and by a child of a process under this clock, as seconds ahead of ours."""
    environment = {**os.environ, **clock.environment, "PYTHONPATH": os.pathsep.join(clock.python_path)}
    done = subprocess.run([sys.executable, "-c", TIMES], env=environment, capture_output=True, text=True, check=True)
    return [float(text) - time.time() for text in done.stdout.split()]


@pytest.mark.parametrize("whole", [False, True])
def test_a_clock_jumps_for_its_processes_only(tmp_path: Path, whole: bool) -> None:
    clock = Clock(tmp_path / "clock", whole=whole)
    if clock.whole != whole:
        pytest.skip("libfaketime is not installed here")
    for ahead in (0.0, 60 * DAY_S, -7 * DAY_S, 0.0):
        clock.ahead(ahead)
        by_python, by_sqlite, by_child = times(clock)
        assert [by_python, by_child] == pytest.approx([ahead, ahead], abs=DAY_S / 2)
        assert by_sqlite == pytest.approx(ahead if whole else 0.0, abs=DAY_S / 2)
    clock.close()


def test_a_small_disk_is_full_then_read_only_and_then_neither(tmp_path: Path) -> None:
    def write(name: str, size: int) -> int | None:
        try:
            (tmp_path / name).write_bytes(b"x" * size)
        except OSError as error:
            return error.errno
        return None

    with small_disk(tmp_path) as disk:
        if disk is None:
            pytest.skip("this user may mount nothing here")
        assert write("before", 1_000_000) is None
        with disk.full():
            assert write("full", 1_000_000) == errno.ENOSPC
        assert write("after", 1_000_000) is None
        with disk.read_only():
            assert write("read-only", 1) == errno.EROFS
            assert (tmp_path / "before").read_bytes()
        assert write("again", 1_000_000) is None
    assert list(tmp_path.iterdir()) == []
