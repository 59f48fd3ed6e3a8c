"""The schedule of reports: what is refused, what is due, and that what was missed is caught up once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from arbkit.core.errors import ConfigError
from arbkit.core.files import file_lock
from arbkit.core.models import Run
from arbkit.core.settings import Settings
from arbkit.reports.runner import STOPPED, ReportRun
from arbkit.reports.schedule.run_state import ScheduleState
from arbkit.reports.schedule.schedule_file import Entry, load_schedule
from arbkit.reports.schedule.scheduler import CronRunner, schedule_status

GOOD = """
[[entry]]
name = "good"
report = "morning"
cron = "0 7 * * *"
"""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


class Clock:
    def __init__(self, text: str) -> None:
        self.now = at(text)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def scheduled(settings: Settings, tmp_path: Path) -> Callable[..., Settings]:
    """Settings whose schedule is this text, in the time zone of Berlin."""

    def write(text: str, zone: str = 'timezone = "Europe/Berlin"') -> Settings:
        path = tmp_path / "schedule.toml"
        path.write_text(f"{zone}\n{text}")
        return settings.model_copy(update={"schedule": path})

    return write


class Office:
    """A scheduler that starts and ends with the machine; ``ran`` is what it carried out."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.ran: list[str] = []
        self.on()

    def on(self, *, outcome: str | None = None) -> None:
        self.stop = threading.Event()
        self.outcome = outcome
        self.cron_runner = CronRunner(
            self.settings, stop=self.stop, state=ScheduleState(self.settings, clock=self.clock), run=self._run
        )
        self.look(resume=True)

    def look(self, text: str | None = None, *, resume: bool = False) -> list[str]:
        """What is started when it looks at that time."""
        before = len(self.ran)
        if text:
            self.clock.now = at(text)
        self.cron_runner.start_due(resume=resume)
        self.cron_runner.join()
        return self.ran[before:]

    def _run(self, entry: Entry) -> ReportRun:
        self.ran.append(entry.name)
        failed = self.outcome is not None
        if failed:
            self.stop.set()
        run = Run(
            run_id="r", report=entry.report, status="failed" if failed else "succeeded", started_at=0.0,
            error=self.outcome,
        )  # fmt: skip
        return ReportRun(run, Path("r"))


def test_the_built_in_schedule_is_the_morning_report_at_seven(settings: Settings) -> None:
    (entry,) = load_schedule(settings).entries
    assert (entry.report, entry.cron.line, entry.cron.zone.key) == ("morning", "0 7 * * *", "Europe/Berlin")
    (shown,) = schedule_status(settings, now=at("2026-06-01T06:59"))
    assert shown.next_at == at("2026-06-01T07:00")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('name = "x"\nreport = "mornin"\ncron = "0 7 * * *"', "report: no such report.*Did you mean morning"),
        ('name = "x"\nreport = "morning"\ncrn = "0 7 * * *"', "crn: is unknown. Did you mean cron"),
        ('name = "x"\nreport = "morning"', "cron: is missing"),
        ('name = "x"\nreport = "morning"\ncron = "0 0 30 2 *"', "cron: never comes due"),
        ('name = "x"\nreport = "morning"\ncron = "0 7 * * *"\nenabled = "no"', "enabled: is neither true nor false"),
        ('name = "x"\nreport = "morning"\ncron = "0 7 * * *"\ntimezone = "Mars"', "timezone: is no time zone"),
        ('name = "x"\nreport = "morning"\ncron = "0 7 * * *"\nparameters = {topp = 3}', "Did you mean top"),
        ('name = "x"\nreport = "morning"\ncron = "0 7 * * *"\nparameters = {top = "a"}', "top: not a whole number"),
        ('name = "x"\nreport = "morning"\ncron = "0 7 * * *"\nparameters = 3', "parameters: is no table"),
        ('name = "x"\nreport = "morning"\ncron = 7', "cron: is no text.*five fields"),
        ('name = "x"\nreport = 3\ncron = "0 7 * * *"', "report: is no text.*reports list"),
        (
            'name = "x"\nreport = "morning"\ncron = "0 7 * * *"\ntimezone = 7',
            "timezone: is no time zone.*Europe/Berlin",
        ),
        ('name = 7\nreport = "morning"\ncron = "0 7 * * *"', "entry 7: name: is no name"),
        ('name = "a b"\nreport = "morning"\ncron = "0 7 * * *"', "is no name"),
        ('name = "good"\nreport = "morning"\ncron = "0 7 * * *"', "is there twice"),
    ],
)
def test_a_wrong_entry_is_named_and_leaves_the_others(
    scheduled: Callable[..., Settings], lines: str, says: str
) -> None:
    schedule = load_schedule(scheduled(f"{GOOD}\n[[entry]]\n{lines}"))
    assert [e.name for e in schedule.entries] == ["good"]
    (bad,) = schedule.bad
    assert str(bad.error).startswith(f"{schedule.where}: entry ")
    with pytest.raises(ConfigError, match=says):
        raise bad.error


