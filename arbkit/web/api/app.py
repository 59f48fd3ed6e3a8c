"""The API as an application."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from arbkit import __version__
from arbkit.core.settings import MODE_WORDS, Settings
from arbkit.store.lazy import LazyStore
from arbkit.store.mode import mode_at_start
from arbkit.web.api import arbitrage, facts, figures, health, history, looks, products, reports, watchlist
from arbkit.web.api.decisions import endpoints as decisions
from arbkit.web.api.health import HealthChecks
from arbkit.web.api.sales import endpoints as sales
from arbkit.web.dependencies import Shared
from arbkit.web.description import describe, to_description
from arbkit.web.edge import events, exports, keys
from arbkit.web.edge.wiring import admit_home, wire
from arbkit.web.http import ProblemAPI, add_error_handlers, note_parameters
from arbkit.web.known_routes import KnownRoutes

# An address of its own comes before one with a parameter in its stead: /products/watch before /products/{asin}.
_ROUTERS = (
    health,
    watchlist,
    exports,
    products,
    history,
    arbitrage,
    figures,
    reports,
    facts,
    looks,
    decisions,
    sales,
    events,
    keys,
)


def create_app(settings: Settings) -> FastAPI:
    """The API over these settings; its store opens read-only when the app starts, or when there is one.

    Raises:
        ConfigError: neither a token nor a key although the address can be reached from outside; an origin that is
            none; neither a key of Keepa nor anything imported nor a demo market.
    """
    started = mode_at_start(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        shared: Shared = app.state.shared
        # Only what is served needs one, and whoever describes the API writes nothing.
        admit_home(app.state.keys, settings)
        try:
            yield
        finally:
            await app.state.feed.close()
            await shared.routes.close()
            shared.store.close()
            checks.close()

    app = ProblemAPI(
        title="arbkit",
        version=__version__,
        description=f"Amazon EU arbitrage ({MODE_WORDS[started.mode]}).",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.shared = Shared(settings, LazyStore(settings), KnownRoutes(LazyStore(settings)), threading.Lock())
    checks = app.state.health = HealthChecks(settings, started)
    for room in _ROUTERS:
        app.include_router(room.router)
    app.add_api_route("/", to_description, methods=["GET"], include_in_schema=False)
    app.add_api_route("/docs", describe, methods=["GET"], include_in_schema=False)
    add_error_handlers(app)
    note_parameters(app)
    wire(app, settings)
    return app
