"""Decisions in a store: what is kept of them, who comes second, and which routes a filter of statuses finds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from arbkit.core.decisions.event import STATUSES
from arbkit.core.decisions.rules import DecisionsInForce
from arbkit.core.models import Opportunity, Update
from arbkit.store import OpportunityQuery, Store
from arbkit.store.columns.mirror import Mirror
from arbkit.store.elastic.indices import index_behind
from arbkit.store.elastic.store import ElasticStore
from arbkit.store.iteration import iter_opportunities
from tests.contracts.conftest import Open
from tests.helpers.decisions import decision
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes

ASINS = [f"B00000000{number}" for number in range(1, 7)]
PAIRS = (("IT", "DE"), ("DE", "FR"), ("UK", "ES"))


def ids(found: Sequence[Opportunity]) -> list[str]:
    return sorted(o.id for o in found)


def with_status(store: Store, statuses: str) -> list[str]:
    return ids(store.opportunities(OpportunityQuery(decision=statuses, limit=500)).items)


def market(chance: random.Random) -> list[Opportunity]:
    brands = ("Acme", "ACME", "Öko", None)
    return [
        opportunity(asin, source, target, profit=chance.choice((1.0, 5.0, 9.0)), brand=brands[number % len(brands)])
        for number, asin in enumerate(ASINS)
        for source, target in PAIRS
    ]


def test_what_was_decided_is_kept_in_order_and_found_by_others_at_once(opened: Open) -> None:
    store, other = opened(), opened()
    first = decision(note="<b>too bulky</b>", until="2027-01-31", rise=2.5, until_profit=12.5, currency="EUR")
    later = decision(status="bought", version=2, route="IT:DE", quantity=3, price=19.99, forecast={"profit": 2.0})
    brand = decision(None, "blocked", brand="Acme", title=None)
    assert store.add_decisions([later, first, brand]) == []
    assert other.decisions() == [first, later, brand]
    assert other.decisions(["B000000001"]) == [first, later]
    assert other.decisions(["B000000002"]) == []
    assert store.add_decisions([]) == []


def test_of_two_who_saw_the_same_the_second_is_shown_what_the_first_decided(opened: Open) -> None:
    ann, ben = opened(), opened()
    hers, his = decision(by="ann", note="hers"), decision(status="buy_list", by="ben")
    assert ann.add_decisions([hers]) == []
    assert ben.add_decisions([his]) == [hers]
    assert ben.decisions() == [hers]
    # Said again it is the same: whoever did not hear that it was kept may say it again.
    assert ann.add_decisions([hers]) == []
    assert ben.add_decisions([replace(his, version=2)]) == []


def test_a_filter_of_statuses_finds_the_routes_that_are_shown_with_them_and_adds_them_up(opened: Open) -> None:
    store = opened()
    store_routes(store, market(random.Random(3)))
    store.add_decisions(
        [
            decision(ASINS[0], "dismissed"),
            decision(ASINS[0], "buy_list", 2, route="IT:DE"),
            decision(ASINS[1], "looked_at", route="DE:FR"),
            decision(ASINS[1], "bought", 2),
            decision(ASINS[2], "dismissed", until="2000-01-01"),
            decision(None, "blocked", brand="aCmE"),
            decision(ASINS[4], "buy_list"),
            decision(ASINS[5], "dismissed", until_profit=5.0, currency="EUR"),
        ]
    )
    every = store.opportunities(OpportunityQuery(limit=500)).items
    shown = {o.id: o.decision for o in every}
    assert {shown[f"{ASINS[at]}:IT:DE"] for at in (0, 1, 4)} == {"blocked"}, "the brand's block is above all"
    assert shown[f"{ASINS[2]}:IT:DE"] == "new", "its day has come"
    for o in every:
        if o.asin == ASINS[5] and o.brand != "ACME":
            assert o.decision == ("new" if o.profit >= 5.0 else "dismissed")
    for statuses in (*STATUSES, "open", "new,dismissed", "dismissed,blocked", "looked_at,buy_list,bought,blocked"):
        wanted = {"open": "new,looked_at,buy_list,bought"}.get(statuses, statuses).split(",")
        query = OpportunityQuery(decision=statuses, limit=500)
        assert with_status(store, statuses) == sorted(one for one, status in shown.items() if status in wanted)
        sums = store.sums(query)
        found = [o for o in every if o.decision in wanted]
        assert (sums.count, sums.total_profit) == (len(found), round(sum(o.profit for o in found), 2))
    assert with_status(store, "all") == ids(every)


def test_a_later_decision_on_a_product_is_above_those_on_its_routes_and_new_ends_them(opened: Open) -> None:
    store = opened()
    store_routes(store, [opportunity(), opportunity(target="FR")])
    store.add_decisions([decision(route="IT:DE"), decision(status="looked_at", version=2, route="IT:FR")])
    assert with_status(store, "dismissed") == ["B000000001:IT:DE"]
    store.add_decisions([decision(status="buy_list", version=3)])
    assert with_status(store, "buy_list") == ["B000000001:IT:DE", "B000000001:IT:FR"]
    store.add_decisions([decision(status="new", version=4, route="IT:FR")])
    assert (with_status(store, "buy_list"), with_status(store, "new")) == (["B000000001:IT:DE"], ["B000000001:IT:FR"])
    store.add_decisions([decision(None, "blocked", brand="Acme"), decision(None, "new", 2, brand="Acme")])
    assert with_status(store, "blocked") == []


def test_a_cancelled_purchase_is_kept_and_what_was_decided_before_it_holds_again(opened: Open) -> None:
    store = opened()
    store_routes(store, [opportunity(), opportunity(target="FR")])
    bought = decision(status="bought", version=2, route="IT:DE", quantity=3, price=9.5)
    cancelled = replace(bought, version=3, status="new", cancels=2)
    decided = [decision(status="buy_list", route="IT:DE"), bought, cancelled]
    for one in decided:
        assert store.add_decisions([one]) == []
    assert store.decisions() == decided
    assert with_status(store, "buy_list") == ["B000000001:IT:DE"]
    assert with_status(store, "new") == ["B000000001:IT:FR"]
    later = decision(status="dismissed", version=4)
    assert store.add_decisions([later]) == []
    assert with_status(store, "dismissed") == ["B000000001:IT:DE", "B000000001:IT:FR"]


def test_pages_sums_and_columns_in_memory_agree_whatever_is_decided(opened: Open) -> None:
    store, chance = opened(), random.Random(19)
    mirror = Mirror(opened())
    store_routes(store, market(chance))
    versions = dict.fromkeys((*ASINS, "Acme", "öko"), 0)
    for _ in range(12):
        key = chance.choice([*versions])
        versions[key] += 1
        bought = [one for one in store.decisions([key]) if one.status == "bought"]
        if bought and chance.random() < 0.3:
            made = replace(bought[0], version=versions[key], status="new", cancels=bought[0].version)
        elif key in ASINS:
            pair = chance.choice(("", "", *(":".join(pair) for pair in PAIRS)))
            rise = chance.choice((None, None, 5.0, 9.0))
            status = chance.choice([one for one in STATUSES if one != "blocked"])
            made = decision(key, status, versions[key], route=pair, until_profit=rise, currency="EUR")
        else:
            made = decision(None, chance.choice(("blocked", "new")), versions[key], brand=key)
        assert store.add_decisions([made]) == []
        if chance.random() < 0.3:
            store_routes(store, market(chance), inputs=str(chance.random()))
        shown = {o.id: o.decision for o in iter_opportunities(store, OpportunityQuery())}
        for _ in range(6):
            wanted = ",".join(chance.sample(STATUSES, chance.randrange(1, 5)))
            query = OpportunityQuery(
                decision=wanted, limit=chance.choice((2, 50)), sort=chance.choice(("profit", "roi"))
            )
            found = sorted(o.id for o in iter_opportunities(store, query))
            assert found == sorted(one for one, status in shown.items() if status in wanted.split(",")), wanted
            page, sums = mirror.follow().find(query, summed=True)
            stored = store.opportunities(query)
            assert [row.id for row in page.items] == [o.id for o in stored.items]
            assert (page.total, sums) == (stored.total, store.sums(query))


def test_decisions_stay_when_the_product_leaves_and_through_a_rebuilding_and_go_with_the_demo_market(
    opened: Open,
) -> None:
    store = opened()
    store_routes(store, [opportunity(), opportunity("B000000002", demo=True)])
    kept, invented = decision(), decision("B000000002", demo=True)
    store.add_decisions([kept, invented])
    store.rebuild([[Update(offer(), None)]])
    store_routes(store, [])
    assert store.decisions() == [kept, invented]
    store.remove_demo(dry_run=True)
    assert store.decisions() == [kept, invented]
    store.remove_demo()
    assert store.decisions() == [kept]
    assert with_status(store, "dismissed") == []


@pytest.mark.parametrize("wanted", ["dismissed", "open"])
def test_more_decisions_than_a_query_has_room_for_are_no_matter(opened: Open, wanted: str) -> None:
    store = opened()
    store_routes(store, [opportunity(), opportunity("B000000002")])
    many = [decision(f"B{number:09}", until_profit=9e9, currency="EUR") for number in range(2, 4_002)]
    store.add_decisions(many)
    assert with_status(store, wanted) == (["B000000002:IT:DE"] if wanted == "dismissed" else ["B000000001:IT:DE"])


def test_a_store_of_before_there_were_decisions_reads_none_and_keeps_the_first(opened: Open) -> None:
    store = opened()
    store_routes(store, [opportunity()])
    if isinstance(store, ElasticStore):
        index = index_behind(store._client, store._prefix + "decisions")
        store._client.indices.delete(index=index)
        store = opened()
    assert (store.decisions(), store.decisions_in_force()) == ([], DecisionsInForce())
    assert with_status(store, "dismissed") == []
    store.remove_demo(dry_run=False)
    first = decision()
    assert store.add_decisions([first]) == []
    assert store.add_decisions([decision(version=2, status="buy_list")]) == []
    assert opened().decisions(["B000000001"])[0] == first
    assert with_status(store, "buy_list") == ["B000000001:IT:DE"]
