"""Standard output that takes nothing more: one line and the right exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from arbkit.core.settings import Settings

FULL = Path("/dev/full")
COMMANDS = [["status"], ["status", "--json"], ["profile", "show"], ["doctor"], ["log", "show", "--json"]]


def run(settings: Settings, arguments: list[str], output: int) -> tuple[int, str]:
    settings.home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "arbkit", *arguments], env={**os.environ, **settings.environment(), "ARBKIT_DEMO": "1"},
        cwd=settings.home.parent, stdout=output, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_who_reads_no_further_is_no_fault(settings: Settings, arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        code, said = run(settings, arguments, write)
    finally:
        os.close(write)
    assert (code, "Traceback" in said) == (141, False), said


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_is_one_error(settings: Settings, arguments: list[str]) -> None:
    with FULL.open("w") as full:
        code, said = run(settings, arguments, full.fileno())
    assert (code, "Traceback" in said) == (4, False), said
    assert "standard output: cannot be written" in said
