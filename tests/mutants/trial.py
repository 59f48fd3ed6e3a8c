"""Tests run in forks: all of them once, to learn which lines each one runs, and a few of them against a mutant.

A line that only tests run is changed in the functions of a process that has collected the tests. A line that runs
when the module is imported needs the module imported anew, and all tests.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import os
import pickle
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import coverage
import hypothesis
import pytest

from tests.helpers.paths import ROOT
from tests.mutants.operators import Mutant, mutated_code

TESTS = ("tests/unit/profit", "tests/unit/analysis")
_SURVIVED, _KILLED = 0, 1
_OVERHEAD_S = 0.01
"""What pytest does around a test."""
Attempt = Callable[[], str | None]
"""Runs tests against a mutant: the first that fails, None if it survived."""
_OPTIONS = ("-q", "-s", "--assert=plain", "--tb=no", "--no-header", "--no-summary", "-p", "no:cacheprovider")
_EXAMPLES = hypothesis.settings(
    max_examples=20, derandomize=True, database=None, deadline=None,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)  # fmt: skip
"""The same few examples in each run, and none sought that is smaller."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the tests do without a mutant.

    Attributes:
        seconds: the processor time of each test.
        runs: the tests that run each line of a module, by path and line; ``""`` among them: it ran at import.
        libraries: the modules that were loaded and belong to nobody here.
    """

    seconds: dict[str, float]
    runs: dict[tuple[str, int], frozenset[str]]
    libraries: tuple[str, ...]

    def tests_of(self, mutant: Mutant) -> frozenset[str]:
        """The tests that run the innermost expression around the change that any test runs."""
        for first, last in mutant.spans:
            lines = [self.runs.get((str(mutant.path), line), frozenset()) for line in range(first, last + 1)]
            if found := frozenset().union(*lines):
                return found
        return frozenset()

    def runs_at_import(self, mutant: Mutant) -> bool:
        """Whether the line also runs before any test."""
        return "" in self.tests_of(mutant)

    def limit_s(self, tests: Sequence[str]) -> int:
        """The processor time after which a run of these tests counts as endless."""
        return 10 + int(5 * sum(self.seconds[test] for test in tests))

    def promising_first(self, tests: frozenset[str], kills: Mapping[str, int]) -> list[str]:
        """The tests, first those that are fast and of a function that killed often; ``kills`` by function.

        Further cases of a function come later each time, as they notice much the same.
        """
        turn: Counter[str] = Counter()
        cost = {}
        for test in sorted(tests, key=lambda test: (self.seconds[test], test)):
            function = function_of(test)
            turn[function] += 1
            cost[test] = turn[function] * (_OVERHEAD_S + self.seconds[test]) / (1 + kills.get(function, 0))
        return sorted(tests, key=lambda test: (cost[test], test))

    def one_of_each(self) -> list[str]:
        """The fastest case of each test."""
        fastest = {function_of(test): test for test in sorted(self.seconds, key=lambda t: -self.seconds[t])}
        return list(fastest.values())


def function_of(test: str) -> str:
    """The id of a test without that of its case."""
    return test.partition("[")[0]


class _Loop:
    """A plugin of pytest that does ``then`` with the collected tests in place of running them all."""

    def __init__(self, then: Callable[[pytest.Session], None]) -> None:
        self._then = then
        self.error: BaseException | None = RuntimeError("the tests cannot be collected: run them first")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not session.testsfailed:
            # pytest would only write it down.
            try:
                self._then(session)
                self.error = None
            except BaseException as error:  # noqa: BLE001
                self.error = error
        return True


def with_collected(then: Callable[[pytest.Session], None]) -> None:
    """Collect the tests and call ``then`` with them.

    Raises:
        RuntimeError: they cannot be collected.
    """
    hypothesis.settings.register_profile("mutants", _EXAMPLES)
    hypothesis.settings.load_profile("mutants")
    loop = _Loop(then)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([*_OPTIONS, *TESTS], plugins=[loop])
    if loop.error is not None:
        raise loop.error


def _first_failure(session: pytest.Session, items: Sequence[pytest.Item]) -> str | None:
    """Run tests until one fails; its id."""
    return next((name for name, well in _run(session, items) if not well), None)


def _run(session: pytest.Session, items: Sequence[pytest.Item]) -> Iterator[tuple[str, bool]]:
    """Run tests; gives each one's id and whether all went well until then."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        yield item.nodeid, session.testsfailed == 0


