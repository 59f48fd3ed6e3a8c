"""`make` on a machine that has never seen arbkit: what is missing is one line with the command that mends it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.required import missing

_PYTHON = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in
  {refuses}) exit 1 ;;
  "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$0" .venv/bin/arbkit ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """A checkout, and a PATH on which little is found."""

    checkout: Path
    path: Path

    def has_python(self, name: str = "python3", *, refuses: str = "never") -> None:
        """Put a Python on it that fails at the commands of the shell pattern ``refuses``, and only notes the others."""
        script = _PYTHON.format(log=self.path / "log", refuses=refuses)
        (self.path / name).write_text(script)
        (self.path / name).chmod(0o755)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *arguments],
            cwd=self.checkout,
            env={"PATH": str(self.path), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def asked(self) -> list[str]:
        """What Python was asked, in turn."""
        return (self.path / "log").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if shutil.which("make") is None:
        missing("make", "install make")
    one = Machine(tmp_path / "checkout", tmp_path / "bin")
    for folder in (one.checkout, one.path):
        folder.mkdir()
    for name in ("make", "sh", "mkdir", "cp", "touch", "echo", "env"):
        found = shutil.which(name)
        assert found is not None
        (one.path / name).symlink_to(found)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, one.checkout)
    return one


def the_line(done: subprocess.CompletedProcess[str]) -> str:
    """The only line that is said."""
    assert done.returncode != 0
    [line] = (done.stdout + done.stderr).splitlines()
    return line


def test_a_debian_without_venv_is_told_the_package_and_the_command(machine: Machine) -> None:
    machine.has_python(refuses='"-c import ensurepip"*')
    assert "sudo apt install python3-venv" in the_line(machine.make("run"))
    assert not (machine.checkout / ".venv").exists()


def test_another_python_has_a_package_of_its_own(machine: Machine) -> None:
    machine.has_python("python3.12", refuses='"-c import ensurepip"*')
    assert "sudo apt install python3.12-venv" in the_line(machine.make("run", "PYTHON=python3.12"))


def test_an_old_python_and_none_at_all_are_one_line_too(machine: Machine) -> None:
    assert "sudo apt install python3 python3-venv" in the_line(machine.make("run"))
    machine.has_python(refuses='"-c import sys"*')
    assert "make run PYTHON=python3.11" in the_line(machine.make("run"))


def test_an_installation_says_how_long_it_takes_and_is_made_once(machine: Machine) -> None:
    machine.has_python()
    done = machine.make("run")
    assert done.returncode == 0, done.stderr
    assert "about two minutes" in done.stdout.splitlines()[0]
    packages, arbkit = [words for words in machine.asked if "pip install" in words]
    assert packages.endswith("--require-hashes -r constraints.txt")
    assert arbkit.endswith("-e .")
    assert machine.asked[-1] == "up"
    before = len(machine.asked)
    assert machine.make("run").returncode == 0
    assert machine.asked[before:] == ["up"]


def test_an_environment_that_was_left_without_pip_is_made_anew(machine: Machine) -> None:
    machine.has_python(refuses='"-m pip --version"')
    (machine.checkout / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(machine.path / "python3", machine.checkout / ".venv" / "bin" / "python")
    done = machine.make("install")
    assert done.returncode == 0, done.stderr
    assert any(words.startswith("-m venv") for words in machine.asked)


def test_every_target_that_is_promised_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("install", "run", "test", "check", "lint", "bench", "servers", "clean"):
        assert f"\n{target}: " in makefile
