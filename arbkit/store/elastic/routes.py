"""The routes of products in Elasticsearch with what follows from them: windows, and notices in the outbox.

Elasticsearch knows no transaction over several documents. The document of a product decides: whoever writes its
routes takes a turn in it, which names every route that may be stored as active, and says last what they were made of.
The number of the turn is the external version of all that is written in it, so that a request which arrives when
others have had their turn changes nothing. Whoever is killed in between has left nothing that the next one does not
find, and writing again writes the same under the same ids.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, cast
from zlib import crc32

from elasticsearch import Elasticsearch
from pydantic import JsonValue

from arbkit.core.errors import StoreError
from arbkit.core.models import Opportunity
from arbkit.core.results import JsonObject
from arbkit.store import base
from arbkit.store.elastic import changes, documents
from arbkit.store.elastic.bulk import Action, Outcome, SeqNoGuard, back_off, bulk, contended, delete_found
from arbkit.store.elastic.client import Hit, fetch_documents, run_search, scan, wrap_errors
from arbkit.store.elastic.documents import PricedState
from arbkit.store.elastic.writer import Writer
from arbkit.store.product_document import best_by_product
from arbkit.store.routes import (
    Announce,
    Basis,
    Notice,
    ProductRoutes,
    PutRoutes,
    RouteChanges,
    RouteMark,
    RouteRow,
    RouteWindow,
    Windows,
    ending,
    follow_windows,
    judge,
    route_changes,
    window_notices,
)

_ATTEMPTS = 20
_UNSENT: JsonObject = {"term": {"sent": False}}
_IN_ORDER: JsonObject = {"number": "asc"}
_MOST_ROUTES = 10_000
_MOST_CHANGED = 10_000
"""Changed routes that are sooner read one by one than all there are."""
_ENDED_KEPT_S = 7 * 86_400.0
"""How long the version of an ended route is kept: no detector is later than the log keeps what it reads."""


@dataclass(slots=True)
class _Taken:
    """A result that is taken, with the document of its product and the guard for its next write.

    ``before`` is what the document says, ``after`` what it shall say in the end. ``announced`` are the notices that it
    makes beside those that its product has named already.
    """

    result: ProductRoutes
    document: JsonObject
    guard: SeqNoGuard
    before: PricedState
    after: PricedState
    changed: Sequence[RouteWindow]
    new: Mapping[str, Opportunity]
    announced: Sequence[Notice] = ()

    def named(self) -> PricedState:
        """What its product must say before anything of it is written."""
        return self.before.naming(self.after, self.result.routes, self.announced)


class RouteWriter:
    """Writes the routes of products; ``prefix`` begins the names of all indices."""

    def __init__(self, client: Elasticsearch, prefix: str, writer: Writer) -> None:
        self._client = client
        self._prefix = prefix
        self._writer = writer

    def put(
        self, results: Sequence[ProductRoutes], generation: int, announce: Announce | None, changes_to: str | None
    ) -> PutRoutes:
        """As :meth:`arbkit.store.base.Store.put_routes`."""
        left = {result.asin: result for result in results}
        new: dict[str, Opportunity] = {}
        again: list[str] = []
        for attempt in range(_ATTEMPTS):
            taken = list(self._judged(left, generation, again))
            if announce:
                taken = self._decided(taken, announce)
            named, naming = self._name(taken)
            self._announce(named)
            self._say_changes(named, changes_to)
            self._write(named)
            outcome = self._mark(named)
            done = {one.result.asin for one in named} - {named[place].result.asin for place in outcome.conflicts}
            for one in named:
                if one.result.asin in done:
                    new |= one.new
            left = {one.result.asin: one.result for one in taken if one.result.asin not in done}
            if not left:
                return PutRoutes(tuple(o.id for o in new.values()), tuple(again))
            back_off(attempt)
        raise contended(outcome if outcome.block else naming, len(left), "products")

    def _judged(self, left: Mapping[str, ProductRoutes], generation: int, again: list[str]) -> Iterator[_Taken]:
        there = self._writer.products(sorted(left))
        states = self._states({asin: document for asin, (document, _) in there.items()})
        for asin, result in left.items():
            document, guard = there.get(asin, ({}, None))
            before = states.get(asin, PricedState())
            made_of = Basis(result.change, generation)
            verdict = judge(documents.change_of(document) if guard else None, before.basis, made_of)
            if verdict == "again":
                again.append(asin)
            elif verdict == "take" and guard is not None:
                turn = before.next_turn(made_of)
                followed = _with_pending(before, result, follow_windows(before.windows, result, turn))
                after = before.followed_by(result, made_of, followed.changed, turn=turn)
                yield _Taken(result, document, guard, before, after, followed.changed, followed.new)

    def _states(self, there: Mapping[str, JsonObject]) -> dict[str, PricedState]:
        """What the products' documents say of their routes; of those by an older arbkit, what is found."""
        states = {asin: PricedState.read(document) for asin, document in there.items()}
        old = [asin for asin, state in states.items() if state is None]
        found = self._found_routes(old) if old else {}
        return {asin: state or PricedState.found(found.get(asin, ())) for asin, state in states.items()}

    def _found_routes(self, asins: Sequence[str]) -> dict[str, list[Opportunity]]:
        index = f"{self._prefix}opportunities"
        self._client.indices.refresh(index=index)
        where: JsonObject = {"bool": {"filter": [{"terms": {"asin": list(asins)}}, documents.ACTIVE]}}
        search: JsonObject = {"size": _MOST_ROUTES, "query": where, "track_total_hits": False}
        routes: dict[str, list[Opportunity]] = {}
        for hit in run_search(self._client, search, index=index)["hits"]["hits"]:
            found = documents.opportunity_of(hit["_source"])
            routes.setdefault(found.asin, []).append(found)
        return routes

    def _name(self, taken: Sequence[_Taken]) -> tuple[list[_Taken], Outcome]:
        """Take the turn of each product, which names the routes that it is about to have.

        Returns those whose turn it is; where somebody was faster all is read again.
        """
        states = [one.named() for one in taken]
        written = [{**one.document, "priced": state.to_dict()} for one, state in zip(taken, states, strict=True)]
        outcome = bulk(self._client, list(map(self._product, taken, written)))
        named = [
            replace(taken[place], document=written[place], before=states[place], guard=outcome.guards[place])
            for place in sorted(outcome.ok)
        ]
        return named, outcome

    def _decided(self, taken: Sequence[_Taken], announce: Announce) -> list[_Taken]:
        """With what is announced and remembered of each."""
        ended = [route for one in taken for route in ending(one.result, one.before.memories)]
        before = {o.id: o for one in taken for o in one.before.begun}
        if ended:
            before |= self._last_routes(ended)
        changed = {
            one.result.asin: list(route_changes(one.result, one.after.basis.number, one.before.memories, before))
            for one in taken
        }
        made = announce([change for some in changed.values() for change in some])
        notices: dict[str, list[Notice]] = {}
        for notice in made.notices:
            notices.setdefault(notice.key, []).append(notice)
        now = time.time()
        return [
            replace(
                one,
                after=one.after.remembering(
                    {c.route: made.memories[c.route] for c in changed[one.result.asin] if c.route in made.memories},
                    now=now,
                ),
                announced=notices.get(one.result.asin, ()),
            )
            for one in taken
        ]

    def _last_routes(self, routes: Sequence[str]) -> dict[str, Opportunity]:
        """These routes as they are stored, without those that have ended already."""
        return fetch_routes(self._client, f"{self._prefix}opportunities", routes)

    def _announce(self, taken: Sequence[_Taken]) -> None:
        """Put what the products have named in the outbox."""
        # One is after the other, and all after those of before.
        number = time.time_ns() // 1_000
        waiting = [notice for one in taken for notice in one.before.notices]
        made = [documents.notice_document(notice, number + i) for i, notice in enumerate(waiting)]
        self._send([Action(f"{self._prefix}outbox", str(one["id"]), one, only_new=True) for one in made])

    def _say_changes(self, taken: Sequence[_Taken], topic: str | None) -> None:
        """Put in the outbox which windows begin and end: again under the same ids if that is repeated."""
        if topic:
            number = time.time_ns() // 1_000
            notices = [notice for one in taken for notice in window_notices(one.new, one.changed, topic)]
            made = [documents.notice_document(notice, number + i) for i, notice in enumerate(notices)]
            self._send([Action(f"{self._prefix}outbox", str(one["id"]), one, only_new=True) for one in made])

    def _write(self, taken: Sequence[_Taken]) -> None:
        self._send([action for one in taken for action in self._route_actions(one, time.time())])

    def _route_actions(self, one: _Taken, now: float) -> Iterator[Action]:
        number, words = one.after.turn, str(one.document["words"])
        for window in one.changed:
            yield Action(f"{self._prefix}windows", window.id, window.to_dict(), version=number)
        for route in one.result.routes:
            document = documents.opportunity_document(route, words)
            yield Action(f"{self._prefix}opportunities", route.id, document, version=number)
        for ended in one.before.routes - one.after.routes:
            document = documents.ended_document(ended, now)
            yield Action(f"{self._prefix}opportunities", ended, document, version=number)

    def _send(self, actions: Sequence[Action]) -> None:
        refused = bulk(self._client, actions).poison
        if refused:
            position, why = next(iter(refused.items()))
            raise StoreError(f"{actions[position].id} of {actions[position].index} is refused: {why}")

    def _mark(self, taken: Sequence[_Taken]) -> Outcome:
        """Let products say what their routes were made of, but those that somebody else has written meanwhile."""
        best = best_by_product([route for one in taken for route in one.result.routes])
        actions = []
        for one in taken:
            shown = documents.with_best(one.document, documents.best_summary(best.get(one.result.asin)))
            unpriced = documents.change_of(one.document) > one.result.change
            actions.append(self._product(one, {**shown, "priced": one.after.to_dict(), "unpriced": unpriced}))
        return bulk(self._client, actions)

    def _product(self, one: _Taken, document: JsonObject) -> Action:
        return Action(f"{self._prefix}products", one.result.asin, document, guard=one.guard)


