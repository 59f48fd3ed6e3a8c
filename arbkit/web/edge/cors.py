"""Which pages of other sites may call the API from a browser: those that a setting names, by default none."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings

_TAKEN = ("Authorization", "X-API-Key", "Content-Type", "If-None-Match", "Last-Event-ID")
_SHOWN = ("ETag", "Retry-After", "Content-Disposition")


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


def add_cors(app: FastAPI, settings: Settings) -> None:
    """Let the pages of these settings call the API; they are sent no cookies, and give a key as anybody does.

    Raises:
        ConfigError: as :func:`allowed_origins`.
    """
    if origins := allowed_origins(settings):
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=_TAKEN,
            expose_headers=_SHOWN,
        )


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        rest = (parts.path, parts.query, parts.fragment, parts.username, parts.password)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not any(rest)
    except ValueError:
        return False
