"""The endpoints for whether arbkit works: all of its parts, whether this process lives, and whether it can serve."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from arbkit import __version__
from arbkit.analysis.detection_inputs import profile_note
from arbkit.core.errors import ArbkitError
from arbkit.core.formatting import age_words
from arbkit.core.service.addresses import is_loopback, url_answers
from arbkit.core.service.bounded_check import BoundedCheck
from arbkit.core.settings import Settings
from arbkit.ops.checks.log import late_groups, read_delays
from arbkit.ops.service_checks import HealthState, ServiceHealth, heartbeat_health
from arbkit.ops.supervisor import demo_probe, own_demo
from arbkit.sources.keepa_api.token_budget import read_tokens
from arbkit.store.lazy import LazyStore
from arbkit.store.mode import mode_in_force
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, open_stream
from arbkit.web.api.schemas import Alive, Health, HealthStatus, ServiceStatus
from arbkit.web.http import ANY_ROUTE, problem_responses, refuse_unknown, without_paths

T = TypeVar("T")
LIMIT_S = 3.0
"""Seconds that a part has to answer: what asks for the health of a service seldom waits for more than five."""
_STORE, _LOG = "store", "log"
_MOST_UNPRICED = 1_000
_SILENT_S = 3_600.0
"""A key that is asked every few minutes and has not answered for this long is not in order."""
_STATUSES: Mapping[HealthState, HealthStatus] = {
    "running": "healthy", "failing": "degraded", "late": "degraded", "down": "unhealthy", "unknown": "unknown",
}  # fmt: skip

router = APIRouter(tags=["service"], dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; ``public`` is what callers without a key see in place of ``detail`` (None: the same)."""

    status: HealthStatus
    detail: str = ""
    public: str | None = None


class HealthChecks:
    """The checks of all parts, which share nothing with the requests that are served: these may be slow."""

    def __init__(self, settings: Settings, started: Settings) -> None:
        self._settings = settings
        self._store = LazyStore(settings)
        self.settings = started
        """with the mode in force at the start, then at the last answer of the store, on which it may depend"""
        self._checks = {
            name: BoundedCheck(f"health of {name}", _caught(check))
            for name, check in ((_STORE, self._of_store), (_LOG, self._of_log), ("keepa", self._of_prices))
        }
        self._services = BoundedCheck("health of services", self._of_services)
        self._groups = BoundedCheck("health of groups", _caught(self._of_groups))
        self._shows_all = is_loopback(settings.host)

    def close(self) -> None:
        """Close the store that is asked; one that does not answer would hold up who closes it."""
        if not self._checks[_STORE].running:
            self._store.close()

    async def run(self) -> dict[str, ServiceStatus]:
        """The state of every part, by name; takes :data:`LIMIT_S` at most."""
        found, services, late = await asyncio.gather(
            asyncio.gather(*map(self.ask, self._checks)), self._ask_services(), self._ask_groups()
        )
        parts = dict(zip(self._checks, found, strict=True))
        if late is not None and parts[_LOG].status == "healthy":
            parts[_LOG] = late
        if self.settings.mode == "imported":
            del parts["keepa"]
        return parts | services

    async def ask(self, name: str) -> ServiceStatus:
        """The state of the part of this name."""
        finding, took_s = await _answer(self._checks[name], _silent)
        return self._shown(finding, took_s)

    async def _ask_services(self) -> dict[str, ServiceStatus]:
        found, took_s = await _answer(self._services, lambda s: {"services": _silent(s)})
        return {name: self._shown(finding, took_s) for name, finding in found.items()}

    async def _ask_groups(self) -> ServiceStatus | None:
        """The state of the log where somebody is late in reading it; None: nobody is, or it is not known in time."""
        # A broker is asked for a message of each partition: the log itself may have answered long before.
        finding, took_s = await _answer(self._groups, _silent)
        return self._shown(finding, took_s) if finding.status == "degraded" else None

    def _shown(self, finding: Finding, took_s: float) -> ServiceStatus:
        detail = finding.detail if self._shows_all or finding.public is None else finding.public
        shown = without_paths(self._settings, detail) or None
        return ServiceStatus(status=finding.status, response_time_ms=round(took_s * 1000, 1), detail=shown)

    def _of_store(self) -> Finding:
        store = self._store.get()
        unpriced = len(store.unpriced(_MOST_UNPRICED))
        self.settings = mode_in_force(self._settings, self._store.get)
        many = "or more " if unpriced == _MOST_UNPRICED else ""
        goods = "product" if unpriced == 1 else "products"
        waiting = f"{unpriced:,} {many}{goods} not priced yet" if unpriced else ""
        note = profile_note(self._settings, store.swept())
        return Finding("healthy", "; ".join(filter(None, [waiting, note])))

    def _of_log(self) -> Finding:
        with open_stream(self._settings) as log:
            lag = sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())
        return Finding("healthy", f"{lag:,} messages wait for the consumer" if lag else "")

    def _of_groups(self) -> Finding:
        with open_stream(self._settings) as log:
            late = late_groups(self._settings, read_delays(log))
        return Finding("degraded" if late else "healthy", " ".join(f"{one}." for one in late))

    def _of_services(self) -> dict[str, Finding]:
        found = heartbeat_health(self.settings)
        return {one.name: _of_service(one) for one in found}

    def _of_prices(self) -> Finding:
        settings, now = self.settings, time.time()
        if settings.demo_mode:
            if own_demo(settings) and not settings.demo_port:
                return Finding("unknown", "the demo market's port was left to chance")
            answers = url_answers(demo_probe(settings))
            return Finding("healthy", "demo market") if answers else Finding("unhealthy", "the demo market is silent")
        if (tokens := read_tokens(settings)) is None:
            return Finding("unknown", "nothing was asked of Keepa yet")
        silent_s = max(0.0, now - tokens.at)
        words = tokens.left_words(now)
        left = f"{words} tokens" if tokens.level(now) >= 1 else words.replace("0,", "0 tokens,", 1)
        detail = f"{left}; last answer {age_words(silent_s)} ago"
        late = silent_s > max(_SILENT_S, 3 * settings.poll_interval)
        return Finding("degraded" if late else "healthy", detail)


