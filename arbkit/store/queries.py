"""What a store is asked: filters with order and stretch of the result, pages, and cursors for keyset paging."""

from __future__ import annotations

import binascii
import math
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, Literal, NamedTuple, Self, TypedDict, TypeVar, Unpack

import orjson
from pydantic import Field, JsonValue

from arbkit.core.errors import UsageError
from arbkit.core.input.filters import (
    DEFAULT_OPPORTUNITY_SORT,
    Asin,
    OpportunityFilter,
    OpportunitySort,
    ProductFilter,
    ProductSort,
)
from arbkit.core.input.validation import Request
from arbkit.store.alerts import DeliveryStatus
from arbkit.store.fields import SORTS_THEN_BY_PROFIT


class End(NamedTuple):
    """The row that a page ends at: its sort key, its id, and its profit in orders of which that is the second key."""

    key: float | str | None
    id: str
    profit: float | None = None


_NO_FILTER = {"sort", "descending", "limit", "offset", "cursor", "at", "walk"}
"""What of a query changes nothing in how many it finds."""
_BY_TEXT = frozenset({"asin", "route", "title"})
"""Orders that go by a text; all others go by a number."""
_GREATEST_KEY = 253_402_300_799
"""The last second that is a date, beyond any price."""
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A stretch of a sorted result. ``next`` is an opaque cursor for :class:`*Query.cursor`, or None."""

    items: tuple[T, ...]
    total: int
    next: str | None


class Order(TypedDict, total=False):
    """Order and stretch of a result, in the names of :class:`ProductQuery` and :class:`OpportunityQuery`."""

    sort: ProductSort | OpportunitySort
    descending: bool
    limit: int
    offset: int
    cursor: str | None
    at: float | None


class _Paged(Request):
    """Order and stretch of a result; ``cursor`` (keyset) and ``offset`` exclude each other."""

    descending: bool = True
    limit: int = Field(50, ge=1)
    offset: int = Field(0, ge=0)
    cursor: str | None = None

    @classmethod
    def of(cls, wanted: OpportunityFilter | ProductFilter, **order: Unpack[Order]) -> Self:
        """The query for what a filter finds, in this order."""
        return cls.model_validate({**wanted.filters(), **order})


class ProductQuery(_Paged, ProductFilter):
    """A filter of products, with order and stretch of the result."""

    sort: ProductSort = "updated"


class OpportunityQuery(_Paged, OpportunityFilter):
    """A filter of opportunities, with order and stretch of the result.

    ``at`` is the time (Unix seconds) from which ``max_age_hours`` counts back; None: when the query is asked.
    ``walk`` says that all pages are asked for, one after the other, so that none may cost more for what is before it.
    """

    sort: OpportunitySort = DEFAULT_OPPORTUNITY_SORT
    at: float | None = None
    walk: bool = False

    @property
    def status(self) -> str | None:
        """The status of the routes that are asked for; None: any."""
        return None if self.all_routes else "opportunity"

    @property
    def min_data_at(self) -> int | None:
        """The time (Unix seconds) that the data must reach; None: any."""
        if self.max_age_hours is None:
            return None
        return math.ceil((time.time() if self.at is None else self.at) - self.max_age_hours * 3600)


class RunQuery(_Paged):
    """Which runs of reports (``report`` None: of all), with order and stretch of the result."""

    report: str | None = None
    sort: Literal["started"] = "started"


class AlertQuery(_Paged):
    """Which alerts, by when they were made (``since`` inclusive, ``until`` exclusive, Unix seconds).

    A field that is None asks for any. ``status`` is that of all channels together.
    """

    sort: Literal["at"] = "at"
    status: DeliveryStatus | None = None
    type: str | None = None
    asin: Asin | None = None
    rule: str | None = None
    since: float | None = None
    until: float | None = None


StoreQuery = ProductQuery | OpportunityQuery | RunQuery | AlertQuery
"""What a page is asked with."""


def goes_by_profit_too(query: StoreQuery) -> bool:
    """Whether the order has the profit as its second key, before the id."""
    return query.sort in SORTS_THEN_BY_PROFIT and isinstance(query, OpportunityQuery)


def check_query(query: StoreQuery) -> None:
    """Refuse a query that contradicts itself.

    Raises:
        UsageError: names the fields.
    """
    if query.cursor and query.offset:
        raise UsageError("exclude each other", field="cursor, offset")
    if not isinstance(query, ProductQuery) or query.market:
        return
    if query.max_price is not None:
        raise UsageError("needs the marketplace whose currency it is in", field="max_price", remedy="Give market too")
    if query.sort == "price":
        why = "needs the marketplace whose prices it goes by"
        raise UsageError(why, field="sort_by", value=query.sort, remedy="Give market too")


def age_edges(limits: Sequence[float], now: float) -> list[tuple[int | None, int | None]]:
    """The stretches of :meth:`Store.ages` as times: each from its first inclusive to its last exclusive; None: open."""
    edges = [math.floor(now - limit) + 1 for limit in limits]
    return list(zip([*edges, None], [None, *edges], strict=True))


def page_of(
    query: StoreQuery, rows: Sequence[R], total: int, *, build: Callable[[R], T], end: Callable[[R], End]
) -> Page[T]:
    """The page of these rows, of which there is one more than it holds where another page follows."""
    after = None
    if len(rows) > query.limit:
        last = end(rows[query.limit - 1])
        key = [last.key, last.profit] if goes_by_profit_too(query) else last.key
        made = [query.sort, query.descending, key, last.id, total, _digest_of(query)]
        after = urlsafe_b64encode(orjson.dumps(made)).decode().rstrip("=")
    return Page(items=tuple(map(build, rows[: query.limit])), total=total, next=after)


def known_total(query: StoreQuery) -> int | None:
    """How many there are on all pages, as the page before this one said; None: they are to be counted.

    A cursor that is used with another filter knows nothing of what that finds.
    """
    if not query.cursor:
        return None
    try:
        *_, total, digest = _unpacked(query.cursor)
    except (binascii.Error, ValueError, TypeError):
        return None
    return total if isinstance(total, int) and total >= 0 and digest == _digest_of(query) else None


def _unpacked(cursor: str) -> list[JsonValue]:
    made: list[JsonValue] = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return made


def _digest_of(query: StoreQuery) -> str:
    """What tells the filter of a query from others."""
    return blake2b(orjson.dumps(query.model_dump(exclude=_NO_FILTER)), digest_size=6).hexdigest()


def _is_end(query: StoreQuery, end: End) -> bool:
    """Whether a page in this order can have ended there: at a text, or at numbers as prices and times are."""
    if query.sort in _BY_TEXT and end.key is not None:
        return isinstance(end.key, str) and end.profit is None
    return (end.key is None or _is_number(end.key)) and (
        _is_number(end.profit) if goes_by_profit_too(query) else end.profit is None
    )


def _is_number(key: float | str | None) -> bool:
    return isinstance(key, int | float) and not isinstance(key, bool) and abs(key) <= _GREATEST_KEY


def unpack_cursor(query: StoreQuery) -> End | None:
    """Where the page before this one ended; None for the first page.

    Raises:
        UsageError: the cursor is damaged, or was made for another order.
    """
    if not (cursor := query.cursor):
        return None
    try:
        sort, descending, found, last_id, *_ = _unpacked(cursor)
        key, profit = found if isinstance(found, list) else (found, None)
        if not isinstance(last_id, str) or isinstance(key, list | dict) or isinstance(profit, list | dict | str):
            raise TypeError
        end = End(key, last_id, profit)
        is_of_order = (sort, descending) == (query.sort, query.descending)
        if is_of_order and not _is_end(query, end):
            raise ValueError
    except (binascii.Error, orjson.JSONDecodeError, ValueError, TypeError):
        raise UsageError(
            "is not one that arbkit made", field="cursor", value=cursor[:80], remedy="Begin without a cursor"
        ) from None
    if not is_of_order:
        raise UsageError(
            "was made for another order", field="cursor", value=cursor[:80], remedy="Keep the order while paging"
        )
    return end
