"""What is asked of the Elasticsearch store, as its query language."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import JsonValue

from arbkit.core.decisions.rules import RouteChoice
from arbkit.core.errors import UsageError
from arbkit.core.marketplaces import MARKETS
from arbkit.core.results import JsonObject, RouteTotals
from arbkit.store.base import MAX_BRANDS, Stats, Sums
from arbkit.store.decisions.elastic import clause
from arbkit.store.elastic.client import Hit, SearchAnswer
from arbkit.store.elastic.documents import ACTIVE
from arbkit.store.fields import AT_LEAST, AT_MOST, EXACT_FILTERS, OPPORTUNITY_SORTS, PRODUCT_SORTS, RUN_SORTS
from arbkit.store.queries import (
    AlertQuery,
    End,
    OpportunityQuery,
    ProductQuery,
    RunQuery,
    StoreQuery,
    age_edges,
    check_query,
    goes_by_profit_too,
    known_total,
    unpack_cursor,
)
from arbkit.store.search_text import joined_words, parts_of_brands, words

_LONGEST_PART = 200
"""Letters of a brand; Lucene refuses a pattern of about a thousand, and no brand is as long."""

_WINDOW = 100_000
_SORTS: Mapping[str, str] = {**PRODUCT_SORTS, **OPPORTUNITY_SORTS, **RUN_SORTS, "at": "order"}
_DATES = frozenset({"updated_at", "data_at", "started_at"})
"""The dates that are filtered or sorted by."""
Clause = JsonObject
Q = TypeVar("Q", ProductQuery, OpportunityQuery, RunQuery, AlertQuery)


def product_search(query: ProductQuery) -> Clause:
    """The body of a search.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    where = [*_matching(query.q), *_of_category(query)]
    if query.min_margin is not None:
        where.append({"range": {"best_margin": {"gte": query.min_margin}}})
    if query.market:
        where.append({"term": {"sold_on": query.market}})
        if query.max_price_minor is not None:
            where.append({"range": {f"price.{query.market}": {"lte": query.max_price_minor}}})
    key = f"price.{query.market}" if query.sort == "price" else PRODUCT_SORTS[query.sort]
    return _search(query, where, key, "asin")


def opportunity_search(query: OpportunityQuery, choice: RouteChoice | None = None) -> Clause:
    """The body of a search.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    return _search(query, _opportunity_filter(query, choice), OPPORTUNITY_SORTS[query.sort], "id")


def run_search_body(query: RunQuery) -> Clause:
    """The body of a search.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    where: list[JsonValue] = [{"term": {"report": query.report}}] if query.report else []
    return _search(query, where, RUN_SORTS[query.sort], "run_id")


def alert_search(query: AlertQuery) -> Clause:
    """The body of a search.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another one.
    """
    exact = {"status": query.status, "type": query.type, "asin": query.asin, "rule": query.rule}
    where: list[JsonValue] = [{"term": {name: value}} for name, value in exact.items() if value is not None]
    for bound, at in (("gte", query.since), ("lt", query.until)):
        if at is not None:
            where.append({"range": {"order": {bound: at}}})
    return _search(query, where, _SORTS[query.sort], "id")


def pending_search(
    channel: str, limit: int, except_rules: Collection[str], asins: Collection[str] | None = None
) -> Clause:
    """The body of a search for the alerts that wait for this channel, those tried least often first."""
    waiting: list[JsonValue] = [_delivered(channel, {"term": {"deliveries.status": "pending"}})]
    if asins is not None:
        waiting.append({"terms": {"asin": list(asins)}})
    attempts: Clause = {
        "order": "asc", "nested": {"path": "deliveries", "filter": {"term": {"deliveries.channel": channel}}}
    }  # fmt: skip
    return {
        "size": limit,
        "track_total_hits": False,
        "query": {"bool": {"filter": waiting, "must_not": [{"terms": {"rule": list(except_rules)}}]}},
        "sort": [
            {"deliveries.attempts": attempts},
            {"profit_per_day": {"order": "desc", "missing": "_last"}},
            {"priority": "desc"},
        ],
        "_source": ["document"],
    }


