"""The pages themselves: as many as there is room for, only those that are shipped, ended when they are closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from tornado.web import authenticated
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler

from arbkit.core.files import shipped_folder
from arbkit.web.dashboards.server.kernels import ABANDONED_S, RECLAIMED_S, DashboardKernels, Reservation
from arbkit.web.dashboards.server.plain import PlainErrors, RefusalError, plain_page

logger = logging.getLogger(__name__)

DRAWN_S = 180.0
"""Seconds in which a page must be drawn: it takes 3, and Voilà gives a kernel 60 to answer.

Where a kernel fails before it has drawn its page, Voilà says so to nobody and keeps the browser waiting.
"""


class _Reserved:
    """The kernels as Voilà's handler uses them; which one it takes fills the reservation."""

    def __init__(self, kernels: Any, reservation: Reservation) -> None:
        self._kernels = kernels
        self._reservation = reservation

    def has_lost(self) -> bool:
        """Whether the page had a kernel, and it has ended."""
        kernel_id = self._reservation.kernel_id
        return kernel_id is not None and kernel_id not in self._kernels

    async def give_up(self) -> None:
        """End the page's kernel, if it has one."""
        if self._reservation.kernel_id is not None:
            await self._kernels.give_up(self._reservation.kernel_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernels, name)

    async def start_kernel(self, **how: Any) -> str:
        """A new kernel's id."""
        kernel_id: str = await self._kernels.start_kernel(**how)
        self._reservation.fill(kernel_id)
        return kernel_id

    async def get_rendered_notebook(self, **which: Any) -> tuple[Any, list[str], str]:
        """What Voilà has drawn beforehand, with the id of the kernel that drew it."""
        task, drawn, kernel_id = await self._kernels.get_rendered_notebook(**which)
        self._reservation.fill(kernel_id)
        return task, drawn, kernel_id


class PageHandler(PlainErrors, TornadoVoilaHandler):  # type: ignore[misc]
    """Serves ``/voila/render/PAGE.ipynb``."""

    _reserved: _Reserved | None = None

    def initialize(self, most_pages: int, **voila: Any) -> None:
        """``most_pages`` may be open at once."""
        super().initialize(**voila)
        self._most_pages = most_pages

    @property
    def kernel_manager(self) -> Any:
        """The kernels."""
        return self._reserved or self.settings["kernel_manager"]

    @authenticated
    async def get(self, path: str | None = None) -> None:
        """Draw the page.

        Raises:
            RefusalError: 404, there is no such page; 503, there is no room for another one.
        """
        if path not in {page.name for page in shipped_folder("apps").glob("*.ipynb")}:
            raise RefusalError(404, "There is no such page.")
        kernels: DashboardKernels = self.settings["kernel_manager"]
        if kernels.open_pages() >= self._most_pages and not await kernels.make_room():
            raise RefusalError(
                503,
                f"{self._most_pages} pages are open, as many as ARBKIT_DASHBOARD_PAGES and the memory allow. Close one"
                " that you no longer need, then reload this one.",
                retry_after_s=int(ABANDONED_S),
            )
        with kernels.reserve() as reservation:
            self._reserved = _Reserved(kernels, reservation)
            drawing: Any = super().get(path)
            await drawing

    async def get_generator(self, path: str | None = None) -> AsyncGenerator[str, None]:
        """What Voilà draws, piece by piece; in place of what never comes, a sentence that says so.

        Raises:
            RefusalError: 503, nothing was drawn in time.
        """
        drawing: AsyncGenerator[str, None] = super().get_generator(path)
        deadline = asyncio.get_running_loop().time() + DRAWN_S
        async with aclosing(drawing):
            while self._reserved is None or not self._reserved.has_lost():
                try:
                    async with asyncio.timeout_at(deadline):
                        piece = await anext(drawing, None)
                except TimeoutError:
                    break
                if piece is None:
                    return
                yield piece
        logger.warning("%s could not be drawn: its kernel has ended, or does not answer", path)
        if self._reserved is not None:
            await self._reserved.give_up()
        text = "This page could not be drawn: its process has ended, or does not answer. Reload it."
        if not self._headers_written:
            raise RefusalError(503, text, retry_after_s=int(RECLAIMED_S))
        yield plain_page("Not drawn", text)


class EndKernel(VoilaShutdownKernelHandler):  # type: ignore[misc]
    """Ends the kernel of a closed page: the page's last request, which Voilà would refuse.

    It carries no XSRF cookie, for nothing sets one; it needs the login as ever, and comes from our own pages alone.
    """

    def check_xsrf_cookie(self) -> None:
        """Accept the request without the cookie: :meth:`prepare` of Jupyter refuses another origin."""
