"""Signs of life: a service at work touches ``$ARBKIT_HOME/health/SERVICE``; ``arbkit alive`` says how long ago."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from arbkit.core.errors import ServiceError, UsageError, did_you_mean
from arbkit.core.formatting import age_words
from arbkit.core.settings import Settings

__all__ = ["LIMIT_S", "SERVICES", "beat", "beating", "check", "silence"]

SERVICES = ("producer", "consumer", "scheduler")

LIMIT_S = 120.0
"""How long a service may be silent. A broker or store that does not answer is given up sooner."""

_EVERY_S = 1.0


def beat(settings: Settings, name: str) -> None:
    """Leave a sign of life.

    Raises:
        ServiceError: $ARBKIT_HOME cannot be written.
    """
    path = _path(settings, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise ServiceError(
            f"cannot be written: {error.strerror or error}",
            field=str(path),
            remedy="Check ARBKIT_HOME and that this user may write there",
        ) from error


@contextmanager
def beating(settings: Settings, name: str, *, at_most_s: float) -> Iterator[None]:
    """Leave signs of life during one long step, but not beyond the time it may take."""
    done = threading.Event()
    until = time.monotonic() + at_most_s

    def run() -> None:
        # One that cannot be left is silence, which is what it is read as.
        with suppress(ServiceError):
            while not done.wait(_EVERY_S) and time.monotonic() < until:
                beat(settings, name)

    thread = threading.Thread(target=run, name=f"health {name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def check(settings: Settings, name: str) -> float:
    """How many seconds ago a service showed a sign of life.

    Raises:
        UsageError: no service of that name leaves any; names the nearest.
        ServiceError: it never has, or too long ago.
    """
    if name not in SERVICES:
        raise UsageError("no such service", field="service", value=name, remedy=did_you_mean(name, SERVICES))
    silent_s = silence(settings, name)
    if silent_s is None:
        folder = _path(settings, name).parent
        raise ServiceError("has shown no sign of life", field=name, remedy=f"Is it running with {folder}?")
    if silent_s > LIMIT_S:
        raise ServiceError(f"has shown no sign of life for {age_words(silent_s, days='days')}", field=name)
    return silent_s


def silence(settings: Settings, name: str) -> float | None:
    """Seconds since a service's last sign of life; None if it never showed one in this home."""
    try:
        return max(0.0, time.time() - _path(settings, name).stat().st_mtime)
    except OSError:
        return None


def _path(settings: Settings, name: str) -> Path:
    return settings.home / "health" / name