def sent_query(channel: str, since: float) -> Clause:
    """What finds the alerts that this channel has sent since then, and some of the second before."""
    # As text: a number would be milliseconds.
    return _delivered(
        channel, {"term": {"deliveries.status": "sent"}}, {"range": {"deliveries.at": {"gte": str(math.floor(since))}}}
    )


def _delivered(channel: str, *conditions: JsonValue) -> Clause:
    """What finds the alerts with a delivery on this channel of which all of this holds."""
    where: list[JsonValue] = [{"term": {"deliveries.channel": channel}}, *conditions]
    return {"nested": {"path": "deliveries", "query": {"bool": {"filter": where}}}}


ROUTE_SUMS: Clause = {
    "terms": {"field": "source", "size": len(MARKETS)},
    "aggs": {
        "to": {
            "terms": {"field": "target", "size": len(MARKETS)},
            "aggs": {"best": {"max": {"field": "profit"}}, "sum": {"sum": {"field": "profit"}}},
        }
    },
}
"""Counts and profits of each route, as :func:`sums_of` reads them."""
MARGINS: Clause = {"sum": {"field": "margin_pct"}}
"""The sum of all margins."""
HEAD_FIGURES: Clause = {
    "routes": ROUTE_SUMS,
    "margins": MARGINS,
    "categories": {"terms": {"field": "category", "size": 10_000, "order": {"_key": "asc"}}},
    "brands": {
        "terms": {
            "field": "brand",
            "size": MAX_BRANDS,
            "shard_size": 10_000,
            "order": [{"_count": "desc"}, {"_key": "asc"}],
        }
    },
    "currency": {"terms": {"field": "currency", "size": 1, "order": {"_key": "desc"}}},
    "evaluated": {"top_hits": {"size": 1, "sort": [{"evaluated_at": "desc"}], "_source": ["evaluated_at"]}},
}
"""What the head figures say of all opportunities."""


UNPRICED: Clause = {"term": {"unpriced": True}}
"""Products that changed after their routes were made."""
PRODUCT_FIGURES: Clause = {
    "demo": {"filter": {"term": {"demo": True}}},
    "unpriced": {"filter": UNPRICED},
    "with_best": {"filter": {"exists": {"field": "best_profit"}}},
}
"""What the head figures say of products."""


def sums_search(query: OpportunityQuery, choice: RouteChoice | None = None) -> Clause:
    """The body of a search for the sums of what a query finds.

    Raises:
        UsageError: the query contradicts itself.
    """
    check_query(query)
    aggregations: Clause = {"routes": ROUTE_SUMS, "margins": MARGINS}
    return {"size": 0, "track_total_hits": False, "query": opportunities_query(query, choice), "aggs": aggregations}


def opportunities_query(query: OpportunityQuery, choice: RouteChoice | None) -> Clause:
    """What finds all opportunities of a query, in no order; arguments as :func:`sums_search`."""
    return {"bool": {"filter": _opportunity_filter(query, choice)}}


def ages_search(limits: Sequence[float], now: float) -> Clause:
    """The body of a search for :meth:`Store.ages`, as :func:`ages_of` reads its answer."""
    ranges: list[JsonValue] = [
        {"key": str(position), **{name: at for name, at in (("from", begin), ("to", end)) if at is not None}}
        for position, (begin, end) in enumerate(age_edges(limits, now))
    ]
    ages: Clause = {"date_range": {"field": "updated_at", "keyed": True, "ranges": ranges}}
    markets: Clause = {"terms": {"field": "market", "size": len(MARKETS)}, "aggs": {"ages": ages}}
    return {"size": 0, "track_total_hits": False, "aggs": {"markets": markets}}


