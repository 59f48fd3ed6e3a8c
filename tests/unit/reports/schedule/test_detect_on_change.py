"""A sweep starts where profile, tables or day change, and where nobody prices what has changed; else nothing does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.analysis import detection
from arbkit.analysis.detection_inputs import fingerprint, today
from arbkit.core.errors import ConfigError
from arbkit.core.files import write_atomically
from arbkit.core.models import Run, Update
from arbkit.core.settings import Settings
from arbkit.profit.seller.profile_file import built_in
from arbkit.reports.run_folders import clean, new_run_id, run_folders
from arbkit.reports.runner import STOPPED, ReportRun
from arbkit.reports.schedule import scheduler
from arbkit.store import open_store
from arbkit.stream import ALERTS_TOPIC, open_stream
from tests.helpers.alerts import announce_everything
from tests.helpers.factories import PACKAGE, offer, opportunity
from tests.helpers.routes import store_routes
from tests.helpers.waiting import eventually

_PATIENCE_S = 60


class Detections:
    """The detections that a scheduler starts, each within this process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runs = 0
        self.failed = 0

    def run(self, *_: Any, **__: Any) -> None:
        try:
            detection.run(self.settings, run_id=f"r{self.runs}")
        except ConfigError:
            self.failed += 1
        self.runs += 1

    def unpriced(self) -> int:
        with open_store(self.settings, read_only=True) as store:
            return store.stats().unpriced_products


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Started in a folder of its own, in which a profile may be written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scheduler, "_TICK_S", 0.01)
    monkeypatch.setattr(scheduler, "_POLL_S", 0.02)
    return settings.model_copy(update={"detect_interval": 0.05})


@contextmanager
def scheduled(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Detections]:
    seen, stop = Detections(settings), threading.Event()
    monkeypatch.setattr(scheduler, "_run", seen.run)
    thread = threading.Thread(target=scheduler._sweep_when_due, args=(settings, stop))
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(_PATIENCE_S)


def quiet(seen: Detections) -> int:
    """The detections so far, of which none follows though the scheduler looks on."""
    eventually(lambda: seen.unpriced() == 0)
    before = seen.runs
    time.sleep(0.5)
    assert seen.runs == before
    return before


def put(settings: Settings, asin: str = "B000000001", **fields: Any) -> None:
    with open_store(settings) as store:
        store.put([Update(offer(asin, code, **PACKAGE, **fields), None) for code in ("DE", "IT")])


def test_a_sweep_follows_changes_that_nobody_prices_and_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with scheduled(settings, monkeypatch) as seen:
        time.sleep(0.2)
        assert seen.runs == 0, "there is nothing to detect in"
        put(settings)
        eventually(lambda: seen.runs == 1)
        assert quiet(seen) == 1
        # An export is older than the last poll, and a change all the same.
        put(settings, "B000000002", updated_at=1_700_000_000)
        eventually(lambda: seen.runs == 2)
        put(settings, "B000000002", updated_at=1_600_000_000)
        assert quiet(seen) == 2, "the same version changes nothing"
        # A profile that was not there, then another one, then none again.
        profile = tmp_path / "profile.toml"
        changes: list[Callable[[], object]] = [
            lambda: write_atomically(profile, built_in().encode()),
            lambda: write_atomically(profile, built_in().encode() + b"\n# changed\n"),
            profile.unlink,
        ]
        for number, change in enumerate(changes, 3):
            change()
            eventually(lambda number=number: seen.runs == number)  # type: ignore[misc]
            assert quiet(seen) == number


def test_detection_goes_on_while_old_reports_are_removed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, stop, cleaning = Detections(settings), threading.Event(), threading.Event()

    def clean_for_ever(_: Path, *, keep: int, older_than_days: float | None, stop: threading.Event) -> None:
        cleaning.set()
        stop.wait()

    monkeypatch.setattr(scheduler, "_run", seen.run)
    monkeypatch.setattr(scheduler, "clean", clean_for_ever)
    thread = threading.Thread(target=scheduler.run_scheduler, args=(settings,), kwargs={"stop": stop})
    thread.start()
    try:
        assert cleaning.wait(_PATIENCE_S)
        for number in range(1, 4):
            put(settings, f"B00000000{number}")
            eventually(lambda number=number: seen.runs >= number)  # type: ignore[misc]
            eventually(lambda: seen.unpriced() == 0)
    finally:
        stop.set()
        thread.join(_PATIENCE_S)
    assert not thread.is_alive()


