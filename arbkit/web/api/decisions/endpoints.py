"""The endpoints for decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import JsonValue

from arbkit.analysis.decisions.listing import decisions_that_hold
from arbkit.analysis.decisions.taking import decide
from arbkit.core.decisions.event import brand_key
from arbkit.core.input.filters import OpportunityFilter
from arbkit.store import open_store
from arbkit.web.api.decisions.schemas import DecisionBody, DecisionNow, DecisionOut
from arbkit.web.api.listing import listing_json
from arbkit.web.api.schemas import Listing
from arbkit.web.dependencies import Asin, SharedDep, StoreDep
from arbkit.web.edge.guard import caller_of
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, refuse_unknown

_UNAVAILABLE = problem_responses(503)

router = APIRouter(dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE), tags=["decisions"])


@router.get("/decisions", response_model=Listing[DecisionNow], responses=_UNAVAILABLE)
def decisions(
    request: Request,
    store: StoreDep,
    status: Annotated[str | None, Query(description="only these, separated by commas: buy_list, dismissed, …")] = None,
    brand: Annotated[str | None, Query(description="all that was ever decided about this brand")] = None,
) -> Response:
    """What holds now, the latest first, also of products that are no longer in the store."""
    if brand is not None:
        found = [(one, one.status) for one in store.decisions([brand_key(brand)])]
    else:
        found = decisions_that_hold(store, OpportunityFilter.parse({"decision": status}).statuses)
    items: list[JsonValue] = [{**one.to_dict(), "status_now": now} for one, now in found]
    return json_answer(request, listing_json(items, len(items), page=1, page_size=len(items)))


@router.get("/decisions/{asin}", response_model=Listing[DecisionOut], responses=_UNAVAILABLE)
def decisions_of(request: Request, store: StoreDep, asin: Asin) -> Response:
    """All that was ever decided about a product, the earliest first; the last one's version is what a next one saw."""
    items: list[JsonValue] = [one.to_dict() for one in store.decisions([asin])]
    return json_answer(request, listing_json(items, len(items), page=1, page_size=len(items)))


@router.post("/decisions", status_code=201, responses={**problem_responses(409), **_UNAVAILABLE})
def add_decision(request: Request, shared: SharedDep, wanted: Annotated[DecisionBody, Body()]) -> DecisionOut:
    """Decide about a product, one of its routes, or a brand; 409 if somebody has decided since the version seen."""
    caller = caller_of(request.scope)
    with open_store(shared.settings) as store:
        made = decide(store, wanted, by=caller.name if caller else "")
    return DecisionOut.model_validate(made.to_dict())
