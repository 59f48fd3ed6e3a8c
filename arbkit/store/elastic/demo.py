"""Products of the demo market in Elasticsearch beside real ones: hidden, and removed when asked to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import permutations

from elasticsearch import Elasticsearch
from pydantic import JsonValue

from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Offer
from arbkit.core.results import JsonObject
from arbkit.store.elastic import changes
from arbkit.store.elastic.bulk import delete, delete_found, is_made
from arbkit.store.elastic.client import run_search
from arbkit.store.elastic.routes import waiting_notices
from arbkit.store.elastic.schema import COLLECTIONS, MADE_WHEN_USED

DEMO: JsonObject = {"term": {"demo": True}}
REAL: JsonObject = {"bool": {"must_not": [DEMO]}}
_MOST_TERMS = 65_536
"""What Elasticsearch takes in one list."""


def hidden_asins(client: Elasticsearch, products: str) -> list[str]:
    """The products (of the index ``products``) of the demo market, if there are real ones beside them."""
    search: JsonObject = {"size": _MOST_TERMS, "query": DEMO, "_source": False, "track_total_hits": False}
    found = run_search(client, search, index=products)["hits"]["hits"]
    return [hit["_id"] for hit in found] if found and holds_real(client, products) else []


def holds_real(client: Elasticsearch, products: str) -> bool:
    """Whether there is a product that is not of the demo market."""
    search: JsonObject = {"size": 1, "query": REAL, "_source": False, "track_total_hits": False, "terminate_after": 1}
    return bool(run_search(client, search, index=products)["hits"]["hits"])


def without(asins: Sequence[str], search: JsonObject) -> JsonObject:
    """The body of a search that finds nothing of these products."""
    return {**search, "query": query_without(asins, search.get("query"))} if asins else search


def query_without(asins: Sequence[str], query: JsonValue = None) -> JsonObject:
    """What finds nothing of these products, and else what ``query`` does (None: everything)."""
    hidden: list[JsonValue] = [{"terms": {"asin": list(asins)}}]
    return {"bool": {"filter": [query or {"match_all": {}}], "must_not": hidden}}


def remove(
    client: Elasticsearch,
    prefix: str,
    asins: Sequence[str],
    offers: Sequence[Offer],
    compose_real: Callable[[Collection[str]], None],
) -> None:
    """Remove these products with their opportunities and unsent notices, and their invented offers and histories.

    Those that have real offers too stay: ``compose_real`` composes them from these alone.

    Raises:
        StoreError: it broke off.
    """
    invented = [o.id for o in offers if o.demo]
    real = {o.asin for o in offers if not o.demo}
    compose_real(real)
    routes = [f"{asin}:{source}:{target}" for asin in asins for source, target in permutations(MARKETS, 2)]
    there = {name for name in MADE_WHEN_USED if "demo" in COLLECTIONS[name] and is_made(client, prefix, name)}
    for name in ("windows", "forecasts", "forecast_notes", *sorted(there)):
        delete_found(client, f"{prefix}{name}", DEMO)
    delete_found(client, f"{prefix}alerts", {"bool": {"filter": [DEMO, {"term": {"status": "pending"}}]}})
    # Offers last: by them the next try finds what this one has left.
    for name, ids in (
        ("opportunities", routes),
        ("outbox", _notices(client, f"{prefix}outbox", frozenset(asins))),
        ("history", invented),
        ("products", sorted(set(asins) - real)),
        ("offers", invented),
    ):
        delete(client, prefix + name, ids)
    changes.note_removal(client, f"{prefix}detection")
    # Whoever has written one meanwhile has taken in what was invented again.
    compose_real(real)


def _notices(client: Elasticsearch, index: str, asins: Collection[str]) -> list[str]:
    """The ids of the notices of these products that are not marked as sent."""
    return [notice.id for notice in waiting_notices(client, index) if notice.key in asins]
