"""``arbkit doctor``: every check of configuration and connections, each finding with its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import partial

from arbkit.core.errors import ArbkitError
from arbkit.core.results import Result
from arbkit.core.settings import Settings
from arbkit.ops.checks.data import check_clock, check_digests, check_integrity, check_sqlite
from arbkit.ops.checks.files import (
    check_alerts,
    check_api,
    check_home,
    check_pages,
    check_profile,
    check_rates,
    check_reports,
    check_schedule,
    check_secrets,
    check_tables,
    check_verdict,
    check_watchlist,
)
from arbkit.ops.checks.finding import Outcome
from arbkit.ops.checks.log import check_dead_letters, check_groups, check_log, check_topics
from arbkit.ops.checks.plan import check_plan
from arbkit.ops.checks.running import check_mode, check_ports, check_services, check_source
from arbkit.ops.checks.store import check_channels, check_store
from arbkit.store.mode import settle_mode
from arbkit.stream import Stream, open_stream


class Check(Result):
    """What a check found. ``exit_code`` is what the command ends with if it is not ``ok``; 0 of what can wait."""

    name: str
    ok: bool
    says: str
    remedy: str | None = None
    exit_code: int = 0


def examine(settings: Settings, *, deep: bool = False) -> list[Check]:
    """All checks, in the order in which data passes; one that fails does not keep the others from running.

    The log is opened once: where that fails, there is one finding of it, and nothing else is asked of it.

    A check has an entry for everything that it finds wrong, or one that says what is in order. With ``deep`` also those
    that read every byte of log and store.
    """
    with suppress(ArbkitError):
        settings = settle_mode(settings)
    after = {**_CHECKS_AFTER_LOG, **(_DEEP_CHECKS if deep else {})}
    return [*_all_findings(settings, _CHECKS_BEFORE_LOG), *_log_findings(settings), *_all_findings(settings, after)]


def _all_findings(settings: Settings, checks: Mapping[str, Callable[[Settings], Outcome]]) -> Iterator[Check]:
    for name, look in checks.items():
        yield from _findings(name, partial(look, settings))


def _log_findings(settings: Settings) -> Iterator[Check]:
    with ExitStack() as held:
        try:
            log = held.enter_context(open_stream(settings))
        except ArbkitError as error:
            yield _finding("log", error)
            return
        for name, look in _LOG_CHECKS.items():
            yield from _findings(name, partial(look, settings, log))


def _findings(name: str, look: Callable[[], Outcome]) -> Iterator[Check]:
    try:
        found = look()
    except ArbkitError as error:
        found = [error]
    if isinstance(found, str):
        yield Check(name=name, ok=True, says=found)
        return
    yield from (_finding(name, one) for one in found)


def _finding(name: str, fault: ArbkitError) -> Check:
    return Check(name=name, ok=False, says=fault.what, remedy=fault.remedy, exit_code=fault.exit_code)


_CHECKS_BEFORE_LOG: Mapping[str, Callable[[Settings], Outcome]] = {
    "mode": check_mode, "secrets": check_secrets, "home": check_home, "watchlist": check_watchlist,
    "profile": check_profile, "reports": check_reports, "pages": check_pages, "schedule": check_schedule,
    "alerts": check_alerts, "verdict": check_verdict, "fee tables": check_tables, "exchange rates": check_rates,
    "prices": check_source, "plan": check_plan,
}  # fmt: skip
"""The checks in the order in which data passes; those of the log come next."""
_LOG_CHECKS: Mapping[str, Callable[[Settings, Stream], Outcome]] = {
    "log": check_log, "topics": check_topics, "groups": check_groups, "dead letters": check_dead_letters,
    "clock": check_clock,
}  # fmt: skip
_CHECKS_AFTER_LOG: Mapping[str, Callable[[Settings], Outcome]] = {
    "store": check_store, "sqlite": check_sqlite, "channels": check_channels, "services": check_services,
    "ports": check_ports, "API": check_api,
}  # fmt: skip
_DEEP_CHECKS: Mapping[str, Callable[[Settings], Outcome]] = {"integrity": check_integrity, "digests": check_digests}
"""Those that read every byte."""
