"""What is asked of any store in more than one query, or by an id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from arbkit.core.models import Opportunity
from arbkit.store.base import OpportunityQuery, Store

__all__ = ["iter_opportunities", "opportunity_by_id"]

_PAGE_SIZE = 2_000


def iter_opportunities(store: Store, query: OpportunityQuery) -> Iterator[Opportunity]:
    """All that the query finds in its order, whatever its page; a stretch at a time is in memory.

    Raises:
        StoreError: the store went away.
    """
    rest = replace(query, limit=_PAGE_SIZE, offset=0, cursor=None)
    while True:
        page = store.opportunities(rest)
        yield from page.items
        if page.next is None:
            return
        rest = replace(rest, cursor=page.next)


def opportunity_by_id(store: Store, name: str) -> Opportunity | None:
    """The opportunity of this id (asin:source:target), or None if it is none any more.

    Raises:
        StoreError: the store cannot be read.
    """
    asin, source, target = name.split(":")
    found = store.opportunities(OpportunityQuery(asin=asin, source=source, target=target, limit=1)).items
    return found[0] if found else None
