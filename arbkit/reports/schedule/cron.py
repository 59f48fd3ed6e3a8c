"""Cron lines: the five fields of crontab on the wall clock of a stated time zone.

cronsim finds the wall-clock times that match; the steps of the clock are kept here. A time that the clocks skip runs
as much later as they skip, one that comes twice runs the first time; a line for every hour (``*``) goes on by the
hour instead.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from arbkit.core.errors import ConfigError, ErrorValue

_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_BOUNDS = {"minute": (0, 59), "hour": (0, 23), "day of month": (1, 31), "month": (1, 12)}
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAYS = re.compile(r"(\*|[0-7a-z]+)(?:-([0-7a-z]+))?(?:/([1-9][0-9]*))?")
_STEPS = re.compile(r"(\*|[0-9]+)(?:-([0-9]+))?/([0-9]+)")
_MONTH_NAMES = re.compile(r"([a-z]+(?:-[a-z]+)?)[^,]*")
_LARGEST_CLOCK_STEP = timedelta(hours=3)
_ANY_MOMENT = datetime(2026, 1, 1)  # noqa: DTZ001 - wall-clock time, as cronsim gets it


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line in a time zone. Made by :func:`parse_cron`.

    ``expression`` is the line as cronsim understands it; ``hourly``: it is due in every hour.
    """

    line: str
    zone: ZoneInfo
    expression: str
    hourly: bool

    def next_after(self, moment: float) -> float:
        """The first time after ``moment`` (both Unix seconds) at which the line is due."""
        start = datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None, fold=0) - _LARGEST_CLOCK_STEP
        earliest, until = math.inf, None
        for wall in CronSim(self.expression, start):
            earliest = min([earliest, *(at for at in self._instants(wall) if at > moment)])
            if until is None and earliest < math.inf:
                until = wall + _LARGEST_CLOCK_STEP
            if until is not None and wall >= until:
                break
        return earliest

    def _instants(self, wall: datetime) -> list[float]:
        """When a wall clock shows this time: once, or as a step of the clock has it."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).timestamp() for fold in (0, 1))
        if not self.hourly:
            return [first]
        skipped = datetime.fromtimestamp(first, self.zone).replace(tzinfo=None, fold=0) != wall
        return [] if skipped else [first, second]


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
    try:
        expression = _expression(*words)
        CronSim(expression, _ANY_MOMENT)
    except (ValueError, CronSimError) as error:
        if _is_valid_but_for_its_day(*words):
            raise ConfigError(
                "never comes due: there is no such day", field=field, value=line, remedy="Name another day"
            ) from None
        raise ConfigError(
            f"is no cron line: {error}", field=field, value=line, remedy='Write it as "0 7 * * *": every day at 07:00'
        ) from None
    return Cron(line, zone, expression, hourly=words[1] == "*")


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


def _expression(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    """The line for cronsim, with the meaning that it has had since arbkit 0.1.

    Raises:
        ValueError: a field is wrong in a way that cronsim would let pass.
    """
    for name, text in zip(_BOUNDS, (minute, hour, day, month), strict=True):
        _check_steps(name, text)
    week = _weekdays(weekday)
    # cronsim takes days that begin with a star for unrestricted: "*/2" and a weekday would have to hold both.
    if week != "*" and day != "*":
        day = day.replace("*", "1-31")
    # Month names take no step: what follows them has always been ignored.
    month = _MONTH_NAMES.sub(r"\1", month)
    return f"{minute} {hour} {day.replace('last', 'L')} {month} {week}"


def _is_valid_but_for_its_day(minute: str, hour: str, day: str, month: str, weekday: str) -> bool:
    """Whether only the months of the line have no such day."""
    with suppress(ValueError, CronSimError):
        for one_day, one_month in ((day, "*"), ("1", month)):
            CronSim(_expression(minute, hour, one_day, one_month, weekday), _ANY_MOMENT)
        return True
    return False


def _check_steps(name: str, text: str) -> None:
    """A step that is longer than its range would never be taken, which nobody means."""
    for part in text.split(","):
        if match := _STEPS.fullmatch(part):
            first, last, step = match.groups()
            low, high = _BOUNDS[name]
            begin, end = low if first == "*" else int(first), high if last is None else int(last)
            if int(step) > end - begin:
                raise ValueError(f"the step of {name} {part!r} is longer than its range")


def _weekdays(text: str) -> str:
    """The field as numbers from 0, Sunday; ranges may go round the end of the week."""
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
    return "*" if len(named) == len(_DAYS) else ",".join(map(str, sorted(named)))


def _weekday(text: str) -> int:
    if text.isdigit():
        return int(text)
    if text not in _DAYS:
        raise ValueError(f"day of week {text!r}")
    return _DAYS.index(text)
