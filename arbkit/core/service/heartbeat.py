"""Heartbeats: a running service touches ``$ARBKIT_HOME/health/SERVICE``; ``arbkit alive`` says how long ago.

One that runs and gets nothing done, for each try fails, says so beside it in ``SERVICE.fault``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from arbkit.core.errors import ArbkitError, ServiceError, UsageError, did_you_mean
from arbkit.core.files import writing
from arbkit.core.formatting import age_words
from arbkit.core.settings import Settings

SERVICES = ("producer", "consumer", "detector", "dispatcher", "scheduler")

LIMIT_S = 120.0
"""A service without a heartbeat for this long counts as down; a broker or store that is silent is given up sooner."""

_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What each try of a service has failed with since then (Unix seconds), and the remedy (empty: none is known)."""

    since: float
    why: str
    remedy: str = ""


class Pulse:
    """The heartbeats of one service, with what keeps it from getting anything done.

    As a context it also keeps the error with which the service ends: one that is started again and again only to fail
    leaves heartbeats too. What an earlier process has left counts until something succeeds. With ``is_silent`` nothing
    is left at all, as of a run that is no service.
    """

    def __init__(self, settings: Settings, name: str, *, is_silent: bool = False) -> None:
        self._settings = settings
        self._name = name
        self._is_silent = is_silent
        self._fault = read_fault(settings, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, Exception):
            self.failed(error)

    @property
    def is_failing(self) -> bool:
        """Whether nothing has succeeded since the last failure."""
        return self._fault is not None

    def beat(self) -> None:
        """Leave a heartbeat.

        Raises:
            ServiceError: $ARBKIT_HOME cannot be written.
        """
        if not self._is_silent:
            record_heartbeat(self._settings, self._name)

    def failed(self, error: BaseException) -> None:
        """Keep that a try has failed, since when, and with what."""
        why, remedy = (error.what, error.remedy) if isinstance(error, ArbkitError) else (repr(error), None)
        before = self._fault
        fault = Fault(before.since if before else time.time(), why, remedy or "")
        if fault != before and not self._is_silent:
            # On a full disk an empty file may still be made: that, too, says that something is wrong.
            with suppress(OSError):
                _fault_path(self._settings, self._name).write_bytes(orjson.dumps(asdict(fault)))
        self._fault = fault

    def succeeded(self) -> None:
        """Something got done: what failed before does not any more."""
        if self._fault is not None and not self._is_silent:
            with suppress(OSError):
                _fault_path(self._settings, self._name).unlink(missing_ok=True)
        self._fault = None


class WorkFaults:
    """The faults of a service that does several kinds of work: while one of them fails, so does the service."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._by_work: dict[str, ServiceError] = {}

    def note(self, work: str, fault: ServiceError | None) -> None:
        """Keep that this work has failed, or (None) that it has not."""
        self._by_work.pop(work, None)
        if fault is not None:
            self._by_work[work] = fault
        if self._by_work:
            self._pulse.failed(next(iter(self._by_work.values())))
        else:
            self._pulse.succeeded()


def read_fault(settings: Settings, name: str) -> Fault | None:
    """What keeps a service from getting anything done, as it has left it; None: nothing."""
    path = _fault_path(settings, name)
    try:
        data, changed_at = path.read_bytes(), path.stat().st_mtime
    except OSError:
        return None
    try:
        return Fault(**orjson.loads(data))
    except (orjson.JSONDecodeError, TypeError):
        # A full disk took no more of it, or it is being written.
        return Fault(changed_at, "its log says with what", "")


def _fault_path(settings: Settings, name: str) -> Path:
    path = heartbeat_path(settings, name)
    return path.with_name(f"{path.name}.fault")


def record_heartbeat(settings: Settings, name: str) -> None:
    """Leave a heartbeat of the service ``name``.

    Raises:
        ServiceError: $ARBKIT_HOME cannot be written.
    """
    path = heartbeat_path(settings, name)
    with writing(path, remedy="Check ARBKIT_HOME and that this user may write there"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@contextmanager
def keep_heartbeat(settings: Settings, name: str, *, at_most_s: float) -> Iterator[None]:
    """Leave heartbeats during one long step, but for no longer than it may take (``at_most_s`` seconds)."""
    done = threading.Event()
    until = time.monotonic() + at_most_s

    def run() -> None:
        # One that cannot be written is missing, which is how it is read.
        with suppress(ServiceError):
            while not done.wait(_EVERY_S) and time.monotonic() < until:
                record_heartbeat(settings, name)

    thread = threading.Thread(target=run, name=f"heartbeat {name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def check_heartbeat(settings: Settings, name: str) -> float:
    """Seconds since a service's last heartbeat, which is recent.

    Raises:
        UsageError: no service of that name sends any; names the nearest.
        ServiceError: it never sent one, or the last is too old.
    """
    if name not in SERVICES:
        raise UsageError("no such service", field="service", value=name, remedy=did_you_mean(name, SERVICES))
    age_s = seconds_since_heartbeat(settings, name)
    if age_s is None:
        folder = heartbeat_path(settings, name).parent
        raise ServiceError("has sent no heartbeat", field=name, remedy=f"Is it running with {folder}?")
    if age_s > LIMIT_S:
        raise ServiceError(f"has sent no heartbeat for {age_words(age_s, days='days')}", field=name)
    return age_s


def seconds_since_heartbeat(settings: Settings, name: str) -> float | None:
    """Seconds since a service's last heartbeat; None if there never was one in this home.

    One that is ahead of the clock was left before that was set back: it counts as old as it is ahead, or a service that
    has ended would be alive until the clock is there again.
    """
    try:
        return abs(time.time() - heartbeat_path(settings, name).stat().st_mtime)
    except OSError:
        return None


def heartbeat_path(settings: Settings, name: str) -> Path:
    """The file that a service touches; others tell by its time that the service is alive."""
    return settings.health_dir / name
