"""The scale-out store: documents in Elasticsearch behind the same interface.

Offers and histories carry their version as Elasticsearch's external version; products, which the consumer and
detection both write, are guarded by sequence numbers; the opportunities of a detection are an index of their own
behind an alias that is moved at once.
"""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from elasticsearch import ApiError, Elasticsearch, TransportError

from arbkit.closing import Closing
from arbkit.errors import StoreError, UsageError
from arbkit.markets import MARKETS
from arbkit.models import History, Offer, Opportunity, Product, Run
from arbkit.store import cursors
from arbkit.store.base import OpportunityQuery, Page, ProductQuery, Stats, Update, Written, sorted_out
from arbkit.store.compose import BEST_SHOWN, best_of_each, compose, is_number, search_text
from arbkit.store.elastic_bulk import Action, bulk, translated
from arbkit.store.elastic_queries import opportunity_search, product_search
from arbkit.store.elastic_schema import COLLECTIONS, body, fingerprint
from arbkit.store.history_codec import decode, encode
from arbkit.store.text import index_words

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ElasticStore"]

T = TypeVar("T")
_OFFER_FIELDS = frozenset(Offer.__slots__)
_GET = 2_000
"""Documents asked for by id, or walked over, at once."""
_KEEP_WALK = "2m"
_RACES = 20


