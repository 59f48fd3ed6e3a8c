"""`arbkit verdict`: the rules are written out once, shown, and checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arbkit.cli import app


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run commands in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> str:
    found = CliRunner().invoke(app, ["verdict", *words])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_the_rules_are_written_out_shown_and_edited(folder: Path) -> None:
    assert "built-in rules" in run("show")
    run("init")
    file = folder / "verdict.toml"
    file.write_text(file.read_text("utf-8").replace("at_least = 80", "at_least = 91"), "utf-8")
    shown = run("show")
    assert "verdict.toml" in shown
    assert any(rule["at_least"] == 91 for rule in json.loads(run("show", "--json"))["rule"])
    again = CliRunner().invoke(app, ["verdict", "init"])
    assert again.exit_code != 0
