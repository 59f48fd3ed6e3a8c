"""Writing offers, histories and products to Elasticsearch.

All are read, changed and written back guarded by sequence numbers, and anew where others were faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby

from elasticsearch import Elasticsearch

from arbkit.core.keepa_time import CLOCK_TOLERANCE_S
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Offer, ProductState, Update
from arbkit.core.offers import merging
from arbkit.core.offers.history_codec import PackedHistory
from arbkit.core.offers.merging import Outcome
from arbkit.core.results import JsonObject
from arbkit.store.absorbing import absorb_all, absorb_histories, renew_histories, validate, without_future, written
from arbkit.store.base import Written
from arbkit.store.elastic import documents
from arbkit.store.elastic.bulk import Action, SeqNoGuard, back_off, bulk, contended
from arbkit.store.elastic.client import Hit, fetch_documents
from arbkit.store.elastic.documents import version_of
from arbkit.store.elastic.indices import upgrade_action
from arbkit.store.product_document import PRODUCT_SOURCE_FIELDS, build_product, search_text
from arbkit.store.search_text import index_words

_MAX_ATTEMPTS = 20
_PRODUCTS_PER_BATCH = 2_000
"""Products composed or marked in one go, to bound memory."""


_Stored = tuple[JsonObject, SeqNoGuard]
"""A document, and the guard for its next write."""


@dataclass(slots=True)
class Put:
    """What became of a batch: ``outcomes`` and ``poison`` by index, the products' ``changes`` and all their offers."""

    poison: dict[int, str]
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    offers: list[Offer] = field(default_factory=list)
    refused_products: dict[str, str] = field(default_factory=dict)

    def written(self, states: Mapping[str, ProductState]) -> Written:
        """The summary, with the products as they are now."""
        return written(self.outcomes, self.poison, states)


