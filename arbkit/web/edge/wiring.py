"""What stands before the endpoints of the API, in its order, and what its streams share."""

from __future__ import annotations

import logging
from functools import partial

from fastapi import FastAPI

from arbkit.core.errors import ArbkitError
from arbkit.core.service.api_keys import KeyRing, home_token
from arbkit.core.settings import Settings, sqlite_path
from arbkit.stream import open_stream
from arbkit.web.bounds import Bounds
from arbkit.web.edge.cors import add_cors
from arbkit.web.edge.events import MOST_READERS
from arbkit.web.edge.exports import MOST_EXPORTS
from arbkit.web.edge.feed import EventFeed
from arbkit.web.edge.guard import Guard
from arbkit.web.edge.limits import RateLimit, requests_a_minute
from arbkit.web.edge.request_log import RequestLog
from arbkit.web.edge.streaming import Slots
from arbkit.web.http import Policies

logger = logging.getLogger(__name__)


def wire(app: FastAPI, settings: Settings) -> None:
    """Let the application ask for keys, count and log requests, and stream.

    Raises:
        ConfigError: neither a token nor a key although the address can be reached from outside; an origin of
            ``ARBKIT_CORS`` is none.
        ServiceError: the file of the keys cannot be read.
    """
    app.state.keys = KeyRing(settings)
    file = sqlite_path(settings.log_url) if settings.log_url.startswith("sqlite:") else None
    app.state.feed = EventFeed(partial(open_stream, settings), file=file)
    app.state.readers = Slots(MOST_READERS, "readers of events")
    app.state.exports = Slots(MOST_EXPORTS, "exports")
    Guard(app, settings, app.state.keys)  # Starlette builds it only at the first request: a missing key must show now.
    # The one that is added last is asked first.
    app.add_middleware(Bounds)
    app.add_middleware(RateLimit, a_minute=requests_a_minute(settings))
    app.add_middleware(Guard, settings=settings, keys=app.state.keys)
    # A browser asks whether it may without a key.
    add_cors(app, settings)
    app.add_middleware(Policies)
    app.add_middleware(RequestLog)


def admit_home(keys: KeyRing, settings: Settings) -> None:
    """Let in who may read this home's private files; where it can hold none, that is said."""
    try:
        keys.admit("home", home_token(settings))
    except ArbkitError as error:
        logger.warning("this home has no token of its own: whoever changes anything needs a key: %s", error)
