"""Which decision holds for a route."""

from __future__ import annotations

from dataclasses import replace

import pytest

from arbkit.core.decisions.rules import DecisionsInForce, RouteProfit, purchases_of
from arbkit.core.results import DecisionStatus
from tests.helpers.decisions import decision

ASIN = "B000000001"
TODAY = "2026-11-27"


def status(decided: DecisionsInForce, route: str = "IT:DE", *, brand: str | None = "Acme", profit: float = 5.0) -> str:
    source, target = route.split(":")
    return decided.holds_of(ASIN, source, target, brand=brand, now=RouteProfit(profit, "EUR"), today=TODAY).status


def test_what_was_decided_last_of_a_route_or_of_its_product_holds() -> None:
    decided = DecisionsInForce.of([decision(status="dismissed"), decision(status="buy_list", version=2, route="IT:DE")])
    assert (status(decided), status(decided, "DE:FR")) == ("buy_list", "dismissed")
    decided = DecisionsInForce.of([decision(status="buy_list", route="IT:DE"), decision(status="looked_at", version=2)])
    assert status(decided) == "looked_at"


def test_the_status_of_a_purchase_is_ended_by_a_new_decision_and_what_was_bought_stays_bought() -> None:
    bought = decision(status="bought", route="IT:DE", quantity=3, price=9.5)
    assert status(DecisionsInForce.of([bought])) == "bought"
    ended = [bought, decision(status="new", version=2, route="IT:DE")]
    assert status(DecisionsInForce.of(ended)) == "new"
    assert purchases_of(ended) == [bought]


@pytest.mark.parametrize(
    ("until", "profit", "expected"),
    [("2026-11-28", 5.0, "dismissed"), (TODAY, 5.0, "new"), ("2026-11-28", 12.5, "new"), (None, 12.49, "dismissed")],
)
def test_a_dismissal_ends_on_its_day_or_when_profit_has_risen(
    until: str | None, profit: float, expected: DecisionStatus
) -> None:
    decided = DecisionsInForce.of([decision(until=until, until_profit=12.5, currency="EUR")])
    assert status(decided, profit=profit) == expected


def test_a_profit_in_another_currency_has_not_risen() -> None:
    decided = DecisionsInForce.of([decision(until_profit=12.5, currency="GBP")])
    assert status(decided, profit=99.0) == "dismissed"


def test_a_blocked_brand_holds_over_all_until_that_is_ended() -> None:
    blocked, mine = decision(None, "blocked", brand="Acme"), decision(status="buy_list")
    assert status(DecisionsInForce.of([blocked, mine]), brand="ACME") == "blocked"
    assert status(DecisionsInForce.of([blocked, mine]), brand=None) == "buy_list"
    ended = decision(None, "new", 2, brand="Acme")
    assert status(DecisionsInForce.of([blocked, ended, mine])) == "buy_list"


def test_one_of_several_purchases_is_cancelled_alone_and_what_was_decided_before_holds_again() -> None:
    before = decision(status="buy_list", route="IT:DE")
    first, second = (
        decision(status="bought", version=version, route="IT:DE", quantity=version, price=9.5) for version in (2, 3)
    )
    cancelled = decision(status="new", version=4, route="IT:DE", cancels=3)
    decided = [before, first, second, cancelled]
    assert status(DecisionsInForce.of(decided)) == "bought"
    assert purchases_of(decided) == [first]
    both = [*decided, decision(status="new", version=5, route="IT:DE", cancels=2)]
    assert status(DecisionsInForce.of(both)) == "buy_list"
    assert purchases_of(both) == []
    assert DecisionsInForce.of([replace(first, version=1), replace(cancelled, version=2, cancels=1)]).products == {}
