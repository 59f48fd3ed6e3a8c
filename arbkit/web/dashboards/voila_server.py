"""Start Voilà over the shipped dashboards, and JupyterLab over the shipped notebooks."""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
import threading
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import plotly
from jupyter_core.paths import jupyter_config_path
from jupyter_server.serverapp import list_running_servers
from jupyter_server.utils import url_path_join
from pydantic import SecretStr
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.routing import Rule
from tornado.web import RequestHandler
from traitlets.config import Config
from voila.app import Voila

from arbkit.core.files import shipped_folder, write_new
from arbkit.core.service.addresses import base_url, with_token
from arbkit.core.service.process_tree import end_tree, spawn
from arbkit.core.settings import Settings, sqlite_path
from arbkit.display.html import environment
from arbkit.reports.catalogue.own_pages import SHIPPED_PAGES, own_page_files
from arbkit.reports.kernel.sockets import transport
from arbkit.web.dashboards.report_files import ROUTE, ReportHandler
from arbkit.web.dashboards.server.connection import PageConnection
from arbkit.web.dashboards.server.kernels import draw_in_turn
from arbkit.web.dashboards.server.login import (
    DashboardIdentity,
    Login,
    Logout,
    TokenInAddress,
    TokenLogin,
    cookie_secret,
)
from arbkit.web.dashboards.server.pages import EndKernel, Home, PageHandler
from arbkit.web.dashboards.server.plain import ExtensionFiles, NotFound, StaticFiles, TemplateFiles
from arbkit.web.dashboards.server.room import Room, memory_limit, room
from arbkit.web.policies import SECURITY_HEADERS, dashboard_page

logger = logging.getLogger(__name__)

_HERE = Path(__file__).parent
_LARGEST_HEADERS = 32 << 10
"""Bytes of a request's line and headers: the longest address of a page is a tenth of it."""
_LARGEST_REQUEST = 1 << 20
"""Bytes of a body, or of a socket's message: a browser sends what somebody typed."""
_BODY_S = 30.0
"""Seconds in which a body must have come."""
_IDLE_S = 75.0
"""Seconds for which a connection may ask nothing, or be at work on its headers."""
_PING_MS = 5_000
"""Milliseconds between two pings of a socket."""
_PONG_MS = 15_000
"""Milliseconds without an answer after which a socket is closed: its kernel is gone within 90 seconds in any case."""

_LAB_GRACE_S = 10.0
"""Seconds that JupyterLab has to end its kernels."""
_LOOK_S = 0.2


