"""Models ↔ the documents that Elasticsearch holds of them, in the shape of :mod:`arbkit.store.elastic.schema`."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import orjson
from pydantic import JsonValue

from arbkit.core.models import OFFER_WIRE_NAMES, Offer, Opportunity, Run
from arbkit.core.offers.facts import Fact
from arbkit.core.offers.history_codec import PackedHistory, summarise
from arbkit.core.offers.looks import Look
from arbkit.core.offers.product import Product
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.results import JsonObject
from arbkit.store.alerts import AlertRecord
from arbkit.store.base import MEMORIES_KEPT_S
from arbkit.store.elastic.schema import COLLECTIONS
from arbkit.store.fields import BEST_FIELDS, OPPORTUNITY_FIELDS
from arbkit.store.routes import Basis, Notice, ProductRoutes, RouteMemory, RouteWindow, follow_windows
from arbkit.store.search_text import joined_words

Document = JsonObject
ACTIVE: Document = {"term": {"is_active": True}}
"""What finds routes that have not ended."""
OPPORTUNITY: Document = {"bool": {"filter": [{"term": {"status": "opportunity"}}, ACTIVE]}}
"""What finds the routes that are opportunities."""
_LATEST = frozenset(COLLECTIONS["history"]["latest"]["properties"])
_PRODUCT_FIELDS = tuple(f.name for f in fields(Product))
_SEARCHED_FIELDS = ("asin", "version", "demo", "title", "category", "updated_at", "first_seen")


def offer_document(offer: Offer) -> Document:
    """The document of an offer."""
    return offer.to_dict()


def offer_of(document: Mapping[str, JsonValue]) -> Offer:
    """The offer of a document."""
    return Offer.from_dict(document)


def history_document(h: PackedHistory) -> Document:
    """The document of a history."""
    packed = base64.b64encode(h.blob).decode()
    found = summarise(h.blob)
    return {
        "asin": h.asin, "market": h.market, "version": h.version, "currency": h.currency, "series": packed,
        "first_at": found.first_at, "last_at": found.last_at, "points": found.points, "names": list(found.names),
        "latest": {name: value for name, value in found.latest.items() if name in _LATEST},
    }  # fmt: skip


def history_of(document: Mapping[str, JsonValue]) -> PackedHistory:
    """The history of a document."""
    row: Mapping[str, Any] = document
    return PackedHistory(row["asin"], row["market"], row["version"], row["currency"], base64.b64decode(row["series"]))


@dataclass(frozen=True, slots=True)
class PricedState:
    """What a product's document says of its routes.

    ``basis`` is what they were made of, ``turn`` the version of what was written last (two results of one basis may
    differ: each has a turn), ``routes`` are the ids of those that may be stored as active, ``windows`` the
    open ones by route, and ``pending`` the ids of those windows that may not be stored yet. ``memories`` are what
    alerts remember of routes, by their ids, ``notices`` those that may not be in the outbox yet, and ``begun`` the
    routes that were announced and may not be stored yet.
    """

    basis: Basis = field(default_factory=Basis)
    routes: frozenset[str] = frozenset()
    windows: Mapping[str, RouteWindow] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    memories: Mapping[str, RouteMemory] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    begun: tuple[Opportunity, ...] = ()
    turn: int = 0

    @classmethod
    def read(cls, document: Mapping[str, JsonValue]) -> PricedState | None:
        """From a product's document; None where an older arbkit wrote it, which did not say."""
        stored: Any = document.get("priced")
        if stored is None:
            return None
        windows = {window.route: window for window in map(window_of, stored["windows"])}
        basis = Basis(stored["change"], stored["generation"])
        memories = {route: RouteMemory.from_dict(memory) for route, memory in stored.get("memories", {}).items()}
        notices = tuple(map(notice_of, stored.get("notices", ())))
        begun = tuple(map(Opportunity.from_dict, stored.get("begun", ())))
        return cls(
            basis, frozenset(stored["routes"]), windows, frozenset(stored["pending"]), memories, notices, begun,
            stored.get("turn", 0),
        )  # fmt: skip

    @classmethod
    def found(cls, routes: Iterable[Opportunity]) -> PricedState:
        """Of the routes that an older arbkit has stored: its opportunities are none that are new."""
        stored = list(routes)
        windows = [w for o in stored for w in follow_windows({}, ProductRoutes(o.asin, 0, o.data_at, (o,)), 0).changed]
        return cls(Basis(), frozenset(o.id for o in stored), {window.route: window for window in windows})

    def next_turn(self, basis: Basis) -> int:
        """The version of what a result of this basis writes."""
        # Before there were turns the basis was the version.
        return max(self.turn, basis.number) + 1

    def followed_by(
        self, result: ProductRoutes, basis: Basis, changed: Iterable[RouteWindow], *, turn: int
    ) -> PricedState:
        """After this result, which changed these windows in this turn."""
        windows = {**self.windows, **{window.route: window for window in changed}}
        still_open = {route: window for route, window in windows.items() if window.ended_at is None}
        routes = frozenset(o.id for o in result.routes)
        return PricedState(basis, routes, still_open, memories=self.memories, turn=turn)

    def remembering(self, memories: Mapping[str, RouteMemory], *, now: float) -> PricedState:
        """With these memories of routes, without those of what ended long before ``now`` (Unix seconds)."""
        oldest = now - MEMORIES_KEPT_S
        every = {**self.memories, **memories}
        kept = {route: m for route, m in every.items() if m.ended_at is None or m.ended_at >= oldest}
        return replace(self, memories=kept)

    def naming(self, after: PricedState, routes: Sequence[Opportunity], announced: Sequence[Notice]) -> PricedState:
        """In the turn in which it gets these routes and windows too, and what is announced and remembered of them."""
        begun = {route: window for route, window in after.windows.items() if route not in self.windows}
        pending = self.pending | {window.id for window in begun.values()}
        return replace(
            self,
            routes=self.routes | after.routes,
            windows={**self.windows, **begun},
            pending=pending,
            # Whoever comes after a kill finds notice and memory together, or neither.
            memories=after.memories if announced else self.memories,
            notices=(*self.notices, *announced),
            begun=(*self.begun, *(o for o in routes if announced and o.id not in self.routes)),
            turn=after.turn,
        )

    def to_dict(self) -> Document:
        """For the document of the product."""
        stored: dict[str, Any] = {
            "change": self.basis.change, "generation": self.basis.generation, "routes": sorted(self.routes),
            "windows": [window.to_dict() for window in self.windows.values()], "pending": sorted(self.pending),
            "memories": {route: memory.to_dict() for route, memory in self.memories.items()},
            "notices": [notice_document(notice, 0) for notice in self.notices],
            "begun": [route.to_dict() for route in self.begun], "turn": self.turn,
        }  # fmt: skip
        return stored


