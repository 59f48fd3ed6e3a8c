"""Pages of lists, as every list is answered."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Query, Request, Response
from pydantic import JsonValue
from starlette.datastructures import URL

from arbkit.core.errors import UsageError
from arbkit.core.models import Opportunity
from arbkit.core.results import JsonObject
from arbkit.store.queries import Order, Page
from arbkit.web.http import json_answer

T = TypeVar("T")

PageNumber = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="number of the page, from 1; or give a cursor")
]
PageSize = Annotated[int, Query(ge=1, le=500)]
Components = Annotated[bool, Query(description="every fee and tax too")]
Cursor = Annotated[str | None, Query(description="from `next`")]
_CURSOR = re.compile(r"([0-9]{1,9})\.([A-Za-z0-9_=-]{1,16000})")


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


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which part of a list is asked for: that behind ``cursor``, or else the page of this number."""

    page: int
    page_size: int
    cursor: str | None

    @classmethod
    def of(cls, page: int | None, page_size: int, cursor: str | None) -> Stretch:
        """The part that a request asks for, by the number of a page or by a cursor.

        Raises:
            UsageError: the cursor is damaged, or of another page than the one that is given beside it.
        """
        if cursor is None:
            return cls(page or 1, page_size, None)
        number, after = parse_cursor(cursor)
        if page not in (None, number):
            remedy = "Give one of them"
            raise UsageError(f"is of page {number}, not {page}", field="cursor", value=cursor[:80], remedy=remedy)
        return cls(number, page_size, after)

    @property
    def order(self) -> Order:
        """As the store is asked for it."""
        if self.cursor is not None:
            return {"limit": self.page_size, "cursor": self.cursor}
        return {"limit": self.page_size, "offset": (self.page - 1) * self.page_size}

    def answer(self, request: Request, items: list[JsonValue], found: Page[T]) -> Response:
        """The answer with this part; its ``next`` goes by a cursor, and so to the end of however long a list."""
        onward = None
        if found.next:
            # Its number last, as people read it.
            url = request.url.remove_query_params(["cursor", "page"])
            onward = url.include_query_params(cursor=f"{self.page + 1}.{found.next}", page=self.page + 1)
        body = listing_json(items, found.total, page=self.page, page_size=self.page_size, onward=onward)
        return json_answer(request, body)


@contextmanager
def naming_page() -> Iterator[None]:
    """What the store says of an offset is said of the page that it was made from.

    Raises:
        UsageError: the page lies too far on.
    """
    try:
        yield
    except UsageError as error:
        if error.field != "offset":
            raise
        raise UsageError(error.why, field="page", value=error.value, remedy=error.remedy) from None


def opportunities_json(found: Sequence[Opportunity], *, components: bool) -> list[JsonValue]:
    """Opportunities as callers see them, with their ages of now."""
    now = time.time()
    return [o.public(now=now, components=components) for o in found]
