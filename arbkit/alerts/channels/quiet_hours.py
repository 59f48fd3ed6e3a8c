"""Hours in which a channel is silent, by the clock of a time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import Self
from zoneinfo import ZoneInfo

_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``begin`` until ``end`` (exclusive), over midnight where that is earlier."""

    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """The hours of a text such as ``22:00-07:00``.

        Raises:
            ValueError: it has another form, or names no hours.
        """
        found = _HOURS.fullmatch(text.strip())
        if found is None:
            raise ValueError("is no time of day to another")
        hours = cls(time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4])))
        if hours.begin == hours.end:
            raise ValueError("begins when it ends")
        return hours

    def contains(self, at: float, zone: ZoneInfo) -> bool:
        """Whether the moment ``at`` (Unix seconds) lies in them."""
        local = datetime.fromtimestamp(at, zone).time()
        if self.begin < self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end


def start_of_day(at: float, zone: ZoneInfo) -> float:
    """The Unix time at which the day of ``at`` began in a time zone."""
    return datetime.fromtimestamp(at, zone).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
