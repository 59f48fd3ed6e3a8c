"""Settings are found from a folder further in: a kernel of a plain Jupyter tool runs where its notebook is."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.core.service.exposure import exposures
from arbkit.core.settings import Settings


def test_the_nearest_folder_above_with_settings_is_where_they_are_meant_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("ARBKIT_HOME=./data\nARBKIT_LOG=sqlite:///logs/l.db\nARBKIT_TOKEN=secret\n")
    inside = tmp_path / "reports" / "mine"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    settings = Settings.load()
    assert (settings.home, settings.user_folder) == (tmp_path / "data", tmp_path)
    assert settings.log_url == f"sqlite:///{tmp_path}/logs/l.db"
    assert settings.own_reports_dir == tmp_path / "reports"
    # Who names a home in a call means it from here, with the other settings of that file.
    named = Settings.load(home="other")
    assert (named.home, named.token.get_secret_value()) == (Path("other"), "secret")
    (tmp_path / ".env").chmod(0o644)
    assert any(str(tmp_path / ".env") in one.what for one in exposures(settings))


@pytest.mark.parametrize("mark", ["var/arbkit.db", "pyproject.toml"])
def test_a_home_or_a_checkout_above_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str) -> None:
    inside = tmp_path / "notebooks"
    for folder in (inside, tmp_path / "var"):
        folder.mkdir()
    (tmp_path / mark).write_text('[project]\nname = "arbkit"\n')
    monkeypatch.chdir(inside)
    assert Settings.load().home == tmp_path / "var"


def test_a_home_of_another_name_is_found_from_its_own_notebooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "arbkit.db").touch()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert Settings.load().home == tmp_path


def test_nothing_above_counts_where_the_current_folder_is_arbkits_or_a_home_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "own"
    inside.mkdir()
    (tmp_path / ".env").write_text("ARBKIT_HOME=data\nARBKIT_TOKEN=secret\n")
    monkeypatch.chdir(inside)
    monkeypatch.setenv("ARBKIT_HOME", "here")
    assert (Settings.load().home, Settings.load().token.get_secret_value()) == (Path("here"), "")
    monkeypatch.delenv("ARBKIT_HOME")
    (inside / ".env").write_text("KEEPA_API_KEY=\n")
    assert (Settings.load().home, Settings.load().folder) == (Path("var"), Path())


def test_settings_of_others_are_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign, open_to_all = tmp_path / "project", tmp_path / "open"
    for folder in (foreign, open_to_all):
        (folder / "inside").mkdir(parents=True)
    (foreign / ".env").write_text("DATABASE=x\n# ARBKIT_HOME=data\n")
    (open_to_all / ".env").write_text("ARBKIT_HOME=planted\n")
    open_to_all.chmod(0o777)
    for folder in (foreign, open_to_all):
        monkeypatch.chdir(folder / "inside")
        assert Settings.load().home == Path("var")
