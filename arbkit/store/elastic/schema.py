"""The collections as strict Elasticsearch mappings."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, TypedDict

import orjson

from arbkit.core.marketplaces import MARKETS
from arbkit.core.results import JsonObject
from arbkit.store.fields import OFFER_KINDS

_TYPES = {"bool": "boolean", "float": "double", "int": "long"}
# What nobody filters or sorts by lives in the document alone.
_STORED = {
    name: {"type": _TYPES.get(kind, "keyword"), "index": False, "doc_values": False}
    for name, kind in OFFER_KINDS.items()
}
_SEARCHED = {"asin": {"type": "keyword"}, "market": {"type": "keyword"}, "updated_at": {"type": "long"}}
COLLECTIONS: Mapping[str, dict[str, Any]] = {
    "offers": {**_STORED, **_SEARCHED},
    **tomllib.loads(resources.files("arbkit.store.elastic").joinpath("mappings.toml").read_text("utf-8")),
}
COLLECTIONS["products"]["price"] = {"properties": {code: {"type": "long"} for code in MARKETS}}


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
