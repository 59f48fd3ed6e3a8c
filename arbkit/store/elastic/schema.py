"""The collections as strict Elasticsearch mappings."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, TypedDict

import orjson

from arbkit.core.marketplaces import MARKETS
from arbkit.core.results import JsonObject
from arbkit.store.fields import OFFER_KINDS, Kind

_TYPES = {"bool": "boolean", "float": "double", "int": "long"}
_DATE = {"type": "date", "format": "epoch_second", "ignore_malformed": True}


def _offer_type(name: str, kind: Kind) -> dict[str, Any]:
    """What nobody filters or sorts by lives in the document alone."""
    named = _DATE if name.endswith("_at") else {"type": _TYPES.get(kind, "keyword")}
    return {**named, "index": False, "doc_values": False}


_STORED = {name: _offer_type(name, kind) for name, kind in OFFER_KINDS.items()}
_SEARCHED = {"asin": {"type": "keyword"}, "market": {"type": "keyword"}, "updated_at": _DATE}
COLLECTIONS: Mapping[str, dict[str, Any]] = {
    "offers": {**_STORED, **_SEARCHED},
    **tomllib.loads(resources.files("arbkit.store.elastic").joinpath("mappings.toml").read_text("utf-8")),
}
COLLECTIONS["products"]["price"] = {"properties": {code: {"type": "long"} for code in MARKETS}}


LARGE = frozenset({"offers", "history", "products", "opportunities"})
"""The collections that are spread over shards: of the others there is little."""
MADE_WHEN_USED = frozenset({"decisions", "sales", "leases"})
"""The collections that a cluster of before may lack: the first write makes their index."""


@dataclass(frozen=True, slots=True)
class IndexLayout:
    """How Elasticsearch keeps indices; their mappings do not depend on it.

    ``shards`` are those of each large index, ``replicas`` the copies of each shard: a number, or a range such as
    ``0-1``, of which there are as many as there are nodes for. ``refresh`` says how soon a search sees what others
    wrote; empty: as Elasticsearch does, within a second, and before the first search after a while.
    """

    shards: int = 1
    replicas: str = "0-1"
    refresh: str = ""

    def shards_of(self, collection: str) -> int:
        """How many shards an index of this collection has."""
        return self.shards if collection in LARGE else 1

    def changeable(self) -> dict[str, str | None]:
        """The settings that an index can be given at any time, in Elasticsearch's names and as it spells them."""
        if "-" in self.replicas:
            copies = {"auto_expand_replicas": self.replicas}
        else:
            copies = {"auto_expand_replicas": "false", "number_of_replicas": self.replicas}
        return {**copies, "refresh_interval": self.refresh or None}


def fingerprint(collection: str) -> str:
    """What a mapping is recognised by: another one is another index behind the alias."""
    return hashlib.sha256(orjson.dumps(COLLECTIONS[collection], option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


class IndexBody(TypedDict):
    """Settings and mappings of an index."""

    settings: JsonObject
    mappings: JsonObject


def body(collection: str) -> IndexBody:
    """Settings and mappings of a new index of a collection, but for what its template says of the layout."""
    return {
        "settings": {"max_result_window": 100_000},
        "mappings": {
            "dynamic": "strict",
            "_meta": {"arbkit": fingerprint(collection)},
            "properties": dict(COLLECTIONS[collection]),
        },
    }


def template(collection: str, layout: IndexLayout) -> IndexBody:
    """What an index of a collection gets, whoever makes it."""
    made = body(collection)
    laid_out: JsonObject = {"number_of_shards": layout.shards_of(collection), **layout.changeable()}
    return {"settings": {**made["settings"], **laid_out}, "mappings": made["mappings"]}
