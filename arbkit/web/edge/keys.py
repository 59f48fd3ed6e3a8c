"""The endpoints for keys, as ``arbkit api keys`` has them; only an admin's key opens them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from arbkit.core.results import Result
from arbkit.core.service.api_keys import ApiKey, KeyRing, Scope, parse_duration
from arbkit.web.http import ANY_ROUTE, problem_responses, refuse_unknown

router = APIRouter(tags=["keys"], dependencies=[Depends(refuse_unknown)], responses=problem_responses(*ANY_ROUTE))


class KeyRequest(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="up to 64 letters, digits, dots, dashes and underscores")
    scope: Scope = Field("read", description="write includes read, admin both, and keys")
    expires: str | None = Field(None, description="how long it is good, as 90d, 12h or 30m; default: until revoked")


class KeyMade(Result):
    """A key that was made: ``key`` is shown this once, and kept nowhere."""

    key: str
    about: ApiKey


class Keys(Result):
    """The keys that were handed out, also expired ones."""

    items: list[ApiKey]
    total: int


def _keys(request: Request) -> KeyRing:
    ring: KeyRing = request.app.state.keys
    return ring


KeysDep = Annotated[KeyRing, Depends(_keys)]


@router.get("/keys")
def list_keys(keys: KeysDep) -> Keys:
    """The keys that were handed out: what each lets in to, until when, and when it was last used."""
    found = keys.listed()
    return Keys(items=found, total=len(found))


@router.post("/keys", status_code=201, responses=problem_responses(503))
def add_key(response: Response, keys: KeysDep, wanted: Annotated[KeyRequest, Body()]) -> KeyMade:
    """Make a key, and show it this once."""
    response.headers["Cache-Control"] = "no-store"
    made = keys.add(
        wanted.name, wanted.scope, lasts_s=None if wanted.expires is None else parse_duration(wanted.expires)
    )
    return KeyMade(key=made.secret, about=made.about)


@router.delete("/keys/{name}", status_code=204, responses=problem_responses(404, 503))
def revoke_key(keys: KeysDep, name: str) -> None:
    """Let a key in no more, from now on; what it reads at this moment ends too."""
    if not keys.revoke(name):
        raise HTTPException(404, "there is no key of this name")
