"""The number of changes of the Elasticsearch store, and what the stored detection was made of.

Each index that detection reads counts its own writes: a number is made of these counts, after the time at which the
newest of the indices was made, for an index that replaces another begins to count anew.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, NamedTuple

from elasticsearch import Elasticsearch

from arbkit.core.results import JsonObject
from arbkit.store.base import Basis
from arbkit.store.elastic.client import run_search
from arbkit.store.elastic.indices import checkpoints
from arbkit.store.elastic.schema import fingerprint

WATCHED = ("offers", "facts")
"""The collections that detection reads."""
_BITS = 40
_PAGE = 10_000


class Counts(NamedTuple):
    """``made_at``: when the newest index was made (Unix ms: two may be made within a second).

    ``writes``: how many writes each shard has had, by collection.
    """

    made_at: int
    writes: tuple[tuple[int, ...], ...]

    def number(self) -> int:
        """One number for both, which grows whatever of it does."""
        number = self.made_at
        for writes in chain.from_iterable(self.writes):
            number = (number << _BITS) + writes
        return number

    def earlier(self, number: int) -> Counts | None:
        """The counts in a number of before; None where it is not of these indices."""
        found: list[tuple[int, ...]] = []
        for writes in reversed(self.writes):
            shards = [(number >> _BITS * position) & ((1 << _BITS) - 1) for position in range(len(writes))]
            found.insert(0, tuple(reversed(shards)))
            number >>= _BITS * len(writes)
        # An index that replaced another was made later, and may have more or fewer shards.
        return Counts(number, tuple(found)) if number == self.made_at else None


def read_counts(client: Elasticsearch, prefix: str) -> Counts:
    """The counts as of now; all that they count can be searched afterwards."""
    made_at, writes = 0, []
    for name in WATCHED:
        found = client.indices.get(index=prefix + name, features=["settings"])
        ((index, about),) = found.items()
        made_at = max(made_at, int(about["settings"]["index"]["creation_date"]))
        writes.append(tuple(upto + 1 for upto in checkpoints(client, index)))
        client.indices.refresh(index=index)
    return Counts(made_at, tuple(writes))


def write_basis(client: Elasticsearch, index: str, basis: Basis | None) -> None:
    """Note in a new index of opportunities what they were made of; None: it does not say."""
    if basis is not None:
        # As text: the number is larger than any JSON number that is sure to be kept.
        meta = {"changes": str(basis.changes), "inputs": basis.inputs}
        client.indices.put_mapping(index=index, meta={"arbkit": fingerprint("opportunities"), "basis": meta})


def read_basis(client: Elasticsearch, prefix: str) -> Basis | None:
    """What the stored opportunities were made of, if they say so."""
    (found,) = client.indices.get_mapping(index=f"{prefix}opportunities").values()
    meta = found["mappings"].get("_meta", {}).get("basis")
    return None if meta is None else Basis(changes=int(meta["changes"]), inputs=meta["inputs"])


def changed_products(client: Elasticsearch, prefix: str, since: int) -> set[str] | None:
    """The products that changed after this number; None: all, for an index has been made anew."""
    now = read_counts(client, prefix)
    then = now.earlier(since)
    if then is None:
        return None
    found: set[str] = set()
    for name, old, new in zip(WATCHED, then.writes, now.writes, strict=True):
        for shard, (before, after) in enumerate(zip(old, new, strict=True)):
            if after > before:
                found |= _products_since(client, prefix + name, before, shard)
    return found


def _products_since(client: Elasticsearch, index: str, seq_no: int, shard: int) -> set[str]:
    found: set[str] = set()
    products: dict[str, Any] = {"size": _PAGE, "sources": [{"asin": {"terms": {"field": "asin"}}}]}
    while True:
        search: JsonObject = {
            "size": 0, "query": {"range": {"_seq_no": {"gte": seq_no}}}, "aggs": {"products": {"composite": products}},
        }  # fmt: skip
        answer = run_search(client, search, index=index, shard=shard)
        page = answer["aggregations"]["products"]
        found |= {bucket["key"]["asin"] for bucket in page["buckets"]}
        if "after_key" not in page:
            return found
        products["after"] = page["after_key"]
