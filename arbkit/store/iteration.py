"""What is asked of any store in more than one query, or by an id."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from arbkit.core.models import Offer, Opportunity
from arbkit.store.base import Store
from arbkit.store.queries import OpportunityQuery, Page, ProductQuery

T = TypeVar("T")
Q = TypeVar("Q", ProductQuery, OpportunityQuery)

_PAGE_SIZE = 2_000
_PRODUCTS = 200
_LOOKED_AT = 20


def iter_opportunities(store: Store, query: OpportunityQuery) -> Iterator[Opportunity]:
    """All that the query finds in its order, whatever its page; a stretch at a time is in memory.

    Raises:
        StoreError: the store went away.
    """
    at = time.time() if query.at is None else query.at
    rest = query.model_copy(update={"limit": _PAGE_SIZE, "offset": 0, "cursor": None, "at": at, "walk": True})
    while True:
        page = store.opportunities(rest)
        yield from page.items
        if page.next is None:
            return
        rest = rest.model_copy(update={"cursor": page.next})


def take(ask: Callable[[Q], Page[T]], query: Q, limit: int) -> tuple[list[T], int]:
    """The first ``limit`` items that a query finds, over as many pages as it takes, and how many it finds in all.

    Raises:
        StoreError: the store went away.
    """
    items: list[T] = []
    while True:
        page = ask(query.model_copy(update={"limit": min(_PAGE_SIZE, limit - len(items))}))
        items += page.items
        if page.next is None or len(items) >= limit:
            return items, page.total
        query = query.model_copy(update={"cursor": page.next})


def offers_of_many(store: Store, asins: Sequence[str]) -> list[Offer]:
    """All offers of these products, however many there are.

    Raises:
        StoreError: the store cannot be read.
    """
    starts = range(0, len(asins), _PRODUCTS)
    return [offer for start in starts for offer in store.offers(asins[start : start + _PRODUCTS])]


def product_worth_a_look(store: Store) -> str | None:
    """Of the products of the best opportunities the one on the most marketplaces, else the one looked at last.

    None in an empty store.

    Raises:
        StoreError: the store cannot be read.
    """
    asins = [o.asin for o in store.opportunities(OpportunityQuery(limit=_LOOKED_AT)).items]
    asins = asins or [p.asin for p in store.products(ProductQuery(limit=1)).items]
    known = Counter(o.asin for o in store.offers(asins))
    return max(asins, key=lambda asin: known[asin], default=None)


def opportunity_by_id(store: Store, name: str) -> Opportunity | None:
    """The opportunity of this id (asin:source:target), or None if it is none any more.

    Raises:
        StoreError: the store cannot be read.
    """
    asin, source, target = name.split(":")
    found = store.opportunities(OpportunityQuery(asin=asin, source=source, target=target, limit=1)).items
    return found[0] if found else None
