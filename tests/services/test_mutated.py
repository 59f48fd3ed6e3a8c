"""A few mutated exports, answers and messages: all of `make mutated`, with a seed of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.mutated.campaign import run
from tests.mutated.cases import case
from tests.mutated.command import run_commands

SEED, CASES = 15, 300


@pytest.fixture(autouse=True)
def _the_same_cases_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARBKIT_REAL_DATA", raising=False)


def test_what_is_stored_is_what_a_second_reader_finds_in_the_bytes(tmp_path: Path) -> None:
    found = run([case(number, SEED) for number in range(CASES)], tmp_path)
    assert (found.differences, found.crashes) == ([], [])
    for what in ("read", "refused by name", "dead-lettered in part", "messages dead-lettered", "offers stored"):
        assert found.counts[what] >= 10, found.counts


def test_the_command_ends_with_the_code_that_its_report_says() -> None:
    found = run_commands(SEED, 4)
    assert (found.differences, found.crashes) == ([], [])


def test_the_second_reader_shares_no_code_with_arbkit() -> None:
    readers = [*(ROOT / "tests" / "mutated").glob("reader_*.py"), ROOT / "tests" / "mutated" / "held.py"]
    assert len(readers) == 5
    assert [path.name for path in readers if re.search(r"(?:from|import) arbkit", path.read_text("utf-8"))] == []
