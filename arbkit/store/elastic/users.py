"""What users have said and asked for in Elasticsearch, and were alerted of: facts, the watchlist, looks, alerts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from itertools import chain

from elasticsearch import Elasticsearch

from arbkit.core.errors import StoreError
from arbkit.core.offers.facts import Fact, FactName
from arbkit.core.offers.looks import Look, LookStatus
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.results import JsonObject
from arbkit.store.alerts import AlertRecord, SentAlert
from arbkit.store.elastic import documents, queries
from arbkit.store.elastic.bulk import Action, bulk, delete_found
from arbkit.store.elastic.client import Hit, SearchAnswer, fetch_documents, run_search, scan, wrap_errors
from arbkit.store.elastic.writer import Writer
from arbkit.store.queries import AlertQuery, Page, page_of

_PRODUCTS_PER_SEARCH = 500
_MOST_FACTS = 10_000
"""Facts that one search finds: a product has 18 at most, three on each marketplace and three that hold everywhere."""
_ADOPTED = "-"
"""In place of an ASIN in the document whose note says of which file's content a list was adopted."""


class ElasticUsers:
    """The part of :class:`arbkit.store.base.Store` that keeps what users have said, asked for and been alerted of."""

    _client: Elasticsearch
    _prefix: str
    _writer: Writer

    def put_fact(self, fact: Fact) -> None:
        """See :meth:`arbkit.store.base.Store.put_fact`."""
        action = Action(self._facts, fact.id, fact.to_dict())
        with wrap_errors():
            poison = bulk(self._client, [action]).poison
        if poison:
            raise StoreError(f"the fact is refused: {poison[0]}")
        self._show_facts(fact.asin)

    def delete_fact(self, asin: str, market: str, name: FactName) -> bool:
        """See :meth:`arbkit.store.base.Store.delete_fact`."""
        with wrap_errors():
            patient = self._client.options(ignore_status=404)
            done = patient.delete(index=self._facts, id=f"{asin}:{market}:{name}")
        if was_there := done.meta.status == 200:
            self._show_facts(asin)
        return was_there

    def _show_facts(self, asin: str) -> None:
        """Let everybody see what was typed: another process writes all facts into a file, or a backup, next."""
        with wrap_errors():
            self._client.indices.refresh(index=self._facts)
            self._writer.count_change(asin)

    def facts(self, asins: Sequence[str] | None = None) -> list[Fact]:
        """See :meth:`arbkit.store.base.Store.facts`."""
        with wrap_errors():
            if asins is None:
                hits = chain.from_iterable(scan(self._client, self._facts, {"match_all": {}}))
            else:
                starts = range(0, len(asins), _PRODUCTS_PER_SEARCH)
                hits = chain.from_iterable(self._facts_of(asins[at : at + _PRODUCTS_PER_SEARCH]) for at in starts)
            found = [documents.fact_of(hit["_source"]) for hit in hits]
        return sorted(found, key=lambda fact: (fact.asin, fact.market, fact.name))

    def _facts_of(self, asins: Sequence[str]) -> list[Hit]:
        # One request: a batch of the consumer asks for them each time, and mostly there are none.
        search: JsonObject = {"size": _MOST_FACTS, "query": {"terms": {"asin": list(asins)}}, "track_total_hits": False}
        return run_search(self._client, search, index=self._facts)["hits"]["hits"]

    def put_watched(self, entries: Sequence[WatchEntry]) -> None:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.put_watched`."""
        actions = [Action(self._watchlist, entry.id, entry.to_dict()) for entry in entries]
        with wrap_errors():
            poison = bulk(self._client, actions).poison
            self._client.indices.refresh(index=self._watchlist)
        if poison:
            raise StoreError(f"an entry of the watchlist is refused: {next(iter(poison.values()))}")

    def watched(self, asins: Sequence[str] | None = None, *, demo: bool = False) -> list[WatchEntry]:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.watched`."""
        with wrap_errors():
            if asins is None:
                hits = [*chain.from_iterable(scan(self._client, self._watchlist, {"term": {"demo": demo}}))]
            else:
                ids = [WatchEntry(asin=asin, demo=demo).id for asin in dict.fromkeys(asins)]
                hits = fetch_documents(self._client, self._watchlist, ids)
            found = [WatchEntry.from_dict(hit["_source"]) for hit in hits]
        return sorted((entry for entry in found if entry.asin != _ADOPTED), key=lambda entry: entry.order)

    def watchlist_version(self) -> int:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.watchlist_version`."""
        # Every write of the only shard has a higher number than the one before.
        search: JsonObject = {
            "size": 1, "sort": [{"_seq_no": "desc"}], "track_total_hits": False, "_source": False,
            "query": {"match_all": {}},
        }  # fmt: skip
        with wrap_errors():
            hits = run_search(self._client, search, index=self._watchlist)["hits"]["hits"]
        return int(str(hits[0]["sort"][0])) + 1 if hits else 0

    def adopt_watchlist(self, digest: str, *, demo: bool = False) -> None:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.adopt_watchlist`."""
        self.put_watched([WatchEntry(asin=_ADOPTED, notes=digest, demo=demo)])

    def adopted_watchlist(self, *, demo: bool = False) -> str | None:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.adopted_watchlist`."""
        with wrap_errors():
            marks = fetch_documents(self._client, self._watchlist, [WatchEntry(asin=_ADOPTED, demo=demo).id])
        return next((WatchEntry.from_dict(mark["_source"]).notes for mark in marks), None)

    def put_looks(self, looks: Sequence[Look]) -> None:
        """See :meth:`arbkit.store.base.Store.put_looks`."""
        actions = [Action(self._looks, look.id, look.to_dict()) for look in looks]
        with wrap_errors():
            poison = bulk(self._client, actions).poison
        if poison:
            raise StoreError(f"a look is refused: {next(iter(poison.values()))}")

    def looks(self, *, status: LookStatus | None = None) -> list[Look]:
        """See :meth:`arbkit.store.base.Store.looks`."""
        query: JsonObject = {"term": {"status": status}} if status else {"match_all": {}}
        with wrap_errors():
            self._client.indices.refresh(index=self._looks)
            hits = chain.from_iterable(scan(self._client, self._looks, query))
            found = [Look.from_dict(hit["_source"]) for hit in hits]
        return sorted(found, key=lambda look: (look.asked_at, look.asin, look.market))

    def add_alerts(self, records: Sequence[AlertRecord]) -> None:
        """See :meth:`arbkit.store.base.Store.add_alerts`."""
        self._write_alerts(records, only_new=True)

    def put_alerts(self, records: Sequence[AlertRecord]) -> None:
        """See :meth:`arbkit.store.base.Store.put_alerts`."""
        self._write_alerts(records, only_new=False)

    def _write_alerts(self, records: Sequence[AlertRecord], *, only_new: bool) -> None:
        actions = [Action(self._alerts, one.id, documents.alert_document(one), only_new=only_new) for one in records]
        with wrap_errors():
            poison = bulk(self._client, actions).poison
        if poison:
            position, why = next(iter(poison.items()))
            raise StoreError(f"the alert {records[position].id} is refused: {why}")

    def alerts(self, query: AlertQuery) -> Page[AlertRecord]:
        """See :meth:`arbkit.store.base.Store.alerts`."""
        hits = self._search_alerts(queries.alert_search(query))["hits"]["hits"]
        total = queries.total_of(query, hits, queries.alert_search, self._search_alerts)
        return page_of(query, hits, total, build=_record, end=partial(queries.end_of, query))

    def alerts_of(self, ids: Sequence[str]) -> list[AlertRecord]:
        """See :meth:`arbkit.store.base.Store.alerts_of`."""
        with wrap_errors():
            return [_record(hit) for hit in fetch_documents(self._client, self._alerts, list(ids))]

    def pending_alerts(
        self, channel: str, limit: int, *, except_rules: Collection[str] = (), asins: Collection[str] | None = None
    ) -> list[AlertRecord]:
        """See :meth:`arbkit.store.base.Store.pending_alerts`."""
        found = self._search_alerts(queries.pending_search(channel, limit, except_rules, asins))
        return [_record(hit) for hit in found["hits"]["hits"]]

    def sent_alerts(self, channel: str, *, since: float) -> list[SentAlert]:
        """See :meth:`arbkit.store.base.Store.sent_alerts`."""
        with wrap_errors():
            self._client.indices.refresh(index=self._alerts)
            hits = chain.from_iterable(scan(self._client, self._alerts, queries.sent_query(channel, since)))
            records = list(map(_record, hits))
        found = [
            SentAlert(r.rule, d.at) for r in records if (d := r.delivery(channel)) is not None and d.at is not None
        ]
        return sorted((one for one in found if one.at >= since), key=lambda one: one.at)

    def forget_alerts(self, *, before: float) -> None:
        """See :meth:`arbkit.store.base.Store.forget_alerts`."""
        old: JsonObject = {"range": {"order": {"lt": before}}}
        where: JsonObject = {"bool": {"filter": [old], "must_not": [{"term": {"status": "pending"}}]}}
        with wrap_errors():
            delete_found(self._client, self._alerts, where)

    def _search_alerts(self, search: JsonObject) -> SearchAnswer:
        with wrap_errors():
            # Written by another process a moment ago, it is due now.
            self._client.indices.refresh(index=self._alerts)
            return run_search(self._client, search, index=self._alerts)

    @property
    def _alerts(self) -> str:
        return f"{self._prefix}alerts"

    @property
    def _watchlist(self) -> str:
        return f"{self._prefix}watchlist"

    @property
    def _looks(self) -> str:
        return f"{self._prefix}looks"

    @property
    def _facts(self) -> str:
        return f"{self._prefix}facts"


def _record(hit: Hit) -> AlertRecord:
    return documents.alert_of(hit["_source"])
