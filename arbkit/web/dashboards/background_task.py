"""Work in a thread, one task at a time, so that a slow server never holds a page up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from arbkit.core.errors import ArbkitError
from arbkit.web.dashboards.page_widget import INTERNAL_ERROR

logger = logging.getLogger(__name__)

T = TypeVar("T")


class BackgroundTask(Generic[T]):
    """Runs a function in a thread and passes its result to ``then``, back on the page's own thread.

    ``then`` gets the result and an empty text, or None and the error in a sentence. Without an event loop everything
    happens at once.
    """

    def __init__(self, then: Callable[[T | None, str], None]) -> None:
        self._then = then
        self._task: asyncio.Task[None] | None = None
        self.began_at: float | None = None
        """when the running task began; None while none runs"""

    def start(self, work: Callable[[], T]) -> bool:
        """Begin, unless a task is running; whether it began."""
        if self.began_at is not None:
            return False
        self.began_at = time.time()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._end(*_attempt(work))
        else:
            self._task = loop.create_task(self._run(work))
        return True

    async def settled(self) -> None:
        """Wait until no task is running."""
        while self._task is not None and not self._task.done():
            await self._task

    async def _run(self, work: Callable[[], T]) -> None:
        self._end(*await asyncio.to_thread(_attempt, work))

    def _end(self, result: T | None, error: str) -> None:
        self.began_at = None
        self._then(result, error)


def _attempt(work: Callable[[], T]) -> tuple[T | None, str]:
    try:
        return work(), ""
    except ArbkitError as error:
        return None, str(error)
    except Exception:  # the page must live on, and its reader has no use for a traceback
        logger.exception("a page's background task failed")
        return None, INTERNAL_ERROR
