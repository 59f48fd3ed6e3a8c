"""Work in a thread, one piece at a time, so that a slow server never holds a page up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from arbkit.core.errors import ArbkitError
from arbkit.web.dashboards.page_widget import OUR_FAULT

__all__ = ["Errand"]

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Errand(Generic[T]):
    """Sends one piece of work into a thread and gives what came of it to ``then``, back on the page's own thread.

    ``then`` gets what was found and no fault, or None and the fault in a sentence. Where no event loop runs, all of it
    happens at once.
    """

    def __init__(self, then: Callable[[T | None, str], object]) -> None:
        self._then = then
        self._task: asyncio.Task[None] | None = None
        self.began_at: float | None = None
        """when what is under way began; None while nothing is"""

    def start(self, act: Callable[[], T]) -> bool:
        """Begin, unless something is under way still; whether it did."""
        if self.began_at is not None:
            return False
        self.began_at = time.time()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._end(*_attempted(act))
        else:
            self._task = loop.create_task(self._run(act))
        return True

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._task is not None and not self._task.done():
            await self._task

    async def _run(self, act: Callable[[], T]) -> None:
        self._end(*await asyncio.to_thread(_attempted, act))

    def _end(self, found: T | None, fault: str) -> None:
        self.began_at = None
        self._then(found, fault)


def _attempted(act: Callable[[], T]) -> tuple[T | None, str]:
    try:
        return act(), ""
    except ArbkitError as error:
        return None, str(error)
    except Exception:  # the page must live on, and its reader has no use for a traceback
        logger.exception("a page's work in a thread failed")
        return None, OUR_FAULT
