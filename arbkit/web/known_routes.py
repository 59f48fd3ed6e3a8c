"""Pages of opportunities from memory: what the API is asked most, without a search of the store for each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import orjson
from fastapi.concurrency import run_in_threadpool
from pydantic import JsonValue

from arbkit.core.decisions.rules import DecisionsInForce, Holding, RouteProfit, today_utc
from arbkit.core.errors import StoreError
from arbkit.core.models import Opportunity
from arbkit.core.results import RouteVerdict
from arbkit.store import OpportunityQuery, Page, Sums
from arbkit.store.columns.mirror import Mirror, View
from arbkit.store.columns.search import FoundRow, can_answer
from arbkit.store.lazy import LazyStore

logger = logging.getLogger(__name__)

_WAIT_S = 0.05
"""How long a request waits for what has changed to be read, before it asks the store."""
_ASKED_EVERY_S = 0.1
"""How often a server is asked whether anything has changed: its own searches show that little sooner."""
_MOST_KEPT = 32 << 20
"""Bytes of items that are kept."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of opportunities as JSON; ``identities`` change where its items do, their ages apart."""

    items: list[JsonValue]
    identities: list[JsonValue]
    total: int
    next: str | None
    currency: str | None
    sums: Sums | None

    @classmethod
    def of(
        cls,
        found: Page[Opportunity],
        sums: Sums | None,
        *,
        components: bool,
        verdicts: Sequence[RouteVerdict] | None = None,
    ) -> Listed:
        """The page of these opportunities, with their ages of now, and with their verdicts where there are some."""
        now = time.time()
        said: list[dict[str, JsonValue]] = [{} for _ in found.items]
        if verdicts is not None:
            said = [{"verdict": one.model_dump()} for one in verdicts]
        shown = [o.public(now=now, components=components) for o in found.items]
        items: list[JsonValue] = [{**one, **verdict} for one, verdict in zip(shown, said, strict=True)]
        identities: list[JsonValue] = [
            [*opportunity_identity(o), *verdict.values()] for o, verdict in zip(found.items, said, strict=True)
        ]
        currency = next((o.currency for o in found.items), None)
        return cls(items, identities, found.total, found.next, currency, sums)


@dataclass(frozen=True, slots=True)
class _Item:
    """An opportunity as JSON but for its age and decision, which come last, and what tells its figures from others."""

    head: bytes
    identity: bytes
    data_at: int
    brand: str | None
    currency: str
    figures: tuple[float, float]

    @classmethod
    def of(cls, o: Opportunity) -> _Item:
        shown = o.public(now=0.0)
        del shown["data_age_s"], shown["decision"]
        *identity, _, _ = opportunity_identity(o)
        figures = (o.profit, o.evaluated_at)
        return cls(orjson.dumps(shown)[:-1], orjson.dumps(identity)[:-1], o.data_at, o.brand, o.currency, figures)

    def json(self, now: float, holding: Holding) -> bytes:
        """As :meth:`~arbkit.core.models.Opportunity.public` says it."""
        age = max(0, round(now - self.data_at))
        return b'%b,"data_age_s":%d,"decision":%b}' % (self.head, age, orjson.dumps(holding._asdict()))

    def identity_with(self, holding: Holding) -> bytes:
        """As :func:`opportunity_identity` says it."""
        return b'%b,"%b",%b]' % (self.identity, holding.status.encode(), orjson.dumps(holding.at))

    def holding(self, route: str, decided: DecisionsInForce, today: str) -> Holding:
        """What was decided about the route of this id."""
        asin, source, target = route.split(":")
        profit = RouteProfit(self.figures[0], self.currency)
        return decided.holds_of(asin, source, target, brand=self.brand, now=profit, today=today)


