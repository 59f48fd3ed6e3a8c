"""Realised sales in Elasticsearch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from elasticsearch import Elasticsearch, NotFoundError

from arbkit.core.errors import StoreError
from arbkit.core.results import JsonObject
from arbkit.core.sales.line import SaleLine
from arbkit.core.sales.store import SalesPut
from arbkit.store.elastic.bulk import Action, bulk_into, delete, is_made
from arbkit.store.elastic.client import Hit, fetch_documents, scan, wrap_errors

_COLLECTION = "sales"


class ElasticSales:
    """Implements :class:`arbkit.core.sales.store.SaleStore`."""

    _client: Elasticsearch
    _prefix: str

    def put_sales(self, lines: Sequence[SaleLine]) -> SalesPut:
        """See :meth:`arbkit.core.sales.store.SaleStore.put_sales`."""
        by_id = {line.id: line for line in lines}
        with wrap_errors():
            there = self._there([*by_id])
            wanted = [one for one in by_id.values() if one.id not in there or not there[one.id].is_same(one)]
            if not wanted:
                return SalesPut(0, 0)
            actions = [_action(self._sold, one) for one in wanted]
            outcome = bulk_into(self._client, self._prefix, _COLLECTION, actions)
            self._client.indices.refresh(index=self._sold)
        if outcome.poison:
            raise StoreError(f"a sale is refused: {next(iter(outcome.poison.values()))}")
        new = sum(one.id not in there for one in wanted)
        return SalesPut(new, len(wanted) - new)

    def sales(self, asins: Sequence[str] | None = None) -> list[SaleLine]:
        """See :meth:`arbkit.core.sales.store.SaleStore.sales`."""
        query: JsonObject = {"match_all": {}} if asins is None else {"terms": {"asin": list(asins)}}
        with wrap_errors():
            try:
                self._client.indices.refresh(index=self._sold)
                found = map(_line, chain.from_iterable(scan(self._client, self._sold, query)))
                return sorted(found, key=lambda line: (line.day, line.id))
            except NotFoundError:
                # A cluster of before there were sales has no index of them yet.
                return []

    def remove_sales(self, ids: Sequence[str]) -> int:
        """See :meth:`arbkit.core.sales.store.SaleStore.remove_sales`."""
        with wrap_errors():
            there = self._there(ids)
            delete(self._client, self._sold, [*there])
        return len(there)

    def _there(self, ids: Sequence[str]) -> dict[str, SaleLine]:
        if not is_made(self._client, self._prefix, _COLLECTION):
            return {}
        return {line.id: line for line in map(_line, fetch_documents(self._client, self._sold, ids))}

    @property
    def _sold(self) -> str:
        return self._prefix + _COLLECTION


def _action(index: str, line: SaleLine) -> Action:
    document: JsonObject = {"asin": line.asin, "day": line.day, "demo": line.demo, "document": line.to_dict()}
    return Action(index, line.id, document)


def _line(hit: Hit) -> SaleLine:
    found: Any = hit["_source"]
    return SaleLine.from_dict(found["document"])
