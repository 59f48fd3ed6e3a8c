"""Calls that take long, in a process that may be stopped in the middle of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")

_GRACE_S = 4.0
"""How long an answer that is on its way may still come in after a stop: it is paid for."""


def unless_stopped(call: Callable[[], T], stop: threading.Event, beat: Callable[[], None]) -> T | None:
    """What ``call`` gives, or None if ``stop`` is set and it does not end within :data:`_GRACE_S`.

    It runs in a thread that may be left behind: an HTTP request cannot be broken off from outside.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            future.set_exception(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    while not stop.is_set():
        beat()
        if wait([future], timeout=0.1).done:
            return future.result()
    return future.result() if wait([future], timeout=_GRACE_S).done else None