def window_of(document: Mapping[str, JsonValue]) -> RouteWindow:
    """The window of a document."""
    row: Mapping[str, Any] = document
    return RouteWindow(**row)


def product_document(p: Product, words: str, *, change: int, before: Mapping[str, JsonValue] | None) -> Document:
    """The document of a product, which is not priced yet.

    ``words`` are what a search finds it by, ``change`` is the number of its last change, and ``before`` the document
    there was, whose routes are kept.
    """
    document: dict[str, Any] = {
        "change": change,
        "unpriced": True,
        **{name: getattr(p, name) for name in _SEARCHED_FIELDS},
        "is_active": any(shown["price_minor"] is not None for shown in p.markets.values()),
        "sold_on": list(p.markets),
        "price": {code: shown["price_minor"] for code, shown in p.markets.items()},
        "words": words,
        "document": {**{name: getattr(p, name) for name in _PRODUCT_FIELDS}, "eans": list(p.eans)},
    }
    return with_routes_of(document, before)


def with_routes_of(document: Mapping[str, JsonValue], before: Mapping[str, JsonValue] | None) -> Document:
    """A product's document with the best route, and all that is known of routes, of another one; None: with none."""
    if before is None:
        return {**with_best(document, None), "priced": PricedState().to_dict()}
    # An older arbkit did not say what it knew of routes: that is found where they are.
    kept = {name: value for name, value in document.items() if name != "priced"}
    said = {"priced": before["priced"]} if "priced" in before else {}
    return {**with_best(kept, best_of(before)), **said}


