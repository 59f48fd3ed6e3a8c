"""This tree against a commit, in one run: each repeat here has one there right beside it, and pairs are compared."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.commands import plain_environment
from tests.benchmarks.measuring import Figures, medians, paired_ratio, spread
from tests.benchmarks.probes.base import load_probe
from tests.benchmarks.signals import undisturbed
from tests.benchmarks.worktree import ROOT, Tree, checked_out, commit_of, this_tree

__all__ = ["ProbeError", "compare", "interleaved", "measured_here", "summary"]

_END_S = 30.0


class ProbeError(RuntimeError):
    """A probe has failed on one of the trees; says on which and shows the end of its errors."""


def compare(groups: Sequence[str], commit: str, repeats: int) -> None:
    """Measure groups here and at a commit, and print for each figure both medians and the speed of here.

    Raises:
        ProbeError: a probe fails.
        TreeError: there is no such commit, or it cannot be installed.
    """
    name = commit_of(ROOT, commit)
    with checked_out(name) as there:
        for group in groups:
            sys.stdout.write(f"\n{group}: this tree against {name}, {repeats} pairs in one run\n")
            sys.stdout.flush()
            here, others = _pairs(group, (this_tree(), there), repeats)
            sys.stdout.write("\n".join(summary(here, others, name)) + "\n")
            sys.stdout.flush()


def _pairs(group: str, trees: tuple[Tree, Tree], repeats: int) -> tuple[list[Figures], list[Figures]]:
    with _probing(group) as probing:
        for tree in trees:
            probing.prepare(tree)
        return interleaved(lambda at: probing.measure(trees[at]), repeats)


def measured_here(group: str, repeats: int) -> dict[str, float]:
    """The median of each figure of a group in this tree.

    Raises:
        ProbeError: the probe fails.
    """
    with _probing(group) as probing:
        tree = this_tree()
        probing.prepare(tree)
        return medians([probing.measure(tree) for _ in range(repeats)])


def interleaved(measure: Callable[[int], Figures], repeats: int) -> tuple[list[Figures], list[Figures]]:
    """Pairs of repeats of 0 (here) and 1 (there), each pair in the other order than the one before."""
    taken: tuple[list[Figures], list[Figures]] = ([], [])
    for number in range(repeats):
        for at in (0, 1) if number % 2 == 0 else (1, 0):
            taken[at].append(measure(at))
    return taken


def summary(here: Sequence[Figures], there: Sequence[Figures], name: str) -> list[str]:
    """A line for each figure. At 0.95 × or more this tree is not slower by more than 5 %."""
    ours, theirs = medians(here), medians(there)
    lines = [f"  {'':<66} {'here':>10} {'there':>10}"]
    for figure, middle in ours.items():
        if figure not in theirs:
            lines.append(f"  {figure:<66} {_shown(middle):>10} {'none':>10}")
            continue
        columns = [one[figure] for one in here], [one[figure] for one in there]
        least, most = spread(*columns)
        lines.append(
            f"  {figure:<66} {_shown(middle):>10} {_shown(theirs[figure]):>10}"
            f"   speed of this tree against {name}: {paired_ratio(*columns):.2f} × ({least:.2f} to {most:.2f})"
        )
    return lines


def _shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.2f} ms"


@dataclass(frozen=True, slots=True)
class _Probing:
    """The probe of one group, as processes of the tree that is measured; its code is this tree's."""

    group: str
    folder: Path

    def prepare(self, tree: Tree) -> None:
        """Make what the tree's repeats share, and compile its modules, which no repeat should wait for."""
        self._home(tree).mkdir()
        subprocess.run([str(tree.python), "-m", "compileall", "-q", str(tree.root / "arbkit")], check=False)
        self._step(tree, "prepare")

    def measure(self, tree: Tree) -> Figures:
        found = json.loads(self._step(tree, "measure"))
        return {str(name): float(value) for name, value in found.items()}

    def _home(self, tree: Tree) -> Path:
        return self.folder / tree.name.replace(" ", "-")

    def _step(self, tree: Tree, step: str) -> str:
        # First this tree's probes, then the other tree's arbkit: of `tests`, a package in both, the first wins.
        path = os.pathsep.join((str(self.folder / "path"), str(tree.root)))
        process = subprocess.Popen(
            [
                str(tree.python), "-m", "tests.benchmarks.probes",
                self.group, step, str(tree.root), str(self._home(tree)), str(self.folder / "inputs"),
            ],
            env={**plain_environment(), "PYTHONPATH": path}, cwd=self._home(tree),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            out, errors = process.communicate()
        except BaseException:
            _end(process)
            raise
        if process.returncode:
            raise ProbeError(f"{self.group} cannot be measured at {tree.name} ({step}):\n{errors[-3_000:]}")
        return out


def _end(process: subprocess.Popen[str]) -> None:
    """End a probe; it ends what it has started."""
    process.terminate()
    try:
        process.communicate(timeout=_END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def _probing(group: str) -> Iterator[_Probing]:
    """A folder with the inputs of a group's probe and with this tree's tests, but not its arbkit, to import."""
    probe = load_probe(group)
    folder = Path(tempfile.mkdtemp(prefix="arbkit-bench-"))
    try:
        path = folder / "path"
        path.mkdir()
        (path / "tests").symlink_to(ROOT / "tests", target_is_directory=True)
        if probe.products:
            from tests.benchmarks.inputs import write_inputs

            write_inputs(folder / "inputs", probe.products, history=probe.history)
        yield _Probing(group, folder)
    finally:
        with undisturbed():
            shutil.rmtree(folder, ignore_errors=True)