class Dashboards(Voila):  # type: ignore[misc]
    """Voilà with a template that loads nothing from other hosts, and the reports beside the pages."""

    arbkit: Settings
    listening: socket.socket
    room: Room

    def setup_template_dirs(self) -> None:
        """Put our template before Voilà's, and plotly's script among the static files."""
        super().setup_template_dirs()
        self.template_paths.insert(0, str(_HERE / "templates"))
        # The charts' library, which pages fetch once and browsers keep.
        self.static_paths.append(str(Path(plotly.__file__).parent / "package_data"))

    def init_settings(self) -> dict[str, Any]:
        """What handlers share, with the policies of every answer."""
        settings: dict[str, Any] = super().init_settings()
        allowed = dashboard_page(thumbnails=self.arbkit.thumbnails)
        headers = {**SECURITY_HEADERS, "Content-Security-Policy": allowed, "Server": "arbkit"}
        ours = {"headers": headers, "log_function": _log_request, "default_handler_class": NotFound}
        # Jupyter's own pages of errors need files that Voilà does not serve.
        ours["jinja2_env"] = environment("arbkit.web.dashboards")
        ours["xsrf_cookie_kwargs"] = {"samesite": "Strict"}
        pings = {"ws_ping_interval": _PING_MS, "ws_ping_timeout": _PONG_MS}
        return {**settings, **ours, **pings, "websocket_max_message_size": _LARGEST_REQUEST}

    def init_handlers(self) -> list[Any]:
        """Our handlers before those of Voilà, of which some ask nobody who they are."""

        def at(path: str) -> str:
            return url_path_join(self.server_url, path)

        page = {
            "most_pages": self.room.pages,
            "settings": self.arbkit,
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        extensions = {"path": self.labextensions_path, "no_cache_paths": ["/"]}
        return [
            Rule(TokenInAddress(), TokenLogin),
            (at("/"), Home),
            (at("/login"), Login),
            (at("/logout"), Logout),
            # Gives away the address that a page was opened with, to anybody who knows the id of its kernel.
            (at("/voila/query/.*"), NotFound),
            (at("/voila/execution/.*"), NotFound),
            (at("/voila/templates/(.*)"), TemplateFiles),
            (at("/voila/static/(.*)"), StaticFiles, {"paths": self.static_paths, "default_filename": "index.html"}),
            (at("/voila/labextensions/(.*)"), ExtensionFiles, extensions),
            (at(ROUTE), ReportHandler, {"settings": self.arbkit}),
            (at("/voila/api/shutdown/(.*)"), EndKernel),
            (at("/voila/render/(.*)"), PageHandler, page),
            *super().init_handlers(),
        ]

    def listen(self) -> None:
        """Serve on the socket that is open already, until stopped, with bounds on what a request may be.

        Voilà would open one on whatever port is free.
        """
        bounds = {
            "max_header_size": _LARGEST_HEADERS,
            "max_body_size": _LARGEST_REQUEST,
            "body_timeout": _BODY_S,
            "idle_connection_timeout": _IDLE_S,
        }
        self.listening.setblocking(False)
        HTTPServer(self.app, **bounds).add_socket(self.listening)
        self.ioloop = IOLoop.current()
        self.ioloop.add_callback(draw_in_turn, self.kernel_manager, self.room.later)
        try:
            self.ioloop.start()
        finally:
            self.stop()


def _is_told(record: logging.LogRecord) -> bool:
    """Not of each page that nobody has signed it: all are shipped, and whoever could change them could sign them."""
    return "is not trusted" not in record.msg


def _log_request(handler: RequestHandler) -> None:
    """Log what failed, without the query string: it may hold what is nobody's business."""
    status = handler.get_status()
    if status >= 500:
        # 503 is a refusal, and said to who asked.
        level = logging.WARNING if status == 503 else logging.ERROR
        logger.log(level, "%d for %s %s", status, handler.request.method, handler.request.path)


def kernel_environment(settings: Settings) -> dict[str, str]:
    """This environment with the settings for a kernel, which runs in the folder of its notebook: absolute paths."""
    here = {
        "home": settings.home.absolute(),
        "folder": settings.folder.absolute(),
        "shared": settings.shared.absolute() if settings.shared else None,
        "watchlist": settings.watchlist_path.absolute(),
        # One that is not there yet may be made while the kernel runs.
        "profile": settings.profile.absolute() if settings.profile else None,
        "alerts": settings.alerts.absolute() if settings.alerts else None,
        "verdict": settings.verdict.absolute() if settings.verdict else None,
        "schedule": settings.schedule.absolute() if settings.schedule else None,
        "reports": settings.reports.absolute() if settings.reports else None,
        "pages": settings.pages.absolute() if settings.pages else None,
        "log": _absolute(settings.log_url),
        "store": _absolute(settings.store_url),
    }
    return settings.without_key().model_copy(update=here).child_environment(os.environ)


def page_environment(settings: Settings) -> dict[str, str]:
    """The environment of a page's kernel: that there is a Keepa key decides what it shows, but it needs no secret."""
    return kernel_environment(settings.model_copy(update={"token": SecretStr("")}))


def _absolute(url: str) -> str:
    if not url.startswith("sqlite:"):
        return url
    return f"sqlite:///{sqlite_path(url).absolute()}"


def run_dashboards(settings: Settings, listening: socket.socket, *, own_token: str) -> None:
    """Serve the dashboards on this socket until SIGTERM or SIGINT.

    ``settings`` must have a token, and the socket's port; ``own_token`` is the user's, which ends all sessions when it
    changes. The kernels end with the process.

    Raises:
        ConfigError: the notebooks of the dashboards are missing.
        ServiceError: the home cannot be written.
    """
    secret = cookie_secret(settings.home, own_token=own_token)
    given = page_environment(settings)
    for name in os.environ.keys() - given.keys():
        del os.environ[name]
    os.environ.update(given)
    config = Config(tomllib.loads((_HERE / "voila.toml").read_text("utf-8")))
    # Voilà itself would run a voila.py that lies in the folder which the user is in.
    config.Voila.config_file_paths = jupyter_config_path()
    config.Voila.ip = settings.host
    config.Voila.port = settings.dashboards_port
    config.Voila.token = settings.token.get_secret_value()
    config.Voila.root_dir = str(shipped_folder("apps"))
    place = room(settings.dashboard_pages, memory_limit(), kinds=len(SHIPPED_PAGES) + 1)
    place.configure(config)
    config.Voila.cookie_secret = secret
    config.Voila.identity_provider_class = DashboardIdentity
    # Voilà keeps the connection files in a temporary folder with a name of this length.
    config.ConnectionFileMixin.transport = transport(Path(tempfile.gettempdir()) / "voila_xxxxxxxx")
    config.MappingKernelManager.transport_encryption = "auto"
    config.Voila.kernel_websocket_connection_class = PageConnection
    app = Dashboards(config=config)
    app.arbkit = settings
    app.listening = listening
    app.room = place
    app.initialize([])
    app.log.addFilter(_is_told)
    app.start()


def own_notebooks(settings: Settings) -> Path:
    """The user's folder of notebooks, ``$ARBKIT_HOME/notebooks``, with a copy of each shipped one that is not there.

    ``reports`` and ``apps`` in there lead to the user's own reports and pages, where the system allows links.

    Raises:
        ConfigError: the shipped notebooks are missing.
        ServiceError: they cannot be copied.
    """
    own = settings.home.absolute() / "notebooks"
    for notebook in shipped_folder("notebooks").glob("*.ipynb"):
        copy = own / notebook.name
        # What the user has made of it is theirs, whatever a newer arbkit ships.
        if not copy.exists():
            write_new(copy, notebook.read_bytes())
    pages, shipped = settings.own_pages_dir.absolute(), shipped_folder("apps")
    if pages.is_dir() and pages.samefile(shipped):
        # In a checkout they lie beside the shipped ones, which nobody is to edit by mistake.
        for page in own_page_files(settings):
            _link(own / "apps" / page.name, page.absolute())
    else:
        _link(own / "apps", pages)
    _link(own / "reports", settings.own_reports_dir.absolute())
    return own


def _link(link: Path, target: Path) -> None:
    """Have ``link`` lead to what is there; what the user put in its place stays."""
    with suppress(OSError, NotImplementedError):
        link.parent.mkdir(exist_ok=True)
        if link.is_symlink():
            link.unlink()
        if target.exists():
            link.symlink_to(target, target_is_directory=target.is_dir())


def lab(settings: Settings, *, browser: bool = True, stop: threading.Event) -> int:
    """Run JupyterLab over the user's own copies of the notebooks until it ends, or ``stop`` is set; its exit code.

    It ends with its kernels and whatever they have started. Where it is, is said in one line; a token that the user has
    set is their secret, and is not in it.

    Raises:
        ConfigError: the notebooks are missing.
        ServiceError: they cannot be copied into the home.
    """
    folder = own_notebooks(settings)
    own, token = settings.token.get_secret_value(), with_token(settings).token.get_secret_value()
    environment = {**kernel_environment(settings), "JUPYTER_TOKEN": token}
    # -P: no module is imported from the folder which the user is in. What is deprecated is for who develops JupyterLab.
    command = [sys.executable, "-P", "-W", "ignore::DeprecationWarning", "-m", "jupyterlab"]
    command += [f"--ServerApp.ip={settings.host}"]
    command += [f"--ServerApp.port={settings.lab_port}", f"--ServerApp.root_dir={folder}"]
    # Whoever runs arbkit as root, as in a container, has decided so.
    command += ["--ServerApp.allow_root=True", *([] if browser and settings.browser else ["--no-browser"])]
    # What it does otherwise is for who develops JupyterLab: twenty lines, and the address among them.
    command += ["--log-level=WARN", "--LabApp.log_level=WARN"]
    # Over plain TCP every user of the machine could listen to what a notebook prints.
    command += ["--MappingKernelManager.transport_encryption=auto"]
    # JupyterLab would ask another host for a newer version; it fetches news only if the user agrees.
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    process = spawn(command, environment=environment, output=sys.stderr.fileno())
    try:
        where = ""
        while process.poll() is None and not stop.wait(_LOOK_S):
            if not where and (where := _lab_address(process.pid, token)):
                logger.info("JupyterLab is at %s%s (Ctrl-C ends it)", where, "" if own else f"?token={token}")
        code = process.poll()
    finally:
        end_tree([process], grace_s=_LAB_GRACE_S)
    return 0 if code is None else code


def _lab_address(pid: int, token: str) -> str:
    """Where the JupyterLab of this process listens, which may be another port than it was asked for; empty: not yet."""
    # The file of one that ends is gone before it is read.
    with suppress(OSError):
        for one in list_running_servers():
            # A file that was left, as in a container, may be of another with this number.
            if (one["pid"], one.get("token")) == (pid, token):
                return f"{base_url(one['hostname'], one['port'])}/lab"
    return ""
