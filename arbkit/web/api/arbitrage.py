"""The endpoints for routes: those that leave money, and one asked about by hand."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.datastructures import URL

from arbkit.core.models import Opportunity
from arbkit.core.results import JsonObject, OpportunityOut
from arbkit.profit import Profile, load_profile, load_rates, load_tables
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.results import Quote
from arbkit.store import OpportunityQuery, Page
from arbkit.store.queries import Order
from arbkit.web.api.listing import (
    Components,
    PageSize,
    listing_json,
    opportunities_identity,
    opportunities_json,
    parse_cursor,
)
from arbkit.web.api.schemas import ArbitrageRequest, Listing, OpportunityListing, ProfitRequest, summary_json
from arbkit.web.dependencies import SharedDep, StoreDep
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, refuse_unknown

_UNAVAILABLE = problem_responses(503)

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


@router.get("/arbitrage", tags=["arbitrage"], response_model=OpportunityListing, responses=_UNAVAILABLE)
def arbitrage(request: Request, store: StoreDep, asked: Annotated[ArbitrageRequest, Query()]) -> Response:
    """Routes that leave money after every cost."""
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
    found = store.opportunities(query)
    onward = request.url.include_query_params(cursor=f"{page + 1}.{found.next}") if found.next else None
    summary: JsonObject | None = None
    if page == 1 and asked.summary:
        currency = next((o.currency for o in found.items), None)
        summary = summary_json(store.sums(query), currency)
    body = _body(found, page=page, limit=asked.limit, components=asked.components, onward=onward)
    return _answer(request, {**body, "summary": summary}, found)


@router.get("/arbitrage/top", tags=["arbitrage"], response_model=Listing[OpportunityOut], responses=_UNAVAILABLE)
def top(request: Request, store: StoreDep, limit: PageSize = 10, components: Components = False) -> Response:
    """The opportunities with the most profit; ``next`` goes on in ``/arbitrage``."""
    found = store.opportunities(OpportunityQuery(limit=limit))
    onward = None
    if found.next:
        url = request.url_for("arbitrage").include_query_params(limit=limit, cursor=f"2.{found.next}")
        onward = url.include_query_params(components="true") if components else url
    return _answer(request, _body(found, page=1, limit=limit, components=components, onward=onward), found)


@router.get("/profit", tags=["arbitrage"], response_model=Quote)
def profit(request: Request, shared: SharedDep, asked: Annotated[ProfitRequest, Query()]) -> Response:
    """What one route leaves after every fee and tax, asked by hand: no product need be in the store."""
    settings = shared.settings
    profile = Profile.neutral() if asked.no_profile else load_profile(settings.profile_path, settings.profile_name)
    return json_answer(request, quote(asked, profile, load_tables(), load_rates()).model_dump(mode="json"))


def _body(found: Page[Opportunity], *, page: int, limit: int, components: bool, onward: URL | None) -> JsonObject:
    items = opportunities_json(found.items, components=components)
    return listing_json(items, found.total, page=page, page_size=limit, onward=onward)


def _answer(request: Request, body: JsonObject, found: Page[Opportunity]) -> Response:
    others = {name: value for name, value in body.items() if name != "items"}
    return json_answer(request, body, identity=[opportunities_identity(found.items), others])
