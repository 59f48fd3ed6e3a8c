"""Lists of any store: each in its order to the end, by one category in any language, with the sums of all of it."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from arbkit.core.errors import UsageError
from arbkit.core.models import Run, Update
from arbkit.store import OpportunityQuery, ProductQuery, RunQuery, Store
from tests.contracts.conftest import Open
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes


def walk_products(store: Store, **query: object) -> list[str]:
    """The ASINs of all pages, two a page."""
    seen: list[str] = []
    cursor = None
    while True:
        page = store.products(ProductQuery.model_validate({**query, "limit": 2, "cursor": cursor}))
        seen += [p.asin for p in page.items]
        if (cursor := page.next) is None:
            assert len(seen) == page.total
            return seen


def test_products_go_by_the_price_on_one_marketplace_and_unknown_ones_come_last(opened: Open) -> None:
    store = opened()
    prices = {"B000000001": 900, "B000000002": None, "B000000003": 12_000, "B000000004": 900, "B000000005": None}
    store.put([Update(offer(asin, price_minor=price), None) for asin, price in prices.items()])
    # A price elsewhere says nothing of this one.
    store.put([Update(offer("B000000003", "IT", price_minor=1), None), Update(offer("B000000006", "IT"), None)])
    rising = walk_products(store, market="DE", sort="price", descending=False)
    assert rising == ["B000000001", "B000000004", "B000000003", "B000000002", "B000000005"]
    falling = walk_products(store, market="DE", sort="price", descending=True)
    assert falling == ["B000000003", "B000000004", "B000000001", "B000000005", "B000000002"]
    with pytest.raises(UsageError, match="sort_by: needs the marketplace"):
        store.products(ProductQuery(sort="price"))


@pytest.mark.parametrize("word", ["toys", "Toys & Games", "spielzeug", "Giochi e giocattoli"])
def test_a_category_is_found_by_its_id_or_any_name_and_under_all_of_them(opened: Open, word: str) -> None:
    store = opened()
    named = {"B000000001": "Toys & Games", "B000000002": "Spielzeug", "B000000003": "Garten", "B000000004": "Own"}
    found = [opportunity(asin, category=name, profit=5.0) for asin, name in named.items()]
    store_routes(store, found)
    assert walk_products(store, category=word, sort="asin", descending=False) == ["B000000001", "B000000002"]
    query = OpportunityQuery(category=word)
    assert {o.asin for o in store.opportunities(query).items} == {"B000000001", "B000000002"}
    assert (store.sums(query).count, store.sums(query).total_profit) == (2, 10.0)
    assert walk_products(store, category="Own") == ["B000000004"]


def test_sums_and_stats_have_averages_and_count_products(opened: Open) -> None:
    store = opened()
    assert (store.stats().average_margin_pct, store.stats().products_with_opportunities) == (None, 0)
    found = [
        opportunity("B000000001", profit=10.0, margin_pct=10.0),
        opportunity("B000000001", target="FR", profit=30.0, margin_pct=25.0),
        opportunity("B000000002", profit=5.0, margin_pct=1.0),
        opportunity("B000000003", profit=90.0, margin_pct=90.0, status="needs_size", profit_low=-1.0),
    ]
    store_routes(store, found)
    sums = store.sums(OpportunityQuery())
    assert (sums.average_profit, sums.best_profit, sums.average_margin_pct) == (15.0, 30.0, 12.0)
    stats = store.stats()
    assert (stats.average_margin_pct, stats.products_with_opportunities) == (12.0, 2)
    nothing = store.sums(OpportunityQuery(min_profit=1_000))
    assert (nothing.average_profit, nothing.best_profit, nothing.average_margin_pct) == (None, None, None)


def test_walking_the_runs_gives_each_once_the_latest_first(opened: Open) -> None:
    store = opened()
    times = [1_790_000_000.0, 1_790_000_000.25, 1_790_000_000.25, 1_790_000_000.251, 1_789_999_999.999]
    for i, at in enumerate(times):
        store.put_run(Run(run_id=f"r{i}", report="detect", status="succeeded", started_at=at))
    store.put_run(Run(run_id="other", report="morning", status="succeeded", started_at=1_790_000_100.0))
    seen: list[str] = []
    cursor = None
    while True:
        page = store.run_page(RunQuery(report="detect", limit=2, cursor=cursor))
        assert page.total == 5
        seen += [run.run_id for run in page.items]
        if (cursor := page.next) is None:
            break
    assert seen == ["r3", "r2", "r1", "r0", "r4"]
    by_number = store.run_page(RunQuery(limit=2, offset=2))
    assert ([run.run_id for run in by_number.items], by_number.total) == (["r2", "r1"], 6)


def test_pages_that_follow_say_the_total_and_a_cursor_for_another_filter_has_it_counted(opened: Open) -> None:
    store = opened()
    store_routes(store, [opportunity(f"B00000000{n}", profit=10.0 + n) for n in range(6)])
    first = store.opportunities(OpportunityQuery(limit=2))
    second = store.opportunities(OpportunityQuery(limit=2, cursor=first.next))
    other = store.opportunities(OpportunityQuery(limit=2, cursor=first.next, min_profit=12.0))
    assert [page.total for page in (first, second, other)] == [6, 6, 4]
    assert [[o.profit for o in page.items] for page in (second, other)] == [[13.0, 12.0], [13.0, 12.0]]
    assert (second.next is None, other.next) == (False, None)


@pytest.mark.parametrize("key", ['"x"', "true", "9223372036854775808", "[]", "1e300"])
def test_a_cursor_with_a_key_that_no_page_ends_at_is_named(opened: Open, key: str) -> None:
    store = opened()
    cursor = urlsafe_b64encode(f'["started",true,{key},"r1"]'.encode()).decode().rstrip("=")
    with pytest.raises(UsageError, match="cursor"):
        store.run_page(RunQuery(cursor=cursor))
