"""When a cron line is due, on the wall clock of its time zone, also in the nights when that clock is changed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from arbkit.core.errors import ConfigError, ErrorValue
from arbkit.reports.schedule.cron import parse_cron, parse_zone

BERLIN = ZoneInfo("Europe/Berlin")


def times(line: str, after: str, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    cron = parse_cron(line, zone, field="cron")
    at = datetime.fromisoformat(after).replace(tzinfo=zone).timestamp()
    found = []
    for _ in range(count):
        at = cron.next_after(at)
        found.append(datetime.fromtimestamp(at, zone).isoformat(timespec="minutes"))
    return found


def test_a_time_that_the_clocks_skip_is_run_once_when_they_have() -> None:
    assert times("30 2 * * *", "2026-03-28T12:00", 3) == [
        "2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00", "2026-03-31T02:30+02:00",
    ]  # fmt: skip


def test_a_time_that_comes_twice_is_run_once() -> None:
    assert times("30 2 * * *", "2026-10-24T12:00", 3) == [
        "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00", "2026-10-27T02:30+01:00",
    ]  # fmt: skip


@pytest.mark.parametrize("after", ["2026-10-25T02:30", "2026-10-25T02:59"])
def test_a_scheduler_that_starts_in_the_second_of_two_hours_does_not_run_it_again(after: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=BERLIN, fold=1).timestamp()
    found = parse_cron("30 2 * * *", BERLIN, field="cron").next_after(moment)
    assert datetime.fromtimestamp(found, BERLIN).isoformat(timespec="minutes") == "2026-10-26T02:30+01:00"


def test_what_runs_every_hour_goes_on_by_the_hour() -> None:
    spring = times("*/30 * * * *", "2026-03-29T01:00", 3)
    assert spring == ["2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]
    autumn = times("*/30 * * * *", "2026-10-25T02:00", 4)
    assert autumn == [
        "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00", "2026-10-25T03:00+01:00",
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["30 2 * * *", "0 */2 * * *", "15 1-3 * * *"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_every_time_of_a_year_comes_once(line: str, zone: str) -> None:
    cron = parse_cron(line, ZoneInfo(zone), field="cron")
    a_day = {"30 2 * * *": 1, "0 */2 * * *": 12, "15 1-3 * * *": 3}[line]
    at = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)).timestamp() - 1
    until = datetime(2027, 1, 1, tzinfo=ZoneInfo(zone)).timestamp()
    found = []
    while (at := cron.next_after(at)) < until:
        found.append(at)
    # A time that the clocks skip may fall on one that is due anyway.
    assert 365 * a_day - 1 <= len(found) <= 365 * a_day
    assert found == sorted(set(found))


def test_days_of_the_week_are_those_of_crontab() -> None:
    assert times("0 7 * * 0", "2026-11-20T12:00", 1) == times("0 7 * * 7", "2026-11-20T12:00", 1)
    assert times("0 7 * * sun", "2026-11-20T12:00", 1) == ["2026-11-22T07:00+01:00"]
    assert [t[:10] for t in times("0 7 * * 1-5", "2026-11-20T12:00", 6)] == [
        "2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-30",
    ]  # fmt: skip
    # Both kinds of day restricted: either of them will do.
    assert [t[:10] for t in times("0 7 1 * mon", "2026-11-24T12:00", 3)] == ["2026-11-30", "2026-12-01", "2026-12-07"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 0 30 2 *", "never comes due"),
        ("0 0 31 2,4,6 *", "never comes due"),
        ("61 * * * *", "is no cron line"),
        ("0 7 * * funday", "funday"),
        ("0 7 * * 8-9", "is no cron line"),
        ("0 7 * *", "has 4 fields, not five"),
        ("@daily", "has 1 fields"),
        (7, "is no text"),
    ],
)
def test_a_line_that_never_comes_due_or_is_none_is_refused(line: ErrorValue, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        parse_cron(line, BERLIN, field="schedule.toml: entry x: cron")
    assert caught.value.field == "schedule.toml: entry x: cron"
    assert caught.value.remedy


def test_a_leap_day_comes() -> None:
    assert times("0 0 29 2 *", "2026-11-20T12:00", 2) == ["2028-02-29T00:00+01:00", "2032-02-29T00:00+01:00"]


@pytest.mark.parametrize("name", ["Mars/Base", "", None, 7, "../etc/passwd", "Europe"])
def test_an_unknown_time_zone_is_refused(name: ErrorValue) -> None:
    with pytest.raises(ConfigError, match=r"is no time zone.*Europe/Berlin"):
        parse_zone(name, field="timezone")
