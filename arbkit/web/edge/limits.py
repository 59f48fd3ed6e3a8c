"""How often a caller may ask: a bucket of requests that fills again, for each key, or address without one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from arbkit.core.service.addresses import is_loopback
from arbkit.core.service.failed_logins import network_of
from arbkit.core.settings import Settings
from arbkit.web.edge.guard import caller_of
from arbkit.web.http import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

OUTSIDE_A_MINUTE = 600
"""Requests a minute of each caller where others reach the API: far more than a team's tools make."""
_MOST_CALLERS = 10_000
"""Callers that are remembered, so that many addresses cannot take the memory."""


class RateLimit:
    """ASGI middleware: 429 for who asks more often than allowed. A minute's requests may come at once.

    It stands behind the guard, which says whose key it is.
    """

    def __init__(self, app: ASGIApp, a_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._a_minute = a_minute
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and self._a_minute and (wait := self._wait_s(_name(scope))):
            detail = f"At most {self._a_minute:,} requests a minute; try again in {wait} seconds"
            await problem(429, detail, headers={"Retry-After": str(wait)})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _wait_s(self, name: str) -> int:
        """Seconds until this caller may ask again; 0: it may now, and one request is taken from its bucket."""
        now = self._clock()
        left, at = self._buckets.pop(name, (float(self._a_minute), now))
        left = min(self._a_minute, left + (now - at) * self._a_minute / 60)
        wait = 0 if left >= 1 else max(1, math.ceil((1 - left) * 60 / self._a_minute))
        # Entered last: the first of all is the one that has been quiet for longest.
        self._buckets[name] = (left if wait else left - 1, now)
        if len(self._buckets) > _MOST_CALLERS:
            del self._buckets[next(iter(self._buckets))]
        return wait


def requests_a_minute(settings: Settings) -> int:
    """The limit in force; 0: none. What this machine alone reaches has one only where it is set."""
    if settings.api_rate is not None:
        return settings.api_rate
    return 0 if is_loopback(settings.host) else OUTSIDE_A_MINUTE


def _name(scope: Scope) -> str:
    caller = caller_of(scope)
    return f"key {caller.name}" if caller else f"address {network_of((scope.get('client') or ('',))[0])}"
