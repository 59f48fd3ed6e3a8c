"""Leases in Elasticsearch: each write is of the one that was read, or of none, and else is not done."""

from __future__ import annotations

import time
from typing import Any

from elasticsearch import Elasticsearch

from arbkit.core.errors import StoreError
from arbkit.core.leases.lease import Lease, lease_after
from arbkit.core.results import JsonObject
from arbkit.store.elastic.bulk import Action, Outcome, SeqNoGuard, back_off, bulk_into, contended, is_made
from arbkit.store.elastic.client import Hit, fetch_documents, wrap_errors

_COLLECTION = "leases"
_ATTEMPTS = 10


class ElasticLeases:
    """Implements :class:`arbkit.core.leases.store.LeaseStore`."""

    _client: Elasticsearch
    _prefix: str

    def take_lease(self, name: str, holder: str, *, seconds: float, now: float | None = None) -> Lease:
        """See :meth:`arbkit.core.leases.store.LeaseStore.take_lease`."""
        outcome = Outcome()
        with wrap_errors():
            for attempt in range(_ATTEMPTS):
                found = self._lease(name)
                there = None if found is None else _lease_of(found)
                at = time.time() if now is None else now
                after = lease_after(there, name, holder, seconds=seconds, now=at)
                if after is there:
                    return after
                guard = None if found is None else SeqNoGuard.of(found)
                action = Action(self._leases, name, _document(after), guard=guard, only_new=found is None)
                outcome = bulk_into(self._client, self._prefix, _COLLECTION, [action])
                if outcome.ok:
                    return after
                if outcome.poison:
                    raise StoreError(f"a lease is refused: {next(iter(outcome.poison.values()))}")
                back_off(attempt)
        raise contended(outcome, 1, "leases")

    def drop_lease(self, name: str, holder: str) -> None:
        """See :meth:`arbkit.core.leases.store.LeaseStore.drop_lease`."""
        with wrap_errors():
            for attempt in range(_ATTEMPTS):
                found = self._lease(name)
                if found is None or _lease_of(found).holder != holder:
                    return
                guard = SeqNoGuard.of(found)
                # One that is gone, or renewed meanwhile, is read again.
                done = self._client.options(ignore_status=[404, 409]).delete(
                    index=guard.index, id=name, if_seq_no=guard.seq_no, if_primary_term=guard.primary_term
                )
                if done.meta.status < 300:
                    return
                back_off(attempt)
        raise contended(Outcome(), 1, "leases")

    def _lease(self, name: str) -> Hit | None:
        # A cluster of before there were leases has no index of them yet.
        if not is_made(self._client, self._prefix, _COLLECTION):
            return None
        return next(iter(fetch_documents(self._client, self._leases, [name])), None)

    @property
    def _leases(self) -> str:
        return self._prefix + _COLLECTION


def _document(lease: Lease) -> JsonObject:
    return {"holder": lease.holder, "taken_at": lease.taken_at, "expires_at": lease.expires_at}


def _lease_of(hit: Hit) -> Lease:
    found: Any = hit["_source"]
    return Lease(hit["_id"], found["holder"], float(found["taken_at"]), float(found["expires_at"]))
