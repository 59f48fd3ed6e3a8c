"""Seeded mutants of the money model, and which of them no test notices: ``make mutants``.

    python -m tests.mutants.run --count 600 --seed 13 --jobs 2
    python -m tests.mutants.run --only arbkit/profit/trade_costs.py

Each mutant is tried in a fork, against the tests that run its line (:mod:`tests.mutants.trial`). Survivors that cannot
change an answer stand in ``equivalent.txt`` beside this file, each with its argument, and are not tried.
Exits with 1 where fewer than ``--at-least`` percent of the others are killed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.mutants.operators import Mutant, mutants_of
from tests.mutants.trial import Baseline, Collected, Forks, killer_anew, learn, with_collected

TARGETS = (*sorted((ROOT / "arbkit" / "profit").rglob("*.py")), ROOT / "arbkit" / "analysis" / "confidence.py")
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
# pytest captures what is written to sys.stdout later on.
say = partial(print, file=sys.stdout, flush=True)


def identity(mutant: Mutant) -> str:
    """A name for a mutant that survives moved lines: file, the text of its line, the change."""
    return f"{mutant.path.relative_to(ROOT)}: {mutant.text}: {mutant.change}"


def sample(every: Iterable[Mutant], count: int, seed: int) -> list[Mutant]:
    """``count`` of them, chosen by ``seed``; other code elsewhere changes few of them."""
    return sorted(every, key=lambda m: hashlib.sha256(f"{seed} {identity(m)}".encode()).digest())[:count]


def equivalents() -> dict[str, str]:
    """The argument of each mutant that cannot change an answer.

    A mutant's name is a line of the file, its argument the indented lines after it; ``#`` begins a comment.
    """
    found: dict[str, str] = {}
    name = ""
    for line in EQUIVALENT.read_text("utf-8").splitlines():
        if line[:1].isspace():
            found[name] = f"{found[name]} {line.strip()}".strip()
        elif line and not line.startswith("#"):
            name = line
            found[name] = ""
    return found


class Tally:
    """Counts what was tried, and says so as it goes."""

    def __init__(self, count: int) -> None:
        """``count`` mutants are to be tried."""
        self._count, self._began = count, time.monotonic()
        self.tried, self.killed = 0, 0

    def add(self, mutant: Mutant, survived: bool, *, why: str = "") -> None:
        """One more mutant; a survivor is named at once."""
        self.tried += 1
        self.killed += not survived
        if survived:
            say(f"survived{why}: {mutant.path.relative_to(ROOT)}:{mutant.spans[0][0]}: {mutant.text}: {mutant.change}")
        if self.tried % 25 == 0:
            say(f"{self.tried} of {self._count} tried, {self.killed} killed, {time.monotonic() - self._began:.0f} s")


def try_all(mutants: Sequence[Mutant], baseline: Baseline, jobs: int, tally: Tally) -> None:
    """Try each mutant and add it to the tally.

    Raises:
        RuntimeError: the tests fail without any mutant, or a mutant changes nothing.
    """
    at_import = [mutant for mutant in mutants if baseline.runs_at_import(mutant)]
    in_tests = [mutant for mutant in mutants if not baseline.runs_at_import(mutant)]
    whole = baseline.limit_s(list(baseline.seconds))
    with tempfile.TemporaryDirectory() as folder:
        forks = Forks(jobs, Path(folder), tally.add)
        every = frozenset(baseline.seconds)
        for tried in (None, *at_import):
            near = every & baseline.tests_of(tried) if tried else every
            tests = [test for part in (near, every - near) for test in baseline.promising_first(part, forks.kills)]
            forks.start(tried, whole, partial(killer_anew, tried, tests))
        forks.finish()

        def changed_in_place(session: pytest.Session) -> None:
            collected = Collected(session)
            for mutant in in_tests:
                tests = baseline.promising_first(baseline.tests_of(mutant), forks.kills)
                if tests:
                    forks.start(mutant, baseline.limit_s(tests), collected.attempt(mutant, tests))
                else:
                    tally.add(mutant, True, why=", no test runs this line")
            # What an earlier fork or this process did must not be what kills.
            forks.start(None, whole, collected.attempt(None, baseline.one_of_each()))
            forks.finish()

        with_collected(changed_in_place)


def main() -> int:
    """Try the mutants, print the survivors and the share that was killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--at-least", type=float, default=90.0, help="percent that must be killed")
    parser.add_argument("--only", type=Path, metavar="PATH", help="mutants of this file alone")
    given = parser.parse_args()
    every = [
        mutant for path in TARGETS if given.only is None or path == given.only.resolve() for mutant in mutants_of(path)
    ]
    if not every:
        parser.error(f"no mutant is made of {given.only}")
    argued = equivalents()
    if given.only is None:
        for name in sorted(set(argued) - {identity(mutant) for mutant in every}):
            say(f"{EQUIVALENT.name} argues a mutant that is not there any more: {name}")
    chosen = sample(every, given.count, given.seed)
    mutants = [mutant for mutant in chosen if identity(mutant) not in argued]
    try:
        baseline = learn()
        say(f"{len(baseline.seconds)} tests take {sum(baseline.seconds.values()):.0f} s; {len(mutants)} mutants to try")
        preload(baseline.libraries)
        tally = Tally(len(mutants))
        try_all(mutants, baseline, given.jobs, tally)
    except RuntimeError as error:
        sys.exit(str(error))
    killed = 100 * tally.killed / max(1, tally.tried)
    left_out = len(chosen) - len(mutants)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    say(f"{tally.killed} of {tally.tried} mutants killed ({killed:.1f} %), {left_out} equivalent ones left out, "
        f"seed {given.seed}; {(used.ru_utime + used.ru_stime) / 60:.1f} min of processor time")  # fmt: skip
    return 0 if killed >= given.at_least else 1


def preload(libraries: Iterable[str]) -> None:
    """Import what every mutant needs and none changes, once, before the forks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in libraries:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


if __name__ == "__main__":
    sys.exit(main())
