"""Where services listen, and the token that lets people in."""

from __future__ import annotations

import os
import secrets
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings

TOKEN_IS_NEW = "ARBKIT_TOKEN_IS_NEW"  # noqa: S105 - a name
"""Variable of a child process that was given a token that nobody set: it changes at the next start."""
FIRST_PAGE = "/voila/render/opportunities.ipynb"
"""The path of the page that people see first."""
_BACKLOG = 2048
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


def base_url(host: str, port: int) -> str:
    """The address of an HTTP service, without a closing slash; what listens everywhere is shown on loopback."""
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def dashboard_url(settings: Settings, *, with_its_token: bool) -> str:
    """The address of the opportunities dashboard; its token lets a browser in without asking."""
    query = f"?token={settings.token.get_secret_value()}" if with_its_token else ""
    return f"{base_url(settings.host, settings.dashboards_port)}{FIRST_PAGE}{query}"


def listen(host: str, port: int, variable: str) -> socket.socket:
    """A socket that listens there; port 0 is any free one. One that the parent process has opened is taken over.

    Raises:
        ConfigError: it cannot be had; names ``variable``, the setting that changes it.
    """
    if (inherited := os.environ.pop(handed_down(variable), "")).isdecimal():
        # What this process starts has no business with it.
        os.set_inheritable(int(inherited), False)
        return socket.socket(fileno=int(inherited))
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        # Accepted connections inherit it: without it a small answer waits about 40 ms for the client's acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        why = f"port {port} on {host} cannot be used: {error.strerror or error}"
        remedy = f"Set {variable} to another port, or to 0 for any free one"
        raise ConfigError(why, field=variable, remedy=remedy) from None


def handed_down(variable: str) -> str:
    """The environment variable that names the descriptor of a socket opened for a child process by its parent."""
    return f"{variable}_SOCKET"


def url_answers(url: str, *, timeout_s: float = 2.0) -> bool:
    """Whether a GET of ``url`` is answered with a status below 400; a redirect counts and is not followed."""
    # Not of every process: importing it takes longer than a small command does.
    import requests

    try:
        return requests.get(url, timeout=timeout_s, allow_redirects=False).status_code < 400
    except requests.RequestException:
        return False


def responds(url: str, *, timeout_s: float) -> bool:
    """Whether a GET of ``url`` is answered at all: what refuses or fails is alive."""
    import requests

    try:
        with requests.get(url, timeout=timeout_s, allow_redirects=False, stream=True):
            return True
    except requests.RequestException:
        return False


def with_token(settings: Settings) -> Settings:
    """The settings with a token: their own, or a new random one."""
    if settings.token.get_secret_value():
        return settings
    return settings.model_copy(update={"token": SecretStr(secrets.token_urlsafe(24))})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what is bound to ``host``."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_origins(settings: Settings) -> list[str]:
    """The origins of ``ARBKIT_CORS``, as browsers spell them.

    Raises:
        ConfigError: one is no origin; ``*`` is none, for any page could read then what is open on this machine.
    """
    origins = [text.strip().rstrip("/").lower() for text in settings.cors.split(",") if text.strip()]
    for origin in origins:
        if not _is_origin(origin):
            remedy = "Name each as https://tools.example or http://localhost:3000, separated by commas"
            raise ConfigError("is no origin of a page", field="ARBKIT_CORS", value=origin[:80], remedy=remedy)
    return origins


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        rest = (parts.path, parts.query, parts.fragment, parts.username, parts.password)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not any(rest)
    except ValueError:
        return False
