"""The five collections as strict Elasticsearch mappings, made from the models."""

from __future__ import annotations

import hashlib
import typing
from collections.abc import Mapping
from typing import Any, TypedDict

import orjson

from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import OFFER_WIRE_NAMES, Offer
from arbkit.core.results import JsonObject

_TYPES = typing.get_type_hints(Offer)
_STORED: Mapping[str, Any] = {"type": "object", "enabled": False}
_LONGEST_KEYWORD = 8_000
"""Characters of a text that is still sorted and filtered by: Lucene takes 32,766 bytes."""


def _offer_field(name: str) -> dict[str, Any]:
    options = {_TYPES[name], *typing.get_args(_TYPES[name])}
    if name in ("asin", "market"):
        return {"type": "keyword"}
    if name == "updated_at":
        return {"type": "long"}
    # What nobody filters or sorts by lives in the document alone.
    if options & {bool}:
        return {"type": "boolean", "index": False, "doc_values": False}
    if options & {float}:
        return {"type": "double", "index": False, "doc_values": False}
    if options & {int}:
        return {"type": "long", "index": False, "doc_values": False}
    return {"type": "keyword", "index": False, "doc_values": False}


_KEYWORD = {"type": "keyword", "ignore_above": _LONGEST_KEYWORD}
_WORDS = {"type": "text", "analyzer": "whitespace", "norms": False, "index_options": "docs"}
_OFFERS = {wire: _offer_field(name) for name, wire in OFFER_WIRE_NAMES.items()}
_HISTORY = {
    "asin": {"type": "keyword"},
    "market": {"type": "keyword"},
    "version": {"type": "long"},
    "currency": {"type": "keyword", "index": False, "doc_values": False},
    "series": _STORED,
}
_PRODUCTS = {
    "asin": {"type": "keyword"},
    "version": {"type": "long"},
    "demo": {"type": "boolean"},
    "title": _KEYWORD,
    "category": _KEYWORD,
    "updated_at": {"type": "long"},
    "best_profit": {"type": "double"},
    "best_margin": {"type": "double"},
    "sold_on": {"type": "keyword"},
    "price": {"properties": {code: {"type": "long"} for code in MARKETS}},
    "words": _WORDS,
    "document": _STORED,
}
_OPPORTUNITIES = {
    **{n: {"type": "keyword"} for n in ("id", "asin", "source", "target", "route", "currency", "status")},
    **dict.fromkeys(("title", "brand", "category"), _KEYWORD),
    **{
        n: {"type": "double"}
        for n in (
            "profit", "roi_pct", "margin_pct", "spread_pct", "confidence", "buy_price", "sell_price", "evaluated_at",
        )
    },
    "data_at": {"type": "long"},
    "amazon_sells": {"type": "boolean"},
    "words": _WORDS,
    "document": _STORED,
}  # fmt: skip
_RUNS = {
    "run_id": {"type": "keyword"},
    "report": {"type": "keyword"},
    "started_at": {"type": "double"},
    "document": _STORED,
}
COLLECTIONS: Mapping[str, Mapping[str, Any]] = {
    "offers": _OFFERS,
    "history": _HISTORY,
    "products": _PRODUCTS,
    "opportunities": _OPPORTUNITIES,
    "runs": _RUNS,
}


def fingerprint(collection: str) -> str:
    """What a mapping is recognised by: another one is another index behind the alias."""
    return hashlib.sha256(orjson.dumps(COLLECTIONS[collection], option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


class IndexBody(TypedDict):
    """Settings and mappings of an index."""

    settings: JsonObject
    mappings: JsonObject


def body(collection: str) -> IndexBody:
    """Settings and mappings of a new index of a collection."""
    return {
        # One shard holds some 50 GB, and its sequence numbers order all writes: a migration follows them.
        "settings": {"number_of_shards": 1, "number_of_replicas": 0, "max_result_window": 100_000},
        "mappings": {
            "dynamic": "strict",
            "_meta": {"arbkit": fingerprint(collection)},
            "properties": dict(COLLECTIONS[collection]),
        },
    }
