"""An audit is clean only where each package was looked up: pip-audit itself calls it clean when it asked nobody."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.helpers.paths import ROOT
from tests.supply.audit import CLEAN, COULD_NOT_RUN, FOUND, audit
from tests.supply.pins import Pin, pins

A, B = (Pin(name, "1.0", frozenset({"0" * 64})) for name in "ab")
GOOD_A, GOOD_B = ({"name": name, "version": "1.0", "vulns": []} for name in "ab")
BAD_B = {
    "name": "b", "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": ["CVE-2026-1"], "description": "Bad."}],
}  # fmt: skip
# As pip-audit 2.10 answers, with status 0 and "No known vulnerabilities found", where the network ends at a mirror.
UNKNOWN_A, UNKNOWN_B = (
    {"name": name, "skip_reason": f"Dependency not found on PyPI and could not be audited: {name} (1.0)"}
    for name in "ab"
)
NOTHING = "No known vulnerabilities found"


class Fake:
    """pip-audit in its place: answers all questions alike, and notes which requirements it was given."""

    def __init__(self, status: int, answer: list[dict[str, Any]] | str, errors: str = "") -> None:
        self._answer = answer if isinstance(answer, str) else json.dumps({"dependencies": answer, "fixes": []})
        self._status, self._errors = status, errors
        self.asked: list[str] = []

    def __call__(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        with open(command[command.index("--requirement") + 1], encoding="utf-8") as file:  # noqa: PTH123
            self.asked.append(file.read())
        return subprocess.CompletedProcess(command, self._status, self._answer, self._errors)


@pytest.mark.parametrize(
    ("fake", "status", "words"),
    [
        (Fake(0, [GOOD_A, GOOD_B], NOTHING), CLEAN, "clean: none of 2 packages has a known vulnerability"),
        (Fake(1, [GOOD_A, BAD_B]), FOUND, "found: b 1.0: PYSEC-2026-1 (mended in 1.1)"),
        (Fake(1, [UNKNOWN_A, BAD_B]), FOUND, "found: b 1.0: PYSEC-2026-1 (mended in 1.1); 1 of 2 packages were not"),
        (Fake(0, [UNKNOWN_A, UNKNOWN_B], NOTHING), COULD_NOT_RUN, "could not run: 2 of 2 packages were not looked up"),
        (Fake(0, [GOOD_A, UNKNOWN_B], NOTHING), COULD_NOT_RUN, "could not run: 1 of 2 packages were not looked up"),
        (Fake(0, [GOOD_A], NOTHING), COULD_NOT_RUN, "could not run: 1 of 2 packages were not looked up: they are"),
        (Fake(0, [], NOTHING), COULD_NOT_RUN, "could not run: 2 of 2"),
        (Fake(1, [GOOD_A, GOOD_B]), COULD_NOT_RUN, "could not run: pip-audit ended with status 1"),
        (Fake(1, "", "Traceback\nConnectionError: no route\n\n"), COULD_NOT_RUN, "could not run: ConnectionError: no"),
        (Fake(0, "", ""), COULD_NOT_RUN, "could not run: status 0, and no answer"),
        (Fake(0, "[]", "odd"), COULD_NOT_RUN, "could not run: odd"),
        (Fake(0, "null"), COULD_NOT_RUN, "could not run: status 0"),
    ],
)
def test_an_audit_says_what_it_knows(fake: Fake, status: int, words: str) -> None:
    said = audit([A, B], fake)
    assert said.status == status
    assert said.words.startswith(words)


@pytest.mark.parametrize(
    "error", [FileNotFoundError("no such file"), subprocess.TimeoutExpired(["pip-audit"], 900)], ids=["missing", "slow"]
)
def test_one_that_cannot_be_started_or_hangs_is_none(error: Exception) -> None:
    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        raise error

    said = audit([A, B], run)
    assert said.status == COULD_NOT_RUN
    assert said.words.startswith("could not run: ")


def test_without_packages_there_is_no_audit() -> None:
    assert audit([], Fake(0, [], NOTHING)).status == COULD_NOT_RUN


def test_a_package_with_a_version_for_each_python_is_looked_up_in_both() -> None:
    """pip-audit refuses a list that names one twice."""
    fake = Fake(0, [GOOD_A, GOOD_B], NOTHING)
    newer = Pin("b", "2.0", frozenset({"1" * 64}))
    assert audit([A, B, newer], fake) == (CLEAN, "clean: none of 3 packages has a known vulnerability")
    assert [[line.split()[0] for line in text.splitlines()] for text in fake.asked] == [
        ["a==1.0", "b==1.0"],
        ["b==2.0"],
    ]


def test_what_is_found_comes_before_what_nobody_looked_up() -> None:
    fakes = [Fake(0, [UNKNOWN_A, UNKNOWN_B], NOTHING), Fake(1, [BAD_B])]

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        return fakes.pop(0)(command)

    said = audit([A, B, Pin("b", "2.0", frozenset())], run)
    assert said.status == FOUND
    assert said.words.startswith("found: b 1.0")
    assert "could not run: 2 of 2" in said.words


def test_every_pinned_package_is_asked_for_whatever_machine_it_is_for() -> None:
    fake = Fake(0, [], NOTHING)
    audit(pins(ROOT / "constraints.txt"), fake)
    lines = [line for text in fake.asked for line in text.splitlines()]
    assert {"pywinpty", "pandas", "pytest"} <= {line.partition("==")[0] for line in lines}
    assert all(" --hash=sha256:" in line and ";" not in line for line in lines)
