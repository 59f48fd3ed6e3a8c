"""Opportunities in memory answer as the store does that they are followed from, whatever is asked and changes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pytest

from arbkit.core.errors import UsageError
from arbkit.core.models import Opportunity, Update
from arbkit.store import OpportunityQuery, Store
from arbkit.store.columns import mirror as mirrors
from arbkit.store.columns.mirror import Mirror
from arbkit.store.columns.search import can_answer
from arbkit.store.routes import ProductRoutes
from tests.contracts.conftest import Open
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes

CATEGORIES = ("Toys & Games", "Spielzeug", "Garten", "Own", None)
WORDS = ("lamp", "lampe", "Küche", "robot", "B000000003")
PAIRS = (("IT", "DE"), ("DE", "FR"), ("UK", "ES"), ("FR", "DE"))


def routes(chance: random.Random, asin: str) -> list[Opportunity]:
    """Some routes of a product, many of which have the same figures as others."""
    title, category = " ".join(chance.sample(WORDS, 2)), chance.choice(CATEGORIES)
    brand = chance.choice(("Acme", "Àcme & Söhne", "Own", None))
    named = {"title": title, "category": category, "brand": brand}
    return [
        opportunity(
            asin, source, target, **named, profit=chance.choice((1.0, 2.5, 2.5, 7.25, 30.0)),
            margin_pct=chance.choice((5.0, 12.5)), roi_pct=chance.uniform(1, 60), confidence=chance.choice((0.4, 0.9)),
            data_at=1_790_000_000 - chance.randrange(5), buy_price=chance.choice((9.99, 20.0)),
            amazon_sells=chance.choice((True, False, None)), evaluated_at=1_790_000_100.0 + chance.random(),
            status=chance.choice(("opportunity", "opportunity", "opportunity", "needs_size")),
            **forecast(chance), **demand(chance),
        )
        for source, target in chance.sample(PAIRS, chance.randrange(1, 4))
    ]  # fmt: skip


def forecast(chance: random.Random) -> dict[str, Any]:
    """The figures of a forecast, many of which are those of others; of one route in three there is none."""
    known = chance.random() < 2 / 3
    figures = {
        "profit_chance_pct": (40.0, 82.5, 100.0), "profit_p10": (-3.0, 0.0, 1.5), "expected_profit": (-1.0, 2.5, 9.0),
        "expected_profit_per_day_pct": (-0.25, 0.0, 0.4), "sold_in_30_days_pct": (0.0, 50.0),
        "days_to_sell_p50": (3.0, 21.5, 400.0),
    }  # fmt: skip
    return {name: chance.choice(values) if known else None for name, values in figures.items()}


def write(store: Store, found: Mapping[str, Sequence[Opportunity]]) -> None:
    """Make these the routes of their products, of a newer change of each; those of others stay."""
    for asin, some in found.items():
        known = store.states([asin])
        version = 8_000_000 + (known[asin].change if known else 0) + 1
        # A product that has no routes keeps its name.
        named = some[0] if some else known[asin].offers[0]
        new = offer(
            asin, version=version, updated_at=version, title=named.title, brand=named.brand, category=named.category
        )
        store.put([Update(new, None)])
    states = store.states(list(found))
    results = [ProductRoutes(asin, states[asin].change, 1_000, tuple(some)) for asin, some in found.items()]
    store.put_routes(results, generation=store.generation("test"))
    # What a store has written it finds.
    store.opportunities(OpportunityQuery(limit=1))


def demand(chance: random.Random) -> dict[str, float | None]:
    """How well a route sells, much of which is unknown and much the same as of others."""
    counts = ("rank", "rank_drops30", "rank_drops90", "monthly_sold", "sellers")
    found: dict[str, float | None] = {name: chance.choice((1, 5, 5, 900, None)) for name in counts}
    return found | {
        name: chance.choice((-7.5, 0.0, 12.5, None)) for name in ("amazon_share90_pct", "sell_position_pct")
    }


def asked(chance: random.Random) -> OpportunityQuery:
    filters = {
        "q": ("lamp", "Kuche robot", "b00000000", "nothing", "--"),
        "asin": ("B000000003", "B000000099"),
        "exclude_brands": ("Acme", "acme sohn, own", "&", "w,cm"),
        "brand": ("Acme", "acme sohn", "cm", "W", "None", "&"),
        "category": ("toys", "Own", "none"), "source": ("IT", "UK"), "target": ("DE", "IT"),
        "min_profit": (-1.0, 2.5, 2.51, 31.0), "min_roi": (10.0, 30.0), "min_margin": (5.0, 12.5),
        "min_confidence": (0.4, 0.41), "amazon_sells": (True, False), "max_age_hours": (1.0, 1e5),
        "min_chance": (0.0, 82.5, 90.0), "min_expected_profit": (-10.0, 2.5, 9.5), "min_profit_per_day": (0.0, 0.3),
        "min_p10": (-3.0, 0.0, 2.0), "max_days_to_sell": (2.0, 3.0, 30.0, 1e4), "min_sold_in_30_days": (0.0, 50.0),
        "max_rank": (1.0, 5.0, 1e6), "min_drops30": (0.0, 5.0), "min_drops90": (5.0,), "min_monthly_sold": (5.0, 6.0),
        "max_sellers": (0.0, 5.0), "max_amazon_share": (0.0, 12.5), "max_price_position": (-7.5, 0.0, 20.0),
        "min_buy_price": (9.99, 10.0), "max_buy_price": (9.99, 15.0),
    }  # fmt: skip
    some = {name: chance.choice(filters[name]) for name in chance.sample([*filters], chance.choice((0, 1, 1, 2, 3)))}
    sort = chance.choice(
        (
            "profit_per_day",
            "expected_profit",
            "chance",
            "p10",
            "days_to_sell",
            "rank",
            "drops30",
            "drops90",
            "monthly_sold",
            "sellers",
            "amazon_share",
            "price_position",
        )
        if chance.random() < 0.5
        else ("profit", "roi", "margin", "spread", "confidence", "age", "buy_price", "sell_price", "route")
    )
    order = {
        "sort": sort,
        "descending": chance.random() < 0.5,
        "limit": chance.choice((1, 3, 50)),
        "walk": chance.random() < 0.3,
    }
    return OpportunityQuery.model_validate({**some, **order, "at": 1_790_003_000.0})


def pages(store: Store, mirror: Mirror, query: OpportunityQuery) -> Iterator[list[str]]:
    """All pages of a query, each of which is the same from both."""
    view = mirror.follow()
    while True:
        found, sums = view.find(query, summed=True)
        stored = store.opportunities(query)
        assert [row.id for row in found.items] == [o.id for o in stored.items], query
        assert [(row.profit, row.evaluated_at) for row in found.items] == [
            (o.profit, o.evaluated_at) for o in stored.items
        ]
        assert (found.total, found.next, sums) == (stored.total, stored.next, store.sums(query)), query
        yield [o.id for o in stored.items]
        if stored.next is None:
            return
        query = query.model_copy(update={"cursor": stored.next})


def check(store: Store, mirror: Mirror, chance: random.Random, questions: int) -> None:
    for _ in range(questions):
        query = asked(chance)
        seen = list(chain.from_iterable(pages(store, mirror, query)))
        assert len(seen) == len(set(seen))
        beyond = query.model_copy(update={"offset": 3})
        found, _ = mirror.follow().find(beyond, summed=False)
        assert [row.id for row in found.items] == [o.id for o in store.opportunities(beyond).items]


def test_pages_and_sums_are_those_of_the_store_while_products_come_change_and_end(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that a few changes are kept apart, and more are not.
    monkeypatch.setattr(mirrors, "_MOST_APART", 4)
    store, chance = opened(), random.Random(17)
    mirror = Mirror(opened())
    check(store, mirror, chance, 3)
    asins = [f"B00000{number:04}" for number in range(40)]
    write(store, {asin: routes(chance, asin) for asin in asins})
    check(store, mirror, chance, 25)
    for _ in range(6):
        changed = chance.sample(asins, chance.choice((1, 2, 9)))
        write(store, {asin: routes(chance, asin) if asin != changed[0] else [] for asin in changed})
        check(store, mirror, chance, 12)


def test_a_mark_is_another_one_exactly_after_routes_have_changed(opened: Open) -> None:
    store, reader = opened(), opened()
    write(store, {"B000000001": [opportunity()]})
    before = reader.route_mark()
    assert reader.route_changes(before).asins == frozenset()
    store.put([Update(offer("B000000077", "IT"), None)])
    assert reader.route_mark() == before
    write(store, {"B000000002": [opportunity("B000000002", profit=4.0)]})
    assert reader.route_mark() != before
    changes = reader.route_changes(before)
    assert changes.asins == frozenset({"B000000002"})
    assert [(row.asin, row.profit) for row in changes.rows] == [("B000000002", 4.0)]
    assert reader.route_changes(changes.mark).asins == frozenset()


def test_what_the_demo_market_invented_is_gone_from_memory_when_it_is_removed_or_hidden(opened: Open) -> None:
    store = opened()
    mirror = Mirror(opened())
    store_routes(store, [opportunity(demo=True)])
    store.opportunities(OpportunityQuery())
    assert mirror.follow().find(OpportunityQuery(), summed=False)[0].total == 1
    store.remove_demo()
    store.opportunities(OpportunityQuery())
    assert mirror.follow().find(OpportunityQuery(), summed=False)[0].total == 0


def test_documents_are_given_by_id_without_those_that_are_gone(opened: Open) -> None:
    store = opened()
    there = opportunity(profit=3.0)
    store_routes(store, [there])
    assert store.route_documents([there.id, "B000000009:IT:DE"]) == {there.id: there}
    write(store, {there.asin: []})
    assert store.route_documents([there.id]) == {}


def test_a_cursor_that_is_none_is_refused_and_one_of_a_route_that_is_gone_goes_on_behind_it(opened: Open) -> None:
    store = opened()
    mirror = Mirror(opened())
    asins = [f"B00000000{number}" for number in range(1, 6)]
    write(store, {asin: [opportunity(asin, profit=5.0)] for asin in asins})
    query = OpportunityQuery(limit=2)
    first, _ = mirror.follow().find(query, summed=True)
    write(store, {first.items[-1].id.partition(":")[0]: []})
    onward = query.model_copy(update={"cursor": first.next})
    found, _ = mirror.follow().find(onward, summed=False)
    assert [row.id for row in found.items] == [o.id for o in store.opportunities(onward).items]
    with pytest.raises(UsageError, match="cursor"):
        mirror.follow().find(OpportunityQuery(cursor="nonsense"), summed=False)


def test_words_that_nobody_asks_for_any_more_take_no_memory(opened: Open) -> None:
    store = opened()
    write(store, {"B000000001": [opportunity(title=" ".join(f"word{number}" for number in range(200)))]})
    mirror = Mirror(opened())
    table = mirror.follow().main.table
    for number in range(200):
        found, _ = mirror.follow().find(OpportunityQuery(q=f"word{number}"), summed=False)
        assert found.total == 1
    assert len(table.with_words(["word7", "b000000001"])) == 1
    assert sum(mask.nbytes for mask in table._found.values()) <= 64


def test_titles_and_routes_that_are_no_opportunity_are_asked_of_the_store() -> None:
    assert can_answer(OpportunityQuery())
    assert not can_answer(OpportunityQuery(sort="title"))
    assert not can_answer(OpportunityQuery(all_routes=True))
