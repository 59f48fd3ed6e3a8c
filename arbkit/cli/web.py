"""Commands that serve a browser: the REST API, the dashboards, JupyterLab."""

from __future__ import annotations

import logging
import os
import sys

import typer

from arbkit.cli.shared import load_settings, warn_of_exposures

logger = logging.getLogger(__name__)

_GRACE_S = 5
"""How long open requests may take to finish; less than the supervisor waits."""


def api() -> None:
    """Serve the REST API over the store."""
    import uvicorn

    from arbkit.core.service.addresses import base_url, is_loopback, listen, with_token
    from arbkit.core.service.process import die_with_parent, stop_on_signals
    from arbkit.web.api import create_app
    from arbkit.web.bounds import LARGEST_HEADERS, BoundedConnection

    given = load_settings(early=True)
    settings = given if is_loopback(given.host) else with_token(given)
    if settings is not given:
        logger.warning(
            "%s can be reached from outside; the API's token for this run: %s",
            settings.host,
            settings.token.get_secret_value(),
        )
    warn_of_exposures(given)
    die_with_parent()
    # uvicorn raises the signal again after its own handlers: with ours installed, the exit status is 0.
    stop_on_signals()
    app = create_app(settings)
    with listen(settings.host, settings.api_port, "ARBKIT_API_PORT") as listening:
        port = listening.getsockname()[1]
        logger.info("the API is at %s, documented under /docs", base_url(settings.host, port))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=_GRACE_S,
            http=BoundedConnection,
            h11_max_incomplete_event_size=LARGEST_HEADERS,
        )
        uvicorn.Server(config).run(sockets=[listening])


def dashboards() -> None:
    """Serve the Voilà dashboards."""
    from arbkit.core.service.addresses import TOKEN_IS_NEW, dashboard_url, listen, with_token
    from arbkit.core.service.process import die_with_parent
    from arbkit.web.dashboards.voila_server import run_dashboards

    given = load_settings(early=True)
    warn_of_exposures(given)
    die_with_parent()
    listening = listen(given.host, given.dashboards_port, "ARBKIT_DASHBOARDS_PORT")
    port = listening.getsockname()[1]
    settings = with_token(given).model_copy(update={"dashboards_port": port})
    # The user's own token is a secret; a generated one must be shown, or nobody could log in.
    own = given.token.get_secret_value()
    logger.info("the dashboards are at %s", dashboard_url(settings, with_its_token=not own))
    run_dashboards(settings, listening, own_token="" if TOKEN_IS_NEW in os.environ else own)


def lab(browser: bool = typer.Option(True, help="Open a browser.")) -> None:
    """Open the notebooks in JupyterLab."""
    from arbkit.web.dashboards.voila_server import lab as run

    sys.exit(run(load_settings(early=True), browser=browser))


def register(app: typer.Typer) -> None:
    """Add ``api``, ``dashboards`` and ``lab`` to the command line."""
    for command in (api, dashboards, lab):
        app.command()(command)
