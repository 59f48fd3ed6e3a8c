"""Pages of lists, as every list is answered."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import JsonValue
from starlette.datastructures import URL

from arbkit.core.errors import UsageError
from arbkit.core.models import Opportunity
from arbkit.core.results import JsonObject
from arbkit.web.http import json_answer

PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=500)]
Components = Annotated[bool, Query(description="every fee and tax too")]
_CURSOR = re.compile(r"([0-9]{1,9})\.([A-Za-z0-9_=-]{1,2000})")


def parse_cursor(cursor: str) -> tuple[int, str]:
    """The page's number and the store's own cursor.

    Raises:
        UsageError: it is damaged.
    """
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise UsageError(
            "is not one that arbkit made", field="cursor", value=cursor[:80], remedy="Begin without a cursor"
        )
    return int(parts[1]), parts[2]


def listing_json(
    items: list[JsonValue], total: int, *, page: int, page_size: int, onward: URL | None = None
) -> JsonObject:
    """A page in the shape of :class:`~arbkit.web.api.schemas.Listing`; ``onward`` is the page that follows."""
    following = None if onward is None else str(onward)
    return {"items": items, "total": total, "page": page, "page_size": page_size, "next": following}


def numbered_page(request: Request, items: list[JsonValue], total: int, *, page: int, page_size: int) -> Response:
    """The answer with a page of a list that is paged by numbers."""
    onward = request.url.include_query_params(page=page + 1) if page * page_size < total else None
    return json_answer(request, listing_json(items, total, page=page, page_size=page_size, onward=onward))


def opportunities_json(found: Sequence[Opportunity], *, components: bool) -> list[JsonValue]:
    """Opportunities as callers see them, with their ages of now."""
    now = time.time()
    return [o.public(now=now, components=components) for o in found]


def opportunities_identity(found: Sequence[Opportunity]) -> list[JsonValue]:
    """What changes where opportunities do, without their ages."""
    return [[o.id, o.run_id, o.evaluated_at, o.data_at, o.profit] for o in found]
