"""A check of something that may hang: whoever asks waits for no longer than they want to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pending(Generic[T]):
    """A check that was started at ``started_at`` (monotonic seconds); ``answer`` comes with the seconds it took."""

    started_at: float
    answer: Future[tuple[T, float]] = field(default_factory=Future)


class BoundedCheck(Generic[T]):
    """Runs ``check`` on a thread of its own, one at a time: what hangs holds up one thread, however often it is asked.

    The thread keeps no process from ending.
    """

    def __init__(self, name: str, check: Callable[[], T]) -> None:
        self._name = name
        self._check = check
        self._lock = threading.Lock()
        self._pending: Pending[T] | None = None

    def ask(self) -> Pending[T]:
        """The check that is under way, or a new one."""
        with self._lock:
            if self._pending is None or self._pending.answer.done():
                self._pending = Pending(time.monotonic())
                threading.Thread(target=self._run, args=(self._pending,), name=self._name, daemon=True).start()
            return self._pending

    @property
    def running(self) -> bool:
        """Whether a check is under way."""
        with self._lock:
            return self._pending is not None and not self._pending.answer.done()

    def _run(self, pending: Pending[T]) -> None:
        try:
            found = self._check()
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            pending.answer.set_exception(error)
            return
        pending.answer.set_result((found, time.monotonic() - pending.started_at))
