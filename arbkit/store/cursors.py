"""Opaque cursors for keyset paging: where the last page ended, as text."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

import orjson

from arbkit.core.errors import UsageError
from arbkit.store.base import OpportunityQuery, Page, ProductQuery

End = tuple[float | str | None, str]
"""The sort key and the id that a page ends at."""
R = TypeVar("R")
T = TypeVar("T")


def page_of(
    query: ProductQuery | OpportunityQuery,
    rows: Sequence[R],
    total: int,
    *,
    build: Callable[[R], T],
    end: Callable[[R], End],
) -> Page[T]:
    """The page of these rows, of which there is one more than it holds where another page follows."""
    after = None
    if len(rows) > query.limit:
        made = [query.sort, query.descending, *end(rows[query.limit - 1])]
        after = urlsafe_b64encode(orjson.dumps(made)).decode().rstrip("=")
    return Page(items=tuple(map(build, rows[: query.limit])), total=total, next=after)


def unpack(query: ProductQuery | OpportunityQuery) -> End | None:
    """Where the page before this one ended; None for the first page.

    Raises:
        UsageError: the cursor is damaged, or was made for another order.
    """
    if not (cursor := query.cursor):
        return None
    try:
        made = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        sort, descending, key, last_id = made
        if not isinstance(last_id, str) or not isinstance(key, (float, int, str, type(None))):
            raise TypeError
    except (binascii.Error, orjson.JSONDecodeError, ValueError, TypeError):
        raise UsageError(
            "is not one that arbkit made", field="cursor", value=cursor[:80], remedy="Begin without a cursor"
        ) from None
    if (sort, descending) != (query.sort, query.descending):
        raise UsageError(
            "was made for another order", field="cursor", value=cursor[:80], remedy="Keep the order while paging"
        )
    return key, last_id