def ages_of(aggregations: Mapping[str, JsonValue]) -> dict[str, tuple[int, ...]]:
    """What :func:`ages_search` found, by marketplace."""
    results: Mapping[str, Any] = aggregations
    return {
        market["key"]: tuple(found["doc_count"] for _, found in sorted(buckets.items(), key=lambda one: int(one[0])))
        for market in results["markets"]["buckets"]
        if (buckets := market["ages"]["buckets"])
    }


def sums_of(aggregations: Mapping[str, JsonValue]) -> Sums:
    """What :data:`ROUTE_SUMS` and :data:`MARGINS` found."""
    results: Mapping[str, Any] = aggregations
    return Sums.of(_routes_of(results["routes"]), margins=results["margins"]["value"])


def stats_of(products: SearchAnswer, offers: SearchAnswer, found: SearchAnswer, *, hidden_products: int) -> Stats:
    """The head figures, from the answers about products, offers and opportunities."""
    results, ages = found["aggregations"], offers["aggregations"]
    sums = sums_of(results)
    currency = [b["key"] for b in results["currency"]["buckets"]]
    return Stats(
        products=products["hits"]["total"]["value"],
        offers=offers["hits"]["total"]["value"],
        opportunities=found["hits"]["total"]["value"],
        total_profit=sums.total_profit,
        currency=currency[0] if currency else None,
        demo_products=products["aggregations"]["demo"]["doc_count"],
        markets={b["key"]: b["doc_count"] for b in ages["markets"]["buckets"]},
        routes=sums.routes,
        categories=tuple(b["key"] for b in results["categories"]["buckets"]),
        brands=tuple(b["key"] for b in results["brands"]["buckets"]),
        oldest_at=_seconds(ages["min"]["value"]),
        newest_at=_seconds(ages["max"]["value"]),
        evaluated_at=next((hit["_source"]["evaluated_at"] for hit in results["evaluated"]["hits"]["hits"]), None),
        unpriced_products=products["aggregations"]["unpriced"]["doc_count"],
        hidden_products=hidden_products,
        average_margin_pct=sums.average_margin_pct,
        products_with_opportunities=products["aggregations"]["with_best"]["doc_count"],
    )


def _routes_of(aggregation: Mapping[str, JsonValue]) -> dict[str, RouteTotals]:
    """What :data:`ROUTE_SUMS` found, by route."""
    results: Mapping[str, Any] = aggregation
    found: dict[str, RouteTotals] = {
        f"{source['key']}:{target['key']}": {
            "count": target["doc_count"],
            "best_profit": target["best"]["value"],
            "total_profit": round(target["sum"]["value"], 2),
        }
        for source in results["buckets"]
        for target in source["to"]["buckets"]
    }
    return dict(sorted(found.items()))


def _opportunity_filter(query: OpportunityQuery, choice: RouteChoice | None) -> list[JsonValue]:
    where: list[JsonValue] = [ACTIVE, *_matching(query.q), *_of_category(query), *_of_brand(query.brand)]
    where.extend(_without_brands(query.excluded_brands))
    where.extend([clause(choice)] if choice else [])
    exact = ((name, getattr(query, name)) for name in EXACT_FILTERS)
    where.extend({"term": {name: value}} for name, value in exact if value is not None)
    for bound, fields in (("gte", AT_LEAST), ("lte", AT_MOST)):
        for name, field in fields.items():
            if (value := getattr(query, name)) is not None:
                where.append({"range": {field: {bound: _searched(field, value)}}})
    return where


def _of_category(query: ProductQuery | OpportunityQuery) -> list[JsonValue]:
    return [{"terms": {"category": list(query.category_names)}}] if query.category_names else []


def _of_brand(brand: str | None) -> list[JsonValue]:
    if brand is None:
        return []
    part = joined_words(brand)
    return [_with_part(part) if part else {"match_none": {}}]


def _without_brands(excluded: Sequence[str]) -> list[JsonValue]:
    parts: list[JsonValue] = [_with_part(part) for part in parts_of_brands(excluded)]
    return [{"bool": {"must_not": parts}}] if parts else []


