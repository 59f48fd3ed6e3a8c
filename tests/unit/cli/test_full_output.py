"""A disk that is full under what a command writes: its exit code still says what happened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


def arbkit(folder: Path, *arguments: str, stdout: Path | None = None, stderr: Path | None = None) -> tuple[int, str]:
    """Exit code and standard error of a command with an output that takes nothing."""
    with open(stdout or "/dev/null", "wb") as out, open(stderr or folder / "stderr", "wb") as err:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "arbkit", *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            env={"ARBKIT_HOME": str(folder / "var"), "PATH": ""}, timeout=300, check=False,
        )  # fmt: skip
    text = folder / "stderr"
    return done.returncode, text.read_text() if text.exists() else ""


def test_an_error_that_cannot_be_printed_keeps_its_code(tmp_path: Path) -> None:
    expected, said = arbkit(tmp_path, "alive", "nonsense")
    assert expected > 1
    assert said.startswith("arbkit: ")
    assert arbkit(tmp_path, "alive", "nonsense", stderr=FULL)[0] == expected


def test_a_document_that_cannot_be_printed_is_one_clear_error(tmp_path: Path) -> None:
    code, said = arbkit(tmp_path, "watch", "list", "--json", stdout=FULL)
    assert code == 4
    assert "standard output: cannot be written: No space left on device" in said
    assert "Traceback" not in said


def test_neither_can_be_printed(tmp_path: Path) -> None:
    assert arbkit(tmp_path, "watch", "list", "--json", stdout=FULL, stderr=FULL)[0] == 4
