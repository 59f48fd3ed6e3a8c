"""The pages themselves: as many as there is room for, only those that are shipped, ended when they are closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupyter_server.services.contents.manager import ContentsManager
from tornado.web import authenticated
from voila.configuration import VoilaConfiguration
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.service.addresses import FIRST_PAGE
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.notebook_file import SUFFIX
from arbkit.reports.catalogue.own_pages import SHIPPED_PAGES, own_page
from arbkit.web.dashboards.server.kernels import ABANDONED_S, RECLAIMED_S, DashboardKernels, Reservation
from arbkit.web.dashboards.server.plain import PlainErrors, RefusalError, plain_page

logger = logging.getLogger(__name__)

DRAWN_S = 180.0
"""Seconds in which a page must be drawn: it takes 3, and Voilà gives a kernel 60 to answer.

Where a kernel fails before it has drawn its page, Voilà says so to nobody and keeps the browser waiting.
"""


class _Reserved:
    """The kernels as Voilà's handler uses them; which one it takes fills the reservation."""

    def __init__(self, kernels: Any, reservation: Reservation, folder: Path | None = None) -> None:
        """``folder``: where its kernel runs; None: where Voilà has its notebooks."""
        self._kernels = kernels
        self._reservation = reservation
        self._folder = folder

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
        if self._folder is not None:
            how = {**how, "path": None, "cwd": str(self._folder)}
        kernel_id: str = await self._kernels.start_kernel(**how)
        self._reservation.fill(kernel_id)
        return kernel_id

    async def get_rendered_notebook(self, **which: Any) -> tuple[Any, list[str], str]:
        """What Voilà has drawn beforehand, with the id of the kernel that drew it."""
        task, drawn, kernel_id = await self._kernels.get_rendered_notebook(**which)
        self._reservation.fill(kernel_id)
        return task, drawn, kernel_id


class Home(PlainErrors, JupyterHandler):
    """Leads whoever names no page to the first one."""

    @authenticated
    def get(self) -> None:
        """Redirect."""
        self.redirect(FIRST_PAGE)

    head = get


class PageHandler(PlainErrors, TornadoVoilaHandler):  # type: ignore[misc]
    """Serves ``/voila/render/PAGE.ipynb``: the shipped pages, and the user's own beside them."""

    _reserved: _Reserved | None = None
    _own: Path | None = None

    def initialize(self, most_pages: int, settings: Settings, **voila: Any) -> None:
        """``most_pages`` may be open at once."""
        super().initialize(**voila)
        self._most_pages, self._settings = most_pages, settings

    @property
    def contents_manager(self) -> ContentsManager:
        """What reads the notebook: from the folder of the user's own pages, if it is one of these."""
        if self._own is not None:
            return LargeFileManager(root_dir=str(self._own.parent), log=self.settings["contents_manager"].log)
        shipped: ContentsManager = super().contents_manager
        return shipped

    @property
    def kernel_manager(self) -> Any:
        """The kernels."""
        return self._reserved or self.settings["kernel_manager"]

    @authenticated
    async def get(self, path: str | None = None) -> None:
        """Draw the page.

        Raises:
            RefusalError: 404, there is no such page; 422, it is one of the user's own that cannot be shown, and why;
                503, there is no room for another one.
        """
        self._find(path or "")
        kernels: DashboardKernels = self.settings["kernel_manager"]
        if kernels.open_pages() >= self._most_pages and not await kernels.make_room():
            raise RefusalError(
                503,
                f"{self._most_pages} pages are open, as many as ARBKIT_DASHBOARD_PAGES and the memory allow. Close one"
                " that you no longer need, then reload this one.",
                retry_after_s=int(ABANDONED_S),
            )
        with kernels.reserve() as reservation:
            self._reserved = _Reserved(kernels, reservation, self._own.parent if self._own else None)
            drawing: Any = super().get(path)
            await drawing

    def _find(self, path: str) -> None:
        """Find the page of this path: a shipped one, or else one of the user's own, which shows its own faults."""
        name = path.removesuffix(SUFFIX)
        if path == name:
            raise RefusalError(404, "There is no such page.")
        if name in SHIPPED_PAGES:
            return
        try:
            self._own = own_page(self._settings, name).absolute()
        except UsageError:
            raise RefusalError(404, "There is no such page.") from None
        except ConfigError as error:
            raise RefusalError(422, str(error)) from None
        self.voila_configuration = VoilaConfiguration(config=self.traitlet_config, show_tracebacks=True)

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
