"""`arbkit profile init`: three questions on a terminal, options elsewhere, and no file overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from arbkit.cli import app
from arbkit.core.errors import UsageError
from arbkit.profit import load_profile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run commands in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["profile", "init", *words], input=typed)


def test_options_answer_where_there_is_no_terminal(folder: Path) -> None:
    done = run("--home", "IT", "--vat-number", "IT", "--vat-number", "DE", "--reclaims")
    assert done.exit_code == 0, done.output
    own = load_profile(folder / "profile.toml")
    assert own.seller_line == "Seller: IT, registered in IT, DE, input VAT recovered"
    assert "home: DE → IT" in done.output
    again = run("--home", "DE", "--vat-number", "DE", "--reclaims")
    assert "exists already" in str(again.exception)
    assert str(folder / "profile.toml") in str(again.exception)
    assert load_profile(folder / "profile.toml") == own


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "--home"),
        (("--home", "DE", "--vat-number", "DE"), "--reclaims"),
        (("--home", "DE", "--reclaims"), "VAT numbers"),
        (("--home", "Mars"), "home"),
    ],
)
def test_a_wrong_or_missing_answer_is_one_error_and_nothing_is_written(
    folder: Path, words: tuple[str, ...], named: str
) -> None:
    refused = run(*words)
    assert isinstance(refused.exception, UsageError)
    assert named in str(refused.exception)
    assert refused.exception.remedy
    assert not (folder / "profile.toml").exists()


def test_on_a_terminal_it_asks_and_asks_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The runner's input is no terminal, so the questions are called for by name.
    monkeypatch.setattr("arbkit.cli.profit.profile.at_terminal", lambda: True)
    done = run(typed="Mars\nfr\nfr, xx\nfr, de\nn\n")
    assert done.exit_code == 0, done.output
    assert "not a marketplace arbkit knows" in done.output
    own = load_profile(folder / "profile.toml")
    assert own.seller_line == "Seller: FR, registered in FR, DE, input VAT not recovered"
