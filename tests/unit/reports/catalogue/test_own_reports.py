"""A user's notebooks are reports beside those of arbkit; a bad one is named with its fault and harms no other."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.settings import Settings
from arbkit.reports.catalogue import notebook_file
from arbkit.reports.catalogue.find import SHIPPED, find_report, own_reports
from arbkit.reports.catalogue.new_report import make_report
from arbkit.reports.documents import list_reports, show_run
from arbkit.reports.runner import run_report
from arbkit.reports.schedule.schedule_file import load_schedule
from tests.helpers.own_reports import write_notebook


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a folder with one good report."""
    settings = settings.model_copy(update={"folder": tmp_path / "mine"})
    write_notebook(settings, "brands", "top", texts=["# Brands\n\nWhat each brand *leaves*.\nMore.", "Later."])
    return settings


def faults(settings: Settings) -> dict[str, str]:
    return {bad.name: str(bad.error) for bad in own_reports(settings).bad}


def test_it_is_found_by_its_file_and_says_what_it_takes_and_is_for(own: Settings) -> None:
    report = find_report(own, "brands")
    assert (report.purpose, report.notebook) == ("What each brand *leaves*.", own.own_reports_dir / "brands.ipynb")
    listed = list_reports(own, 5)
    assert [one.name for one in listed.reports] == [*SHIPPED, "brands"]
    assert [one.notebook for one in listed.reports][-2:] == [None, str(report.notebook)]
    shown = show_run(own, "brands")
    assert shown.model_dump()["parameters"] == [{"name": "top", "default": 1, "type": "integer", "means": "rows"}]
    with pytest.raises(UsageError, match=r"Did you mean brands\?"):
        find_report(own, "brand")


def test_the_folder_can_be_another_one_and_must_be_there_then(own: Settings, tmp_path: Path) -> None:
    assert faults(own.model_copy(update={"folder": tmp_path})) == {}
    there = own.model_copy(update={"folder": tmp_path, "reports": own.own_reports_dir})
    assert find_report(there, "brands").name == "brands"
    nowhere = own.model_copy(update={"reports": tmp_path / "nowhere"})
    assert "is no folder" in faults(nowhere)["ARBKIT_REPORTS"]
    assert find_report(nowhere, "morning").name == "morning"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is no notebook"),
        ("not JSON", "is no notebook"),
        ("[]", "is no notebook"),
        ('{"nbformat": 4, "cells": {}}', "is no notebook"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code", "source": 3}]}', "is no notebook"),
        ('{"nbformat": 3, "worksheets": []}', "is a notebook of another version"),
        ('{"nbformat": 4, "metadata": {"kernelspec": {"language": "R"}}}', "is no notebook of Python"),
        ("[" * 100_000, "is no notebook"),
    ],
)
def test_what_is_no_notebook_is_named_with_its_fault(own: Settings, content: str, says: str) -> None:
    (own.own_reports_dir / "bad.ipynb").write_text(content)
    assert says in faults(own)["bad"]
    assert str(own.own_reports_dir / "bad.ipynb") in faults(own)["bad"]
    with pytest.raises(ConfigError, match=says):
        run_report(own, "bad", {})
    assert find_report(own, "brands").name == "brands"
    assert not own.reports_dir.exists()


@pytest.mark.parametrize("name", ["morning", "Brands", "my report", "1st", "a" * 65, "x.y"])
def test_a_name_that_is_taken_or_cannot_be_one_is_refused(own: Settings, name: str) -> None:
    (own.own_reports_dir / "brands.ipynb").rename(own.own_reports_dir / f"{name}.ipynb")
    assert list(faults(own)) == [name]
    assert find_report(own, "morning") is SHIPPED["morning"]
    for wrong in (name, f"../{name}", ".."):
        with pytest.raises(UsageError, match="NAME: "):
            make_report(own, wrong)


def test_nothing_outside_of_the_folder_is_a_report(own: Settings, tmp_path: Path) -> None:
    folder = own.own_reports_dir
    outside = (folder / "brands.ipynb").replace(tmp_path / "outside.ipynb")
    (folder / "link.ipynb").symlink_to(outside)
    (folder / "lost.ipynb").symlink_to(tmp_path / "gone.ipynb")
    (folder / "loop.ipynb").symlink_to("loop.ipynb")
    (folder / "folder.ipynb").mkdir()
    os.mkfifo(folder / "pipe.ipynb")
    (folder / ".hidden.ipynb").write_text("")
    found = faults(own)
    assert found.keys() == {"link", "lost", "loop", "folder", "pipe"}
    assert "leads out of its folder" in found["link"]
    assert "is no file" in found["pipe"]
    for name in ("../outside", "link", "/etc/passwd", "..", ""):
        with pytest.raises((UsageError, ConfigError)):
            run_report(own, name, {})


def test_a_file_that_is_too_large_is_not_read(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_file, "_LARGEST", 10)
    assert "Clear its outputs" in faults(own)["brands"]


def test_a_file_without_a_parameters_cell_takes_none(own: Settings) -> None:
    write_notebook(own, "plain", "1", parameters=None)
    assert find_report(own, "plain").check({}) == {}
    with pytest.raises(UsageError, match="no such parameter"):
        find_report(own, "plain").check({"top": 1})


def test_a_cell_that_cannot_be_read_is_named_and_the_schedule_leaves_the_others_alone(own: Settings) -> None:
    write_notebook(own, "bad", "1", parameters="top = compute()")
    assert "parameters cell, line 1" in faults(own)["bad"]
    entry = '[[entry]]\nname = "{0}"\nreport = "{0}"\ncron = "0 7 * * *"\n'
    text = 'timezone = "Europe/Berlin"\n' + "".join(entry.format(name) for name in ("bad", "brands", "gone"))
    (own.user_folder / "schedule.toml").write_text(text + "[entry.parameters]\ntop = 1\n")
    schedule = load_schedule(own)
    assert [one.report for one in schedule.entries] == ["brands"]
    assert [(bad.name, "line 1" in str(bad.error)) for bad in schedule.bad] == [("bad", True), ("gone", False)]


def test_a_new_one_is_a_good_one_and_never_replaces_another(own: Settings) -> None:
    made = make_report(own, "fresh")
    assert find_report(own, "fresh").check({"top": "3"}) == {"top": 3}
    assert orjson.loads(Path(made.notebook).read_bytes())["nbformat"] == 4
    before = (own.own_reports_dir / "brands.ipynb").read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        make_report(own, "brands")
    assert (own.own_reports_dir / "brands.ipynb").read_bytes() == before
