"""Decisions carried from store to store by a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.analysis.decisions.files import import_decisions, read_decisions, write_decisions
from arbkit.core.errors import RefusedFileError
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.decisions import decision

DECIDED = [
    decision(None, "blocked", brand='=Acme, "Öko"'),
    decision(note="=1+1\n'quoted'\n<b>", until="2027-01-31", rise=2.5, until_profit=12.5, currency="EUR", title="-x"),
    decision(status="bought", version=2, route="IT:DE", quantity=3, price=19.99, forecast={"profit": 2.0, "why": None}),
]


@pytest.mark.parametrize("name", ["decisions.csv", "decisions.json"])
def test_what_is_exported_is_imported_exactly_and_once(settings: Settings, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    write_decisions(file, DECIDED)
    with open_store(settings) as store:
        assert import_decisions(store, read_decisions(file)) == (3, [])
        assert sorted(store.decisions(), key=lambda one: one.id) == sorted(DECIDED, key=lambda one: one.id)
        assert import_decisions(store, read_decisions(file)) == (0, [])


@pytest.mark.parametrize("note", ["=1+1", " =1+1", "\uff1d1+1", "\u202e@sum", "'=1+1", "''", "plain"])
def test_no_text_in_a_csv_becomes_a_formula_and_each_is_read_as_it_was(tmp_path: Path, note: str) -> None:
    file = tmp_path / "decisions.csv"
    write_decisions(file, [decision(note=note)])
    assert f",{note}," not in file.read_text("utf-8") or note == "plain"
    assert read_decisions(file) == [decision(note=note)]


def test_what_was_decided_otherwise_there_is_kept_and_told(settings: Settings) -> None:
    mine = decision(status="buy_list", by="ben")
    with open_store(settings) as store:
        store.add_decisions([mine])
        assert import_decisions(store, DECIDED) == (2, [mine])
        assert mine in store.decisions()


@pytest.mark.parametrize("content", ["", "no,such,columns\n1,2,3\n", "asin\n\0\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "decisions.csv"
    file.write_text(content)
    with pytest.raises(RefusedFileError):
        read_decisions(file)
