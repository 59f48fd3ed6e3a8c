"""Writing offers, histories and products to Elasticsearch.

Offers and histories carry their version as Elasticsearch's external version; products, which the consumer and
detection both write, are guarded by sequence numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from elasticsearch import Elasticsearch

from arbkit.core.errors import StoreError
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import History, Offer, Opportunity, Update
from arbkit.core.results import JsonObject
from arbkit.store.base import Written, dedupe_and_validate
from arbkit.store.elastic import documents
from arbkit.store.elastic.bulk import Action, SeqNoGuard, back_off, bulk
from arbkit.store.elastic.client import Hit, fetch_documents
from arbkit.store.elastic.documents import best_of, version_of, with_best
from arbkit.store.elastic.indices import upgrade_action
from arbkit.store.product_document import PRODUCT_SOURCE_FIELDS, build_product, search_text
from arbkit.store.search_text import index_words

_MAX_ATTEMPTS = 20
_PRODUCTS_PER_BATCH = 2_000
"""Products composed or marked in one go, to bound memory."""


class Writer:
    """Writes to the indices ``names`` (collection → alias, or the indices themselves if not ``alias``)."""

    def __init__(self, client: Elasticsearch, names: Mapping[str, str], *, alias: bool = True) -> None:
        self._client = client
        self._names = names
        self._alias = alias

    def put(self, updates: Sequence[Update]) -> Written:
        """As :meth:`arbkit.store.base.Store.put`."""
        kept, poison = dedupe_and_validate(updates)
        histories = [(p, h) for p in kept if (h := updates[p].history) is not None]
        # Histories are most of the bytes, and nothing of what follows needs them.
        with ThreadPoolExecutor(1, "history") as beside:
            actions = [self._versioned("history", h, documents.history_document(h)) for _, h in histories]
            later = beside.submit(bulk, self._client, actions)
            offers = [updates[p].offer for p in kept]
            written = bulk(self._client, [self._versioned("offers", o, documents.offer_document(o)) for o in offers])
            poison |= {kept[i]: why for i, why in written.poison.items()}
            # Also of offers that were there already: a batch that broke off before may have come no further.
            refused = self.update_products({updates[p].offer.asin for p in kept if p not in poison})
            poison |= {p: why for p in kept if (why := refused.get(updates[p].offer.asin)) is not None}
            poison |= {histories[i][0]: why for i, why in later.result().poison.items()}
        ok = len({kept[i] for i in written.ok} - poison.keys())
        return Written(ok=ok, stale=len(updates) - len(poison) - ok, poison=poison)

    def update_products(self, asins: Iterable[str]) -> dict[str, str]:
        """Bring the products to what their offers say; those that the store never takes, and why.

        Whoever else writes them meanwhile is not overwritten.
        """
        return self._write_products(asins, self._product_actions)

    def _product_actions(self, asins: Sequence[str]) -> list[Action]:
        there = self.products(asins)
        actions = []
        for asin, group in groupby(self.offers(asins, only=PRODUCT_SOURCE_FIELDS), key=lambda offer: offer.asin):
            offers = list(group)
            product = build_product(offers)
            old, guard = there.get(asin, (None, None))
            if old is None or version_of(old) < product.version:
                best = best_of(old) if old else None
                text = search_text(product, [o.title for o in offers])
                document = documents.product_document(product, best, index_words(text))
                actions.append(self._product(asin, document, guard))
        return actions

    def mark_best(self, best: Mapping[str, Opportunity], had: Iterable[str]) -> None:
        """Give each product its best opportunity, and take it from those that ``had`` one and have none any more."""

        def actions(asins: Sequence[str]) -> list[Action]:
            return [
                self._product(asin, with_best(old, documents.best_summary(best.get(asin))), guard)
                for asin, (old, guard) in self.products(asins).items()
            ]

        self._write_products({*had, *best}, actions)

    def _write_products(self, asins: Iterable[str], compose: Callable[[Sequence[str]], list[Action]]) -> dict[str, str]:
        """Write what ``compose`` makes of the products as they are, anew where others have written them meanwhile.

        Returns those that the store never takes, and why.
        """
        refused: dict[str, str] = {}
        ordered = sorted(asins)
        for start in range(0, len(ordered), _PRODUCTS_PER_BATCH):
            left = ordered[start : start + _PRODUCTS_PER_BATCH]
            for attempt in range(_MAX_ATTEMPTS):
                actions = compose(left)
                outcome = bulk(self._client, actions)
                refused |= {actions[i].id: why for i, why in outcome.poison.items()}
                left = [actions[i].id for i in outcome.conflicts]
                if not left:
                    break
                back_off(attempt)
            else:
                raise StoreError(
                    f"{len(left)} products are written by others all the time",
                    kind="busy", remedy="They are tried again",
                )  # fmt: skip
        return refused

    def transform_products(self, hits: Sequence[Hit]) -> list[Action]:
        """Products of the index before this one: composed anew where offers say more, with their best kept."""
        there = self.products([hit["_id"] for hit in hits])
        behind = [
            hit["_id"]
            for hit in hits
            if hit["_id"] not in there or version_of(there[hit["_id"]][0]) < version_of(hit["_source"])
        ]
        self.update_products(behind)
        there |= self.products(behind)
        actions = []
        for hit in hits:
            new, _ = there.get(hit["_id"], (None, None))
            best = best_of(hit["_source"])
            if new is None:
                actions.append(upgrade_action("products", self._names["products"], hit))
            elif best_of(new) != best:
                actions.append(Action(self._names["products"], hit["_id"], with_best(new, best), alias=self._alias))
        return actions

    def offers(self, asins: Sequence[str], *, only: Sequence[str] | None = None) -> list[Offer]:
        """As :meth:`arbkit.store.base.Store.offers`; ``only`` leaves all other fields unknown."""
        ids = [f"{asin}:{code}" for asin in sorted(set(asins)) for code in MARKETS]
        hits = fetch_documents(self._client, self._names["offers"], ids, only=only)
        return sorted((documents.offer_of(hit["_source"]) for hit in hits), key=lambda o: (o.asin, o.market))

    def products(self, asins: Sequence[str]) -> dict[str, tuple[JsonObject, SeqNoGuard]]:
        """The stored documents by ASIN, each with the guard for its next write."""
        return {
            hit["_id"]: (hit["_source"], SeqNoGuard(hit["_index"], hit["_seq_no"], hit["_primary_term"]))
            for hit in fetch_documents(self._client, self._names["products"], asins)
        }

    def _versioned(self, collection: str, of: Offer | History, document: JsonObject) -> Action:
        return Action(self._names[collection], of.id, document, version=of.version, alias=self._alias)

    def _product(self, asin: str, document: JsonObject, guard: SeqNoGuard | None) -> Action:
        return Action(self._names["products"], asin, document, guard=guard, only_new=guard is None, alias=self._alias)
