"""What a product's document in Elasticsearch says of its routes, whichever arbkit wrote it."""

from __future__ import annotations

from arbkit.core.results import JsonObject
from arbkit.store import Notice
from arbkit.store.elastic.documents import PricedState
from arbkit.store.routes import Basis, ProductRoutes, RouteMemory, RuleState
from tests.helpers.factories import opportunity

ROUTE = opportunity()
MEMORY = RouteMemory(
    buy_price=40.0,
    amazon_sells=True,
    rules={"r": RuleState(standing=True, profit_low=9.5, currency="EUR", buy_price=40.0, at={"new_opportunity": 5.0})},
)
NOTICE = Notice("id", "arbitrage.alerts", ROUTE.asin, b"\x00 {}")


def test_one_of_before_there_were_rules_remembers_nothing() -> None:
    old: JsonObject = {"change": 3, "generation": 2, "routes": [ROUTE.id], "windows": [], "pending": []}
    found = PricedState.read({"priced": old})
    assert found is not None
    assert (found.basis, found.routes) == (Basis(3, 2), frozenset({ROUTE.id}))
    assert (dict(found.memories), list(found.notices)) == ({}, [])
    assert found.next_turn(Basis(3, 2)) > Basis(3, 2).number, "what it wrote has its basis for a version"


def test_what_is_announced_is_named_with_its_memory_and_route_and_read_as_it_was_written() -> None:
    before = PricedState(routes=frozenset({"other"}))
    after = before.followed_by(ProductRoutes(ROUTE.asin, 1, 1, (ROUTE,)), Basis(1, 1), (), turn=7)
    after = after.remembering({ROUTE.id: MEMORY}, now=10.0)
    named = before.naming(after, [ROUTE], [NOTICE])
    found = PricedState.read({"priced": named.to_dict()})
    assert found is not None
    assert (found.routes, dict(found.memories)) == (frozenset({"other", ROUTE.id}), {ROUTE.id: MEMORY})
    assert list(found.notices) == [NOTICE]
    assert [route.id for route in found.begun] == [ROUTE.id]
    assert (found.turn, found.basis) == (7, Basis()), "its turn, and not done"
    assert found.next_turn(Basis(0, 1)) == 8
    # Without an alert nothing is remembered before it is done.
    assert before.naming(after, [ROUTE], []).memories == {}
