"""The folders of report runs: what clean takes away and what it keeps, whatever state they are in."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from pydantic import JsonValue

from arbkit.reports.run_folders import (
    append_field,
    clean,
    point_to,
    read_json,
    run_folder,
    run_folders,
    sweep,
    write_result,
)

RUNS = [f"202606{day:02}T070000Z-00000{day}" for day in range(1, 7)]
NOW = datetime(2026, 6, 7, 7, tzinfo=UTC).timestamp()


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Six daily runs of a report; the second is the latest that succeeded."""
    folder = tmp_path / "reports"
    for run in RUNS:
        (folder / "morning" / run).mkdir(parents=True)
        (folder / "morning" / run / "result.json").write_text("{}")
    point_to(folder / "morning" / "latest", RUNS[5])
    point_to(folder / "morning" / "latest-successful", RUNS[1])
    (folder / "morning" / ".lock").touch()
    (folder / "morning" / "notes of mine").mkdir()
    return folder


def left(reports: Path) -> list[str]:
    return [p.name for p in reversed(run_folders(reports / "morning"))]


def test_the_newest_and_what_the_links_name_stay(reports: Path) -> None:
    done = clean(reports, keep=2)
    assert {one.run_id for one in done} == {RUNS[0], RUNS[2], RUNS[3]}
    assert left(reports) == [RUNS[1], RUNS[4], RUNS[5]]
    assert (reports / "morning" / "notes of mine").is_dir()
    assert (reports / "morning" / "latest-successful" / "result.json").exists()


def test_a_dry_run_tells_the_same_and_takes_nothing_away(reports: Path) -> None:
    told = clean(reports, keep=0, dry_run=True)
    assert left(reports) == RUNS
    assert clean(reports, keep=0) == told
    assert left(reports) == [RUNS[1], RUNS[5]]
    assert sum(one.bytes for one in told) == 8


def test_an_age_spares_what_is_younger(reports: Path) -> None:
    assert [one.run_id for one in clean(reports, keep=0, older_than_days=4.5, now=NOW)] == [RUNS[0]]
    assert [one.run_id for one in clean(reports, keep=3, older_than_days=1, now=NOW)] == [RUNS[2]]


def test_damaged_folders_and_broken_links_hinder_nothing(reports: Path) -> None:
    point_to(reports / "morning" / "latest", "20990101T000000Z-abcdef")
    (reports / "morning" / RUNS[0] / "result.json").unlink()
    file = reports / "morning" / "20260601T060000Z-aaaaaa"
    file.write_text("a file where a folder should be")
    (reports / "morning" / RUNS[2] / "link").symlink_to("nowhere")
    assert not [one for one in clean(reports, keep=0) if one.why_not]
    assert left(reports) == [RUNS[1]]


def test_clean_ends_when_it_is_stopped_and_goes_on_the_next_time(reports: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert clean(reports, keep=0, stop=stop) == []
    assert len(left(reports)) == 6
    stop.clear()
    assert len(clean(reports, keep=0, stop=stop)) == 4


def test_no_reports_at_all_are_nothing_to_clean(tmp_path: Path) -> None:
    assert clean(tmp_path / "none", keep=0) == []


def test_half_made_folders_are_swept_and_nothing_else(reports: Path) -> None:
    (reports / "morning" / f".{RUNS[0]}").mkdir()
    (reports / "morning" / ".latest-0a0b0c").symlink_to("x")
    sweep(reports / "morning")
    assert left(reports) == RUNS
    assert {p.name for p in (reports / "morning").glob(".*")} == {".lock"}


@pytest.mark.parametrize("document", [{"a": 1}, {"a": {"b": "}"}}, {"items": [{"x": "ü"}]}])
def test_a_field_is_added_without_reading_the_rest(tmp_path: Path, document: dict[str, JsonValue]) -> None:
    path = write_result(tmp_path, document, summary={"total": 3})
    append_field(path, "pictures", [{"name": "}"}])
    assert orjson.loads(path.read_bytes()) == {**document, "pictures": [{"name": "}"}]}
    assert read_json(tmp_path / "summary.json") == ({"total": 3}, None)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"a": ')
    assert "cannot be read" in str(read_json(tmp_path / "half.json")[1])
    assert read_json(tmp_path / "none.json") == (None, "is not there")
    assert read_json(tmp_path / "gone" / "x.json") == (None, "is gone with its folder")


@pytest.mark.parametrize("refusal", [OSError("a required privilege is not held"), NotImplementedError("no links here")])
def test_without_symbolic_links_the_latest_is_named_in_a_file(
    tmp_path: Path, reports: Path, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise refusal

    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = reports / "morning"
    point_to(folder / "latest", RUNS[3])
    point_to(folder / "latest-successful", RUNS[2])
    assert (folder / "latest").read_text() == RUNS[3]
    assert run_folder(folder, "latest") == folder / RUNS[3]
    assert run_folder(folder, RUNS[0]) == folder / RUNS[0]
    clean(reports, keep=0)
    assert left(reports) == [RUNS[2], RUNS[3]]


def test_what_latest_names_is_found_by_link_and_by_file(reports: Path) -> None:
    folder = reports / "morning"
    assert run_folder(folder, "latest") == folder / RUNS[5]
    (folder / "latest").unlink()
    assert not run_folder(folder, "latest").exists()
    (folder / "latest").write_text("../../elsewhere")
    assert run_folder(folder, "latest") == folder / "latest"


def test_a_system_that_replaces_no_link_to_a_folder_points_all_the_same(
    reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def as_on_windows(self: Path, target: Path) -> Path:
        if target.is_symlink():
            raise PermissionError("access is denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", as_on_windows)
    point_to(reports / "morning" / "latest", RUNS[0])
    assert run_folder(reports / "morning", "latest").name == RUNS[0]
