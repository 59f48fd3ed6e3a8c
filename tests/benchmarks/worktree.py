"""Another commit beside this tree: its files and its packages, in a temporary folder that is gone afterwards."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.signals import undisturbed

__all__ = ["ROOT", "Tree", "TreeError", "checked_out", "commit_of", "same_packages", "this_tree", "worktree"]

ROOT = Path(__file__).resolve().parents[2]
_HIDDEN = re.compile(r"https?://\S+|host='[^']*'|\bHTTPS?ConnectionPool\([^)]*\)")
"""Addresses of package registries, which are nobody else's business."""


class TreeError(RuntimeError):
    """There is no such commit, or it cannot be installed."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout and the interpreter that has the packages it needs; ``name`` is how it is printed."""

    name: str
    root: Path
    python: Path


def this_tree() -> Tree:
    return Tree("this tree", ROOT, Path(sys.executable))


def commit_of(repository: Path, name: str) -> str:
    """The short id of the commit of that name.

    Raises:
        TreeError: there is none, or no git repository.
    """
    found = _git(repository, "rev-parse", "--verify", "--quiet", "--short", "--end-of-options", f"{name}^{{commit}}")
    if found.returncode:
        raise TreeError(f"there is no commit {name} in {repository.name}")
    return found.stdout.strip()


@contextmanager
def worktree(repository: Path, commit: str) -> Iterator[Path]:
    """The files of a commit.

    Raises:
        TreeError: git cannot check it out.
    """
    folder = Path(tempfile.mkdtemp(prefix="arbkit-bench-"))
    path = folder / "tree"
    try:
        # Hooks are for people's own checkouts.
        made = _git(repository, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", str(path), commit)
        if made.returncode:
            raise TreeError(f"{commit} cannot be checked out: {made.stderr.strip()}")
        yield path
    finally:
        with undisturbed():
            _git(repository, "worktree", "remove", "--force", str(path))
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def checked_out(commit: str) -> Iterator[Tree]:
    """A commit of this repository with the packages of its own constraints.txt: those of here where they are equal.

    Raises:
        TreeError: it cannot be checked out or installed.
    """
    with worktree(ROOT, commit) as root:
        python = Path(sys.executable) if same_packages(ROOT, root) else _install(commit, root)
        yield Tree(commit, root, python)


def same_packages(one: Path, other: Path) -> bool:
    """Whether two checkouts ask for the same packages."""
    return _asked(one) == _asked(other)


def _asked(root: Path) -> tuple[str, object, object]:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    constraints = (root / "constraints.txt").read_text("utf-8")
    return constraints, project["dependencies"], project.get("optional-dependencies")


def _install(name: str, root: Path) -> Path:
    """A virtual environment in the checkout, made as `make install` makes it."""
    sys.stdout.write(f"installing the packages of {name}, which are not those of this tree …\n")
    sys.stdout.flush()
    python = root / ".venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    for command in (
        [sys.executable, "-m", "venv", str(root / ".venv")],
        [*pip, "--require-hashes", "-r", str(root / "constraints.txt")],
        [*pip, "--no-deps", "--no-build-isolation", "-e", str(root)],
    ):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise TreeError(f"the packages of {name} cannot be installed: {_HIDDEN.sub('…', done.stderr)[-2_000:]}")
    return python


def _git(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False)
