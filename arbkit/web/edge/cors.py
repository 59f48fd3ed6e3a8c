"""Which pages of other sites may call the API from a browser: those that a setting names, by default none."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from arbkit.core.service.addresses import allowed_origins
from arbkit.core.settings import Settings

_TAKEN = ("Authorization", "X-API-Key", "Content-Type", "If-None-Match", "Last-Event-ID")
_SHOWN = ("ETag", "Retry-After", "Content-Disposition")


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