async def _answer(check: BoundedCheck[T], silent: Callable[[float], T]) -> tuple[T, float]:
    """What a check found and the seconds it took, or what is said of one that is ``silent`` for these seconds."""
    pending = check.ask()
    answer = asyncio.wrap_future(pending.answer)
    # Waiting like this cancels nothing: the next caller may get this answer.
    await asyncio.wait({answer}, timeout=max(0.0, pending.started_at + LIMIT_S - time.monotonic()))
    if answer.done():
        return answer.result()
    waited_s = time.monotonic() - pending.started_at
    return silent(waited_s), waited_s


def _of_service(one: ServiceHealth) -> Finding:
    said = f"{one.says}. {one.remedy}".rstrip(". ")
    return Finding(_STATUSES[one.state], said, f"{one.detail}; arbkit's log says why" if one.why else None)


def _silent(seconds: float) -> Finding:
    return Finding("unhealthy", f"no answer for {seconds:.0f} s")


def _caught(check: Callable[[], Finding]) -> Callable[[], Finding]:
    """The check, an error of ours being what it found."""

    def checked() -> Finding:
        try:
            return check()
        except ArbkitError as error:
            return Finding("unhealthy", str(error), "cannot be used; arbkit's log says why")

    return checked


async def _checks(request: Request) -> HealthChecks:
    checks: HealthChecks = request.app.state.health
    return checks


ChecksDep = Annotated[HealthChecks, Depends(_checks)]


@router.get(
    "/health", response_model=Health, responses={503: {"model": Health, "description": "Nothing can be served"}}
)
async def health(response: Response, checks: ChecksDep) -> Health:
    """The state of log, store, source of prices and every service: 503 where nothing can be served.

    ``degraded``: what is stored is served, and something else is out of order.
    """
    services = await checks.run()
    status: Literal["healthy", "degraded", "unhealthy"] = "healthy"
    if services[_STORE].status == "unhealthy":
        status = "unhealthy"
        response.status_code = 503
    elif any(one.status in ("degraded", "unhealthy") for one in services.values()):
        status = "degraded"
    return Health(
        status=status, version=__version__, timestamp=datetime.now(UTC), mode=checks.settings.mode, services=services
    )


@router.get("/health/live")
async def live() -> Alive:
    """Whether this process answers: what asks it is to start it again where it does not."""
    return Alive(status="alive")


@router.get("/health/ready", responses=problem_responses(503))
async def ready(checks: ChecksDep) -> Alive:
    """Whether the store answers: 503 where nothing can be served yet, or any more."""
    store = await checks.ask(_STORE)
    if store.status == "unhealthy":
        raise HTTPException(503, f"The store does not answer: {store.detail}")
    return Alive(status="ready")
