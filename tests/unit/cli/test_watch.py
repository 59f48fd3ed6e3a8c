"""``arbkit watch``: the watchlist with notes and groups, from the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from arbkit.cli import app

ONE, TWO = "B000000001", "B000000002"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARBKIT_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("ARBKIT_WATCHLIST", str(tmp_path / "watchlist.txt"))
    monkeypatch.setenv("ARBKIT_DEMO", "1")
    return tmp_path


def run(*words: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["watch", *words])
    if code:
        assert found.exception is not None
        return str(found.exception)
    assert found.exit_code == 0, (found.output, found.exception)
    return found.stdout


def listed(*words: str) -> Any:
    return json.loads(run("list", "--json", *words))


def test_what_was_possible_before_still_is(folder: Path) -> None:
    (folder / "watchlist.txt").write_text(f"# mine\n{TWO}\nnonsense\n")
    assert "added 1 of 2 to" in run("add", ONE, TWO)
    assert (folder / "watchlist.txt").read_text() == f"# mine\n{TWO}\nnonsense\n{ONE}\n"
    found = listed()
    assert found["asins"] == [TWO, ONE]
    assert "line 3" in found["bad"][0]
    assert [line.split()[0] for line in run("list").splitlines() if line.startswith("B0")] == [TWO, ONE]
    assert "removed 1 of 1 from" in run("remove", ONE)
    assert "not on the watchlist" in run("remove", ONE, code=2)


def test_a_list_can_be_read_before_anything_is_stored(folder: Path) -> None:
    (folder / "watchlist.txt").write_text(f"{ONE}\n")
    assert run("list") == f"{ONE}\n"
    assert listed()["items"] == [{"asin": ONE, "notes": "", "groups": [], "added_at": None}]
    assert not (folder / "var").exists()


def test_notes_and_groups_are_said_listed_and_kept_over_a_removal(folder: Path) -> None:
    run("add", ONE, TWO, "--note", "for Christmas", "--group", "toys", "--group", "lego sets")
    run("note", TWO, "")
    run("group", ONE, TWO, "--add", "b", "--remove", "toys")
    run("group", TWO, "--remove", "lego sets")
    assert "[b, lego sets]  for Christmas" in run("list", "--group", "lego  sets")
    assert listed("--group", "lego sets")["asins"] == [ONE]
    assert listed("--group", "b", "--group", "lego sets")["total"] == 2
    assert listed("--group", "none")["items"] == []
    run("remove", ONE)
    run("add", ONE)
    (again,) = listed("--group", "lego sets")["items"]
    assert (again["notes"], again["groups"]) == ("for Christmas", ["b", "lego sets"])
    assert again["added_at"] > 1_700_000_000
    assert "names no group" in run("group", ONE, code=2)
    assert "not on the watchlist" in run("note", "B000000009", "x", code=2)


def test_the_list_as_printed_is_a_watchlist(folder: Path) -> None:
    run("add", ONE, TWO, "--note", f"two lines\nwith B000000009 # and more {'long ' * 60}")
    (folder / "printed.txt").write_text(run("list"))
    run("remove", ONE, TWO)
    run("import", str(folder / "printed.txt"))
    assert (listed()["asins"], listed()["bad"]) == ([ONE, TWO], [])


def test_a_note_reaches_the_terminal_as_text(folder: Path) -> None:
    run("add", ONE, "--note", "[red]not \u202e markup[/red]")
    assert "[red]not \ufffd markup[/red]" in run("list")
    for hostile in ("\x1b[2J", "\x9b31m", "\x00"):
        assert "control characters" in run("note", ONE, f"a{hostile}b", code=2)


def test_of_several_those_on_the_list_are_removed_and_the_first_other_is_named(folder: Path) -> None:
    (folder / "watchlist.txt").write_text(f"{ONE}\n# mine\n{TWO}\n")
    assert "B000000009" in run("remove", ONE, "B000000009", TWO, code=2)
    assert (folder / "watchlist.txt").read_text() == "# mine\n"


def test_a_text_adds_nothing_while_a_word_of_it_is_bad_unless_that_is_skipped(folder: Path) -> None:
    (folder / "text.txt").write_text(f"{ONE}, https://www.amazon.de/dp/{TWO}\nnonsense 4006381333931\n")
    assert "2 entries cannot be used, and nothing was added" in run("add", "--file", "text.txt", code=2)
    assert not (folder / "watchlist.txt").exists() or ONE not in (folder / "watchlist.txt").read_text()
    found = CliRunner().invoke(app, ["watch", "add", "--file", "text.txt", "--skip-bad", "--group", "toys"])
    assert found.exit_code == 0, found.output
    assert "added 2 of 2 to" in found.stdout
    said = " ".join(found.stderr.split())
    assert "line 2: 'nonsense' skipped: an ASIN has 10 characters, this has 8. An ASIN looks like" in said
    assert "line 2: '4006381333931' skipped: no product that is stored has this EAN. Write its ASIN" in said
    assert listed("--group", "toys")["asins"] == [ONE, TWO]
    assert "cannot be read" in run("add", "--file", "none.txt", code=2)
    assert "names no product" in run("add", code=2)


def test_a_text_may_come_through_a_pipe(folder: Path) -> None:
    found = CliRunner().invoke(app, ["watch", "add", "--file", "-"], input=f"{ONE} {TWO}")
    assert "added 2 of 2 to" in found.stdout
    assert listed()["asins"] == [ONE, TWO]


def test_what_is_typed_is_checked_like_a_text(folder: Path) -> None:
    assert "1 entry cannot be used, and nothing was added" in run("add", ONE, "nonsense", code=2)
    found = CliRunner().invoke(app, ["watch", "add", ONE, "nonsense", f"https://www.amazon.de/dp/{TWO}", "--skip-bad"])
    assert found.exit_code == 0, found.output
    assert "'nonsense' skipped: an ASIN has 10 characters, this has 8" in " ".join(found.stderr.split())
    assert listed()["asins"] == [ONE, TWO]


def test_the_bad_lines_of_an_imported_list_are_named_the_first_of_them_with_value_and_remedy(folder: Path) -> None:
    (folder / "other.txt").write_text(f"{ONE}\n" + "\n".join(f"bad{number}" for number in range(25)))
    found = CliRunner().invoke(app, ["watch", "import", "other.txt"])
    assert found.exit_code == 0, found.output
    assert "added 1 product to" in found.stdout
    assert "line 2: 'bad0' skipped: an ASIN has 10 characters, this has 4. An ASIN looks like" in found.stderr
    assert "'bad19'" in found.stderr
    assert "'bad20'" not in found.stderr
    assert "and 5 more that cannot be used" in found.stderr