def _with_pending(before: PricedState, result: ProductRoutes, followed: Windows) -> Windows:
    """With the windows that were named and may not be stored: who did so was interrupted."""
    written = {window.id: window for window in followed.changed}
    now = {o.id: o for o in result.routes}
    for window in before.windows.values():
        if window.id in before.pending:
            current = written.setdefault(window.id, window)
            if current.ended_at is None:
                followed.new[window.id] = now[window.route]
    return Windows(list(written.values()), followed.new)


def forget_ended(client: Elasticsearch, prefix: str) -> None:
    """Forget routes and windows that ended long ago, and notices that were sent."""
    for name, kept_s in (("opportunities", _ENDED_KEPT_S), ("windows", base.WINDOWS_KEPT_S)):
        # As text: a number would be milliseconds.
        latest = str(int(time.time() - kept_s))
        delete_found(client, prefix + name, {"range": {"ended_at": {"lt": latest}}})
    delete_found(client, f"{prefix}outbox", {"term": {"sent": True}})


def read_windows(client: Elasticsearch, index: str, asins: Sequence[str]) -> list[RouteWindow]:
    """The windows of these products."""
    hits = _scan(client, index, {"terms": {"asin": list(asins)}})
    return [documents.window_of(hit["_source"]) for hit in hits]


