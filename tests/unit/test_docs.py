"""Docs stay true: every command, setting, route and topic has its place on a page, and what pages tell people to type
exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from arbkit.cli import app
from arbkit.core.settings import Settings
from tests.docs.reference import FOLDER, PAGES, page
from tests.e2e.screenshots import IN_DOCS
from tests.helpers.paths import ROOT
from tests.price_forecast.picture import NAME as RELIABILITY

DOCS = ROOT / "docs"
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == page(name), "run `make docs` and look at the difference"


def commands() -> list[list[str]]:
    """The `arbkit` commands that pages tell people to type."""
    found = []
    for path in TEXTS:
        for line in re.findall(
            r"^(?:[A-Z_]+=\S+ )*\.venv/bin/arbkit .*$", path.read_text("utf-8").replace("\\\n", " "), re.M
        ):
            words = line.partition("#")[0].split()
            found.append(words[words.index(".venv/bin/arbkit") + 1 :])
    return [list(words) for words in dict.fromkeys(map(tuple, found))]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_on_a_page_exists_with_its_options(words: list[str]) -> None:
    groups = {group.name for group in app.registered_groups}
    command = words[: 2 if words[0] in groups and len(words) > 1 and not words[1].startswith("-") else 1]
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.output


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))


_OF_TESTS = {"ARBKIT_REQUIRE", "ARBKIT_REAL_DATA", "ARBKIT_BENCH_SAMPLES", "ARBKIT_BENCH_PRODUCTS"}


@pytest.mark.parametrize("path", TEXTS, ids=named)
def test_a_page_names_only_make_targets_settings_and_files_that_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    assert set(re.findall(r"`make ([a-z]+)", text)) <= make_targets()
    known = {Settings.variable(name) for name in Settings.model_fields} | _OF_TESTS
    known |= {str(option.envvar) for option in get_command(app).params}
    assert set(re.findall(r"\b(?:ARBKIT|KEEPA)_[A-Z_]+\b", text)) <= known
    for file in re.findall(r"`((?:arbkit|tests|apps|notebooks|docs)/[\w./]+\.(?:py|toml|md|json))`", text):
        assert (ROOT / file).is_file(), file


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text("utf-8")):
        assert link.startswith("https://") or (path.parent / link).exists(), link


def test_the_limits_of_memory_are_those_of_the_compose_file() -> None:
    shown: dict[str, str] = {}
    text = (DOCS / "guide" / "scale-out.md").read_text("utf-8").partition("### What a service may take")[2]
    for names, limits in re.findall(r"^\| ([\w, ]+) \| ([\d, ]+) MB(?: each)? \|", text, re.M):
        shown |= dict(zip(names.lower().split(", "), limits.split(", "), strict=True))
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    # Two do their work and end.
    stays = {name: one["mem_limit"].removesuffix("m") for name, one in services.items()}
    del stays["init"], stays["kibana-setup"]
    assert shown == stays


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert yaml.safe_load(text)["strict"] is True
    missing = [str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md") if str(p.relative_to(DOCS)) not in text]
    assert missing == []


def test_the_site_builds_strictly_and_asks_no_other_host(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    for made in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|iframe)[^>]+src=\"(https?:)?//", made.read_text("utf-8"))
        styled = re.findall(
            r"<link[^>]+rel=\"(?:stylesheet|preconnect)\"[^>]+href=\"https?://", made.read_text("utf-8")
        )
        assert not loaded + styled, made.name


def test_the_picture_of_the_readme_is_one_that_is_made_for_it() -> None:
    shown = {name for path in TEXTS for name in re.findall(r"([a-z-]+)\.png", path.read_text("utf-8"))}
    assert shown == IN_DOCS | {RELIABILITY} == {path.stem for path in DOCS.glob("*.png")}