def _with_part(part: str) -> JsonValue:
    if len(part) > _LONGEST_PART:
        return {"match_none": {}}
    # Folded words have none of a pattern's own signs.
    return {"wildcard": {"brand_words": {"value": f"*{part}*"}}}


def _matching(q: str | None) -> list[JsonValue]:
    """Every word must be there, at least as the beginning of one; nothing is, where the query has no words."""
    if not q:
        return []
    found: list[JsonValue] = [{"prefix": {"words": word}} for word in words(q)]
    return found or [{"match_none": {}}]


def _search(query: StoreQuery, where: list[JsonValue], key: str, unique: str) -> Clause:
    """In keyset order; unknown keys come last either way round. One more than the page holds is asked for."""
    check_query(query)
    if query.offset + query.limit >= _WINDOW:
        raise UsageError("reaches too far", field="offset", value=query.offset, remedy="Go on with the cursor")
    order, beyond = ("desc", "lt") if query.descending else ("asc", "gt")
    ties: list[JsonValue] = [{"profit": order}] if goes_by_profit_too(query) else []
    body: Clause = {
        "size": query.limit + 1,
        "from": query.offset,
        "track_total_hits": False,
        "query": {"bool": {"filter": where}},
        "sort": [{key: {"order": order, "missing": "_last"}}, *ties, {unique: {"order": order}}],
        "_source": ["document"],
    }
    if after := unpack_cursor(query):
        after_id: Clause = {"range": {unique: {beyond: after.id}}}
        if after.profit is not None:
            same_profit: Clause = {"bool": {"filter": [{"term": {"profit": after.profit}}, after_id]}}
            after_id = {"bool": {"should": [{"range": {"profit": {beyond: after.profit}}}, same_profit]}}
        missing: Clause = {"bool": {"must_not": {"exists": {"field": key}}}}
        if after.key is None:
            onward: Clause = {"bool": {"filter": [missing, after_id]}}
        else:
            at = _searched(key, after.key)
            same: Clause = {"bool": {"filter": [{"term": {key: at}}, after_id]}}
            onward = {"bool": {"should": [{"range": {key: {beyond: at}}}, same, missing]}}
        # Within the query, so that pages that cannot be next are skipped.
        body["query"] = {"bool": {"filter": [*where, onward]}}
    return body


def total_of(
    query: Q, hits: Sequence[Hit], build: Callable[[Q], Clause], search: Callable[[Clause], SearchAnswer]
) -> int:
    """How many there are on all pages: as the cursor says or as the only page shows, else counted.

    Args:
        query: what found this page.
        hits: the page.
        build: the body of the search for a query.
        search: what asks it.

    Raises:
        StoreError: the store cannot be read.
    """
    if (known := known_total(query)) is not None:
        return known
    if not query.cursor and not query.offset and len(hits) <= query.limit:
        return len(hits)
    every = build(query.model_copy(update={"cursor": None}))["query"]
    return search({"size": 0, "track_total_hits": True, "query": every})["hits"]["total"]["value"]


def end_of(query: StoreQuery, hit: Hit) -> End:
    """Where a page ends that ends with this hit; a number that is missing sorts as an infinite one."""
    found = cast("list[int | float | str | None]", hit["sort"])
    key, last_id = found[0], cast("str", found[-1])
    profit = cast("float", found[1]) if goes_by_profit_too(query) else None
    if key in ("Infinity", "-Infinity") or (isinstance(key, float | int) and abs(key) > 1e18):
        return End(None, last_id, profit)
    if isinstance(key, int) and _SORTS[query.sort] in _DATES:
        # A date is sorted by its milliseconds.
        return End(key // 1000 if key % 1000 == 0 else key / 1000, last_id)
    return End(key, last_id, profit)


def _searched(field: str, value: JsonValue) -> JsonValue:
    """A value as a search names it: the number of a date would be one of milliseconds, whatever its format."""
    return str(value) if field in _DATES else value


def _seconds(milliseconds: float | None) -> int | None:
    """The whole Unix seconds of what Elasticsearch says of a date."""
    return None if milliseconds is None else int(milliseconds // 1000)
