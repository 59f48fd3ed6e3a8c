"""The command that serves the REST API."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import typer

from arbkit.cli.shared import begin

if TYPE_CHECKING:
    from arbkit.settings import Settings

__all__ = ["register"]

logger = logging.getLogger(__name__)

_GRACE_S = 5
"""How long open requests may take to end; less than the supervisor waits."""


def api() -> None:
    """Serve the REST API over what the store holds."""
    import uvicorn

    from arbkit.process import die_with_parent, stop_on_signals
    from arbkit.web import load_app

    settings = _with_token(begin())
    die_with_parent()
    # uvicorn has handlers of its own and then raises the signal anew: with ours below, it ends with status 0.
    stop_on_signals()
    app = load_app(settings)
    with _bound(settings) as listening:
        port = listening.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        logger.info("the API answers on http://%s:%d, documented under /docs", host, port)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=_GRACE_S,
        )
        uvicorn.Server(config).run(sockets=[listening])


def _with_token(settings: Settings) -> Settings:
    """The settings, with a new token where one is needed and none is set; it is shown once, in the log."""
    from pydantic import SecretStr

    from arbkit.settings import is_loopback

    if is_loopback(settings.host) or settings.token.get_secret_value():
        return settings
    import secrets

    token = secrets.token_urlsafe(24)
    logger.warning("%s can be reached from outside; the API's token, until it ends: %s", settings.host, token)
    return settings.model_copy(update={"token": SecretStr(token)})


def _bound(settings: Settings) -> socket.socket:
    """A socket on the settings' address.

    Raises:
        ConfigError: it cannot be had; names the setting that changes it.
    """
    from arbkit.errors import ConfigError

    try:
        family = socket.getaddrinfo(settings.host, settings.api_port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.api_port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"port {settings.api_port} on {settings.host} cannot be used: {error.strerror or error}",
            field="ARBKIT_API_PORT",
            remedy="Set ARBKIT_API_PORT to another port, or to 0 for any free one",
        ) from None


def register(app: typer.Typer) -> None:
    app.command()(api)
