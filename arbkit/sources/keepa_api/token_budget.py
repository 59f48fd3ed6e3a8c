"""The state of the Keepa tokens, and the file in which the producer shows it to the other processes."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass

import orjson

from arbkit.core.files import write_atomically
from arbkit.core.formatting import age_words, count
from arbkit.core.models import Origin
from arbkit.core.settings import Settings

_REFILL_EVERY_S = 60.0
"""Keepa puts ``refillRate`` tokens into the bucket once a minute."""
_HELD_REFILLS = 60
"""A token that is not used within an hour is gone, so the bucket holds an hour's refills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What the last answer said, received ``at`` (Unix seconds).

    ``left`` may be below zero; ``refill_rate`` is tokens per minute; ``refill_in_s`` counts from ``at`` to
    the next refill; ``consumed`` is the cost of that answer.
    """

    left: int
    refill_rate: int
    refill_in_s: float
    at: float
    consumed: int
    origin: Origin

    def wait_s(self, now: float) -> float:
        """Seconds from ``now`` until a request runs again: Keepa answers while the balance is above zero."""
        ready = self.until_s(1, now)
        # Where none are said to come, the next refill may bring some all the same.
        return max(0.0, self._refilled_at(1) - now) if ready is None else ready

    @property
    def full(self) -> int:
        """The most that the bucket holds."""
        return max(self.left, self.refill_rate * _HELD_REFILLS)

    def level(self, now: float) -> int:
        """The forecast of what is left at ``now``, if nothing was spent since."""
        return min(self.full, self.left + self._refills(now) * self.refill_rate)

    def left_words(self, now: float) -> str:
        """``1,234``, or ``0, next in 3 min``: a balance below zero is a debt to wait for, and no number to read."""
        if (level := self.level(now)) >= 1:
            return count(level)
        return f"0, next in {age_words(self.wait_s(now))}" if self.refill_rate > 0 else "0, and none come in"

    def until_s(self, tokens: int, now: float) -> float | None:
        """Seconds from ``now`` until ``tokens`` are left, if nothing is spent; None: the bucket never holds them."""
        if tokens <= self.left:
            return 0.0
        if tokens > self.full or self.refill_rate <= 0:
            return None
        return max(0.0, self._refilled_at(math.ceil((tokens - self.left) / self.refill_rate)) - now)

    def forecast(self, now: float) -> list[tuple[float, int]]:
        """Time and level from ``now`` on at every refill until the bucket is full, if nothing is spent."""
        points = [(now, self.level(now))]
        if ready := self.until_s(self.full, now):
            number = self._refills(now) + 1
            while (at := self._refilled_at(number)) <= now + ready:
                points.append((at, self.level(at)))
                number += 1
        return points

    def _refilled_at(self, number: int) -> float:
        """When the refill of this number comes, the first after the answer being 1."""
        return self.at + self.refill_in_s + (number - 1) * _REFILL_EVERY_S

    def _refills(self, now: float) -> int:
        """How many refills have come by ``now``."""
        return max(0, math.floor((now - self._refilled_at(1)) / _REFILL_EVERY_S) + 1)


def write_tokens(settings: Settings, tokens: Tokens) -> None:
    """Leave ``tokens`` in ``settings.tokens_file`` for status, metrics and dashboards.

    Raises:
        ServiceError: the file cannot be written.
    """
    state = asdict(tokens)
    state["source"] = state.pop("origin")
    write_atomically(settings.tokens_file, orjson.dumps(state))


def read_tokens(settings: Settings) -> Tokens | None:
    """The state that a producer left last, or None if none did."""
    try:
        state = orjson.loads(settings.tokens_file.read_bytes())
        # What is of later than now was written before the clock was set back.
        return Tokens(origin=state.pop("source"), **{**state, "at": min(float(state["at"]), time.time())})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
