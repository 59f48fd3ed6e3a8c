"""Groups of opportunities in Elasticsearch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from arbkit.core.decisions.rules import DecisionsInForce
from arbkit.core.marketplaces import MARKETS
from arbkit.core.offers.categories import CATEGORIES
from arbkit.core.results import JsonObject
from arbkit.store.decisions.applying import choice_of
from arbkit.store.elastic import demo
from arbkit.store.elastic.queries import opportunities_query
from arbkit.store.grouping.groups import CATEGORY_NAMES, MOST_GROUPS, Group, GroupedBy, group_of, ordered
from arbkit.store.queries import OpportunityQuery, check_query

_EXACT_BELOW = 1_000
"""Compression of the median's digest: with it Elasticsearch is exact up to some 20,000 routes a group."""
_FIGURES: JsonObject = {
    "sum": {"sum": {"field": "profit"}},
    "best": {"max": {"field": "profit"}},
    "median": {"percentiles": {"field": "profit", "percents": [50], "tdigest": {"compression": _EXACT_BELOW}}},
    "expected": {"stats": {"field": "expected_profit"}},
}


class ElasticGroups:
    """Implements :class:`arbkit.store.grouping.groups.GroupingStore`."""

    def _hidden(self) -> Sequence[str]:
        raise NotImplementedError

    def _search(self, collection: str, search: JsonObject) -> Any:
        raise NotImplementedError

    def decisions_in_force(self) -> DecisionsInForce:
        """See :meth:`arbkit.core.decisions.store.DecisionStore.decisions_in_force`."""
        raise NotImplementedError

    def groups(self, query: OpportunityQuery, by: GroupedBy) -> list[Group]:
        """See :meth:`arbkit.store.grouping.groups.GroupingStore.groups`."""
        check_query(query)
        where = opportunities_query(query, choice_of(query, self.decisions_in_force()))
        body: JsonObject = {"size": 0, "track_total_hits": False, "query": where, "aggs": _asked(by)}
        found = self._search("opportunities", demo.without(self._hidden(), body))["aggregations"]
        return ordered(_found(found, by))


def _asked(by: GroupedBy) -> JsonObject:
    match by:
        case "route":
            to: JsonObject = {"terms": {"field": "target", "size": len(MARKETS)}, "aggs": _FIGURES}
            return {"groups": {"terms": {"field": "source", "size": len(MARKETS)}, "aggs": {"to": to}}}
        case "category":
            # One category has a name on each marketplace; whatever has none of these is a group by its own name.
            each: JsonObject = {one.names[0]: {"terms": {"category": [*one.names]}} for one in CATEGORIES.values()}
            others: JsonObject = {"field": "category", "size": MOST_GROUPS, "exclude": [*CATEGORY_NAMES]}
            return {
                "known": {"filters": {"filters": each}, "aggs": _FIGURES},
                "groups": {"terms": others, "aggs": _FIGURES},
                "unknown": {"missing": {"field": "category"}, "aggs": _FIGURES},
            }
        case _:
            largest: JsonObject = {"field": by, "size": MOST_GROUPS, "shard_size": 10 * MOST_GROUPS}
            return {
                "groups": {"terms": largest, "aggs": _FIGURES},
                "unknown": {"missing": {"field": by}, "aggs": _FIGURES},
            }


def _found(aggregations: Mapping[str, Any], by: GroupedBy) -> Iterator[Group]:
    for bucket in aggregations["groups"]["buckets"]:
        if by == "route":
            yield from (_group(f"{bucket['key']}:{to['key']}", to) for to in bucket["to"]["buckets"])
        else:
            yield _group(bucket["key"], bucket)
    known: Mapping[str, JsonValue] = aggregations.get("known", {}).get("buckets", {})
    rest = [*known.items(), (None, aggregations.get("unknown", {"doc_count": 0}))]
    yield from (_group(key, bucket) for key, bucket in rest if bucket["doc_count"])


def _group(key: str | None, bucket: Mapping[str, Any]) -> Group:
    expected = bucket["expected"]
    return group_of(
        key,
        count=bucket["doc_count"],
        total=bucket["sum"]["value"],
        median=bucket["median"]["values"]["50.0"],
        best=bucket["best"]["value"],
        with_forecast=expected["count"],
        expected=expected["avg"],
    )
