"""A rule is tried on what is stored: the best first, whatever it has announced, and nothing is sent or remembered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

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


def test_several_rules_are_tried_in_one_reading(store: Store) -> None:
    rules = [Rule(name="good", min_profit=7), Rule(name="all")]
    assert [(one.rule, one.meeting, len(one.items)) for one in try_rules(store, rules, limit=3, now=1.0)] == [
        ("good", 2, 2),
        ("all", 8, 3),
    ]
