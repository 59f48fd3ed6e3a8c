"""The endpoints for the watchlist."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Body, Depends, HTTPException, Request, Response
from pydantic import JsonValue

from arbkit.core.errors import UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.results import JsonObject
from arbkit.pipeline.watchlist.editing import add, remove
from arbkit.pipeline.watchlist.reading import load, load_if_any
from arbkit.store import open_store
from arbkit.store.mode import known_mode, store_if_any
from arbkit.web.api.listing import listing_json
from arbkit.web.api.schemas import WatchAdded, Watchlist, WatchRequest
from arbkit.web.dependencies import Asin, SharedDep
from arbkit.web.http import ANY_ROUTE, InvalidInputError, json_answer, problem_responses, refuse_unknown

_NOT_FOUND = problem_responses(404)
_UNAVAILABLE = problem_responses(503)

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


@router.get("/products/watch", tags=["watchlist"], response_model=Watchlist, responses=_UNAVAILABLE)
def watched(request: Request, shared: SharedDep) -> Response:
    """The whole watchlist; ``bad`` names its lines that are no ASINs."""
    settings = known_mode(shared.settings, shared.store.get)
    known = load_if_any(settings, store_if_any(shared.store.get))
    items: list[JsonValue] = [
        {"asin": e.asin, "notes": e.notes or None, "groups": list(e.groups), "added_at": e.added_at}
        for e in known.items
    ]
    listing = listing_json(items, len(items), page=1, page_size=len(items))
    return json_answer(request, {**listing, "bad": [asdict(line) for line in known.bad]})


@router.post(
    "/products/watch",
    tags=["watchlist"],
    responses={201: {"description": "Some are new", "model": WatchAdded}, **_UNAVAILABLE},
)
def watch(response: Response, shared: SharedDep, wanted: Annotated[WatchRequest, Body()]) -> WatchAdded:
    """Put products on the watchlist, all or, if one is no ASIN, none; 201 if some are new.

    Of one that is on it already, only what is said of it changes.
    """
    named = {f"asins[{i}]": text for i, text in enumerate(wanted.asins)}
    if wanted.asin is not None:
        named["asin"] = wanted.asin
    if not named:
        raise UsageError("names no product", field="asins", remedy='Send {"asins": ["B07DVM36PS"]}')
    asins: list[str] = []
    faults: list[JsonObject] = []
    for field, text in named.items():
        try:
            asins.append(parse_asin(text))
        except UsageError as error:
            faults.append({"field": field, "value": text, "why": error.why})
    if faults:
        raise InvalidInputError(faults)
    settings = known_mode(shared.settings, shared.store.get)
    with shared.writing, open_store(settings) as store:
        added = add(settings, store, asins, notes=wanted.notes, groups=wanted.groups)
        total = len(load(settings, store).items)
    response.status_code = 201 if added else 200
    return WatchAdded(added=added, total=total)


@router.delete("/products/watch/{asin}", tags=["watchlist"], status_code=204, responses={**_NOT_FOUND, **_UNAVAILABLE})
def unwatch(shared: SharedDep, asin: Asin) -> None:
    """Take a product off the watchlist; its notes and groups are there again when it comes back."""
    settings = known_mode(shared.settings, shared.store.get)
    with shared.writing, open_store(settings) as store:
        if not remove(settings, store, [asin]):
            raise HTTPException(404, f"{asin} is not on the watchlist")
