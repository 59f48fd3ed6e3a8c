"""The scale-out store: documents in Elasticsearch behind the same interface.

How offers, histories and products are written: :mod:`arbkit.store.elastic.writer`; how routes are:
:mod:`arbkit.store.elastic.routes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import JsonValue

from arbkit.core.closing import Closing
from arbkit.core.errors import StoreError, UsageError
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import OFFER_WIRE_NAMES, History, Offer, Opportunity, ProductState, Run, Update
from arbkit.core.offers.product import Product
from arbkit.core.results import JsonObject
from arbkit.store import base
from arbkit.store.absorbing import put_guarded
from arbkit.store.base import Rebuilt, Removed, Stats, Sums, Written
from arbkit.store.decisions.applying import choice_of, page_with_status
from arbkit.store.decisions.elastic import ElasticDecisions
from arbkit.store.elastic import changes, demo, documents, indices, queries, routes
from arbkit.store.elastic.bulk import Action, bulk
from arbkit.store.elastic.client import (
    Hit,
    Refreshing,
    SearchAnswer,
    connect,
    fetch_documents,
    run_search,
    scan,
    wrap_errors,
)
from arbkit.store.elastic.indices import temporary_indices
from arbkit.store.elastic.routes import ElasticRoutes, RouteWriter
from arbkit.store.elastic.schema import COLLECTIONS
from arbkit.store.elastic.users import ElasticUsers
from arbkit.store.elastic.writer import Writer
from arbkit.store.fields import is_number
from arbkit.store.forecasts.elastic import ElasticForecasts
from arbkit.store.grouping.elastic import ElasticGroups
from arbkit.store.leases.elastic import ElasticLeases
from arbkit.store.product_document import compose_states, without_invented
from arbkit.store.queries import OpportunityQuery, Page, ProductQuery, RunQuery, page_of
from arbkit.store.routes import Announce, Notice, ProductRoutes, PutRoutes, RouteWindow
from arbkit.store.sales.elastic import ElasticSales

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
_FORGOTTEN_AT_ONCE = 100
"""Records of runs removed with a new one: a store that has many comes down to what it keeps step by step."""
_SHOWN_AT_ONCE = 50
"""Changed products that searches see at once; refreshing for more would slow the rest of a backlog."""


class ElasticStore(
    ElasticUsers, ElasticRoutes, ElasticForecasts, ElasticDecisions, ElasticSales, ElasticLeases, ElasticGroups, Closing
):
    """Implements :class:`arbkit.store.base.Store` on the cluster at ``url``; all names begin with ``prefix``.

    ``show_demo``: products of the demo market are shown also beside real ones.

    Raises:
        StoreError: it cannot be reached.
        StoreRefusedError: its indices are missing or of another version, or the user may not use them.
    """

    waits_for_server: ClassVar[bool] = True

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "arbkit-",
        api_key: str | None = None,
        ca: str | None = None,
        show_demo: bool = True,
    ) -> None:
        self._prefix = prefix
        self._show_demo = show_demo
        self._client = connect(url, api_key=api_key, ca=ca)
        self._fresh = Refreshing(self._client, prefix)
        self._writer = Writer(self._client, {name: prefix + name for name in COLLECTIONS})
        try:
            with wrap_errors():
                indices.check(self._client, prefix)
        except BaseException:
            self._client.close()
            raise

    def put(self, updates: Sequence[Update]) -> Written:
        """See :meth:`arbkit.store.base.Store.put`."""
        with wrap_errors():
            done = self._writer.put(updates)
        self._fresh.note("offers", "history", "products")
        return done.written(self._states(done.changes, done.offers))

    def rebuild(self, batches: Iterable[Sequence[Update]]) -> Rebuilt:
        """See :meth:`arbkit.store.base.Store.rebuild`."""
        names = ("offers", "history", "products")
        with wrap_errors(), temporary_indices(self._client, self._prefix, names) as targets:
            beside = Writer(self._client, targets, alias=False)
            for batch in batches:
                put_guarded(lambda some: beside.put(some).written({}), batch)
            self._client.indices.refresh(index=targets["offers"])
            rebuilt = self._client.count(index=targets["offers"])["count"]
            transforms = {
                "offers": beside.transform_offers,
                "history": beside.transform_histories,
                "products": beside.transform_products,
            }
            indices.reindex(self._client, self._prefix, targets, transforms)
            total = self._client.count(index=self._prefix + "offers")["count"]
        return Rebuilt(offers=rebuilt, kept=total - rebuilt)

    def generation(self, inputs: str) -> int:
        """See :meth:`arbkit.store.base.Store.generation`."""
        with wrap_errors():
            return changes.number_inputs(self._client, f"{self._prefix}detection", inputs)

    def put_routes(
        self,
        results: Sequence[ProductRoutes],
        *,
        generation: int,
        announce: Announce | None = None,
        changes_to: str | None = None,
    ) -> PutRoutes:
        """See :meth:`arbkit.store.base.Store.put_routes`."""
        with wrap_errors():
            done = RouteWriter(self._client, self._prefix, self._writer).put(results, generation, announce, changes_to)
        self._fresh.note("opportunities", "outbox", "products", "windows")
        if len(results) <= _SHOWN_AT_ONCE:
            self._fresh.show("opportunities")
        return done

    def put_swept(self, inputs: str) -> None:
        """See :meth:`arbkit.store.base.Store.put_swept`."""
        with wrap_errors():
            changes.write_swept(self._client, f"{self._prefix}detection", inputs)
            routes.forget_ended(self._client, self._prefix)

    def unsent(self, limit: int) -> list[Notice]:
        """See :meth:`arbkit.store.base.Store.unsent`."""
        with wrap_errors():
            self._fresh.before_search("outbox")
            return routes.read_unsent(self._client, f"{self._prefix}outbox", limit)

    def mark_sent(self, notices: Sequence[Notice]) -> None:
        """See :meth:`arbkit.store.base.Store.mark_sent`."""
        with wrap_errors():
            routes.mark_sent(self._client, f"{self._prefix}outbox", notices)
        self._fresh.note("outbox")

    def put_run(self, run: Run) -> None:
        """See :meth:`arbkit.store.base.Store.put_run`."""
        action = Action(self._prefix + "runs", run.run_id, documents.run_document(run))
        with wrap_errors():
            poison = bulk(self._client, [action]).poison
        if poison:
            raise StoreError(f"the run is refused: {poison[0]}")
        self._fresh.note("runs")
        self._forget_old_runs(run.report)

    def _forget_old_runs(self, report: str) -> None:
        where: JsonObject = {"query": {"term": {"report": report}}, "sort": [{"started_at": "desc"}], "_source": False}
        old = self._search("runs", {**where, "from": base.RUNS_KEPT, "size": _FORGOTTEN_AT_ONCE})["hits"]["hits"]
        with wrap_errors():
            for hit in old:
                self._client.options(ignore_status=404).delete(index=self._prefix + "runs", id=hit["_id"])
        if old:
            self._fresh.note("runs")

    def remove_demo(self, *, dry_run: bool = False) -> Removed:
        """See :meth:`arbkit.store.base.Store.remove_demo`."""
        with wrap_errors():
            for name in ("offers", "history", "products"):
                self._client.indices.refresh(index=self._prefix + name)
            everything = self._scan("offers", {"match_all": {}}, source=["asin", "source"])
            asins = sorted({str(hit["_source"]["asin"]) for hit in everything if hit["_source"]["source"] == "demo"})
            offers = self._writer.offers(asins)
            if asins and not dry_run:
                demo.remove(self._client, self._prefix, asins, offers, self._writer.compose_real)
                self._fresh.note("products")
        return Removed(products=len(asins), offers=sum(o.demo for o in offers))

    # Reading

    def swept(self) -> str | None:
        """See :meth:`arbkit.store.base.Store.swept`."""
        with wrap_errors():
            return changes.read_swept(self._client, f"{self._prefix}detection")

    def unpriced(self, limit: int) -> list[str]:
        """See :meth:`arbkit.store.base.Store.unpriced`."""
        return self._asins(queries.UNPRICED, limit)

    def asins(self, *, after: str = "", limit: int) -> list[str]:
        """See :meth:`arbkit.store.base.Store.asins`."""
        return self._asins({"range": {"asin": {"gt": after}}}, limit)

    def _asins(self, query: JsonObject, limit: int) -> list[str]:
        search: JsonObject = {"size": limit, "query": query, "sort": [{"asin": "asc"}], "_source": False}
        found = self._search("products", demo.without(self._hidden(), {**search, "track_total_hits": False}))
        return [hit["_id"] for hit in found["hits"]["hits"]]

    def windows(self, asins: Sequence[str]) -> list[RouteWindow]:
        """See :meth:`arbkit.store.base.Store.windows`."""
        shown = sorted(set(asins) - set(self._hidden()))
        with wrap_errors():
            self._fresh.before_search("windows")
            found = routes.read_windows(self._client, f"{self._prefix}windows", shown)
        return sorted(found, key=lambda window: (window.route, window.started_at))

    def holds_real_products(self) -> bool:
        """See :meth:`arbkit.store.base.Store.holds_real_products`."""
        with wrap_errors():
            self._fresh.before_search("products")
            return demo.holds_real(self._client, f"{self._prefix}products")

    def _hidden(self) -> list[str]:
        """The products of the demo market where they are hidden: there are real ones beside them."""
        if self._show_demo:
            return []
        with wrap_errors():
            self._fresh.before_search("products")
            return demo.hidden_asins(self._client, f"{self._prefix}products")

    def offers(self, asins: Sequence[str]) -> list[Offer]:
        """See :meth:`arbkit.store.base.Store.offers`."""
        with wrap_errors():
            found = self._writer.offers(sorted(set(asins) - set(self._hidden())))
        return found if self._show_demo else without_invented(found)

    def states(self, asins: Sequence[str]) -> dict[str, ProductState]:
        """See :meth:`arbkit.store.base.Store.states`."""
        with wrap_errors():
            shown = sorted(set(asins) - set(self._hidden()))
            # Before the offers: they may be of a later change then, and never of an earlier one.
            numbers = {asin: documents.change_of(old) for asin, (old, _) in self._writer.products(shown).items()}
            return self._states(numbers, self._writer.offers(shown))

    def _states(self, numbers: Mapping[str, int], offers: Iterable[Offer]) -> dict[str, ProductState]:
        """States of products with these numbers of changes, whose offers are these, all of each."""
        shown = offers if self._show_demo else without_invented(offers)
        return compose_states(numbers, shown, self.facts(sorted(numbers)))

    def scan_offers(self, columns: Sequence[str], *, products_per_batch: int = 5_000) -> Iterator[pd.DataFrame]:
        """See :meth:`arbkit.store.base.Store.scan_offers`."""
        import pandas as pd

        unknown = [name for name in columns if name not in OFFER_WIRE_NAMES]
        if unknown:
            raise UsageError("no such field of an offer", field="columns", value=unknown)
        stored = [OFFER_WIRE_NAMES[name] for name in columns]

        def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
            if not self._show_demo:
                real = {row["asin"] for row in rows if row["source"] != "demo"}
                rows = [row for row in rows if row["source"] != "demo" or row["asin"] not in real]
            made = pd.DataFrame(
                [[documents.cell(row.get(name)) for name in stored] for row in rows], columns=list(columns)
            )
            return made.astype({name: "float64" for name in columns if is_number(name)})

        rows: list[dict[str, Any]] = []
        products: set[str] = set()
        with wrap_errors():
            self._fresh.before_search("offers")
            sort: list[JsonValue] = [{"asin": "asc"}, {"market": "asc"}]
            shown = demo.query_without(self._hidden())
            for hit in self._scan("offers", shown, source=[*{*stored, "asin", "source"}], sort=sort):
                asin = str(hit["_source"]["asin"])
                if asin not in products and len(products) == products_per_batch:
                    yield frame(rows)
                    rows, products = [], set()
                products.add(asin)
                rows.append(hit["_source"])
        if rows:
            yield frame(rows)

    def history(self, asin: str) -> list[History]:
        """See :meth:`arbkit.store.base.Store.history`."""
        if asin in self._hidden():
            return []
        hits = self._get("history", [f"{asin}:{code}" for code in MARKETS])
        return sorted((documents.history_of(hit["_source"]).unpacked() for hit in hits), key=lambda h: h.market)

    def product(self, asin: str) -> Product | None:
        """See :meth:`arbkit.store.base.Store.product`."""
        found = self._get("products", [asin])
        product = documents.product_of(found[0]["_source"]) if found else None
        return None if product is not None and product.demo and self._hidden() else product

    def products(self, query: ProductQuery) -> Page[Product]:
        """See :meth:`arbkit.store.base.Store.products`."""
        return self._page("products", query, queries.product_search, documents.product_of, self._hidden())

    def opportunities(self, query: OpportunityQuery) -> Page[Opportunity]:
        """See :meth:`arbkit.store.base.Store.opportunities`."""
        decided = self.decisions_in_force()
        search = partial(queries.opportunity_search, choice=choice_of(query, decided))
        page = self._page("opportunities", query, search, documents.opportunity_of, self._hidden())
        return page_with_status(page, decided)

    def sums(self, query: OpportunityQuery) -> Sums:
        """See :meth:`arbkit.store.base.Store.sums`."""
        choice = choice_of(query, self.decisions_in_force())
        search = demo.without(self._hidden(), queries.sums_search(query, choice))
        return queries.sums_of(self._search("opportunities", search)["aggregations"])

    def _page(
        self,
        collection: str,
        query: queries.Q,
        search: Callable[[queries.Q], JsonObject],
        build: Callable[[JsonObject], T],
        hidden: Sequence[str] = (),
    ) -> Page[T]:
        def ask(body: JsonObject) -> SearchAnswer:
            answer: SearchAnswer = self._search(collection, demo.without(hidden, body))
            return answer

        hits = ask(search(query))["hits"]["hits"]
        total = queries.total_of(query, hits, search, ask)
        end = partial(queries.end_of, query)
        return page_of(query, hits, total, build=lambda hit: build(hit["_source"]), end=end)

    def runs(self, *, report: str | None = None, limit: int = 50) -> list[Run]:
        """See :meth:`arbkit.store.base.Store.runs`."""
        return list(self.run_page(RunQuery(report=report, limit=limit)).items)

    def run_page(self, query: RunQuery) -> Page[Run]:
        """See :meth:`arbkit.store.base.Store.run_page`."""
        return self._page("runs", query, queries.run_search_body, documents.run_of)

    def run(self, run_id: str) -> Run | None:
        """See :meth:`arbkit.store.base.Store.run`."""
        found = self._get("runs", [run_id])
        return documents.run_of(found[0]["_source"]) if found else None

    def stats(self) -> Stats:
        """See :meth:`arbkit.store.base.Store.stats`."""
        head: JsonObject = {"size": 0, "track_total_hits": True}
        hidden = self._hidden()
        products = self._search("products", demo.without(hidden, {**head, "aggs": queries.PRODUCT_FIGURES}))
        times: JsonObject = {n: {n: {"field": "updated_at"}} for n in ("min", "max")}
        markets: JsonObject = {"terms": {"field": "market", "size": len(MARKETS)}}
        offers = self._search("offers", demo.without(hidden, {**head, "aggs": {**times, "markets": markets}}))
        head |= {"query": documents.OPPORTUNITY, "aggs": queries.HEAD_FIGURES}
        found = self._search("opportunities", demo.without(hidden, head))
        return queries.stats_of(products, offers, found, hidden_products=len(hidden))

    def ages(self, limits: Sequence[float], *, now: float) -> dict[str, tuple[int, ...]]:
        """See :meth:`arbkit.store.base.Store.ages`."""
        search = demo.without(self._hidden(), queries.ages_search(limits, now))
        return queries.ages_of(self._search("offers", search)["aggregations"])

    def close(self) -> None:
        """See :meth:`arbkit.store.base.Store.close`. What was written is seen by every search from then on."""
        self._fresh.show_all()
        self._client.close()

    def _search(self, collection: str, search: JsonObject) -> Any:
        with wrap_errors():
            self._fresh.before_search(collection)
            return run_search(self._client, search, index=self._prefix + collection)

    def _get(self, collection: str, ids: Sequence[str]) -> list[Hit]:
        with wrap_errors():
            return fetch_documents(self._client, self._prefix + collection, ids)

    def _scan(
        self, collection: str, query: JsonObject, *, source: bool | list[str], sort: list[JsonValue] | None = None
    ) -> Iterator[Hit]:
        return chain.from_iterable(scan(self._client, self._prefix + collection, query, source=source, sort=sort))