class KnownRoutes:
    """Follows what ``stores`` open, from the first question on. Its methods belong to one event loop."""

    def __init__(self, stores: LazyStore) -> None:
        self._stores = stores
        self._mirror: Mirror | None = None
        self._following: asyncio.Task[View] | None = None
        self._asked_at = 0.0
        self._items: dict[str, _Item] = {}
        self._kept = 0

    async def find(self, query: OpportunityQuery, *, summed: bool) -> Listed | None:
        """The page that a query finds; None where the store itself must be asked.

        Raises:
            UsageError: the query contradicts itself, or its cursor is of another order.
        """
        if not can_answer(query):
            return None
        try:
            mirror = await self._opened()
            view = await self._current(mirror)
            if view is None:
                return None
            page, sums = view.find(query, summed=summed)
            items = await self._items_of(mirror, page.items)
        except StoreError as error:
            logger.debug("the store itself is asked: %s", error)
            return None
        return None if items is None else _listed(page, items, sums, view.decided)

    async def close(self) -> None:
        """Stop following, and close the store."""
        if self._following is not None:
            # What reads in a thread cannot be stopped: the store closes when it has ended.
            await asyncio.wait({self._following})
        self._stores.close()

    async def _opened(self) -> Mirror:
        """What follows the store that is open now."""
        store = self._stores.opened
        if store is None:
            store = await run_in_threadpool(self._stores.get)
        if self._mirror is None or self._mirror.store is not store:
            self._mirror, self._following, self._items, self._kept = Mirror(store), None, {}, 0
        return self._mirror

    async def _current(self, mirror: Mirror) -> View | None:
        """The opportunities as they are now; None where reading them takes longer than a request may wait."""
        for _ in range(_TRIES):
            if (following := self._following) is not None:
                done, _ = await asyncio.wait({following}, timeout=_WAIT_S)
                if not done:
                    return None
                if self._following is following:
                    self._following = None
                following.result()
            view = mirror.view
            if view is not None and not self._is_behind(mirror, view):
                return view
            self._asked_at = time.monotonic()
            self._following = asyncio.create_task(run_in_threadpool(mirror.follow))
        return None

    def _is_behind(self, mirror: Mirror, view: View) -> bool:
        if mirror.store.waits_for_server:
            return time.monotonic() - self._asked_at > _ASKED_EVERY_S
        return mirror.store.route_mark() != view.mark

    async def _items_of(self, mirror: Mirror, rows: Sequence[FoundRow]) -> list[_Item] | None:
        """The items of rows; None where one is another one by now than the row."""
        found = [self._kept_item(row) for row in rows]
        missing = [row.id for row, item in zip(rows, found, strict=True) if item is None]
        if not missing:
            return cast("list[_Item]", found)
        if mirror.store.waits_for_server:
            read = await run_in_threadpool(mirror.store.route_documents, missing)
        else:
            read = mirror.store.route_documents(missing)
        for route, opportunity in read.items():
            self._keep(route, _Item.of(opportunity))
        found = [self._kept_item(row) for row in rows]
        return None if None in found else cast("list[_Item]", found)

    def _kept_item(self, row: FoundRow) -> _Item | None:
        item = self._items.pop(row.id, None)
        if item is None:
            return None
        # What was wanted last is forgotten last.
        self._items[row.id] = item
        return item if item.figures == (row.profit, row.evaluated_at) else None

    def _keep(self, route: str, item: _Item) -> None:
        old = self._items.pop(route, None)
        self._items[route] = item
        self._kept += len(item.head) - (0 if old is None else len(old.head))
        while self._kept > _MOST_KEPT:
            first = next(iter(self._items))
            self._kept -= len(self._items.pop(first).head)


def _listed(page: Page[FoundRow], items: Sequence[_Item], sums: Sums | None, decided: DecisionsInForce) -> Listed:
    now = time.time()
    today = today_utc(now)
    holding = [item.holding(row.id, decided, today) for row, item in zip(page.items, items, strict=True)]
    return Listed(
        [_ready(item.json(now, one)) for item, one in zip(items, holding, strict=True)],
        [_ready(item.identity_with(one)) for item, one in zip(items, holding, strict=True)],
        page.total,
        page.next,
        next((item.currency for item in items), None),
        sums,
    )


def opportunity_identity(o: Opportunity) -> list[JsonValue]:
    """What changes where the opportunity does, without its age."""
    return [o.id, o.run_id, o.evaluated_at, o.data_at, o.profit, o.decision, o.decision_at]


def _ready(text: bytes) -> JsonValue:
    """What is JSON already, as a part of what becomes it; pydantic has no word for that."""
    return cast("JsonValue", orjson.Fragment(text))
