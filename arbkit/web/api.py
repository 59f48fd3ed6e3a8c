"""The REST API: what the store holds, over HTTP. ``arbkit api`` serves it; ``/docs`` describes it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import JsonValue
from starlette.datastructures import URL

from arbkit import __version__
from arbkit.analysis.detection_inputs import profile_note
from arbkit.core.errors import ArbkitError, UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.models import Opportunity, Run
from arbkit.core.results import JsonObject, OpportunityOut, ProductOut, RunOut
from arbkit.core.settings import MODE_WORDS, Settings
from arbkit.ops.prometheus import exposition, exposition_while_down
from arbkit.ops.status import log_figures, read_store_state, store_figures, token_figures
from arbkit.ops.stream_state import read_stream_state
from arbkit.profit import Profile, load_profile, load_rates, load_tables
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.results import Quote
from arbkit.reports.run_folders import read_json
from arbkit.sources import watchlist
from arbkit.sources.keepa_api.token_budget import read_tokens
from arbkit.store import OpportunityQuery, Page, ProductQuery
from arbkit.store.lazy import LazyStore
from arbkit.store.mode import known_mode, mode_at_start, mode_in_force
from arbkit.stream import open_stream
from arbkit.web import facts, looks
from arbkit.web.bounds import Bounds
from arbkit.web.dependencies import Asin, Shared, SharedDep, StoreDep
from arbkit.web.description import describe
from arbkit.web.http import (
    ANY_ROUTE,
    Guard,
    InvalidInputError,
    Policies,
    ProblemAPI,
    add_error_handlers,
    json_answer,
    note_parameters,
    problem_responses,
    refuse_unknown,
    without_paths,
)
from arbkit.web.schemas import (
    ArbitrageRequest,
    Health,
    Listing,
    ProductDetail,
    ProductsRequest,
    ProfitRequest,
    RunDetail,
    StatsOut,
    WatchAdded,
    Watchlist,
    WatchRequest,
    offer_json,
    product_json,
)

_MOST_RUNS = 10_000
_CURSOR = re.compile(r"([0-9]{1,9})\.([A-Za-z0-9_=-]{1,2000})")


PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=500)]
Components = Annotated[bool, Query(description="every fee and tax too")]
_NOT_FOUND = problem_responses(404)
_UNAVAILABLE = problem_responses(503)

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


@router.get("/health", tags=["service"], response_model=Health)
def health(shared: SharedDep) -> Health:
    """Whether the service runs, on which prices, and whether the store answers."""
    answers, details = True, list[str]()
    try:
        store = shared.store.get()
        unpriced = store.stats().unpriced_products
        if unpriced:
            details.append(f"{unpriced} {'product' if unpriced == 1 else 'products'} not priced yet")
        details.append(profile_note(shared.settings, store.swept()))
    except ArbkitError as error:
        answers, details = False, [without_paths(shared.settings, str(error))]
    return Health(
        status="ok" if answers else "degraded",
        mode=mode_in_force(shared.settings, shared.store.get).mode,
        version=__version__,
        store=answers,
        detail="; ".join(filter(None, details)) or None,
    )


@router.get("/products", tags=["products"], response_model=Listing[ProductOut], responses=_UNAVAILABLE)
def products(request: Request, store: StoreDep, asked: Annotated[ProductsRequest, Query()]) -> Response:
    """Products over all marketplaces, each with its best opportunity."""
    page, size = asked.page, asked.page_size
    found = store.products(
        ProductQuery.of(
            asked, sort=asked.sort_by, descending=asked.descends(asked.sort_by), limit=size, offset=(page - 1) * size
        )
    )
    return _page(request, [product_json(p) for p in found.items], found.total, page=page, page_size=size)


@router.get("/products/watch", tags=["watchlist"], response_model=Watchlist, responses=_UNAVAILABLE)
def watched(request: Request, shared: SharedDep) -> Response:
    """The whole watchlist; ``bad`` names its lines that are no ASINs."""
    settings = known_mode(shared.settings, shared.store.get)
    path = watchlist.locate(settings)
    known = watchlist.load(settings) if path.exists() else watchlist.Watchlist(())
    listing = _listing([{"asin": a} for a in known.asins], len(known.asins), page=1, page_size=len(known.asins))
    return json_answer(request, {**listing, "bad": [asdict(line) for line in known.bad]})


@router.post(
    "/products/watch",
    tags=["watchlist"],
    responses={201: {"description": "Some are new", "model": WatchAdded}, **_UNAVAILABLE},
)
def watch(response: Response, shared: SharedDep, wanted: Annotated[WatchRequest, Body()]) -> WatchAdded:
    """Put products on the watchlist, all or, if one is no ASIN, none; 201 if some are new."""
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
    with shared.writing:
        added = watchlist.add(watchlist.locate(settings), asins)
        total = len(watchlist.load(settings).asins)
    response.status_code = 201 if added else 200
    return WatchAdded(added=list(added), total=total)


@router.delete("/products/watch/{asin}", tags=["watchlist"], status_code=204, responses={**_NOT_FOUND, **_UNAVAILABLE})
def unwatch(shared: SharedDep, asin: Asin) -> None:
    """Take a product off the watchlist."""
    with shared.writing:
        if not watchlist.remove(watchlist.locate(known_mode(shared.settings, shared.store.get)), asin):
            raise HTTPException(404, f"{asin} is not on the watchlist")


@router.get(
    "/products/{asin}", tags=["products"], response_model=ProductDetail, responses={**_NOT_FOUND, **_UNAVAILABLE}
)
def product(request: Request, store: StoreDep, asin: Asin, components: Components = False) -> Response:
    """A product, its offers and its opportunities, the best first."""
    found = store.product(asin)
    if found is None:
        raise HTTPException(404, f"{asin} is not in the store")
    offers = store.offers([asin])
    routes = store.opportunities(OpportunityQuery(asin=asin, limit=100)).items
    body: JsonObject = {
        **product_json(found),
        "offers": [offer_json(o) for o in offers],
        "opportunities": _opportunities(routes, components=components),
    }
    return json_answer(request, body, identity=[found.version, product_json(found), _identity(routes)])


@router.get("/arbitrage", tags=["arbitrage"], response_model=Listing[OpportunityOut], responses=_UNAVAILABLE)
def arbitrage(request: Request, store: StoreDep, asked: Annotated[ArbitrageRequest, Query()]) -> Response:
    """Routes that leave money after every cost."""
    page, after = (1, None) if asked.cursor is None else _cursor(asked.cursor)
    descending = asked.descends(asked.sort_by)
    found = store.opportunities(
        OpportunityQuery.of(asked, sort=asked.sort_by, descending=descending, limit=asked.limit, cursor=after)
    )
    onward = request.url.include_query_params(cursor=f"{page + 1}.{found.next}") if found.next else None
    return _found(request, found, page=page, limit=asked.limit, components=asked.components, onward=onward)


@router.get("/arbitrage/top", tags=["arbitrage"], response_model=Listing[OpportunityOut], responses=_UNAVAILABLE)
def top(request: Request, store: StoreDep, limit: PageSize = 10, components: Components = False) -> Response:
    """The opportunities with the most profit; ``next`` goes on in ``/arbitrage``."""
    found = store.opportunities(OpportunityQuery(limit=limit))
    onward = None
    if found.next:
        url = request.url_for("arbitrage").include_query_params(limit=limit, cursor=f"2.{found.next}")
        onward = url.include_query_params(components="true") if components else url
    return _found(request, found, page=1, limit=limit, components=components, onward=onward)


@router.get("/profit", tags=["arbitrage"], response_model=Quote)
def profit(request: Request, shared: SharedDep, asked: Annotated[ProfitRequest, Query()]) -> Response:
    """What one route leaves after every fee and tax, asked by hand: no product need be in the store."""
    settings = shared.settings
    profile = Profile.neutral() if asked.no_profile else load_profile(settings.profile_path, settings.profile_name)
    return json_answer(request, quote(asked, profile, load_tables(), load_rates()).model_dump(mode="json"))


@router.get("/stats", tags=["service"], response_model=StatsOut, responses=_UNAVAILABLE)
def stats(request: Request, store: StoreDep, shared: SharedDep) -> Response:
    """Head figures of the store, and whose profit it states; times in Unix seconds."""
    figures, settings = store.stats(), shared.settings
    seller = load_profile(settings.profile_path, settings.profile_name).seller_line
    return json_answer(request, {**asdict(figures), "demo": figures.demo_products > 0, "seller": seller})


@router.get("/reports", tags=["reports"], response_model=Listing[RunOut], responses=_UNAVAILABLE)
def reports(
    request: Request,
    store: StoreDep,
    shared: SharedDep,
    report: str | None = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Response:
    """The runs of reports, the latest first (the last 10,000)."""
    runs = store.runs(report=report, limit=_MOST_RUNS)
    here = runs[(page - 1) * page_size : page * page_size]
    items: list[JsonValue] = [_run(shared.settings, r) for r in here]
    return _page(request, items, len(runs), page=page, page_size=page_size)


@router.get("/reports/{run}", tags=["reports"], response_model=RunDetail, responses={**_NOT_FOUND, **_UNAVAILABLE})
def report_run(
    request: Request, store: StoreDep, shared: SharedDep, run: str, components: Components = False
) -> Response:
    """A run and its ``result``, null while there is none."""
    found = store.run(run)
    if found is None:
        raise HTTPException(404, f"there is no run {run}")
    result = _result(shared.settings, found, components=components)
    return json_answer(request, {**_run(shared.settings, found), "result": result})


@router.get("/metrics", tags=["service"], response_class=PlainTextResponse)
def metrics(shared: SharedDep) -> Response:
    """The state for Prometheus; ``arbkit_up`` is 0 where log or store cannot be read."""
    return Response(
        _metrics(mode_in_force(shared.settings, shared.store.get), now=time.time()), media_type=CONTENT_TYPE_LATEST
    )


def _metrics(settings: Settings, *, now: float) -> bytes:
    try:
        with open_stream(settings) as log:
            stream = read_stream_state(log, now=now)
        store = read_store_state(settings)
        tokens = None if settings.mode == "imported" else read_tokens(settings)
    except ArbkitError:
        return exposition_while_down(demo=settings.demo_mode)
    return exposition(
        demo=settings.demo_mode,
        log=log_figures(stream),
        store=None if store is None else store_figures(store, now),
        tokens=None if tokens is None else token_figures(tokens, now),
    )


def _cursor(cursor: str) -> tuple[int, str]:
    """The page's number and the store's own cursor."""
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise UsageError(
            "is not one that arbkit made", field="cursor", value=cursor[:80], remedy="Begin without a cursor"
        )
    return int(parts[1]), parts[2]


def _listing(items: list[JsonValue], total: int, *, page: int, page_size: int, onward: URL | None = None) -> JsonObject:
    following = None if onward is None else str(onward)
    return {"items": items, "total": total, "page": page, "page_size": page_size, "next": following}


def _page(request: Request, items: list[JsonValue], total: int, *, page: int, page_size: int) -> Response:
    onward = request.url.include_query_params(page=page + 1) if page * page_size < total else None
    return json_answer(request, _listing(items, total, page=page, page_size=page_size, onward=onward))


def _found(
    request: Request, found: Page[Opportunity], *, page: int, limit: int, components: bool, onward: URL | None
) -> Response:
    items = _opportunities(found.items, components=components)
    body = _listing(items, found.total, page=page, page_size=limit, onward=onward)
    return json_answer(request, body, identity=[_identity(found.items), found.total, body["next"]])


def _opportunities(found: Sequence[Opportunity], *, components: bool) -> list[JsonValue]:
    now = time.time()
    return [o.public(now=now, components=components) for o in found]


def _identity(found: Sequence[Opportunity]) -> list[JsonValue]:
    return [[o.id, o.run_id, o.evaluated_at, o.data_at, o.profit] for o in found]


def _run(settings: Settings, run: Run) -> JsonObject:
    """A run, its folder named within the home, as callers know it."""
    output = None if run.output is None else f"{settings.reports_dir.name}/{run.report}/{run.run_id}"
    error = None if run.error is None else without_paths(settings, run.error)
    return {**run.to_dict(), "output": output, "error": error}


def _result(settings: Settings, run: Run, *, components: bool) -> JsonObject | None:
    """The ``result.json`` of a run, or None where there is none or it is damaged."""
    result: Any = read_json(settings.reports_dir / run.report / run.run_id / "result.json")[0]
    if not isinstance(result, dict):
        return None
    if not components and isinstance(items := result.get("items"), list):
        for item in items:
            item.pop("components", None)
    return result


def create_app(settings: Settings) -> FastAPI:
    """The API over these settings; its store opens read-only when the app starts, or when there is one.

    Raises:
        ConfigError: no token although the address can be reached from outside; neither a key nor anything imported
            nor a demo market.
    """
    mode = MODE_WORDS[mode_at_start(settings).mode]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        shared: Shared = app.state.shared
        try:
            yield
        finally:
            shared.store.close()

    app = ProblemAPI(
        title="arbkit",
        version=__version__,
        description=f"Amazon EU arbitrage ({mode}).",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.shared = Shared(settings, LazyStore(settings), threading.Lock())
    app.include_router(router)
    app.include_router(facts.router)
    app.include_router(looks.router)
    app.add_api_route("/docs", describe, methods=["GET"], include_in_schema=False)
    add_error_handlers(app)
    note_parameters(app)
    Guard(app, settings)  # Starlette builds it only at the first request: a missing token must show now.
    app.add_middleware(Bounds)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Policies)
    return app
