"""What repetitions may cost within an hour, in requests and in tokens: an outage is no reason to spend without end."""

from __future__ import annotations

import time
from collections.abc import Callable

_HOUR_S = 3_600.0
_REPEATS = 120
"""Requests made again in an hour: twenty outages of some minutes, each with all its tries."""
_CALLS, _SHARE = 2, 0.1
"""Tokens that may be lost in an hour: two of the dearest calls, or a tenth of the plan's refill, if that is more."""


class RetryBudget:
    """An hour's repetitions and losses; what was spent comes back evenly over the hour that follows."""

    def __init__(self, call_tokens: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._call_tokens = call_tokens
        self._tokens = float(_CALLS * call_tokens)
        self._lost, self._repeated = 0.0, 0.0
        self._at = clock()

    def know_plan(self, refill_rate: int) -> None:
        """Take what the plan refills a minute."""
        self._tokens = max(_CALLS * self._call_tokens, _SHARE * 60 * refill_rate)

    def repeat(self) -> None:
        """Note a request that is made again."""
        self._pass_time()
        self._repeated += 1

    @property
    def may_repeat(self) -> bool:
        """Whether another request may be made again now."""
        self._pass_time()
        return self._repeated <= _REPEATS - 1 and self.wait_s == 0

    def lose(self, tokens: float) -> None:
        """Note tokens that were, or may have been, taken for nothing."""
        self._pass_time()
        self._lost += tokens

    @property
    def lost(self) -> float:
        """Tokens lost of late that are not made up for by time."""
        self._pass_time()
        return self._lost

    @property
    def wait_s(self) -> float:
        """Seconds until something may be asked for again; 0: now."""
        self._pass_time()
        over = self._lost - self._tokens
        return max(0.0, over / self._tokens * _HOUR_S)

    def _pass_time(self) -> None:
        now = self._clock()
        share = max(0.0, now - self._at) / _HOUR_S
        self._lost = max(0.0, self._lost - share * self._tokens)
        self._repeated = max(0.0, self._repeated - share * _REPEATS)
        self._at = now
