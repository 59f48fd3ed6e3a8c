"""Commands for people's browsers: the REST API, the dashboards, JupyterLab."""

from __future__ import annotations

import logging
import sys

import typer

from arbkit.cli.shared import load_settings

__all__ = ["register"]

logger = logging.getLogger(__name__)

_GRACE_S = 5
"""How long open requests may take to end; less than the supervisor waits."""


def api() -> None:
    """Serve the REST API over what the store holds."""
    import uvicorn

    from arbkit.core.service.addresses import base_url, listen, with_token
    from arbkit.core.service.process import die_with_parent, stop_on_signals
    from arbkit.core.settings import is_loopback
    from arbkit.web.api import create_app

    given = load_settings()
    settings = given if is_loopback(given.host) else with_token(given)
    if settings is not given:
        logger.warning(
            "%s can be reached from outside; the API's token, until it ends: %s",
            settings.host,
            settings.token.get_secret_value(),
        )
    die_with_parent()
    # uvicorn has handlers of its own and then raises the signal anew: with ours below, it ends with status 0.
    stop_on_signals()
    app = create_app(settings)
    with listen(settings.host, settings.api_port, "ARBKIT_API_PORT") as listening:
        port = listening.getsockname()[1]
        logger.info("the API answers on %s, documented under /docs", base_url(settings.host, port))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=_GRACE_S,
        )
        uvicorn.Server(config).run(sockets=[listening])


def dashboards() -> None:
    """Serve the Voilà dashboards."""
    from arbkit.core.service.addresses import dashboard_url, listen, with_token
    from arbkit.core.service.process import die_with_parent
    from arbkit.web.dashboards.voila_server import run_dashboards

    given = load_settings()
    die_with_parent()
    with listen(given.host, given.dashboards_port, "ARBKIT_DASHBOARDS_PORT") as free:
        port = free.getsockname()[1]
    settings = with_token(given).model_copy(update={"dashboards_port": port})
    # A token of the user's own is a secret; one made just now must be shown, or nobody could come in.
    made = not given.token.get_secret_value()
    logger.info("the dashboards answer on %s", dashboard_url(settings, with_its_token=made))
    run_dashboards(settings)


def lab(
    browser: bool = typer.Option(True, help="Open a browser."),
) -> None:
    """Open the notebooks in JupyterLab."""
    from arbkit.web.dashboards.voila_server import lab as run

    sys.exit(run(load_settings(), browser=browser))


def register(app: typer.Typer) -> None:
    for command in (api, dashboards, lab):
        app.command()(command)
