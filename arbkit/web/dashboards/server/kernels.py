"""The kernels behind the pages: how many there may be, and when they end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

ABANDONED_S = 60.0
"""Seconds after its last socket closed at which a kernel ends: a phone may be locked, or a network lost, so long."""
UNVISITED_S = 80.0
"""Seconds that the browser of a new page has to open its first socket: many pages at once load slowly."""
SETTLED_S = 10.0
"""Seconds between a page that is drawn beforehand and the next: whoever has just come waits for the first one."""
RECLAIMED_S = 5.0
"""Seconds after which a kernel whose sockets have closed ends for the sake of another page: a short cut is no end."""


@dataclass(slots=True)
class _Session:
    """A kernel that was given to a page."""

    alone_since: float
    visited: bool = False
    is_ending: bool = False


class Reservation:
    """Room for one page, until it has a kernel."""

    def __init__(self, become: Callable[[str], None]) -> None:
        self._become = become
        self.kernel_id: str | None = None

    def fill(self, kernel_id: str) -> None:
        """This is the page's kernel."""
        if self.kernel_id is None:
            self.kernel_id = kernel_id
            self._become(kernel_id)


class DashboardKernels(AsyncMappingKernelManager):
    """Knows which kernels were given to pages, and ends those whose pages have gone.

    Those that Voilà keeps warm for the next page were given to none: they stay.
    """

    clock: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self._sessions: dict[str, _Session] = {}
        self._reserved = 0

    def open_pages(self) -> int:
        """Pages that are open or about to be."""
        # A kernel is there until its process has ended.
        self._sessions = {kernel_id: one for kernel_id, one in self._sessions.items() if kernel_id in self}
        return self._reserved + len(self._sessions)

    @contextmanager
    def reserve(self) -> Iterator[Reservation]:
        """Count one more page, before it has a kernel; the room is free again if it gets none."""
        reservation = Reservation(self._give)
        self._reserved += 1
        try:
            yield reservation
        finally:
            if reservation.kernel_id is None:
                self._reserved -= 1

    def _give(self, kernel_id: str) -> None:
        self._reserved -= 1
        self._sessions[kernel_id] = _Session(self.clock())

    async def make_room(self) -> bool:
        """End the kernel whose page vanished first; whether there was one."""
        gone = [
            (session.alone_since, kernel_id)
            for kernel_id, session in self._sessions.items()
            if session.visited and not session.is_ending and kernel_id in self and not self._is_used(kernel_id)
        ]
        if not gone or self.clock() - min(gone)[0] < RECLAIMED_S:
            return False
        await self._end(min(gone)[1])
        return True

    def notify_disconnect(self, kernel_id: str) -> None:
        """A socket of a page has closed."""
        super().notify_disconnect(kernel_id)  # type: ignore[no-untyped-call]
        if session := self._sessions.get(kernel_id):
            session.alone_since, session.visited = self.clock(), True

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End the kernel if its page has gone, or nobody has looked at it for long."""
        session = self._sessions.get(kernel_id)
        if session is None or session.is_ending:
            return
        if self._is_used(kernel_id):
            session.alone_since = self.clock()
        limit = ABANDONED_S if session.visited else UNVISITED_S
        if self.clock() - session.alone_since >= limit:
            await self._end(kernel_id)
        else:
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]

    async def give_up(self, kernel_id: str) -> None:
        """End the kernel of a page that could not be drawn; its room is free then."""
        session = self._sessions.get(kernel_id)
        if session is not None and not session.is_ending and kernel_id in self:
            await self._end(kernel_id)

    async def _end(self, kernel_id: str) -> None:
        session = self._sessions[kernel_id]
        session.is_ending = True
        try:
            await ensure_async(self.shutdown_kernel(kernel_id))  # type: ignore[no-untyped-call]
        except BaseException:
            # The next look tries again: a kernel that nobody ends would keep its room for ever.
            session.is_ending = False
            raise

    def _is_used(self, kernel_id: str) -> bool:
        # Jupyter's server adds what a kernel is doing to the manager's own attributes.
        return self._connections(kernel_id) > 0 or getattr(self.get_kernel(kernel_id), "execution_state", "") == "busy"

    def _connections(self, kernel_id: str) -> int:
        found: int = self._kernel_connections.get(kernel_id, 0)
        return found


class PooledKernels(Protocol):
    """:class:`DashboardKernels` as Voilà extends them, which keeps pages drawn in pools."""

    kernel_pools_config: dict[str, dict[str, int]]
    _pools: dict[str, list[asyncio.Future[Any]]]

    def fill_if_needed(self, *, delay: float, notebook_name: str) -> None:
        """Draw as many pages of a notebook as its pool lacks."""


async def draw_in_turn(kernels: PooledKernels, notebooks: Iterable[str]) -> None:
    """Keep one more page of each of these drawn, one after another: somebody may be waiting for the first one."""
    for notebook in notebooks:
        await _drawn(kernels)
        await asyncio.sleep(SETTLED_S)
        pools = kernels.kernel_pools_config
        kept = pools.get(notebook, {}).get("pool_size", 0)
        kernels.kernel_pools_config = {**pools, notebook: {"pool_size": kept + 1}}
        kernels.fill_if_needed(delay=0, notebook_name=notebook)


async def _drawn(kernels: PooledKernels) -> None:
    """Wait until what is being drawn beforehand is drawn, or cannot be."""
    # Voilà tells nobody else.
    starting = [one for pool in kernels._pools.values() for one in pool]
    if starting:
        begun, _ = await asyncio.wait(starting)
        drawing = [one.result()["task"] for one in begun if not one.cancelled() and one.exception() is None]
        if drawing:
            await asyncio.wait(drawing)
