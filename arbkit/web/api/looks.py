"""The endpoints for fresh looks: anybody asks for one, and the producer serves it within the budget of the day."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from arbkit.core.errors import ConfigError
from arbkit.core.offers.looks import LookStatus
from arbkit.core.results import Result
from arbkit.pipeline.looks import ask
from arbkit.store import open_store
from arbkit.store.mode import mode_in_force
from arbkit.web.dependencies import SharedDep, StoreDep
from arbkit.web.http import ANY_ROUTE, json_answer, problem_responses, refuse_unknown

_UNAVAILABLE = problem_responses(503)

router = APIRouter(tags=["looks"], dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


class LookRequest(BaseModel):
    """A product to look at anew."""

    model_config = ConfigDict(extra="forbid")

    asin: str = Field(description="an ASIN, or the address of its page on Amazon")
    market: str | None = Field(None, description="only on this marketplace; default: on all that are watched")


class LookOut(Result):
    """A fresh look at a product on one marketplace, and what became of it; times in Unix seconds."""

    asin: str
    market: str
    asked_at: float
    status: LookStatus = Field(description="served: what the source says is on the log")
    answered_at: float | None
    why: str | None = Field(description="why it was refused")


class LooksOut(Result):
    """Fresh looks that were asked for, the oldest question first."""

    items: list[LookOut]
    total: int


@router.get("/looks", response_model=LooksOut, responses=_UNAVAILABLE)
def looks(request: Request, store: StoreDep, status: LookStatus | None = None) -> Response:
    """The fresh looks that were asked for, and what became of them."""
    items: list[JsonValue] = [look.to_dict() for look in store.looks(status=status)]
    return json_answer(request, {"items": items, "total": len(items)})


@router.post("/looks", status_code=202, responses={**problem_responses(409), **_UNAVAILABLE})
def look(shared: SharedDep, wanted: Annotated[LookRequest, Body()]) -> LooksOut:
    """Ask the producer for a fresh look at a product, watched or not; one that waits is not asked for twice."""
    settings = mode_in_force(shared.settings, shared.store.get)
    markets = [] if wanted.market is None else [wanted.market]
    try:
        with shared.writing, open_store(settings) as store:
            asked = ask(settings, store, [wanted.asin], markets)
    except ConfigError as error:
        # The API works as it is: it is the producer that takes no looks.
        raise HTTPException(409, str(error)) from error
    return LooksOut.model_validate({"items": [one.to_dict() for one in asked], "total": len(asked)})