class ElasticStore(Closing):
    """Implements :class:`arbkit.store.base.Store` on the cluster at ``url``; all names begin with ``prefix``.

    Raises:
        StoreError: it cannot be reached, or its indices are missing or of another version.
    """

    def __init__(self, url: str, *, prefix: str = "arbkit-", api_key: str | None = None, ca: str | None = None) -> None:
        self._prefix = prefix
        self._lock = threading.Lock()
        self._unseen: set[str] = set()
        secure: dict[str, Any] = {"ca_certs": ca} if ca else {}
        self._client = Elasticsearch(
            url,
            api_key=api_key,
            request_timeout=30,
            retry_on_timeout=False,
            max_retries=0,
            http_compress=True,
            **secure,
        )
        try:
            self._check()
        except BaseException:
            self._client.close()
            raise

    @classmethod
    def create(
        cls, url: str, *, prefix: str = "arbkit-", api_key: str | None = None, ca: str | None = None
    ) -> list[str]:
        """Create the indices and aliases that are missing; answers what differs, in words, and changes none of it.

        Raises:
            StoreError: the cluster cannot be reached.
        """
        differences = []
        with _connect(url, api_key, ca) as client, _translated():
            for name in COLLECTIONS:
                alias = prefix + name
                if not client.indices.exists_alias(name=alias):
                    _new_index(client, prefix, name, alias=True)
                elif _mark(client, alias) != fingerprint(name):
                    differences.append(f"{alias} has another arbkit's mapping")
        return differences

    def put(self, updates: Sequence[Update]) -> Written:
        places, poison = sorted_out(updates)
        with _translated():
            offers = [_offer_action(updates[p].offer) for p in places]
            written = bulk(self._client, self._prefix, offers)
            poison |= {places[i]: why for i, why in written.poison.items()}
            refused = set(written.poison)
            histories = [h for i, p in enumerate(places) if i not in refused and (h := updates[p].history)]
            lost = bulk(self._client, self._prefix, [_history_action(h) for h in histories]).poison
            if lost:
                raise StoreError(f"a history is refused: {next(iter(lost.values()))}")
            # Also of offers that were there already: a batch that broke off before may have come no further.
            self._compose({updates[p].offer.asin for i, p in enumerate(places) if i not in refused})
        self._note("offers", "history", "products")
        ok = len(written.ok)
        return Written(ok=ok, stale=len(updates) - len(poison) - ok, poison=poison)

    def _compose(self, asins: Iterable[str]) -> None:
        """Bring the products to what their offers say; whoever else writes them meanwhile is not overwritten."""
        left = sorted(asins)
        for _ in range(_RACES):
            if not left:
                return
            there = self._products(left)
            by_asin: dict[str, list[Offer]] = {}
            for offer in self.offers(left):
                by_asin.setdefault(offer.asin, []).append(offer)
            actions = []
            for asin, offers in by_asin.items():
                product = compose(offers)
                old, seen = there.get(asin, (None, None))
                if old is None or old["version"] < product.version:
                    best = old["document"].get("best") if old else None
                    text = search_text(product, [o.title for o in offers])
                    document = _product_document(product, best, index_words(text))
                    actions.append(Action("products", asin, document, guarded=True, seen=seen))
            conflicts = bulk(self._client, self._prefix, actions).conflicts
            left = [actions[i].id for i in conflicts]
        raise StoreError(f"{len(left)} products are written by others all the time", remedy="They are tried again")

    def _products(self, asins: Sequence[str]) -> dict[str, tuple[dict[str, Any], tuple[int, int]]]:
        """The stored products by ASIN, with sequence number and term."""
        return {
            hit["_id"]: (hit["_source"], (hit["_seq_no"], hit["_primary_term"])) for hit in self._get("products", asins)
        }

    def replace_opportunities(self, found: Sequence[Opportunity], *, run_id: str) -> list[str]:
        best = best_of_each(found)
        with _translated():
            alias = f"{self._prefix}opportunities"
            known = {hit["_id"] for hit in self._walk("opportunities", {"match_all": {}}, source=False)}
            words = {asin: old["words"] for asin, (old, _) in self._products(sorted(best)).items()}
            index = _new_index(self._client, self._prefix, "opportunities", alias=False)
            actions = [_opportunity_action(o, run_id, words.get(o.asin, ""), index) for o in found]
            lost = bulk(self._client, "", actions, alias=False).poison
            if lost:
                self._client.indices.delete(index=index)
                raise StoreError(f"an opportunity is refused: {next(iter(lost.values()))}")
            self._client.indices.refresh(index=index)
            old = list(self._client.indices.get_alias(name=alias))
            moves: list[dict[str, Any]] = [{"remove_index": {"index": name}} for name in old]
            self._client.indices.update_aliases(actions=[*moves, {"add": {"index": index, "alias": alias}}])
            self._mark_best(best)
        self._note("products")
        return [o.id for o in found if o.id not in known]

    def _mark_best(self, best: Mapping[str, Opportunity]) -> None:
        """Give each product its best opportunity, and take it from those that have none any more."""
        self._refresh("products")
        had = {hit["_id"] for hit in self._walk("products", {"exists": {"field": "best_profit"}}, source=False)}
        left = sorted(had | best.keys())
        for _ in range(_RACES):
            if not left:
                return
            actions = []
            for asin, (old, seen) in self._products(left).items():
                one = best.get(asin)
                shown = None if one is None else {name: getattr(one, name) for name in BEST_SHOWN}
                document = {
                    **old,
                    "best_profit": one.profit if one else None,
                    "best_margin": one.margin_pct if one else None,
                    "document": {**old["document"], "best": shown},
                }
                actions.append(Action("products", asin, document, guarded=True, seen=seen))
            left = [actions[i].id for i in bulk(self._client, self._prefix, actions).conflicts]
        raise StoreError(f"{len(left)} products are written by others all the time", remedy="Detect again")

    def put_run(self, run: Run) -> None:
        document = {
            "run_id": run.run_id, "report": run.report, "started_at": run.started_at, "document": run.to_dict(),
        }  # fmt: skip
        with _translated():
            poison = bulk(self._client, self._prefix, [Action("runs", run.run_id, document)]).poison
        if poison:
            raise StoreError(f"the run is refused: {poison[0]}")
        self._note("runs")

    # Reading

    def offers(self, asins: Sequence[str]) -> list[Offer]:
        ids = [f"{asin}:{code}" for asin in sorted(set(asins)) for code in MARKETS]
        with _translated():
            found = [Offer.from_dict(hit["_source"]) for hit in self._get("offers", ids)]
        return sorted(found, key=lambda o: (o.asin, o.market))

    def scan_offers(self, columns: Sequence[str], *, products_per_batch: int = 5_000) -> Iterator[pd.DataFrame]:
        import pandas as pd

        unknown = [name for name in columns if name not in _OFFER_FIELDS]
        if unknown:
            raise UsageError("no such field of an offer", field="columns", value=unknown)

        def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
            made = pd.DataFrame([[_cell(row.get(name)) for name in columns] for row in rows], columns=list(columns))
            return made.astype({name: "float64" for name in columns if is_number(name)})

        rows: list[dict[str, Any]] = []
        products: set[str] = set()
        with _translated():
            self._refresh("offers")
            sort = [{"asin": "asc"}, {"market": "asc"}]
            for hit in self._walk("offers", {"match_all": {}}, source=[*{*columns, "asin"}], sort=sort):
                asin = hit["_source"]["asin"]
                if asin not in products and len(products) == products_per_batch:
                    yield frame(rows)
                    rows, products = [], set()
                products.add(asin)
                rows.append(hit["_source"])
        if rows:
            yield frame(rows)

    def history(self, asin: str) -> list[History]:
        with _translated():
            hits = self._get("history", [f"{asin}:{code}" for code in MARKETS])
        found = []
        for hit in hits:
            row = hit["_source"]
            series, sellers = decode(base64.b64decode(row["series"]))
            found.append(History(row["asin"], row["market"], row["version"], row["currency"], series, sellers))
        return sorted(found, key=lambda h: h.market)

    def product(self, asin: str) -> Product | None:
        with _translated():
            found = self._get("products", [asin])
        return _product(found[0]["_source"]["document"]) if found else None

    def products(self, query: ProductQuery) -> Page[Product]:
        return self._page("products", query, product_search(query), _product)

    def opportunities(self, query: OpportunityQuery) -> Page[Opportunity]:
        return self._page("opportunities", query, opportunity_search(query), Opportunity.from_dict)

    def _page(
        self, collection: str, query: ProductQuery | OpportunityQuery, search: dict[str, Any], build: Callable[[Any], T]
    ) -> Page[T]:
        answer = self._search(collection, search)
        hits, total = answer["hits"]["hits"], answer["aggregations"]["total"]["doc_count"]
        more = len(hits) > query.limit
        hits = hits[: query.limit]
        after = None
        if more and hits:
            key, last_id = hits[-1]["sort"]
            # A missing number sorts as an infinite one.
            unknown = key is None or (isinstance(key, str) and key in ("Infinity", "-Infinity")) or _is_extreme(key)
            last = None if unknown else key
            after = cursors.pack(query.sort, descending=query.descending, key=last, last_id=last_id)
        return Page(items=tuple(build(h["_source"]["document"]) for h in hits), total=total, next=after)

    def runs(self, *, report: str | None = None, limit: int = 50) -> list[Run]:
        where: dict[str, Any] = {"term": {"report": report}} if report else {"match_all": {}}
        search = {"size": limit, "query": where, "sort": [{"started_at": "desc"}], "_source": ["document"]}
        hits = self._search("runs", search)["hits"]["hits"]
        return [Run(**hit["_source"]["document"]) for hit in hits]

    def run(self, run_id: str) -> Run | None:
        with _translated():
            found = self._get("runs", [run_id])
        return Run(**found[0]["_source"]["document"]) if found else None

    def stats(self) -> Stats:
        head = {"size": 0, "track_total_hits": True}
        profit = {"best": {"max": {"field": "profit"}}, "sum": {"sum": {"field": "profit"}}}
        products = self._search("products", {**head, "aggs": {"demo": {"filter": {"term": {"demo": True}}}}})
        times = {n: {n: {"field": "updated_at"}} for n in ("min", "max")}
        markets = {"terms": {"field": "market", "size": len(MARKETS)}}
        offers = self._search("offers", {**head, "aggs": {**times, "markets": markets}})
        found = self._search(
            "opportunities",
            {
                **head,
                "aggs": {
                    "routes": {
                        "terms": {"field": "source", "size": 50},
                        "aggs": {"to": {"terms": {"field": "target", "size": 50}, "aggs": profit}},
                    },
                    "categories": {"terms": {"field": "category", "size": 10_000, "order": {"_key": "asc"}}},
                    "currency": {"terms": {"field": "currency", "size": 1, "order": {"_key": "desc"}}},
                    "evaluated": {"max": {"field": "evaluated_at"}},
                },
            },
        )
        results = found["aggregations"]
        routes = {
            f"{source['key']}:{target['key']}": {
                "count": target["doc_count"],
                "best_profit": target["best"]["value"],
                "total_profit": round(target["sum"]["value"], 2),
            }
            for source in results["routes"]["buckets"]
            for target in source["to"]["buckets"]
        }
        currency = [b["key"] for b in results["currency"]["buckets"]]
        ages = offers["aggregations"]
        return Stats(
            products=products["hits"]["total"]["value"],
            offers=offers["hits"]["total"]["value"],
            opportunities=found["hits"]["total"]["value"],
            total_profit=round(sum(r["total_profit"] for r in routes.values()), 2),
            currency=currency[0] if currency else None,
            demo_products=products["aggregations"]["demo"]["doc_count"],
            markets={b["key"]: b["doc_count"] for b in ages["markets"]["buckets"]},
            routes=dict(sorted(routes.items())),
            categories=tuple(b["key"] for b in results["categories"]["buckets"]),
            oldest_at=_whole(ages["min"]["value"]),
            newest_at=_whole(ages["max"]["value"]),
            evaluated_at=results["evaluated"]["value"],
        )

    def close(self) -> None:
        self._client.close()

    def _check(self) -> None:
        with _translated():
            for name in COLLECTIONS:
                alias = self._prefix + name
                if not self._client.indices.exists_alias(name=alias):
                    raise StoreError(f"the store has no {alias} yet", remedy="Run `arbkit init`")
                if _mark(self._client, alias) != fingerprint(name):
                    raise StoreError(f"{alias} has another arbkit's mapping", remedy="Run `arbkit init`")

    def _note(self, *collections: str) -> None:
        with self._lock:
            self._unseen.update(collections)

    def _refresh(self, collection: str) -> None:
        """Let a search see what this process wrote; what others wrote is seen a second later."""
        with self._lock:
            unseen = collection in self._unseen
            self._unseen.discard(collection)
        if unseen:
            self._client.indices.refresh(index=self._prefix + collection)

    def _search(self, collection: str, search: dict[str, Any]) -> Any:
        with _translated():
            self._refresh(collection)
            return self._client.search(index=self._prefix + collection, body=search)

    def _get(self, collection: str, ids: Sequence[str]) -> list[Any]:
        """Documents by id, as they are now: this needs no refresh."""
        found: list[Any] = []
        for start in range(0, len(ids), _GET):
            answer = self._client.mget(index=self._prefix + collection, ids=list(ids[start : start + _GET]))
            if (broken := next((d for d in answer["docs"] if "error" in d), None)) is not None:
                raise StoreError(f"the store lacks {self._prefix}{collection}: {broken['error'].get('reason')}")
            found += [d for d in answer["docs"] if d["found"]]
        return found

    def _walk(self, collection: str, query: dict[str, Any], *, source: Any = True, sort: Any = None) -> Iterator[Any]:
        """Every document as of one moment, however many there are."""
        opened = self._client.open_point_in_time(index=self._prefix + collection, keep_alive=_KEEP_WALK)
        pit, after = opened["id"], None
        try:
            while True:
                search: dict[str, Any] = {
                    "size": _GET, "query": query, "sort": sort or [{"_shard_doc": "asc"}], "_source": source,
                    "track_total_hits": False, "pit": {"id": pit, "keep_alive": _KEEP_WALK},
                }  # fmt: skip
                if after is not None:
                    search["search_after"] = after
                answer = self._client.search(body=search)
                pit = answer["pit_id"]
                hits = answer["hits"]["hits"]
                yield from hits
                if len(hits) < _GET:
                    return
                after = hits[-1]["sort"]
        finally:
            self._client.close_point_in_time(id=pit)