def test_runs_stay_for_days_and_at_least_the_newest_of_each_report(settings: Settings) -> None:
    given = settings.model_copy(update={"report_keep": 2, "report_keep_days": 4.0})
    report = given.reports_dir / "morning"
    for days in (1, 3, 5, 7):
        (report / new_run_id(time.time() - days * 86_400)).mkdir(parents=True)
    old = given.reports_dir / "detect"
    for days in (10, 11, 12):
        (old / new_run_id(time.time() - days * 86_400)).mkdir(parents=True)
    stop = threading.Event()
    thread = threading.Thread(target=scheduler._clean_old_folders, args=(given, stop))
    thread.start()
    try:
        eventually(lambda: (len(run_folders(report)), len(run_folders(old))) == (2, 2))
    finally:
        stop.set()
        thread.join()
    kept = given.model_copy(update={"report_keep": 1, "report_keep_days": 4.0})
    clean(kept.reports_dir, keep=kept.report_keep, older_than_days=kept.report_keep_days)
    assert (len(run_folders(report)), len(run_folders(old))) == (2, 1)


def test_a_restart_detects_nothing_that_is_detected_already(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings)
    with scheduled(settings, monkeypatch) as seen:
        eventually(lambda: seen.runs == 1)
    with scheduled(settings, monkeypatch) as seen:
        time.sleep(0.5)
        assert seen.runs == 0
        monkeypatch.setattr("arbkit.__version__", "another one")
        eventually(lambda: seen.runs == 1)


def test_a_changed_profile_is_not_kept_waiting_and_a_broken_one_is_tried_again_only_in_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(settings)
    slow = settings.model_copy(update={"detect_interval": 3600.0})
    # The scheduler may look while a file is written: half a profile would be one more change.
    profile = tmp_path / "profile.toml"
    with scheduled(slow, monkeypatch) as seen:
        eventually(lambda: seen.runs == 1)
        put(settings, "B000000002")
        time.sleep(0.3)
        assert (seen.runs, seen.unpriced()) == (1, 1), "prices wait for the interval"
        write_atomically(profile, b"no = such field")
        eventually(lambda: seen.runs == 2)
        time.sleep(0.5)
        assert (seen.runs, seen.failed) == (2, 1)
        write_atomically(profile, built_in().encode())
        eventually(lambda: seen.runs == 3)
        eventually(lambda: seen.unpriced() == 0)


def test_only_what_is_left_for_the_whole_interval_is_overdue() -> None:
    waiting = scheduler._Waiting(300.0)

    def overdue(now: float, *unpriced: str, unsent: str | None = None) -> bool:
        return waiting.note(scheduler._Seen("inputs", "inputs", frozenset(unpriced), unsent), now)

    assert not overdue(0.0)
    # Prices come in all the time, and a detector prices each.
    for number in range(200):
        assert not overdue(5.0 * number, f"product {number}", f"product {number + 1}")
    assert not overdue(1_000.0, "left", "a")
    assert not overdue(1_200.0, "left", "b")
    assert overdue(1_300.0, "left", "c")
    assert not overdue(1_310.0, "d", unsent="alert")
    assert overdue(1_620.0, "e", unsent="alert")


def test_once_an_hour_all_is_swept_for_ages_move_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_SWEEP_AT_LEAST_EVERY_S", 0.2)
    put(settings)
    with scheduled(settings, monkeypatch) as seen:
        eventually(lambda: seen.runs >= 3)


def test_what_a_killed_detection_left_to_announce_is_sent_without_another_change(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, "B000000001")
    with open_store(settings) as store:
        store_routes(store, [opportunity()], inputs=fingerprint(settings, today()), announce=announce_everything)
        (left,) = store.unsent(10)
    with scheduled(settings, monkeypatch) as seen, open_stream(settings) as log:
        eventually(lambda: any(log.scan(ALERTS_TOPIC)))
        sent = [orjson.loads(m.value) for some in log.scan(ALERTS_TOPIC) for m in some]
        assert (seen.runs, [one["id"] for one in sent]) == (0, [left.id])


@pytest.mark.parametrize(
    ("change", "same"),
    [({}, True), ({"profile_name": "lean"}, False), ({"home": Path("elsewhere")}, True), ({"api_port": 1}, True)],
)
def test_the_fingerprint_is_of_what_pricing_reads(settings: Settings, change: Mapping[str, Any], same: bool) -> None:
    day = date(2026, 8, 1)
    before = fingerprint(settings, day)
    assert (fingerprint(settings.model_copy(update=change), day) == before) is same
    assert fingerprint(settings, date(2026, 8, 2)) != before


@pytest.mark.parametrize(("why", "level"), [(STOPPED, "INFO"), ("the disk is full", "ERROR")])
def test_a_run_that_ended_with_arbkit_is_no_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, why: str, level: str
) -> None:
    run = Run(run_id="r", report="morning", status="failed", started_at=0.0, error=why)
    monkeypatch.setattr(scheduler, "run_report", lambda *_, **__: ReportRun(run, settings.home))
    with caplog.at_level("INFO"):
        scheduler._run(settings, "morning", {}, threading.Event())
    assert [(record.levelname, why in record.message) for record in caplog.records] == [(level, True)]