@pytest.mark.parametrize(
    ("text", "says"), [("entry = 3", "is no list"), ("entri = 3", "Did you mean entry"), ("][", "cannot be read")]
)
def test_a_file_that_is_wrong_as_a_whole_is_one_error(scheduled: Callable[..., Settings], text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_schedule(scheduled(text))


def test_an_entry_that_is_no_table_is_named_by_its_number(scheduled: Callable[..., Settings]) -> None:
    (bad,) = load_schedule(scheduled("entry = [3]")).bad
    assert bad.name == "number 1"
    assert "is no table. Begin each entry with [[entry]]" in str(bad.error)


def test_without_a_time_zone_nothing_is_guessed(scheduled: Callable[..., Settings]) -> None:
    (bad,) = load_schedule(scheduled(GOOD, zone="")).bad
    assert "timezone: is missing" in str(bad.error)


def test_an_entry_runs_once_at_its_time(scheduled: Callable[..., Settings]) -> None:
    office = Office(scheduled(GOOD), Clock("2026-06-01T06:00"))
    assert office.look("2026-06-01T06:59") == []
    assert office.look("2026-06-01T07:00") == ["good"]
    assert office.look("2026-06-01T07:01") == []
    assert office.look("2026-06-02T07:00") == ["good"]


def test_a_new_entry_does_not_run_for_the_past(scheduled: Callable[..., Settings]) -> None:
    assert Office(scheduled(GOOD), Clock("2026-06-01T12:00")).ran == []


def test_what_was_missed_is_caught_up_once(scheduled: Callable[..., Settings]) -> None:
    office = Office(scheduled(GOOD), Clock("2026-06-01T06:00"))
    office.clock.now = at("2026-06-09T12:00")
    office.on()
    assert office.ran == ["good"]
    office.on()
    assert office.look() == []
    assert office.look("2026-06-10T07:00") == ["good"]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_change_of_the_clocks_neither_skips_nor_doubles_a_run(scheduled: Callable[..., Settings], day: str) -> None:
    office = Office(scheduled(GOOD.replace("0 7", "30 2")), Clock(f"{day}T00:30"))
    minutes = range(0, 6 * 60, 10)
    start = office.clock.now
    for minute in minutes:
        office.clock.now = start + 60 * minute
        office.look()
    assert office.ran == ["good"]


def test_two_schedulers_run_it_once(scheduled: Callable[..., Settings]) -> None:
    settings, clock = scheduled(GOOD), Clock("2026-06-01T06:00")
    one, other = Office(settings, clock), Office(settings, clock)
    clock.now = at("2026-06-01T07:00")
    assert one.look() + other.look() == ["good"]


def test_a_run_that_the_machine_went_off_in_is_made_up_for_once(scheduled: Callable[..., Settings]) -> None:
    office = Office(scheduled(GOOD), Clock("2026-06-01T06:00"))
    office.on(outcome=STOPPED)
    assert office.look("2026-06-01T07:00") == ["good"]
    office.on(outcome=STOPPED)
    assert len(office.ran) == 2
    office.on()
    assert len(office.ran) == 2


def test_what_somebody_else_is_at_is_not_taken_for_unfinished(scheduled: Callable[..., Settings]) -> None:
    office = Office(scheduled(GOOD), Clock("2026-06-01T06:00"))
    office.on(outcome=STOPPED)
    office.look("2026-06-01T07:00")
    with file_lock(office.settings.reports_dir / "morning" / ".lock", what="a run", wait_s=0):
        office.on()
    assert len(office.ran) == 1


def test_another_time_begins_anew_and_a_changed_file_is_read_while_it_runs(scheduled: Callable[..., Settings]) -> None:
    office = Office(scheduled(GOOD), Clock("2026-06-01T06:00"))
    scheduled(GOOD.replace("0 7", "0 11"))
    assert office.look("2026-06-01T10:00") == []
    assert office.look("2026-06-01T11:00") == ["good"]
    scheduled(GOOD + "enabled = false")
    assert office.look("2026-06-02T11:00") == []
    scheduled(GOOD)
    assert office.look("2026-06-02T12:00") == []
    assert office.look("2026-06-03T07:00") == ["good"]


def test_a_file_that_turns_bad_is_said_and_the_old_one_does_not_run_on(
    scheduled: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(scheduled(GOOD), Clock("2026-06-01T06:00"))
    scheduled("][")
    assert office.look("2026-06-01T06:30") == office.look("2026-06-01T06:31") == []
    assert caplog.text.count("the schedule does not run") == 1
    scheduled(GOOD)
    assert office.look("2026-06-01T07:00") == ["good"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"good": 3}', b'{"good": {"key": 1}}', b"\x00\xff"])
def test_a_damaged_memory_begins_anew(scheduled: Callable[..., Settings], damage: bytes) -> None:
    office = Office(scheduled(GOOD), Clock("2026-06-01T06:00"))
    (office.settings.home / "schedule.json").write_bytes(damage)
    office.on()
    assert office.look("2026-06-01T07:00") == ["good"]


def test_a_clock_that_was_ahead_does_not_keep_it_from_running(scheduled: Callable[..., Settings]) -> None:
    office = Office(scheduled(GOOD), Clock("2036-06-01T06:00"))
    office.look("2036-06-01T07:00")
    office.look("2026-06-01T08:00")
    assert office.look("2026-06-02T07:00") == ["good"]
    assert len(office.ran) == 2
