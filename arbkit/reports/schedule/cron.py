"""Cron lines: the five fields of crontab, reckoned on the wall clock of a stated time zone.

APScheduler's fields find the next time that matches; the wall clock is kept here, for its own trigger runs a
daily 02:30 twice on the night when clocks go back. A time that the clocks skip is run when they have skipped
it, one that comes twice is run the first time; a line for every hour (``*``) goes on by the hour instead.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from arbkit.core.errors import ConfigError, ErrorValue

__all__ = ["Cron", "parse_cron", "parse_zone"]

_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAYS = re.compile(r"(\*|[0-7a-z]+)(?:-([0-7a-z]+))?(?:/([1-9][0-9]*))?")
_STEP_AT_MOST = timedelta(hours=3)
_LONGEST_WAIT_YEARS = 30
"""29 February on a stated weekday comes every 28 years."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line in a time zone. Made by :func:`parse_cron`."""

    line: str
    zone: ZoneInfo
    triggers: tuple[CronTrigger, ...]
    hourly: bool

    def next_after(self, moment: float) -> float:
        """The first time after ``moment`` (both Unix seconds) at which the line is due."""
        wall = datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None, fold=0) - _STEP_AT_MOST
        found, until = math.inf, None
        while until is None or wall < until:
            wall = self._next_wall(wall)
            found = min([found, *(at for at in self._instants(wall) if at > moment)])
            if until is None and found < math.inf:
                until = wall + _STEP_AT_MOST
        return found

    def _instants(self, wall: datetime) -> list[float]:
        """When a wall clock shows this time: once, or as a step of the clock has it."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).timestamp() for fold in (0, 1))
        if not self.hourly:
            return [first]
        skipped = datetime.fromtimestamp(first, self.zone).replace(tzinfo=None, fold=0) != wall
        return [] if skipped else [first, second]

    def _next_wall(self, wall: datetime) -> datetime:
        """The first matching time after ``wall``, both without zone."""
        after = wall.replace(tzinfo=UTC) + timedelta(seconds=1)
        found = [at for trigger in self.triggers if (at := trigger.get_next_fire_time(None, after)) is not None]
        earliest: datetime = min(found)
        return earliest.replace(tzinfo=None)


def parse_cron(line: ErrorValue, zone: ZoneInfo, *, field: str) -> Cron:
    """A cron line as crontab understands it: 0 and 7 are Sunday; two restricted kinds of day mean either.

    Raises:
        ConfigError: it is no cron line, or never comes due; ``field`` says where it stands.
    """
    if not isinstance(line, str):
        raise ConfigError("is no text", field=field, value=line, remedy='Write five fields, as "0 7 * * *"')
    words = line.lower().split()
    if len(words) != len(_FIELDS):
        raise ConfigError(
            f"has {len(words)} fields, not five", field=field, value=line, remedy=f"Write {', '.join(_FIELDS)}"
        )
    minute, hour, day, month, weekday = words
    try:
        week = _weekdays(weekday)
        pairs = [(day, "*"), ("*", week)] if day != "*" and week != "*" else [(day, week)]
        found = [_comes(minute=minute, hour=hour, day=d, month=month, day_of_week=w) for d, w in pairs]
    except ValueError as error:
        raise ConfigError(
            f"is no cron line: {error}", field=field, value=line, remedy='Write it as "0 7 * * *": every day at 07:00'
        ) from None
    triggers = tuple(trigger for trigger in found if trigger is not None)
    if not triggers:
        raise ConfigError("never comes due: there is no such day", field=field, value=line, remedy="Name another day")
    return Cron(line, zone, triggers, hourly=hour == "*")


def parse_zone(name: ErrorValue, *, field: str) -> ZoneInfo:
    """A time zone by its name.

    Raises:
        ConfigError: there is none of that name; ``field`` says where it stands.
    """
    # Of a name that is none zoneinfo says so in three ways; a folder of zones is an OSError.
    with suppress(KeyError, ValueError, OSError):
        if isinstance(name, str) and name:
            return ZoneInfo(name)
    raise ConfigError("is no time zone", field=field, value=name, remedy='Write one as "Europe/Berlin"')


def _comes(**fields: str) -> CronTrigger | None:
    """The trigger, or None if it never comes due."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    # Without an end APScheduler would look for a 30 February until the year 9999.
    short = CronTrigger(**fields, timezone=UTC, end_date=start.replace(year=start.year + _LONGEST_WAIT_YEARS))
    return None if short.get_next_fire_time(None, start) is None else CronTrigger(**fields, timezone=UTC)


def _weekdays(text: str) -> str:
    """The field as names, for APScheduler counts its days from Monday, crontab from Sunday."""
    if text == "*":
        return text
    named: set[int] = set()
    for part in text.split(","):
        match = _WEEKDAYS.fullmatch(part)
        if match is None:
            raise ValueError(f"day of week {part!r}")
        first, last, step = match.groups()
        if first == "*":
            begin, end = 0, 6
        else:
            begin = _weekday(first)
            end = _weekday(last) if last else 6 if step else begin
            if end < begin:
                end += 7
        named.update(day % 7 for day in range(begin, end + 1, int(step or 1)))
    return "*" if len(named) == len(_DAYS) else ",".join(_DAYS[day] for day in sorted(named))


def _weekday(text: str) -> int:
    if text.isdigit():
        return int(text)
    if text not in _DAYS:
        raise ValueError(f"day of week {text!r}")
    return _DAYS.index(text)
