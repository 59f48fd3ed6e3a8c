"""What is shipped beside the package: notebooks that run from top to bottom, and a README whose commands exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from arbkit.cli import app
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.factories import PACKAGE, history, offer
from tests.helpers.nbval import Outcome, nbval
from tests.helpers.paths import ROOT

NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("apps/*.ipynb")])


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All of them over a small store, and one whose assert is wrong, in one run."""
    folder = tmp_path_factory.mktemp("shipped")
    broken = folder / "broken.ipynb"
    notebook = json.loads((ROOT / "notebooks" / "detect.ipynb").read_text("utf-8"))
    wrong = {**notebook["cells"][-1], "source": ["assert 1 + 1 == 3, 'the sum is another one'"]}
    broken.write_text(json.dumps({**notebook, "cells": [wrong]}), "utf-8")
    settings = Settings.load(_env_file=None, home=folder / "var", demo=True)
    with open_store(settings) as store:
        prices = {"DE": 69_99, "IT": 40_00}
        store.put([Update(offer(code=c, price_minor=p, **PACKAGE), history(code=c)) for c, p in prices.items()])
    return nbval(settings, [*NOTEBOOKS, broken], strict=False)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_and_its_asserts_hold(path: Path, outcome: Outcome) -> None:
    assert outcome.failures[path.stem] == []
    assert outcome.cells[path.stem] == len(code_cells(path))


def test_a_wrong_assert_is_seen(outcome: Outcome) -> None:
    [failure] = outcome.failures["broken"]
    assert "the sum is another one" in failure


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    for cell in code_cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_takes_parameters_and_asserts_something(path: Path) -> None:
    cells = code_cells(path)
    assert [cell["metadata"].get("tags") for cell in cells].count(["parameters"]) == 1
    assert cells[0]["metadata"]["tags"] == ["parameters"]
    assert any(line.startswith("assert ") for cell in cells for line in cell["source"])


def readme_commands() -> list[list[str]]:
    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    return [line.partition("#")[0].split()[1:] for line in re.findall(r"^\.venv/bin/arbkit .*$", text, re.MULTILINE)]


@pytest.mark.parametrize("words", readme_commands(), ids=" ".join)
def test_every_command_of_the_readme_exists_with_its_options(words: list[str]) -> None:
    groups = {group.name for group in app.registered_groups}
    command = words[: 2 if words[0] in groups else 1]
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.output


def test_every_setting_of_the_example_exists() -> None:
    known = {Settings.variable(name) for name in Settings.model_fields}
    named = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named <= known
