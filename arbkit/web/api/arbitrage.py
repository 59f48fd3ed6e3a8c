"""The endpoints for routes: the profitable ones, and one asked about by hand."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import URL

from arbkit.analysis.verdict.judging import Judge
from arbkit.core.results import JsonObject, OpportunityOut
from arbkit.profit import Profile, load_profile, load_rates, load_tables
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.results import Quote
from arbkit.store import OpportunityQuery, Store
from arbkit.store.queries import Order
from arbkit.web.api.listing import Components, PageSize, listing_json, parse_cursor
from arbkit.web.api.schemas import ArbitrageRequest, Listing, OpportunityListing, ProfitRequest, summary_json
from arbkit.web.dependencies import Shared, SharedDep, StoreDep
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, query_of, query_parameters, refuse_unknown
from arbkit.web.known_routes import Listed

_UNAVAILABLE = problem_responses(503)

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


@router.get(
    "/arbitrage",
    tags=["arbitrage"],
    response_model=OpportunityListing,
    responses=_UNAVAILABLE,
    openapi_extra=query_parameters(ArbitrageRequest),
)
async def arbitrage(
    request: Request,
    shared: SharedDep,
    store: StoreDep,
    asked: Annotated[ArbitrageRequest, Depends(query_of(ArbitrageRequest))],
) -> Response:
    """Routes that are profitable after every cost."""
    page, after = (1, None) if asked.cursor is None else parse_cursor(asked.cursor)
    # Page and summary count ages back from one moment.
    order: Order = {
        "sort": asked.sort_by,
        "descending": asked.descends(asked.sort_by),
        "limit": asked.limit,
        "cursor": after,
        "at": time.time(),
    }
    query = OpportunityQuery.of(asked, **order)
    judge = Judge(shared.settings) if asked.verdict else None
    found = await _find(
        shared, store, query, components=asked.components, judge=judge, summed=page == 1 and asked.summary
    )
    onward = request.url.include_query_params(cursor=f"{page + 1}.{found.next}") if found.next else None
    summary = None if found.sums is None else summary_json(found.sums, found.currency)
    return _answer(request, {**_body(found, page=page, limit=asked.limit, onward=onward), "summary": summary}, found)


@router.get("/arbitrage/top", tags=["arbitrage"], response_model=Listing[OpportunityOut], responses=_UNAVAILABLE)
async def top(
    request: Request, shared: SharedDep, store: StoreDep, limit: PageSize = 10, components: Components = False
) -> Response:
    """The opportunities that are expected to earn most by day with the capital; ``next`` goes on in ``/arbitrage``."""
    found = await _find(shared, store, OpportunityQuery(limit=limit), components=components, summed=False)
    onward = None
    if found.next:
        url = request.url_for("arbitrage").include_query_params(limit=limit, cursor=f"2.{found.next}")
        onward = url.include_query_params(components="true") if components else url
    return _answer(request, _body(found, page=1, limit=limit, onward=onward), found)


@router.get("/profit", tags=["arbitrage"], response_model=Quote)
def profit(request: Request, shared: SharedDep, asked: Annotated[ProfitRequest, Query()]) -> Response:
    """The profit of one route after every fee and tax, asked by hand: no product need be in the store."""
    settings = shared.settings
    profile = Profile.neutral() if asked.no_profile else load_profile(settings.profile_path, settings.profile_name)
    return json_answer(request, quote(asked, profile, load_tables(), load_rates()).model_dump(mode="json"))


async def _find(
    shared: Shared, store: Store, query: OpportunityQuery, *, components: bool, summed: bool, judge: Judge | None = None
) -> Listed:
    """From memory, which knows no components and no verdicts and is not always up to date; else from the store."""
    if not components and judge is None and (known := await shared.routes.find(query, summed=summed)) is not None:
        return known
    return await run_in_threadpool(_read, store, query, components=components, summed=summed, judge=judge)


def _read(store: Store, query: OpportunityQuery, *, components: bool, summed: bool, judge: Judge | None) -> Listed:
    found = store.opportunities(query)
    verdicts = None if judge is None else judge.verdicts(store, found.items, now=time.time())
    return Listed.of(found, store.sums(query) if summed else None, components=components, verdicts=verdicts)


def _body(found: Listed, *, page: int, limit: int, onward: URL | None) -> JsonObject:
    return listing_json(found.items, found.total, page=page, page_size=limit, onward=onward)


def _answer(request: Request, body: JsonObject, found: Listed) -> Response:
    others = {name: value for name, value in body.items() if name != "items"}
    return json_answer(request, body, identity=[found.identities, others])
