"""What is shipped beside the package: notebooks that run from top to bottom, and a README whose commands exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arbkit.cli import app
from arbkit.settings import Settings
from arbkit.store import open_store
from arbkit.store.base import Update
from tests.store_factories import history, offer

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("apps/*.ipynb")])


def test_every_notebook_runs(settings: Settings) -> None:
    with open_store(settings) as store:
        store.put([Update(offer(code=code), history(code=code)) for code in ("DE", "IT")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", *map(str, NOTEBOOKS)],
        env={**os.environ, **settings.environment()},
        cwd=settings.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_everything_beside_the_package_is_in_the_wheel() -> None:
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    beside = {str(p.relative_to(ROOT)) for p in [*NOTEBOOKS, *ROOT.glob("apps/*.py")]}
    assert set(included["force-include"]) == beside


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