def learn() -> Baseline:
    """Run all tests, in a fork, with the lines that each one runs.

    Raises:
        RuntimeError: a test fails.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with os.fdopen(write, "wb") as out:
            pickle.dump(_learn(), out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as source:
        content = source.read()
    os.waitpid(child, 0)
    found: Baseline | str = pickle.loads(content)  # noqa: S301 - of our own fork
    if isinstance(found, Baseline):
        return found
    raise RuntimeError(found)


def _is_cache(found: object) -> bool:
    return isinstance(found, functools._lru_cache_wrapper) and found.__module__.startswith("arbkit.")


def _learn() -> Baseline | str:
    tracer = coverage.Coverage(data_file=None, config_file=False, include=[f"{ROOT}/arbkit/*"])
    seconds: dict[str, float] = {}
    failed: list[str] = []

    def all_of(session: pytest.Session) -> None:
        caches = [found for found in gc.get_objects() if _is_cache(found)]
        # pytest runs the first test when the first pair is asked for: each iteration is one test.
        steps = _run(session, session.items)
        for item in session.items:
            for cache in caches:
                cache.cache_clear()
            tracer.switch_context(item.nodeid)
            began = time.process_time()
            _, well = next(steps)
            seconds[item.nodeid] = time.process_time() - began
            if not well:
                failed.append(f"{item.nodeid} fails without any mutant: run it first")
                return

    tracer.start()
    try:
        with_collected(all_of)
    except RuntimeError as error:
        failed.append(str(error))
    tracer.stop()
    if failed:
        return failed[0]
    data = tracer.get_data()
    runs = {
        (path, line): frozenset(contexts)
        for path in data.measured_files()
        for line, contexts in data.contexts_by_lineno(path).items()
    }
    own = ("arbkit", "tests", "__main__")
    libraries = tuple(name for name in sys.modules if name.partition(".")[0] not in own)
    return Baseline(seconds, runs, libraries)


class Forks:
    """At most ``jobs`` forks at a time, each of which tries one mutant, or none (None)."""

    def __init__(self, jobs: int, folder: Path, done: Callable[[Mutant, bool], None]) -> None:
        """``folder`` holds what the tests write; ``done`` is called with each mutant and whether it survived.

        ``kills`` counts the mutants that each test killed.
        """
        self._jobs, self._folder, self._done = jobs, folder, done
        self._running: dict[int, Mutant | None] = {}
        self.kills: Counter[str] = Counter()

    def start(self, mutant: Mutant | None, limit_s: int, attempt: Attempt) -> None:
        """Try a mutant. Waits for a free fork.

        Raises:
            RuntimeError: the tests of an earlier fork failed without any mutant.
        """
        if len(self._running) >= self._jobs:
            self._wait()
        child = os.fork()
        if child == 0:
            try:
                self._confine(limit_s)
                killer = attempt()
                code = _SURVIVED if killer is None else _KILLED
                if killer is not None:
                    self._note(os.getpid()).write_text(killer, "utf-8")
            except BaseException:  # noqa: BLE001 - whatever a mutant does to the run, it was noticed
                code = _KILLED
            os._exit(code)
        self._running[child] = mutant

    def finish(self) -> None:
        """Wait for all forks; raises as :meth:`start`."""
        while self._running:
            self._wait()

    def _wait(self) -> None:
        child, status = os.wait()
        mutant, code = self._running.pop(child), os.waitstatus_to_exitcode(status)
        note = self._note(child)
        if code == _KILLED and note.exists():
            self.kills[function_of(note.read_text("utf-8"))] += 1
        if mutant is not None:
            self._done(mutant, code == _SURVIVED)
        elif code != _SURVIVED:
            raise RuntimeError("the tests fail in a fork without any mutant")

    def _note(self, child: int) -> Path:
        return self._folder / f"{child}.txt"

    def _confine(self, limit_s: int) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        folder = self._folder / str(os.getpid())
        folder.mkdir()
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
        # One that only waits takes no processor time.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20 * limit_s)


def killer_anew(mutant: Mutant | None, tests: Sequence[str]) -> str | None:
    """The first of all tests that fails with the mutated module imported; ``tests`` are run in this order."""
    if mutant is not None:
        sys.meta_path.insert(0, _Mutated(mutant))
    order = {test: number for number, test in enumerate(tests)}
    killer: str | None = None

    def run(session: pytest.Session) -> None:
        nonlocal killer
        # A mutant may rename the cases of a test.
        killer = _first_failure(session, sorted(session.items, key=lambda i: order.get(i.nodeid, len(order))))

    with_collected(run)
    return killer


class Collected:
    """The collected tests of this process, and the functions that they run."""

    def __init__(self, session: pytest.Session) -> None:
        """Find the functions of arbkit in memory."""
        self._session = session
        self._items = {item.nodeid: item for item in session.items}
        self._functions: defaultdict[str, list[FunctionType]] = defaultdict(list)
        for found in gc.get_objects():
            if isinstance(found, FunctionType) and found.__code__.co_filename.startswith(f"{ROOT}/arbkit/"):
                self._functions[found.__code__.co_filename].append(found)
        gc.freeze()

    def attempt(self, mutant: Mutant | None, tests: Sequence[str]) -> Attempt:
        """What says, in a fork, which of these tests fails with the mutant in the functions of that process.

        Raises:
            RuntimeError: no function of this process changes with it.
        """
        items = [self._items[test] for test in tests]
        changes: list[tuple[FunctionType, CodeType]] = []
        if mutant is not None:
            changed = _changed_functions(mutant)
            found = self._functions[str(mutant.path)]
            changes = [(function, changed[function.__code__]) for function in found if function.__code__ in changed]
            if changed and not changes:
                raise RuntimeError(f"no function changes with {mutant}")

        def killer() -> str | None:
            for function, code in changes:
                function.__code__ = code
            return _first_failure(self._session, items)

        return killer


def _changed_functions(mutant: Mutant) -> dict[CodeType, CodeType]:
    """The code of each function of a module, and what the mutant made of it, where they differ."""
    source = mutant.path.read_text("utf-8")
    before = _by_name(compile(source, str(mutant.path), "exec", dont_inherit=True))
    after = _by_name(mutated_code(mutant))
    return {
        one: other
        for name, codes in before.items()
        for one, other in zip(codes, after.get(name, ()), strict=False)
        if one != other
    }


def _by_name(module: CodeType) -> dict[tuple[str, int], list[CodeType]]:
    """The code of all functions of a module by name and line: lambdas may share both."""
    found: defaultdict[tuple[str, int], list[CodeType]] = defaultdict(list)
    todo = [module]
    while todo:
        inside = [part for part in todo.pop().co_consts if isinstance(part, CodeType)]
        for code in inside:
            found[code.co_qualname, code.co_firstlineno].append(code)
        todo += inside
    return found


def module_name(path: Path) -> str:
    """The dotted name of a module of arbkit."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class _Mutated(MetaPathFinder, Loader):
    """Imports one module with a mutant's change."""

    def __init__(self, mutant: Mutant) -> None:
        self._name, self._mutant = module_name(mutant.path), mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        inside = [str(self._mutant.path.parent)] if self._mutant.path.name == "__init__.py" else None
        return spec_from_file_location(fullname, self._mutant.path, loader=self, submodule_search_locations=inside)

    def exec_module(self, module: ModuleType) -> None:
        exec(mutated_code(self._mutant), module.__dict__)  # noqa: S102 - our own source, with one operator changed
