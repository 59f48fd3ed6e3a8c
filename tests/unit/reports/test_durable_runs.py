"""A run is on the disk before it is shown: a power cut after the rename must leave no empty files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from arbkit.core.settings import Settings
from arbkit.reports import run_folders, runner
from arbkit.reports.run_folders import LATEST, point_to
from arbkit.reports.runner import run_report

FILES = ["notebook.ipynb", "report.html", "result.json", "summary.json", "figures/best.png"]


def test_every_file_and_folder_of_a_run_is_synced_before_the_run_is_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    shown: list[set[int]] = []
    real_sync, real_replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        real_sync(handle)

    def replace(path: Path, target: Path) -> Path:
        if path.is_dir() and path.name.startswith(".20"):
            needed = {p.stat().st_ino for p in (path, *path.rglob("*"))}
            shown.append(needed - synced)
            synced.clear()
        return real_replace(path, target)

    def execute(_: Settings, folder: Path, *__: object) -> tuple[str, None]:
        (folder / "figures").mkdir()
        for name in (*FILES, "job.json"):
            (folder / name).write_text("{}")
        return "succeeded", None

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(runner, "_execute", execute)
    done = run_report(settings, "detect", {})
    assert done.run.status == "succeeded"
    assert shown == [set()], "something of the run was not on the disk when it was shown"
    assert done.folder.parent.stat().st_ino in synced, "the rename is not on the disk when the run is recorded"


def test_a_pointer_that_is_a_file_is_synced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise NotImplementedError

    synced: list[Path] = []
    monkeypatch.setattr(Path, "symlink_to", no_links)
    monkeypatch.setattr(run_folders, "sync_file", lambda path: synced.append(path))
    point_to(tmp_path / LATEST, "20260601T070000Z-000001")
    assert (tmp_path / LATEST).read_text() == "20260601T070000Z-000001"
    assert len(synced) == 1
