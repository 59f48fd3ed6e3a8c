"""Seeded mutants of the money model, and which of them no test notices: ``make mutants``.

    python -m tests.mutants.run --count 600 --seed 13 --jobs 2

Each mutant is tried in a fork of a process that has the libraries loaded, against the unit tests of its room.
Survivors that cannot change an answer stand in ``equivalent.txt`` beside this file, each with its argument.
Exits with 1 where fewer than ``--at-least`` percent are killed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from tests.helpers.paths import ROOT
from tests.mutants.operators import Mutant, mutants_of

TARGETS = (*sorted((ROOT / "arbkit" / "profit").rglob("*.py")), ROOT / "arbkit" / "analysis" / "confidence.py")
TESTS = ("tests/unit/profit", "tests/unit/analysis/test_confidence.py")
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
_LIMIT_S = 600
_KILLED, _SURVIVED = 1, 0


class _Mutated(MetaPathFinder, Loader):
    """Imports one module from changed source."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        self._name, self._mutant = name, mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        inside = [str(self._mutant.path.parent)] if self._mutant.path.name == "__init__.py" else None
        return spec_from_file_location(fullname, self._mutant.path, loader=self, submodule_search_locations=inside)

    def exec_module(self, module: ModuleType) -> None:
        code = compile(self._mutant.source, str(self._mutant.path), "exec")
        exec(code, module.__dict__)  # noqa: S102 - our own source, with one operator changed


def module_name(path: Path) -> str:
    """The dotted name of a module of arbkit."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def survives(mutant: Mutant) -> bool:
    """Whether all tests pass with the mutant in place; one that never ends counts as killed."""
    child = os.fork()
    if child == 0:
        os._exit(_try(mutant))
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == _SURVIVED
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _try(mutant: Mutant) -> int:
    import pytest

    sys.meta_path.insert(0, _Mutated(module_name(mutant.path), mutant))
    quiet = ["-x", "-q", "--assert=plain", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-p", "no:xdist"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return _SURVIVED if pytest.main([*quiet, *TESTS]) == 0 else _KILLED
        except BaseException:  # noqa: BLE001 - whatever a mutant does to the run, it was noticed
            return _KILLED


def sample(count: int, seed: int) -> list[Mutant]:
    """``count`` of all mutants, chosen by ``seed``."""
    every = [mutant for path in TARGETS for mutant in mutants_of(path)]
    return random.Random(seed).sample(every, min(count, len(every)))


def equivalents() -> set[str]:
    """Mutants that cannot change an answer, as ``path: source line: change``."""
    lines = EQUIVALENT.read_text("utf-8").splitlines() if EQUIVALENT.exists() else []
    return {line.partition("  # ")[0].strip() for line in lines if line and not line.startswith("#")}


def identity(mutant: Mutant) -> str:
    """A name for a mutant that survives moved lines: file, the text of its line, the change."""
    text = mutant.path.read_text("utf-8").splitlines()[mutant.line - 1].strip() if mutant.line else ""
    return f"{mutant.path.relative_to(ROOT)}: {text}: {mutant.change}"


def main() -> int:
    """Try the mutants, print the survivors and the share that was killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--at-least", type=float, default=90.0, help="percent that must be killed")
    given = parser.parse_args()
    # What every mutant needs and none changes is loaded once, before the forks.
    for heavy in ("hypothesis", "numpy", "pandas", "pydantic", "pytest", "typer"):
        __import__(heavy)
    chosen = sample(given.count, given.seed)
    argued = equivalents()
    unchanged = TARGETS[-1]
    if not survives(Mutant(unchanged, 0, "nothing changed", unchanged.read_text("utf-8"))):
        sys.exit("the tests fail without any mutant: run them first")
    with ThreadPoolExecutor(given.jobs) as pool:
        left = [identity(m) for m, alive in zip(chosen, pool.map(survives, chosen), strict=True) if alive]
    survivors = [name for name in left if name not in argued]
    for name in survivors:
        sys.stdout.write(f"survived: {name}\n")
    counted = len(chosen) - (len(left) - len(survivors))
    killed = 100 * (counted - len(survivors)) / counted
    sys.stdout.write(
        f"{counted - len(survivors)} of {counted} mutants killed ({killed:.1f} %), "
        f"{len(left) - len(survivors)} equivalent ones left out, seed {given.seed}\n"
    )
    return 0 if killed >= given.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
