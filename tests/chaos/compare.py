"""What a log and a store hold after a chaos run, and how that differs from what they must hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import orjson
import requests

from arbkit.core.models import History, Offer
from arbkit.core.offers.product import Product
from arbkit.core.settings import Settings
from arbkit.store import ProductQuery, open_store
from arbkit.stream import ENRICHED_TOPIC, RAW_TOPIC, Message, Stream, dead_letter_topic
from tests.chaos.records import Expected

__all__ = ["Contents", "against_the_count", "between", "contents", "dead_letters", "messages", "sets_between", "told"]

_SHOWN = 3
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a store holds, by id."""

    offers: Mapping[str, Offer]
    products: Mapping[str, Product]
    histories: Mapping[str, History]

    def timeless(self) -> Contents:
        """Without the times of the looks, which differ between two runs on the demo market, and what is priced."""
        return replace(
            self,
            offers={key: replace(o, fetched_at=0.0) for key, o in self.offers.items()},
            products={key: replace(p, best=None) for key, p in self.products.items()},
        )


def contents(settings: Settings) -> Contents:
    """Everything in the store, as its readers get it."""
    if settings.store_url.startswith("http"):
        # What other processes have just written is searched a second later otherwise.
        requests.post(f"{settings.store_url}/{settings.store_prefix}*/_refresh", timeout=30).raise_for_status()
    with open_store(settings, read_only=True) as store:
        found = sorted({asin for frame in store.scan_offers(["asin"]) for asin in frame["asin"]})
        products: dict[str, Product] = {}
        query: ProductQuery | None = ProductQuery(sort="asin", descending=False, limit=500)
        while query is not None:
            page = store.products(query)
            products |= {p.asin: p for p in page.items}
            query = query.model_copy(update={"cursor": page.next}) if page.next else None
        return Contents(
            offers={o.id: o for o in store.offers(found)},
            products=products,
            histories={h.id: h for asin in found for h in store.history(asin)},
        )


def dead_letters(stream: Stream) -> list[tuple[str, bytes]]:
    """Key and bytes of every dead letter of the raw topic."""
    return [(m.key, m.value) for m in messages(stream, dead_letter_topic(RAW_TOPIC))]


def told(stream: Stream) -> set[tuple[str, str, int]]:
    """ASIN, marketplace and version of all that was published as enriched."""
    products = (orjson.loads(m.value) for m in messages(stream, ENRICHED_TOPIC))
    return {(row["asin"], row["market"], row["version"]) for one in products for row in one["offers"]}


def messages(stream: Stream, topic: str) -> Iterator[Message]:
    """All messages of a topic, by partition and offset."""
    for place, (at, end) in sorted(stream.watermarks(topic).items()):
        while at < end and (batch := stream.read(topic, partition=place.partition, offset=at, max_records=_AT_ONCE)):
            yield from batch
            at = batch[-1].offset + 1


def against_the_count(expected: Expected, found: Contents) -> list[str]:
    """Differences from the plain count over the records; the demo market's products are not in it."""
    real = {key: o for key, o in found.offers.items() if not o.demo}
    histories = {
        key: (h.version, [n for pair in zip(h.series["new"].times, h.series["new"].values, strict=True) for n in pair])
        for key, h in found.histories.items()
        if key in real
    }
    return [
        *_unlike("offers", expected.offers, {key: (o.version, o.price_minor) for key, o in real.items()}),
        *_unlike("products", expected.products, {p.asin: p.version for p in found.products.values() if not p.demo}),
        *_unlike("histories", expected.histories, histories),
    ]


def between(what: str, expected: Contents, found: Contents) -> list[str]:
    """Differences from another store, or from this one at another time."""
    return [
        *_unlike(f"offers, {what}", expected.offers, found.offers),
        *_unlike(f"products, {what}", expected.products, found.products),
        *_unlike(f"histories, {what}", expected.histories, found.histories),
    ]


def sets_between(what: str, expected: AbstractSet[Any], found: AbstractSet[Any]) -> list[str]:
    """What is missing, and what should not be there."""
    return [
        f"{what}: {name}: {str(one)[:160]} ({len(some)} such)"
        for name, some in (("missing", expected - found), ("should not be there", found - expected))
        for one in sorted(some)[:_SHOWN]
    ]


def _unlike(what: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    wrong = [key for key in sorted(expected.keys() | found.keys()) if expected.get(key) != found.get(key)]
    return [
        f"{what}: {key}: expected {str(expected.get(key))[:160]}, found {str(found.get(key))[:160]} ({len(wrong)} such)"
        for key in wrong[:_SHOWN]
    ]