def read_unsent(client: Elasticsearch, index: str, limit: int) -> list[Notice]:
    """The oldest notices that are not marked as sent."""
    search: JsonObject = {"size": limit, "query": _UNSENT, "sort": [_IN_ORDER], "track_total_hits": False}
    hits = run_search(client, search, index=index)["hits"]["hits"]
    return [documents.notice_of(hit["_source"]) for hit in hits]


def mark_sent(client: Elasticsearch, index: str, notices: Sequence[Notice]) -> None:
    """Mark notices as sent. One that is moved to a new index at this moment stays unsent, and is sent again."""
    hits = fetch_documents(client, index, [notice.id for notice in notices])
    bulk(client, [Action(index, hit["_id"], {**hit["_source"], "sent": True}) for hit in hits])


def waiting_notices(client: Elasticsearch, index: str) -> list[Notice]:
    """All notices that are not marked as sent, the oldest first."""
    client.indices.refresh(index=index)
    return [documents.notice_of(hit["_source"]) for hit in _scan(client, index, _UNSENT, sort=_IN_ORDER)]


def _scan(client: Elasticsearch, index: str, query: JsonObject, *, sort: JsonObject | None = None) -> Iterator[Hit]:
    order: list[JsonValue] | None = None if sort is None else [sort]
    return chain.from_iterable(scan(client, index, query, sort=order))


