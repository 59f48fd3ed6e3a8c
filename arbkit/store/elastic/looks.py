"""The looks that were asked for, in Elasticsearch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from elasticsearch import Elasticsearch

from arbkit.core.errors import StoreError
from arbkit.core.offers.looks import Look, LookStatus
from arbkit.core.results import JsonObject
from arbkit.store.elastic.bulk import Action, bulk
from arbkit.store.elastic.client import scan, wrap_errors


class ElasticLooks:
    """The part of :class:`arbkit.store.base.Store` that keeps looks."""

    _client: Elasticsearch
    _prefix: str

    def put_looks(self, looks: Sequence[Look]) -> None:
        """See :meth:`arbkit.store.base.Store.put_looks`."""
        actions = [Action(self._index, look.id, look.to_dict()) for look in looks]
        with wrap_errors():
            poison = bulk(self._client, actions).poison
        if poison:
            raise StoreError(f"a look is refused: {next(iter(poison.values()))}")

    def looks(self, *, status: LookStatus | None = None) -> list[Look]:
        """See :meth:`arbkit.store.base.Store.looks`."""
        query: JsonObject = {"term": {"status": status}} if status else {"match_all": {}}
        with wrap_errors():
            self._client.indices.refresh(index=self._index)
            hits = chain.from_iterable(scan(self._client, self._index, query))
            found = [Look.from_dict(hit["_source"]) for hit in hits]
        return sorted(found, key=lambda look: (look.asked_at, look.asin, look.market))

    @property
    def _index(self) -> str:
        return f"{self._prefix}looks"