def _connect(url: str, api_key: str | None, ca: str | None) -> Elasticsearch:
    """A client that tries nothing again by itself: what may be tried again is decided item by item."""
    secure: dict[str, Any] = {"ca_certs": ca} if ca else {}
    return Elasticsearch(url, api_key=api_key, request_timeout=30, max_retries=0, http_compress=True, **secure)


def _new_index(client: Elasticsearch, prefix: str, collection: str, *, alias: bool) -> str:
    """A new, empty index of a collection; its name."""
    index = f"{prefix}{collection}-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:8]}"
    aliases: dict[str, Any] = {prefix + collection: {}} if alias else {}
    client.indices.create(index=index, **body(collection), aliases=aliases)
    return index


def _mark(client: Elasticsearch, alias: str) -> str | None:
    """The fingerprint of the mapping behind an alias."""
    (found,) = client.indices.get_mapping(index=alias).values()
    mark: str | None = found["mappings"].get("_meta", {}).get("arbkit")
    return mark


def _offer_action(offer: Offer) -> Action:
    return Action("offers", offer.id, offer.to_dict(), version=offer.version)


def _history_action(h: History) -> Action:
    series = base64.b64encode(encode(h.series, h.sellers)).decode()
    document = {"asin": h.asin, "market": h.market, "version": h.version, "currency": h.currency, "series": series}
    return Action("history", h.id, document, version=h.version)


