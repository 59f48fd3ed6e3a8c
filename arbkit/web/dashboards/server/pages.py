"""The pages themselves: as many as there is room for, only those that are shipped, ended when they are closed."""

from __future__ import annotations

from typing import Any

from tornado.web import authenticated
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler

from arbkit.core.files import shipped_folder
from arbkit.web.dashboards.server.kernels import ABANDONED_S, DashboardKernels, Reservation
from arbkit.web.dashboards.server.plain import PlainErrors, RefusalError


class _Reserved:
    """The kernels as Voilà's handler uses them; which one it takes fills the reservation."""

    def __init__(self, kernels: Any, reservation: Reservation) -> None:
        self._kernels = kernels
        self._reservation = reservation

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


class EndKernel(VoilaShutdownKernelHandler):  # type: ignore[misc]
    """Ends the kernel of a closed page: the page's last request, which Voilà would refuse.

    It carries no XSRF cookie, for nothing sets one; it needs the login as ever, and comes from our own pages alone.
    """

    def check_xsrf_cookie(self) -> None:
        """Accept the request without the cookie: :meth:`prepare` of Jupyter refuses another origin."""
