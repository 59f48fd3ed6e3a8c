"""Start Voilà over the shipped dashboards, and JupyterLab over the shipped notebooks."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.utils import url_path_join
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler

from arbkit.core.files import shipped_folder, write_atomically
from arbkit.core.settings import Settings, sqlite_path
from arbkit.web.dashboards.report_files import ROUTE, ReportHandler

_HERE = Path(__file__).parent


class DashboardKernels(AsyncMappingKernelManager):
    """Ends idle kernels, but not those that Voilà keeps warm for the next page.

    Voilà has no public way to ask which those are: ``_pools`` is its own.
    """

    _pools: Mapping[str, list[asyncio.Task[dict[str, str]]]]

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End the kernel if it is idle and was given to a page."""
        warm = [task for pool in self._pools.values() for task in pool]
        if all(not task.done() or task.result()["kernel_id"] != kernel_id for task in warm):
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]


class EndKernel(VoilaShutdownKernelHandler):  # type: ignore[misc]
    """Ends the kernel of a closed page: the page's last request, which Voilà would refuse.

    It carries no XSRF cookie, for nothing sets one; it needs the login as ever, and the kernel's id is a secret.
    """

    def check_xsrf_cookie(self) -> None:
        """Accept the request without the cookie."""


class Dashboards(Voila):  # type: ignore[misc]
    """Voilà with a template that loads nothing from other hosts, and the reports beside the pages."""

    arbkit: Settings
    listening: socket.socket

    def setup_template_dirs(self) -> None:
        """Put our template before Voilà's, and plotly's script among the static files."""
        super().setup_template_dirs()
        self.template_paths.insert(0, str(_HERE / "templates"))
        # The charts' library, which pages fetch once and browsers keep.
        self.static_paths.append(str(Path(plotly.__file__).parent / "package_data"))

    def init_handlers(self) -> list[Any]:
        """The handlers of reports and of closed pages, before those of Voilà."""
        reports = (url_path_join(self.server_url, ROUTE), ReportHandler, {"settings": self.arbkit})
        ended = (url_path_join(self.server_url, r"/voila/api/shutdown/(.*)"), EndKernel)
        return [reports, ended, *super().init_handlers()]

    def listen(self) -> None:
        """Serve on the socket that is open already, until stopped; Voilà would open one on whatever port is free."""
        self.listening.setblocking(False)
        HTTPServer(self.app).add_socket(self.listening)
        self.ioloop = IOLoop.current()
        try:
            self.ioloop.start()
        finally:
            self.stop()


def kernel_environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables of a kernel, which runs in the folder of its notebook: absolute paths."""
    here = {
        "home": settings.home.absolute(),
        "folder": settings.folder.absolute(),
        "watchlist": settings.watchlist_path.absolute(),
        # One that is not there yet may be made while the kernel runs.
        "profile": settings.profile.absolute() if settings.profile else None,
        "schedule": settings.schedule.absolute() if settings.schedule else None,
        "log": _absolute(settings.log_url),
        "store": _absolute(settings.store_url),
    }
    return settings.without_key().model_copy(update=here).environment()


def _absolute(url: str) -> str:
    if not url.startswith("sqlite:"):
        return url
    return f"sqlite:///{sqlite_path(url).absolute()}"


def run_dashboards(settings: Settings, listening: socket.socket) -> None:
    """Serve the dashboards on this socket until SIGTERM or SIGINT.

    ``settings`` must have a token, and the socket's port. The kernels end with the process.

    Raises:
        ConfigError: the notebooks of the dashboards are missing.
    """
    os.environ.update(kernel_environment(settings))
    config = Config(tomllib.loads((_HERE / "voila.toml").read_text("utf-8")))
    config.Voila.ip = settings.host
    config.Voila.port = settings.dashboards_port
    config.Voila.token = settings.token.get_secret_value()
    config.Voila.root_dir = str(shipped_folder("apps"))
    app = Dashboards(config=config)
    app.arbkit = settings
    app.listening = listening
    app.initialize([])
    app.start()


def own_notebooks(settings: Settings) -> Path:
    """The user's folder of notebooks, ``$ARBKIT_HOME/notebooks``, with a copy of each shipped one that is not there.

    Raises:
        ConfigError: the shipped notebooks are missing.
        ServiceError: they cannot be copied.
    """
    own = settings.home.absolute() / "notebooks"
    for notebook in shipped_folder("notebooks").glob("*.ipynb"):
        copy = own / notebook.name
        # What the user has made of it is theirs, whatever a newer arbkit ships.
        if not copy.exists():
            write_atomically(copy, notebook.read_bytes())
    return own


def lab(settings: Settings, *, browser: bool = True) -> int:
    """Run JupyterLab over the user's own copies of the notebooks until it ends; its exit code.

    Raises:
        ConfigError: the notebooks are missing.
        ServiceError: they cannot be copied into the home.
    """
    folder = own_notebooks(settings)
    token = settings.token.get_secret_value()
    environment = {**os.environ, **kernel_environment(settings), **({"JUPYTER_TOKEN": token} if token else {})}
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.ip={settings.host}"]
    command += [f"--ServerApp.root_dir={folder}", *([] if browser else ["--no-browser"])]
    # JupyterLab would ask another host for a newer version; it fetches news only if the user agrees.
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    return subprocess.run(command, env=environment, check=False).returncode
