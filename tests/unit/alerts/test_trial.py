"""A rule is tried on what is stored: the best first, whatever it has announced, and nothing is sent or remembered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from arbkit.alerts.rules import Rule
from arbkit.alerts.trial import try_rule, try_rules
from arbkit.core.settings import Settings
from arbkit.store import Store, open_store
from tests.helpers.alerts import announce_everything
from tests.helpers.factories import opportunity
from tests.helpers.routes import store_routes

ROUTES = [opportunity(f"B{number:09d}", profit=float(number), category=f"C{number % 2}") for number in range(1, 9)]


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        store_routes(opened, [*ROUTES, opportunity("B000000009", status="needs_size")], announce=announce_everything)
        yield opened


def test_the_best_come_first_and_all_are_counted(store: Store) -> None:
    found = try_rule(store, Rule(name="r", min_profit=3), limit=2, now=1.0)
    assert (found.opportunities, found.meeting, found.held) == (8, 6, 0)
    assert [alert.asin for alert in found.items] == ["B000000008", "B000000007"]
    assert len(store.unsent(100)) == 8, "what was announced before, and no more"


def test_a_muted_rule_and_one_that_announces_something_else_are_tried_all_the_same(store: Store) -> None:
    muted = Rule(name="r", on=("ended",), muted_until=datetime(2999, 1, 1, tzinfo=UTC), categories=("c1",))
    assert try_rule(store, muted, limit=9, now=1.0).meeting == 4


def test_what_would_be_held_back_is_counted_as_such(store: Store) -> None:
    odd = opportunity("B000000010", source="UK", profit=50.0, buy_price=69.99)
    store_routes(store, [*ROUTES, odd])
    found = try_rule(store, Rule(name="r"), limit=1, now=1.0)
    assert (found.meeting, found.held, found.items[0].type) == (9, 1, "data_problem")


def test_groups_of_the_watchlist_decide(store: Store) -> None:
    rule = Rule(name="r", groups=("toys",))
    assert try_rule(store, rule, limit=9, now=1.0).meeting == 0
    groups = {"B000000002": frozenset({"toys"}), "B000000003": frozenset({"books"})}
    assert [a.asin for a in try_rule(store, rule, limit=9, now=1.0, groups=groups).items] == ["B000000002"]


FORECAST: dict[str, Any] = {
    "profit_chance_pct": 82.0, "profit_p10": -1.2, "profit_p50": 4.0, "profit_p90": 9.8, "expected_profit": 4.1,
    "expected_profit_per_day_pct": 0.4, "sold_in_30_days_pct": 60.0, "days_to_sell_p50": 20.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "meets"),
    [
        ({"min_chance": 82}, True), ({"min_chance": 83}, False), ({"min_expected_profit": 4.1}, True),
        ({"min_expected_profit": 4.2}, False), ({"min_profit_per_day": 0.4}, True), ({"min_profit_per_day": 1}, False),
        ({"min_p10": -1.2}, True), ({"min_p10": 0}, False), ({"max_days_to_sell": 20}, True),
        ({"max_days_to_sell": 19}, False), ({"min_sold_in_30_days": 60}, True), ({"min_sold_in_30_days": 61}, False),
    ],
)  # fmt: skip
def test_a_rule_asks_for_the_forecast_and_says_of_which_routes_there_is_none(
    store: Store, asked: dict[str, float], *, meets: bool
) -> None:
    young = opportunity("B000000011", profit=50.0, forecast_unknown="no history")
    store_routes(store, [*ROUTES, young, opportunity("B000000012", profit=1.0, **FORECAST)])
    rule = Rule.model_validate({"name": "r", "min_profit": 1.0, **asked})
    found = try_rule(store, rule, limit=9, now=1.0)
    assert [alert.asin for alert in found.items] == (["B000000012"] if meets else [])
    assert found.unknown == {"no forecast was made yet": 8, "no history": 1}
    # What fails for another reason too lacks more than a forecast.
    stricter = rule.model_copy(update={"min_profit": 8.0})
    assert try_rule(store, stricter, limit=9, now=1.0).unknown == {"no forecast was made yet": 1, "no history": 1}


DEMAND: dict[str, Any] = {
    "rank": 900, "rank_drops30": 12, "rank_drops90": 30, "monthly_sold": 50, "sellers": 4, "amazon_share90_pct": 20.0,
    "sell_position_pct": 5.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "meets"),
    [
        ({"max_rank": 900}, True), ({"max_rank": 899}, False), ({"min_drops30": 12}, True),
        ({"min_drops30": 13}, False),
        ({"min_drops90": 31}, False), ({"min_monthly_sold": 50}, True), ({"min_monthly_sold": 51}, False),
        ({"max_sellers": 4}, True), ({"max_sellers": 3}, False), ({"max_amazon_share": 20}, True),
        ({"max_amazon_share": 19}, False), ({"max_price_position": 5}, True), ({"max_price_position": 4}, False),
    ],
)  # fmt: skip
def test_a_rule_asks_for_demand_and_competition_and_says_of_which_routes_they_are_unknown(
    store: Store, asked: dict[str, float], *, meets: bool
) -> None:
    store_routes(store, [*ROUTES, opportunity("B000000012", profit=1.0, **DEMAND)])
    found = try_rule(store, Rule.model_validate({"name": "r", **asked}), limit=9, now=1.0)
    assert [alert.asin for alert in found.items] == (["B000000012"] if meets else [])
    ((why, number),) = found.unknown.items()
    assert why.endswith("unknown")
    assert number == len(ROUTES)


@pytest.mark.parametrize(
    ("asked", "meeting"),
    [({"min_margin": 18.3}, 8), ({"min_margin": 19}, 0), ({"min_buy_price": 41}, 0), ({"max_buy_price": 40}, 8)],
)
def test_a_rule_asks_for_margin_and_buying_price(store: Store, asked: dict[str, float], meeting: int) -> None:
    store_routes(store, ROUTES)
    rule = Rule.model_validate({"name": "r", **asked})
    assert try_rule(store, rule, limit=1, now=1.0).meeting == meeting
    assert not rule.meets_everything


def test_what_earns_most_by_day_comes_before_what_leaves_most(store: Store) -> None:
    slow = {**FORECAST, "expected_profit_per_day_pct": 0.1}
    store_routes(store, [*ROUTES, opportunity("B000000012", profit=1.0, **FORECAST), opportunity("B000000013", **slow)])
    found = try_rule(store, Rule(name="r"), limit=3, now=1.0)
    assert [alert.asin for alert in found.items] == ["B000000012", "B000000013", "B000000008"]


def test_several_rules_are_tried_in_one_reading(store: Store) -> None:
    rules = [Rule(name="good", min_profit=7), Rule(name="all")]
    assert [(one.rule, one.meeting, len(one.items)) for one in try_rules(store, rules, limit=3, now=1.0)] == [
        ("good", 2, 2),
        ("all", 8, 3),
    ]
