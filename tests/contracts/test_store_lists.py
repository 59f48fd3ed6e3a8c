"""Lists of any store: each in its order to the end, by one category in any language, with the sums of all of it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest

from arbkit.core.errors import UsageError
from arbkit.core.input.filters import OpportunitySort
from arbkit.core.models import Opportunity, Run, Update
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


def test_a_category_is_found_by_its_id_or_any_name_and_under_all_of_them(opened: Open) -> None:
    store = opened()
    named = {"B000000001": "Toys & Games", "B000000002": "Spielzeug", "B000000003": "Garten", "B000000004": "Own"}
    found = [opportunity(asin, category=name, profit=5.0) for asin, name in named.items()]
    store_routes(store, found)
    for word in ("toys", "Toys & Games", "spielzeug", "Giochi e giocattoli"):
        assert walk_products(store, category=word, sort="asin", descending=False) == ["B000000001", "B000000002"], word
        query = OpportunityQuery(category=word)
        assert {o.asin for o in store.opportunities(query).items} == {"B000000001", "B000000002"}, word
        assert (store.sums(query).count, store.sums(query).total_profit) == (2, 10.0), word
    assert walk_products(store, category="Own") == ["B000000004"]


def forecast(number: int, profit: float, per_day: float | None) -> Opportunity:
    """A route with a forecast of everything, or of nothing where it is unknown what it earns by day."""
    known = per_day is not None
    return opportunity(
        f"B00000000{number}", profit=profit, expected_profit_per_day_pct=per_day,
        profit_chance_pct=50.0 + 10 * number if known else None, profit_p10=-1.0 if known else None,
        expected_profit=profit / 2 if known else None, sold_in_30_days_pct=5.0 * number if known else None,
        days_to_sell_p50=10.0 * number if known else None,
    )  # fmt: skip


def walk_opportunities(store: Store, **query: object) -> list[int]:
    """The numbers of the routes of all pages, two a page."""
    seen: list[int] = []
    asked = OpportunityQuery.model_validate({"limit": 2, **query})
    while True:
        page = store.opportunities(asked)
        seen += [int(o.asin[-1]) for o in page.items]
        if page.next is None:
            assert len(seen) == page.total
            return seen
        asked = asked.model_copy(update={"cursor": page.next})


@pytest.mark.parametrize("walk", [False, True])
def test_what_earns_most_by_day_comes_first_and_what_has_no_forecast_last_by_profit(
    opened: Open, *, walk: bool
) -> None:
    store = opened()
    figures = [(9.0, 0.2), (90.0, None), (5.0, 1.5), (20.0, None), (30.0, 0.2), (20.0, None), (1.0, -0.5)]
    store_routes(store, [forecast(number, *some) for number, some in enumerate(figures, 1)])
    assert walk_opportunities(store, walk=walk) == [3, 5, 1, 7, 2, 6, 4]
    assert walk_opportunities(store, walk=walk, descending=False) == [7, 1, 5, 3, 4, 6, 2]
    assert walk_opportunities(store, walk=walk, sort="days_to_sell", descending=False) == [1, 3, 5, 7, 4, 6, 2]
    assert walk_opportunities(store, walk=walk, sort="expected_profit") == [5, 1, 3, 7, 2, 6, 4]
    assert walk_opportunities(store, walk=walk, sort="chance") == [7, 5, 3, 1, 2, 6, 4]
    assert walk_opportunities(store, walk=walk, sort="profit") == [2, 5, 6, 4, 1, 3, 7]


def test_without_any_forecast_the_order_is_that_of_profit(opened: Open) -> None:
    store = opened()
    store_routes(store, [forecast(number, profit, None) for number, profit in enumerate((3.0, 9.0, 6.0), 1)])
    assert walk_opportunities(store) == walk_opportunities(store, sort="profit") == [2, 3, 1]


def test_an_unknown_forecast_meets_no_bound(opened: Open, subtests: pytest.Subtests) -> None:
    store = opened()
    store_routes(
        store, [forecast(1, 10.0, 0.1), forecast(2, 20.0, 0.4), forecast(3, 30.0, 0.9), forecast(4, 99.0, None)]
    )
    bounds: list[tuple[dict[str, float], list[int]]] = [
        ({"min_chance": 70.0}, [2, 3]), ({"min_expected_profit": 10.0}, [2, 3]), ({"min_profit_per_day": 0.5}, [3]),
        ({"min_p10": -1.0}, [1, 2, 3]), ({"min_p10": 0.0}, []), ({"max_days_to_sell": 20.0}, [1, 2]),
        ({"min_sold_in_30_days": 10.0}, [2, 3]), ({"min_chance": 0.0}, [1, 2, 3]),
        ({"max_days_to_sell": 100_000.0}, [1, 2, 3]), ({"min_profit_per_day": -100_000.0}, [1, 2, 3]),
    ]  # fmt: skip
    for bound, found in bounds:
        with subtests.test(str(bound)):
            assert sorted(walk_opportunities(store, **bound)) == found
            assert store.sums(OpportunityQuery.model_validate(bound)).count == len(found)


SOLD: dict[str, Any] = {
    "rank": 900, "rank_drops30": 12, "rank_drops90": 40, "monthly_sold": 50, "sellers": 4, "amazon_share90_pct": 20.0,
    "sell_position_pct": -5.0, "buy_price": 30.0,
}  # fmt: skip


def test_demand_is_filtered_by_and_what_is_unknown_meets_no_bound(opened: Open, subtests: pytest.Subtests) -> None:
    store = opened()
    known = opportunity("B000000001", **SOLD)
    store_routes(store, [known, opportunity("B000000002")])
    for meets, misses in (
        ({"max_rank": 900}, {"max_rank": 899}), ({"min_drops30": 12}, {"min_drops30": 13}),
        ({"min_drops90": 40}, {"min_drops90": 41}), ({"min_monthly_sold": 50}, {"min_monthly_sold": 51}),
        ({"max_sellers": 4}, {"max_sellers": 3}), ({"max_amazon_share": 20}, {"max_amazon_share": 19.9}),
        ({"max_price_position": -5}, {"max_price_position": -5.1}),
        ({"min_buy_price": 30, "max_buy_price": 30}, {"max_buy_price": 29.99}),
    ):  # fmt: skip
        with subtests.test(str(meets)):
            assert store.opportunities(OpportunityQuery.model_validate(meets)).items == (known,)
            assert known not in store.opportunities(OpportunityQuery.model_validate(misses)).items
            assert store.sums(OpportunityQuery.model_validate(meets)).count == 1


@pytest.mark.parametrize(
    "sorts",
    [("rank", "drops30", "drops90", "monthly_sold", "sellers", "amazon_share"), ("price_position",)],
    ids=["counts", "price_position"],
)
def test_what_is_unknown_of_demand_comes_last_either_way_round(opened: Open, sorts: tuple[OpportunitySort]) -> None:
    store = opened()
    low, high = ({name: value * factor for name, value in SOLD.items()} for factor in (1, 2))
    if sorts == ("price_position",):
        low, high = high, low
    rows = [opportunity("B000000001", **high), opportunity("B000000002", **low)]
    store_routes(store, [*rows, opportunity("B000000003", profit=5.0), opportunity("B000000004", profit=6.0)])
    for sort in sorts:
        assert walk_opportunities(store, sort=sort) == [1, 2, 4, 3], sort
        assert walk_opportunities(store, sort=sort, descending=False) == [2, 1, 3, 4], sort


def test_a_brand_is_found_by_any_part_of_it_whatever_case_and_accents(opened: Open, subtests: pytest.Subtests) -> None:
    store = opened()
    found = opportunity("B000000001", brand="Bénzix & Söhne")
    store_routes(store, [found, opportunity("B000000002", brand="Acme"), opportunity("B000000003", brand=None)])
    for brand in ("Bénzix & Söhne", "benzix", "ENZ", "ix sohne", "söhn", "Benzix soehne"):
        with subtests.test(brand):
            assert store.opportunities(OpportunityQuery(brand=brand)).items == (found,)
            assert store.sums(OpportunityQuery(brand=brand)).count == 1
    for brand in ("benzixs", "sohne benzix", "&", "*", "%"):
        with subtests.test(brand):
            assert store.opportunities(OpportunityQuery(brand=brand)).items == ()


def test_brands_are_left_out_by_any_part_of_them(opened: Open, subtests: pytest.Subtests) -> None:
    store = opened()
    brands = ("Bénzix & Söhne A", "Acme", None)
    store_routes(store, [opportunity(f"B00000000{number}", brand=one) for number, one in enumerate(brands, 1)])
    cases = {
        "ENZ": (2, 3),
        "acme, söhn": (3,),
        "&, ,*": (1, 2, 3),
        "Benzixs": (1, 2, 3),
        "a": (3,),
        "0" * 1_000: (1, 2, 3),
    }
    for excluded, left in cases.items():
        with subtests.test(excluded):
            query = OpportunityQuery(exclude_brands=excluded)
            assert {o.asin for o in store.opportunities(query).items} == {f"B00000000{number}" for number in left}
            assert store.sums(query).count == len(left)


def test_a_cursor_of_another_order_is_refused_and_one_without_its_profit_is_damaged(opened: Open) -> None:
    store = opened()
    store_routes(store, [forecast(number, 1.0, 0.5) for number in range(1, 5)])
    by_profit = store.opportunities(OpportunityQuery(sort="profit", limit=2)).next
    with pytest.raises(UsageError, match="another order"):
        store.opportunities(OpportunityQuery(cursor=by_profit))
    for key in ("0.5", "[0.5]", "[0.5,null]", '[0.5,"x"]', "[[0.5],1.0]", "[0.5,1.0,2.0]"):
        made = f'["profit_per_day",true,{key},"B000000001:IT:DE",4,""]'
        cursor = urlsafe_b64encode(made.encode()).decode().rstrip("=")
        with pytest.raises(UsageError, match="not one that arbkit made"):
            store.opportunities(OpportunityQuery(cursor=cursor))


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


def test_a_cursor_with_a_key_that_no_page_ends_at_is_named(opened: Open, subtests: pytest.Subtests) -> None:
    store = opened()
    for key in ('"x"', "true", "9223372036854775808", "[]", "1e300"):
        cursor = urlsafe_b64encode(f'["started",true,{key},"r1"]'.encode()).decode().rstrip("=")
        with subtests.test(key), pytest.raises(UsageError, match="cursor"):
            store.run_page(RunQuery(cursor=cursor))