class Writer:
    """Writes to the indices ``names`` (collection → alias, or the indices themselves if not ``alias``)."""

    def __init__(self, client: Elasticsearch, names: Mapping[str, str], *, alias: bool = True) -> None:
        self._client = client
        self._names = names
        self._alias = alias

    def put(self, updates: Sequence[Update]) -> Put:
        """As :meth:`arbkit.store.base.Store.put`."""
        taken, poison = validate(updates)
        done = Put(poison=poison)
        histories: list[Future[dict[int, str]]] = []
        # Histories are most of the bytes, and nothing of what follows needs them.
        with ThreadPoolExecutor(1, "history") as beside:
            left = taken
            for attempt in range(_MAX_ATTEMPTS):
                asins = sorted({updates[p].offer.asin for p in left})
                # Before the offers: who writes offers meanwhile writes the product after them, and this one again.
                products = self.products(asins)
                stored = self._stored(f"{asin}:{code}" for asin in asins for code in MARKETS)
                offers = {name: offer for name, (offer, _) in stored.items()}
                found = absorb_all(offers, updates, left)
                offers |= found.offers
                if not histories:
                    histories = [beside.submit(self._put_histories, updates, taken, offers, found.replaced_demo)]
                changed = [self._offer(o, stored[o.id][1] if o.id in stored else None) for o in found.offers.values()]
                outcome = bulk(self._client, changed)
                refused = {changed[i].id: why for i, why in outcome.poison.items()}
                done.poison |= {p: why for p in left if (why := refused.get(updates[p].offer.id)) is not None}
                done.outcomes |= found.outcomes
                again = {changed[i].id for i in outcome.conflicts}
                unsure = {name.split(":")[0] for name in (*again, *refused)}
                known = [o for o in offers.values() if o.asin not in unsure]
                self._put_products(products, known, done)
                left = [p for p in left if updates[p].offer.id in again]
                if not left:
                    break
                back_off(attempt)
            else:
                raise contended(outcome, len(left), "offers")
            # Where others were faster, or an offer was refused, all is read again.
            self._read_again({updates[p].offer.asin for p in taken} - done.changes.keys(), done)
            wrong = {p: why for p in taken if (why := done.refused_products.get(updates[p].offer.asin)) is not None}
            done.poison |= wrong | histories[0].result()
        return done

    def _put_products(self, there: Mapping[str, _Stored], offers: Iterable[Offer], done: Put) -> None:
        """Write the products of these offers, which are all of each; ``there`` are the products before them.

        Also of offers that were there already: a batch that broke off before may have come no further.
        """
        by_product = groupby(sorted(offers, key=lambda o: (o.asin, o.market)), key=lambda o: o.asin)
        composed = {asin: list(group) for asin, group in by_product}
        actions = list(self._compose(there, composed.values()))
        outcome = bulk(self._client, actions)
        done.refused_products |= {actions[i].id: why for i, why in outcome.poison.items()}
        counted = {action.id: documents.change_of(action.document) for action in actions}
        for asin in composed.keys() - {actions[i].id for i in outcome.conflicts}:
            done.changes[asin] = counted.get(asin, documents.change_of(there[asin][0]) if asin in there else 0)
            done.offers += composed[asin]

    def _read_again(self, asins: Collection[str], done: Put) -> None:
        if not asins:
            return
        done.refused_products |= self.update_products(asins)
        ordered = sorted(asins)
        done.changes |= {asin: documents.change_of(old) for asin, (old, _) in self.products(ordered).items()}
        done.offers += self.offers(ordered)

    def _stored(self, names: Iterable[str]) -> dict[str, tuple[Offer, SeqNoGuard]]:
        """The stored offers by id, each with the guard for its next write."""
        return {
            hit["_id"]: (documents.offer_of(hit["_source"]), SeqNoGuard.of(hit))
            for hit in fetch_documents(self._client, self._names["offers"], sorted(names))
        }

    def _put_histories(
        self, updates: Sequence[Update], taken: Sequence[int], offers: Mapping[str, Offer], replaced_demo: Iterable[str]
    ) -> dict[int, str]:
        """Write the histories; those that the store never takes, by the index of their update, and why."""
        for name in replaced_demo:
            # Nothing of an invented history is true of a real product.
            self._client.options(ignore_status=404).delete(index=self._names["history"], id=name)
        poison: dict[int, str] = {}
        left = list(taken)
        for attempt in range(_MAX_ATTEMPTS):
            guards: dict[str, SeqNoGuard] = {}
            found = list(absorb_histories(partial(self._histories, guards), updates, left, offers).values())
            done = bulk(self._client, [self._history(each, guards.get(each.id)) for _, each in found])
            poison |= {found[i][0]: why for i, why in done.poison.items()}
            again = {found[i][1].id for i in done.conflicts}
            left = [p for p in left if updates[p].offer.id in again]
            if not left:
                return poison
            back_off(attempt)
        raise contended(done, len(left), "histories")

    def _histories(self, guards: dict[str, SeqNoGuard], names: Iterable[str]) -> dict[str, PackedHistory]:
        """The stored histories by id; ``guards`` gets the guard for the next write of each."""
        hits = fetch_documents(self._client, self._names["history"], sorted(names))
        guards |= {hit["_id"]: SeqNoGuard.of(hit) for hit in hits}
        return {hit["_id"]: documents.history_of(hit["_source"]) for hit in hits}

    def update_products(self, asins: Iterable[str]) -> dict[str, str]:
        """Bring the products to what their offers say; those that the store never takes, and why.

        Whoever else writes them meanwhile is not overwritten.
        """
        return self._write_products(asins, self._product_actions)

    def compose_real(self, asins: Iterable[str]) -> None:
        """Compose products anew from the offers that nobody invented (at least one), without their routes."""

        def actions(some: Sequence[str]) -> list[Action]:
            there = {asin: (documents.without_routes(old), guard) for asin, (old, guard) in self.products(some).items()}
            real = (offer for offer in self.offers(some, only=PRODUCT_SOURCE_FIELDS) if not offer.demo)
            by_product = groupby(real, key=lambda offer: offer.asin)
            return list(self._compose(there, (list(group) for _, group in by_product), renew=True))

        self._write_products(asins, actions)

    def _product_actions(self, asins: Sequence[str], *, renew: bool = False) -> list[Action]:
        """What writes the products that are behind their offers; with ``renew`` also those that say something else."""
        there = self.products(asins)
        by_product = groupby(self.offers(asins, only=PRODUCT_SOURCE_FIELDS), key=lambda offer: offer.asin)
        return list(self._compose(there, (list(group) for _, group in by_product), renew=renew))

    def _compose(
        self, there: Mapping[str, _Stored], products: Iterable[Sequence[Offer]], *, renew: bool = False
    ) -> Iterator[Action]:
        for offers in products:
            old, guard = there.get(offers[0].asin, (None, None))
            first_seen = int(time.time()) if old is None else documents.first_seen_of(old)
            product = replace(build_product(offers), first_seen=first_seen)
            if renew or old is None or version_of(old) < product.version:
                words = index_words(search_text(product, [o.title for o in offers]))
                change = documents.change_of(old)
                document = documents.product_document(product, words, change=change + 1, before=old)
                if old is None or {**document, "change": change, "unpriced": old.get("unpriced")} != old:
                    yield self._product(product.asin, document, guard)

    def count_change(self, asin: str) -> None:
        """Count what is known of a product as changed: it is priced anew."""

        def actions(asins: Sequence[str]) -> list[Action]:
            return [
                self._product(name, documents.changed_document(old), guard)
                for name, (old, guard) in self.products(asins).items()
            ]

        self._write_products([asin], actions)

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
                raise contended(outcome, len(left), "products")
        return refused

    def transform_offers(self, hits: Sequence[Hit]) -> list[Action]:
        """Offers of the index before this one: what is newer there, or not stated any more, is kept."""
        there = self._stored(hit["_id"] for hit in hits)
        actions = []
        latest = time.time() + CLOCK_TOLERANCE_S
        for hit in hits:
            if hit["_id"] not in there:
                actions.append(upgrade_action("offers", self._names["offers"], hit))
                continue
            rebuilt, guard = there[hit["_id"]]
            renewed = merging.renew(documents.offer_of(hit["_source"]), rebuilt, latest=latest)
            if renewed != rebuilt:
                actions.append(self._offer(renewed, guard))
        return actions

    def transform_histories(self, hits: Sequence[Hit]) -> list[Action]:
        """Histories of the index before this one: the points that are not here are kept, but none of the future."""
        latest = time.time() + CLOCK_TOLERANCE_S
        guards: dict[str, SeqNoGuard] = {}
        there = self._histories(guards, [hit["_id"] for hit in hits])
        before = {hit["_id"]: documents.history_of(hit["_source"]) for hit in hits}
        renewed = [self._history(one, guards[one.id]) for one in renew_histories(there, before, latest=latest)]
        for hit in hits:
            if hit["_id"] not in there:
                document = documents.history_document(without_future(before[hit["_id"]], latest))
                renewed.append(upgrade_action("history", self._names["history"], {**hit, "_source": document}))
        return renewed

    def transform_products(self, hits: Sequence[Hit]) -> list[Action]:
        """Products of the index before this one: composed anew where offers say more, with their best kept."""
        names = [hit["_id"] for hit in hits]
        self._write_products(names, partial(self._product_actions, renew=True))
        there = self.products(names)
        actions = []
        for hit in hits:
            new, _ = there.get(hit["_id"], (None, None))
            before: JsonObject = hit["_source"]
            if new is None:
                actions.append(upgrade_action("products", self._names["products"], hit))
                continue
            document = documents.changed_document(documents.carried_over(new, before))
            if document != new:
                actions.append(Action(self._names["products"], hit["_id"], document, alias=self._alias))
        return actions

    def offers(self, asins: Sequence[str], *, only: Sequence[str] | None = None) -> list[Offer]:
        """As :meth:`arbkit.store.base.Store.offers`; ``only`` leaves all other fields unknown."""
        ids = [f"{asin}:{code}" for asin in sorted(set(asins)) for code in MARKETS]
        hits = fetch_documents(self._client, self._names["offers"], ids, only=only)
        return sorted((documents.offer_of(hit["_source"]) for hit in hits), key=lambda o: (o.asin, o.market))

    def products(self, asins: Sequence[str]) -> dict[str, _Stored]:
        """The stored documents by ASIN."""
        return {
            hit["_id"]: (hit["_source"], SeqNoGuard.of(hit))
            for hit in fetch_documents(self._client, self._names["products"], asins)
        }

    def _offer(self, offer: Offer, guard: SeqNoGuard | None) -> Action:
        document = documents.offer_document(offer)
        return Action(
            self._names["offers"], offer.id, document, guard=guard, only_new=guard is None, alias=self._alias
        )  # fmt: skip

    def _history(self, history: PackedHistory, guard: SeqNoGuard | None) -> Action:
        document = documents.history_document(history)
        return Action(
            self._names["history"], history.id, document, guard=guard, only_new=guard is None, alias=self._alias
        )  # fmt: skip

    def _product(self, asin: str, document: JsonObject, guard: SeqNoGuard | None) -> Action:
        return Action(self._names["products"], asin, document, guard=guard, only_new=guard is None, alias=self._alias)