def changed_document(document: Mapping[str, JsonValue]) -> Document:
    """A product's document after something that it does not say itself has changed."""
    return {**document, "change": change_of(document) + 1, "unpriced": True}


def with_best(document: Mapping[str, JsonValue], best: Document | None) -> Document:
    """A product's document with this best opportunity, or with none."""
    figures = {"best_profit": best["profit"] if best else None, "best_margin": best["margin_pct"] if best else None}
    return {**document, **figures, "document": {**_inner(document), "best": best}}


def without_routes(document: Mapping[str, JsonValue]) -> Document:
    """A product's document that names no routes; what they were made of stays, so that none older comes back."""
    state = PricedState.read(document)
    forgotten = {} if state is None else {"priced": PricedState(state.basis, turn=state.turn).to_dict()}
    return {**with_best(document, None), **forgotten}


def best_summary(o: Opportunity | None) -> Document | None:
    """What a product's document says of its best opportunity."""
    return None if o is None else {name: getattr(o, name) for name in BEST_FIELDS}


def best_of(document: Mapping[str, JsonValue]) -> Document | None:
    """The best opportunity that a product's document has, as :func:`best_summary`."""
    return _inner(document).get("best")


def version_of(document: Mapping[str, JsonValue]) -> int:
    """The version of a product's document."""
    row: Mapping[str, Any] = document
    return int(row["version"])


def change_of(document: Mapping[str, JsonValue] | None) -> int:
    """The number of the last change of a product; 0 where there is none, or an older arbkit did not count."""
    row: Mapping[str, Any] = document or {}
    return int(row.get("change", 0))


def first_seen_of(document: Mapping[str, JsonValue]) -> int | None:
    """When a product was first stored (Unix seconds); None where that was before arbkit noted it."""
    found: int | None = _inner(document).get("first_seen")
    return found


def carried_over(document: Mapping[str, JsonValue], before: Mapping[str, JsonValue]) -> Document:
    """A product's document made anew, with what only the one before it says."""
    carried = with_routes_of(document, before)
    first_seen = first_seen_of(before)
    inner = {**_inner(carried), "first_seen": first_seen}
    return {**carried, "change": change_of(before), "first_seen": first_seen, "document": inner}


def product_of(document: Mapping[str, JsonValue]) -> Product:
    """The product of a document."""
    inner = _inner(document)
    return Product(**{**inner, "eans": tuple(inner["eans"])})


def opportunity_document(o: Opportunity, words: str) -> Document:
    """The document of an opportunity; ``words`` are what a search finds it by."""
    shown: Document = {name: getattr(o, name) for name in OPPORTUNITY_FIELDS}
    shown["brand_words"] = joined_words(o.brand or "")
    return shown | {"route": o.source + o.target, "is_active": True, "words": words, "document": o.to_dict()}


def ended_document(route: str, now: float) -> Document:
    """The document of a route that is none any more: its version keeps a late detector from reviving it."""
    asin, source, target = route.split(":")
    return {"id": route, "asin": asin, "source": source, "target": target, "is_active": False, "ended_at": now}


def opportunity_of(document: Mapping[str, JsonValue]) -> Opportunity:
    """The opportunity of a document."""
    return Opportunity.from_dict(_inner(document))


