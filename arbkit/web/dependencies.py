"""What the endpoints of the API are given: settings, the store, a checked ASIN."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.concurrency import run_in_threadpool

from arbkit.core.input.asin import parse_asin
from arbkit.core.settings import Settings
from arbkit.store import Store
from arbkit.store.lazy import LazyStore
from arbkit.web.known_routes import KnownRoutes


@dataclass(frozen=True, slots=True)
class Shared:
    """What all requests of an app share. ``routes`` has a store of its own.

    ``writing`` keeps two changes of the user's own files apart.
    """

    settings: Settings
    store: LazyStore
    routes: KnownRoutes
    writing: threading.Lock


async def _shared(request: Request) -> Shared:
    shared: Shared = request.app.state.shared
    return shared


async def _store(shared: Annotated[Shared, Depends(_shared)]) -> Store:
    # Only the first request of all must wait for it, and then beside the event loop.
    opened = shared.store.opened
    return await run_in_threadpool(shared.store.get) if opened is None else opened


async def _asin(asin: Annotated[str, Path(description="an ASIN, in any case")]) -> str:
    return parse_asin(asin)


SharedDep = Annotated[Shared, Depends(_shared)]
StoreDep = Annotated[Store, Depends(_store)]
Asin = Annotated[str, Depends(_asin)]
