"""Heartbeats: a running service touches ``$ARBKIT_HOME/health/SERVICE``; ``arbkit alive`` says how long ago."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from arbkit.core.errors import ServiceError, UsageError, did_you_mean
from arbkit.core.files import writing
from arbkit.core.formatting import age_words
from arbkit.core.settings import Settings

SERVICES = ("producer", "consumer", "detector", "dispatcher", "scheduler")

LIMIT_S = 120.0
"""A service without a heartbeat for this long counts as down; a broker or store that is silent is given up sooner."""

_EVERY_S = 1.0


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
