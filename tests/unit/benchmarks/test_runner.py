"""`make bench`: what it refuses, how repeats of two commits are paired and compared, and that it cleans up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.benchmarks import layouts, run
from tests.benchmarks.against import interleaved, summary
from tests.benchmarks.layouts import LayoutError
from tests.benchmarks.measuring import Figures, medians, paired_ratio, spread
from tests.benchmarks.probes.base import PROBES, load_probe
from tests.benchmarks.worktree import ROOT, TreeError, commit_of, same_packages, worktree


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        run.main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_an_unknown_group_is_refused_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "--bench", "weather")
    assert "weather" in said
    assert all(group in said for group in run.GROUPS)


def test_a_group_that_needs_servers_cannot_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "--bench", "scale", "--against", "HEAD")
    assert all(group in said for group in PROBES)


@pytest.mark.parametrize("repeats", ["0", "-1", "many"])
def test_the_number_of_repeats_is_checked(capsys: pytest.CaptureFixture[str], repeats: str) -> None:
    assert "--repeats" in refused(capsys, "--bench", "money", "--against", "HEAD", "--repeats", repeats)


def test_an_unknown_commit_is_refused_before_anything_is_measured(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.benchmarks.against.ROOT", repository)
    assert run.main(["--bench", "money", "--against", "v99"]) == 1
    assert "v99" in capsys.readouterr().err


def test_every_group_is_there() -> None:
    assert set(PROBES) <= set(run.GROUPS)
    assert all((ROOT / "tests" / "benchmarks" / f"{group}.py").is_file() for group in run.GROUPS)
    assert all(load_probe(group).products >= 0 for group in PROBES)


def test_every_role_is_filled_in_this_tree() -> None:
    assert all(layouts.find(role) is not None for role in layouts.ROLES)


def test_the_first_layout_that_is_there_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"a": ("no.such.module:x", "os.path:no_such_name", "os.path:join"), "b": ("json:no_such_name",)}
    monkeypatch.setattr(layouts, "ROLES", rows)
    assert layouts.find("a") is os.path.join
    with pytest.raises(LayoutError, match="json:no_such_name"):
        layouts.find("b")


def test_the_order_of_a_pair_alternates() -> None:
    order: list[int] = []

    def measure(tree: int) -> Figures:
        order.append(tree)
        return {"s": float(tree + 1)}

    here, there = interleaved(measure, 3)
    assert order == [0, 1, 1, 0, 0, 1]
    assert [one["s"] for one in here] == [1.0, 1.0, 1.0]
    assert [one["s"] for one in there] == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("here", "there", "speed"),
    [
        ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], 2.0),
        ([1.0, 10.0, 1.0], [0.5, 5.0, 0.9], 0.5),  # a machine ten times as slow for one pair changes nothing
        ([2.0, 1.0], [1.0, 1.0], 0.75),
    ],
)
def test_the_speed_is_the_median_of_the_paired_ratios(
    here: Sequence[float], there: Sequence[float], speed: float
) -> None:
    assert paired_ratio(here, there) == pytest.approx(speed)


def test_repeats_that_do_not_pair_up_are_an_error() -> None:
    with pytest.raises(ValueError, match="longer"):
        paired_ratio([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="different figures"):
        medians([{"a": 1.0}, {"b": 1.0}])


def test_the_summary_names_both_medians_and_the_speed() -> None:
    here = [{"kernel": 1.0, "new": 0.5}, {"kernel": 2.0, "new": 0.5}, {"kernel": 4.0, "new": 0.5}]
    there = [{"kernel": 1.1}, {"kernel": 2.0}, {"kernel": 3.6}]
    _, kernel, new = summary(here, there, "abc1234")
    assert "2.00 s     2.00 s" in kernel
    assert kernel.endswith("speed of this tree against abc1234: 1.00 × (0.90 to 1.10)")
    assert new.split() == ["new", "500.00", "ms", "none"]
    assert spread([1.0, 2.0, 4.0], [1.1, 2.0, 3.6]) == pytest.approx((0.9, 1.1))


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder), *arguments],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit of one file."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    folder = tmp_path / "repository"
    folder.mkdir()
    _git(folder, "init", "--quiet")
    (folder / "file.txt").write_text("old")
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "--message", "one")
    (folder / "file.txt").write_text("new")
    return folder


def trees_of(repository: Path) -> int:
    return len(_git(repository, "worktree", "list").splitlines())


def test_the_worktree_is_gone_afterwards_also_after_a_failure(repository: Path) -> None:
    paths: list[Path] = []

    def fail() -> None:
        with worktree(repository, commit_of(repository, "HEAD")) as path:
            paths.append(path)
            assert (path / "file.txt").read_text() == "old"
            assert trees_of(repository) == 2
            (path / "file.txt").write_text("changed")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert trees_of(repository) == 1
    assert not paths[0].exists()


_WAITING = """
import sys, time
from pathlib import Path
from tests.benchmarks.signals import end_on_signals
from tests.benchmarks.worktree import worktree
end_on_signals()
with worktree(Path(sys.argv[1]), "HEAD") as path:
    print(path, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_worktree_is_gone_after_a_signal(repository: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WAITING, str(repository)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        assert path.is_dir()
        # As when make and the terminal both send one.
        process.send_signal(number)
        process.send_signal(number)
        assert process.wait(60) == 128 + number
    assert trees_of(repository) == 1
    assert not path.exists()


def test_a_commit_that_is_not_there_is_named(repository: Path) -> None:
    with pytest.raises(TreeError, match="v99"):
        commit_of(repository, "v99")


def test_packages_are_the_same_only_if_pins_and_requirements_are(tmp_path: Path) -> None:
    for name, pin, wanted in (("a", "x==1", "x"), ("b", "x==1", "x"), ("c", "x==2", "x"), ("d", "x==1", "y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "constraints.txt").write_text(pin)
        (tmp_path / name / "pyproject.toml").write_text(f'[project]\ndependencies = ["{wanted}"]\n')
    assert same_packages(tmp_path / "a", tmp_path / "b")
    assert not same_packages(tmp_path / "a", tmp_path / "c")
    assert not same_packages(tmp_path / "a", tmp_path / "d")
