"""Ctrl-C and SIGTERM end a run once, and never in the middle of its cleaning up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["end_on_signals", "undisturbed"]

_ENDING = (signal.SIGINT, signal.SIGTERM)


def end_on_signals() -> None:
    """Make the first signal raise ``SystemExit``; later ones are ignored, for make and a terminal both send theirs."""
    for number in _ENDING:
        signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    for one in _ENDING:
        signal.signal(one, signal.SIG_IGN)
    raise SystemExit(128 + number)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore the signals while the body cleans up; processes that it starts ignore them too."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
