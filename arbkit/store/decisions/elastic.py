"""Decisions in Elasticsearch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any

from elasticsearch import Elasticsearch, NotFoundError
from pydantic import JsonValue

from arbkit.core.decisions.event import Decision
from arbkit.core.decisions.rules import DecisionsInForce, RouteChoice, RouteProfit
from arbkit.core.errors import StoreError
from arbkit.core.results import JsonObject
from arbkit.store.elastic.bulk import Action, bulk_into
from arbkit.store.elastic.client import Hit, Refreshing, fetch_documents, run_search, scan, wrap_errors

_MOST_TERMS = 65_536
"""What Elasticsearch takes in one list."""
_NEVER: JsonObject = {"match_none": {}}


class ElasticDecisions:
    """Implements :class:`arbkit.core.decisions.store.DecisionStore`."""

    _client: Elasticsearch
    _prefix: str
    _fresh: Refreshing
    _in_force: tuple[tuple[int, int], DecisionsInForce] | None = None
    """The last write and the number of decisions when they were read last, and those, without profits."""

    def add_decisions(self, decisions: Sequence[Decision]) -> list[Decision]:
        """See :meth:`arbkit.core.decisions.store.DecisionStore.add_decisions`."""
        if not decisions:
            return []
        actions = [_action(self._decided, one) for one in decisions]
        with wrap_errors():
            outcome = bulk_into(self._client, self._prefix, "decisions", actions)
            self._client.indices.refresh(index=self._decided)
            taken = [decisions[place].id for place in outcome.conflicts]
            there = {one.id: one for one in map(_decision, fetch_documents(self._client, self._decided, taken))}
        if outcome.poison:
            raise StoreError(f"a decision is refused: {next(iter(outcome.poison.values()))}")
        return [there[one.id] for one in decisions if one.id in there and there[one.id] != one]

    def decisions(self, keys: Sequence[str] | None = None) -> list[Decision]:
        """See :meth:`arbkit.core.decisions.store.DecisionStore.decisions`."""
        query: JsonObject = {"match_all": {}} if keys is None else {"terms": {"key": list(keys)}}
        with wrap_errors(), suppress(NotFoundError):
            self._client.indices.refresh(index=self._decided)
            found = map(_decision, chain.from_iterable(scan(self._client, self._decided, query)))
            return sorted(found, key=lambda one: (one.key, one.version))
        # A cluster of before there were decisions has no index of them yet.
        return []

    def decisions_in_force(self) -> DecisionsInForce:
        """See :meth:`arbkit.core.decisions.store.DecisionStore.decisions_in_force`."""
        # Every write of the only shard has a higher number than the one before; what is removed is no write that stays.
        search: JsonObject = {
            "size": 1, "sort": [{"_seq_no": "desc"}], "track_total_hits": True, "_source": False,
            "query": {"match_all": {}},
        }  # fmt: skip
        with wrap_errors():
            try:
                hits = run_search(self._client, search, index=self._decided)["hits"]
            except NotFoundError:
                return DecisionsInForce()
        last = int(str(hits["hits"][0]["sort"][0])) if hits["hits"] else -1
        mark = (last, hits["total"]["value"])
        if self._in_force is None or self._in_force[0] != mark:
            self._in_force = mark, DecisionsInForce.of(self.decisions() if mark[1] else ())
        found = self._in_force[1]
        return replace(found, profits=self._profits(asins)) if (asins := found.conditional) else found

    def _profits(self, asins: Sequence[str]) -> dict[str, RouteProfit]:
        """The profits of these products' routes, by id."""
        index = f"{self._prefix}opportunities"
        active: JsonObject = {"term": {"is_active": True}}
        query: JsonObject = {"bool": {"filter": [active, _any_of("asin", asins)]}}
        with wrap_errors():
            self._fresh.before_search("opportunities")
            hits: list[Any] = list(
                chain.from_iterable(scan(self._client, index, query, source=["id", "profit", "currency"]))
            )
        rows = (hit["_source"] for hit in hits)
        return {row["id"]: RouteProfit(row["profit"], row["currency"]) for row in rows}

    @property
    def _decided(self) -> str:
        return f"{self._prefix}decisions"


def clause(choice: RouteChoice) -> JsonObject:
    """What finds the routes that are chosen."""
    either: list[JsonValue] = [
        _any_of(name, some) for name, some in (("asin", choice.asins), ("id", choice.ids)) if some
    ]
    listed: JsonObject = {"bool": {"should": either}} if either else _NEVER
    if choice.excluding:
        listed = {"bool": {"must_not": [listed]}}
    if not choice.brands:
        return listed
    # It folds the letters A to Z, as arbkit's own comparison does.
    brands: list[JsonValue] = [
        {"term": {"brand": {"value": one, "case_insensitive": True}}} for one in sorted(choice.brands)
    ]
    of_brand: JsonObject = {"bool": {"should": brands}}
    if choice.with_brands:
        return {"bool": {"should": [of_brand, listed]}}
    return {"bool": {"filter": [listed], "must_not": [of_brand]}}


def _any_of(name: str, values: Collection[str]) -> JsonObject:
    """What finds one of these values, however many they are."""
    ordered = sorted(values)
    starts = range(0, len(ordered), _MOST_TERMS)
    parts: list[JsonValue] = [{"terms": {name: [*ordered[at : at + _MOST_TERMS]]}} for at in starts]
    return {"bool": {"should": parts}}


def _action(index: str, one: Decision) -> Action:
    document: JsonObject = {"key": one.key, "version": one.version, "demo": one.demo, "document": one.to_dict()}
    return Action(index, one.id, document, only_new=True)


def _decision(hit: Hit) -> Decision:
    found: Any = hit["_source"]
    return Decision.from_dict(found["document"])