def _product_document(p: Product, best: Mapping[str, Any] | None, words: str) -> dict[str, Any]:
    return {
        "asin": p.asin,
        "version": p.version,
        "demo": p.demo,
        "title": p.title,
        "category": p.category,
        "updated_at": p.updated_at,
        "best_profit": best["profit"] if best else None,
        "best_margin": best["margin_pct"] if best else None,
        "sold_on": list(p.markets),
        "price": {code: shown.get("price_minor") for code, shown in p.markets.items()},
        "words": words,
        "document": {
            "asin": p.asin, "version": p.version, "demo": p.demo, "title": p.title, "brand": p.brand,
            "category": p.category, "eans": list(p.eans), "image": p.image, "updated_at": p.updated_at,
            "markets": p.markets, "best": best,
        },
    }  # fmt: skip


def _product(document: Mapping[str, Any]) -> Product:
    return Product(**{**document, "eans": tuple(document["eans"])})


def _opportunity_action(o: Opportunity, run_id: str, words: str, index: str) -> Action:
    shown = (
        "id", "asin", "source", "target", "title", "brand", "category", "profit", "roi_pct", "margin_pct",
        "spread_pct", "confidence", "data_at", "buy_price", "sell_price", "currency", "evaluated_at",
    )  # fmt: skip
    document = {name: getattr(o, name) for name in shown}
    document |= {"route": o.source + o.target, "words": words, "document": {**o.to_dict(), "run_id": run_id}}
    return Action(index, o.id, document)


def _is_extreme(key: object) -> bool:
    """Whether a sort value stands for a missing number."""
    return isinstance(key, float | int) and abs(key) > 1e18


def _cell(value: object) -> object:
    """A value of a scan: several of them as JSON, none as None, as the embedded store keeps them."""
    return (orjson.dumps(value).decode() if value else None) if isinstance(value, list) else value


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (ApiError, TransportError) as error:
        raise translated(error) from error