def run_document(run: Run) -> Document:
    """The document of a report's run."""
    searched = ("run_id", "report", "status", "started_at", "finished_at")
    return {**{name: getattr(run, name) for name in searched}, "document": run.to_dict()}


def run_of(document: Mapping[str, JsonValue]) -> Run:
    """The run of a document."""
    return Run(**_inner(document))


def fact_of(document: Mapping[str, JsonValue]) -> Fact:
    """The fact of a document."""
    row: Mapping[str, Any] = document
    return Fact.stored(row["asin"], row["market"], row["name"], value=row["value"], at=row["at"])


def notice_document(notice: Notice, number: int) -> Document:
    """The document of a notice that has not been sent; ``number`` says where it is in the order."""
    value = base64.b64encode(notice.value).decode()
    return {
        "id": notice.id, "number": number, "sent": False, "topic": notice.topic, "key": notice.key, "value": value,
    }  # fmt: skip


def notice_of(document: Mapping[str, JsonValue]) -> Notice:
    """The notice of a document."""
    row: Mapping[str, Any] = document
    return Notice(row["id"], row["topic"], row["key"], base64.b64decode(row["value"]))


def alert_document(record: AlertRecord) -> Document:
    """The document of an alert with its deliveries."""
    searched = ("id", "asin", "type", "rule", "status", "at", "priority", "profit_per_day", "demo")
    deliveries: list[Any] = [
        {"channel": d.channel, "status": d.status, "attempts": d.attempts, "at": d.at} for d in record.deliveries
    ]
    shown = {name: getattr(record, name) for name in searched}
    return {**shown, "order": record.at, "deliveries": deliveries, "document": record.to_dict()}


def alert_of(document: Mapping[str, JsonValue]) -> AlertRecord:
    """The alert of a document, with its deliveries."""
    return AlertRecord.from_dict(_inner(document))


def upgraded(collection: str, document: Mapping[str, JsonValue]) -> Document:
    """A document in today's shape, from one that another arbkit wrote: what is unknown today is left out.

    Raises:
        KeyError, TypeError: it lacks what a document of today must have.
    """
    old: Mapping[str, Any] = document
    match collection:
        case "offers":
            return offer_document(offer_of(_known(OFFER_WIRE_NAMES.values(), old)))
        case "history":
            return history_document(history_of(old))
        case "products":
            product = product_of(_known_inside(Product, old))
            document = product_document(product, old["words"], change=change_of(old), before=old)
            return {**document, "unpriced": old.get("unpriced", True)}
        case "opportunities":
            if not old.get("is_active", True):
                return dict(old)
            return opportunity_document(opportunity_of(_known_inside(Opportunity, old)), old["words"])
        case "facts":
            return fact_of(old).to_dict()
        case "looks" | "watchlist":
            kind = Look if collection == "looks" else WatchEntry
            return kind.from_dict(_known(kind.__slots__, old)).to_dict()
        case "alerts" | "windows" | "detection" | "forecasts" | "forecast_notes" | "decisions" | "sales" | "leases":
            return alert_document(alert_of(old)) if collection == "alerts" else dict(old)
        case "outbox":
            return {**notice_document(notice_of(old), old["number"]), "sent": old["sent"]}
        case _:
            return run_document(run_of(_known_inside(Run, old)))


def _inner(document: Mapping[str, Any]) -> dict[str, Any]:
    """The model's own document in one that is searched."""
    inner: dict[str, Any] = document["document"]
    return inner


def _known_inside(model: type, document: Mapping[str, Any]) -> Document:
    return {"document": _known([f.name for f in fields(model)], _inner(document))}


def _known(names: Collection[str], row: Mapping[str, Any]) -> Document:
    return {name: row[name] for name in names if name in row}


def cell(value: JsonValue) -> JsonValue:
    """A value of a scan: several of them as JSON, none as None, as the embedded store keeps them."""
    return (orjson.dumps(value).decode() if value else None) if isinstance(value, list) else value