class ElasticRoutes:
    """The part of :class:`arbkit.store.base.Store` that whoever holds its opportunities in memory follows."""

    _client: Elasticsearch
    _prefix: str

    def _hidden(self) -> list[str]:
        raise NotImplementedError

    def route_mark(self) -> RouteMark:
        """See :meth:`arbkit.store.base.Store.route_mark`.

        It names the index, the hidden products and the last removal, and the last sequence number of each shard.
        """
        return self._last_written(*self._shown(self._hidden()))

    def _last_written(self, index: str, shards: range, shown: RouteMark) -> RouteMark:
        with wrap_errors():
            last = [self._numbers(index, shard, -1, "desc", 1) for shard in shards]
        return (*shown, *(numbers[0][1] if numbers else -1 for numbers in last))

    def _shown(self, hidden: Sequence[str]) -> tuple[str, range, RouteMark]:
        """The index, its shards, and what a mark says of which routes are there at all."""
        setting = "index.number_of_shards"
        with wrap_errors():
            alias = f"{self._prefix}opportunities"
            settings = self._client.indices.get_settings(index=alias, name=setting, flat_settings=True)
            ((index, about),) = settings.body.items()
            removal = changes.read_removal(self._client, f"{self._prefix}detection")
        shown = (crc32(index.encode()), crc32("".join(hidden).encode()), removal)
        return index, range(int(about["settings"][setting])), shown

    def route_changes(self, since: RouteMark | None) -> RouteChanges:
        """See :meth:`arbkit.store.base.Store.route_changes`."""
        hidden = self._hidden()
        index, shards, shown = self._shown(hidden)
        if since is None or since[:3] != shown:
            mark = self._last_written(index, shards, shown)
            return RouteChanges(mark, None, self._rows(index, hidden, documents.OPPORTUNITY))
        with wrap_errors():
            written = [self._numbers(index, shard, since[3 + shard], "asc", _MOST_CHANGED + 1) for shard in shards]
        if any(len(some) > _MOST_CHANGED for some in written):
            return self.route_changes(None)
        mark = (*shown, *(some[-1][1] if some else since[3 + shard] for shard, some in enumerate(written)))
        asins = frozenset(route.partition(":")[0] for some in written for route, _ in some)
        some: list[JsonValue] = [*sorted(asins)]
        where: JsonObject = {"bool": {"filter": [documents.OPPORTUNITY, {"terms": {"asin": some}}]}}
        return RouteChanges(mark, asins, list(self._rows(index, hidden, where)) if asins else ())

    def _numbers(self, index: str, shard: int, after: int, order: str, most: int) -> list[tuple[str, int]]:
        """The routes of a shard that were written after this sequence number, each with its own."""
        search: JsonObject = {
            "size": most, "query": {"range": {"_seq_no": {"gt": after}}}, "sort": [{"_seq_no": order}],
            "_source": False, "track_total_hits": False,
        }  # fmt: skip
        hits = run_search(self._client, search, index=index, shard=shard)["hits"]["hits"]
        return [(hit["_id"], cast("int", hit["sort"][0])) for hit in hits]

    def _rows(self, index: str, hidden: Sequence[str], where: JsonObject) -> Iterator[RouteRow]:
        without: list[JsonValue] = list(hidden)
        shown: JsonObject = {"bool": {"filter": [where], "must_not": [{"terms": {"asin": without}}]}}
        order: list[JsonValue] = [{"asin": "asc"}]
        with wrap_errors():
            for hits in scan(self._client, index, shown, source=[*RouteRow._fields], sort=order):
                for hit in hits:
                    document = hit["_source"]
                    yield RouteRow(*(cast("Any", document.get(name)) for name in RouteRow._fields))

    def route_documents(self, ids: Sequence[str]) -> dict[str, Opportunity]:
        """See :meth:`arbkit.store.base.Store.route_documents`."""
        with wrap_errors():
            return fetch_routes(self._client, f"{self._prefix}opportunities", ids)


def fetch_routes(client: Elasticsearch, index: str, routes: Sequence[str]) -> dict[str, Opportunity]:
    """These routes as they are stored, by id, without those that have ended."""
    hits = fetch_documents(client, index, routes, only=["is_active", "document"])
    stored = (hit["_source"] for hit in hits)
    found = [documents.opportunity_of(document) for document in stored if document.get("is_active", True)]
    return {o.id: o for o in found}
