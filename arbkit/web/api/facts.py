"""The endpoints for what users type in about a product."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Body, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from arbkit.core.marketplaces import market as marketplace
from arbkit.core.offers.facts import Fact, FactName
from arbkit.core.results import Result
from arbkit.store import open_store
from arbkit.store.kept_facts import set_fact, unset_fact
from arbkit.web.dependencies import Asin, SharedDep, StoreDep
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, refuse_unknown

_UNAVAILABLE = problem_responses(503)
_NOT_FOUND = problem_responses(404)
OneMarket = Annotated[str, Query(description="only on this marketplace; default: on all")]

router = APIRouter(tags=["facts"], dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


class PackageRequest(BaseModel):
    """A package as the user measured it: its three sides, its weight, or both."""

    model_config = ConfigDict(extra="forbid")

    length_mm: int | None = Field(None, description="millimetres, 1 to 3,000")
    width_mm: int | None = Field(None, description="millimetres, 1 to 3,000")
    height_mm: int | None = Field(None, description="millimetres, 1 to 3,000")
    weight_g: int | None = Field(None, description="grams, 1 to 200,000")


class FactOut(Result):
    """What a user said of a product."""

    asin: str
    market: str = Field(description="empty: on all marketplaces")
    name: FactName
    value: dict[str, JsonValue]
    at: float = Field(description="when it was typed in, Unix seconds")


class FactsOut(Result):
    """What the user said of a product."""

    items: list[FactOut]
    total: int


@router.get("/products/{asin}/facts", response_model=FactsOut, responses=_UNAVAILABLE)
def facts(request: Request, store: StoreDep, asin: Asin) -> Response:
    """What you have typed in about a product."""
    items: list[JsonValue] = [fact.to_dict() for fact in store.facts([asin])]
    return json_answer(request, {"items": items, "total": len(items)})


@router.put("/products/{asin}/facts/package", responses=_UNAVAILABLE)
def put_package(
    shared: SharedDep, asin: Asin, package: Annotated[PackageRequest, Body()], market: OneMarket = ""
) -> FactOut:
    """Keep the size and the weight of a package, in place of those that were typed in before."""
    fact = Fact.of(asin, "package", package.model_dump(exclude_none=True), at=time.time(), market=market)
    with shared.writing, open_store(shared.settings) as store:
        set_fact(shared.settings, store, fact)
    return FactOut.model_validate(fact.to_dict())


@router.delete("/products/{asin}/facts/{name}", status_code=204, responses={**_NOT_FOUND, **_UNAVAILABLE})
def delete_fact(shared: SharedDep, asin: Asin, name: FactName, market: OneMarket = "") -> None:
    """Forget what you have typed in."""
    code = marketplace(market).code if market else ""
    with shared.writing, open_store(shared.settings) as store:
        if not unset_fact(shared.settings, store, asin, code, name):
            raise HTTPException(404, f"no {name} of {asin} was typed in")
