"""Which alerts a route's changes make, and which they must not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.alerts.alert import Alert
from arbkit.alerts.evaluation import decide
from arbkit.alerts.rules import Rule
from arbkit.core.models import Opportunity
from arbkit.store.routes import RouteChange, RouteMemory
from tests.helpers.factories import opportunity

NOW = 1_790_000_000.0
HOUR = 3_600.0
ROUTE = "B000000001:IT:DE"


def rule(**fields: Any) -> Rule:
    return Rule.model_validate({"name": "r", **fields})


class Route:
    """A route over time, and what is remembered of it."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        self.memory: RouteMemory | None = None
        self.last: Opportunity | None = None
        self.number = 0

    def becomes(self, *, at: float = NOW, groups: frozenset[str] = frozenset(), **fields: Any) -> list[Alert]:
        """The alerts of a change to an opportunity with these fields."""
        fields = {"data_at": int(at), "evaluated_at": at, **fields}
        self.last = opportunity(**fields)
        return self._decide(self.last, None, at, groups)

    def ends(self, *, at: float = NOW) -> list[Alert]:
        """The alerts of its end."""
        return self._decide(None, self.last, at, frozenset())

    def _decide(
        self, after: Opportunity | None, before: Opportunity | None, at: float, groups: frozenset[str]
    ) -> list[Alert]:
        self.number += 1
        change = RouteChange(ROUTE, self.number, after, self.memory, before)
        decision = decide(self.rules, change, now=at, groups=groups)
        if decision is None:
            return []
        self.memory = decision.memory
        again = decide(self.rules, RouteChange(ROUTE, self.number, after, self.memory, before), now=at, groups=groups)
        assert again is not None
        assert again.alerts == (), "the same change makes no second alert"
        return list(decision.alerts)


def types(alerts: list[Alert]) -> list[str]:
    return [alert.type for alert in alerts]


def test_an_opportunity_is_announced_once_with_its_figures() -> None:
    route = Route(rule(min_profit=5))
    (alert,) = route.becomes(profit=12.0, profit_low=9.5, roi_pct=31.5, confidence=0.8)
    assert (alert.type, alert.rule, alert.route, alert.at, alert.expires_at) == (
        "new_opportunity", "r", ROUTE, NOW, NOW + 24 * HOUR,
    )  # fmt: skip
    assert alert.why == "IT → DE leaves at least 9.50 EUR at 31.5 % ROI and confidence 0.80."
    assert (alert.priority, alert.opportunity.profit, alert.opportunity.profit_low) == (7.6, 12.0, 9.5)
    assert [route.becomes(profit=12.0, profit_low=9.5, at=NOW + n * HOUR) for n in range(1, 99)] == [[]] * 98


def test_the_low_end_of_profit_decides_and_not_the_likely_one() -> None:
    route = Route(rule(min_profit=5))
    assert route.becomes(profit=12.0, profit_low=4.99) == []
    assert types(route.becomes(profit=12.0, profit_low=5.0)) == ["new_opportunity"]


@pytest.mark.parametrize(
    ("limits", "fields"),
    [
        ({"min_roi": 20}, {"roi_pct": 19.9}),
        ({"min_confidence": 0.5}, {"confidence": 0.49}),
        ({"routes": ["IT:FR", "de:it"]}, {}),
        ({"categories": ["tools"]}, {"category": None}),
        ({"brands": ["Zeta"]}, {}),
        ({"exclude_brands": ["Zeta", "àcm"]}, {}),
        ({"asins": ["B000000002"]}, {}),
        ({"groups": ["mine"]}, {}),
        ({}, {"status": "needs_size"}),
        ({}, {"status": "different"}),
    ],
)
def test_what_misses_a_limit_is_not_announced(limits: dict[str, Any], fields: dict[str, Any]) -> None:
    assert Route(rule(**limits)).becomes(**fields) == []


def test_what_meets_every_limit_is_announced() -> None:
    limits = {"routes": ["it:de"], "categories": ["toys & games"], "brands": ["ACME"], "asins": ["b000000001"]}
    route = Route(rule(**limits, groups=["mine"], min_roi=31.5, min_confidence=0.9))
    assert types(route.becomes(groups=frozenset({"mine", "other"}))) == ["new_opportunity"]


@pytest.mark.parametrize("asked", ["Toys & Games", "toys", "juguetes y juegos"])
def test_a_category_is_meant_under_the_names_of_all_marketplaces(asked: str) -> None:
    route = Route(rule(categories=[asked]))
    assert types(route.becomes(category="Spielzeug")) == ["new_opportunity"]
    assert Route(rule(categories=[asked])).becomes(category="Elektronik & Foto") == []


def test_a_halved_buying_price_is_announced_also_of_an_opportunity_that_is_known() -> None:
    route = Route(rule(min_profit=5))
    route.becomes(buy_price=40.0, profit=10.0)
    (alert,) = route.becomes(buy_price=20.0, profit=30.0, at=NOW + 60)
    assert alert.type == "price_drop"
    assert alert.why.startswith(
        "The buying price on IT fell by 50 % from 40.00 EUR to 20.00 EUR; IT → DE leaves at least"
    )
    assert "10.00 EUR when last announced" in alert.why


def test_small_steps_add_up_and_a_price_that_rises_is_what_its_fall_counts_from() -> None:
    route = Route(rule(on=["new_opportunity", "price_drop"], price_drop_pct=10, cool_down_hours=0))
    route.becomes(buy_price=40.0)
    steps = [types(route.becomes(buy_price=price)) for price in (38.0, 36.5, 36.0, 50.0, 46.0, 45.0)]
    assert steps == [[], [], ["price_drop"], [], [], ["price_drop"]]


def test_a_rule_for_price_drops_alone_announces_one_that_makes_the_route_pay() -> None:
    route = Route(rule(on=["price_drop"], min_profit=20))
    assert route.becomes(buy_price=40.0, profit=3.0) == []
    assert types(route.becomes(buy_price=20.0, profit=23.0)) == ["price_drop"]


def test_a_profit_that_grows_enough_is_announced() -> None:
    route = Route(rule(on=["new_opportunity", "margin_increase"], profit_rise_pct=25, cool_down_hours=0))
    route.becomes(profit=10.0)
    assert [types(route.becomes(profit=p)) for p in (12.0, 12.49, 12.5, 13.0)] == [[], [], ["margin_increase"], []]
    small = Route(rule(cool_down_hours=0))
    small.becomes(profit=0.40)
    assert small.becomes(profit=0.80) == [], "twice nothing is nothing"


def test_in_another_currency_no_profit_has_grown() -> None:
    route = Route(rule(on=["new_opportunity", "margin_increase"]))
    route.becomes(profit=10.0)
    assert route.becomes(profit=30.0, currency="GBP") == []
    assert types(route.becomes(profit=40.0, currency="GBP")) == ["margin_increase"]


def test_a_target_price_is_announced_when_it_is_reached_and_again_only_after_it_was_lost() -> None:
    route = Route(rule(on=["target_price"], target_price={"it": 25.0}, cool_down_hours=0))
    assert route.becomes(buy_price=26.0) == []
    (alert,) = route.becomes(buy_price=25.0)
    assert (alert.type, "where 25.00 EUR is waited for" in alert.why) == ("target_price", True)
    assert [types(route.becomes(buy_price=price)) for price in (24.0, 26.0, 24.0)] == [[], [], ["target_price"]]
    assert Route(rule(on=["target_price"], target_price={"FR": 99.0})).becomes() == []


def test_amazon_out_of_stock_is_announced_where_it_was_in_stock() -> None:
    route = Route(rule(on=["amazon_out_of_stock"]))
    assert route.becomes(amazon_sells=True) == []
    assert route.becomes(amazon_sells=None) == []
    (alert,) = route.becomes(amazon_sells=False)
    assert "Amazon itself no longer sells it on DE" in alert.why
    assert Route(rule(on=["amazon_out_of_stock"])).becomes(amazon_sells=False) == []


def test_an_end_is_announced_with_the_route_as_it_was() -> None:
    route = Route(rule(on=["new_opportunity", "ended"], min_profit=5))
    route.becomes(profit=10.0)
    (alert,) = route.ends()
    assert (alert.type, alert.opportunity.profit) == ("ended", 10.0)
    assert alert.why == "It left at least 10.00 EUR; it is no opportunity any more."
    assert route.ends() == []
    other = Route(rule(on=["new_opportunity", "ended"], min_profit=5))
    assert (other.becomes(profit=4.0), other.ends()) == ([], []), "what was never announced has no end"


def test_a_route_is_news_again_only_after_it_was_below_where_the_rule_clears() -> None:
    route = Route(rule(on=["new_opportunity", "ended"], fires_at=10, clears_at=8, cool_down_hours=0))
    profits = (9.0, 10.0, 9.0, 8.0, 10.0, 7.9, 9.0, 10.0)
    found = [types(route.becomes(profit=profit)) for profit in profits]
    assert found == [[], ["new_opportunity"], [], [], [], ["ended"], [], ["new_opportunity"]]


def test_within_the_cool_down_nothing_of_a_kind_is_announced_twice_and_nothing_lasting_is_lost() -> None:
    route = Route(rule(on=["new_opportunity"], min_profit=5, cool_down_hours=24))
    assert types(route.becomes(profit=9.0)) == ["new_opportunity"]
    for hour in range(1, 24, 2):
        assert route.becomes(profit=1.0, at=NOW + hour * HOUR) == []
        assert route.becomes(profit=9.0, at=NOW + (hour + 0.5) * HOUR) == []
    assert types(route.becomes(profit=9.0, at=NOW + 24 * HOUR)) == ["new_opportunity"]


def test_a_clock_that_was_set_back_silences_no_rule() -> None:
    route = Route(rule(on=["new_opportunity"], min_profit=5, cool_down_hours=24))
    ahead = NOW + 365 * 24 * HOUR
    assert types(route.becomes(profit=9.0, at=ahead)) == ["new_opportunity"]
    assert route.becomes(profit=1.0, at=NOW) == []
    assert types(route.becomes(profit=9.0, at=NOW + 60)) == ["new_opportunity"]


def test_a_muted_rule_is_silent_and_says_afterwards_what_still_holds() -> None:
    route = Route(rule(muted_until=datetime.fromtimestamp(NOW + HOUR, UTC)))
    assert route.becomes(at=NOW) == []
    assert types(route.becomes(at=NOW + HOUR)) == ["new_opportunity"]


def test_a_route_that_ended_while_its_rule_was_muted_is_news_when_it_comes_back() -> None:
    route = Route(rule(min_profit=5, cool_down_hours=0))
    route.becomes(profit=9.0)
    until = datetime.fromtimestamp(NOW + 10 * HOUR, UTC)
    route.rules = (rule(min_profit=5, cool_down_hours=0, muted_until=until),)
    assert route.ends(at=NOW + HOUR) == []
    assert types(route.becomes(profit=9.0, at=NOW + 11 * HOUR)) == ["new_opportunity"]


def test_a_route_that_its_rule_is_no_longer_about_has_not_ended() -> None:
    route = Route(rule(on=["new_opportunity", "ended"], cool_down_hours=0))
    route.becomes()
    route.rules = (rule(on=["new_opportunity", "ended"], cool_down_hours=0, routes=["FR:DE"]),)
    assert (route.becomes(), route.ends()) == ([], [])


def test_each_rule_has_its_own_say() -> None:
    route = Route(rule(name="a"), rule(name="b", min_profit=99), rule(name="c", on=["ended"]))
    assert [a.rule for a in route.becomes()] == ["a"]
    assert [(a.rule, a.type) for a in route.ends()] == [("c", "ended")]


def test_what_a_rule_with_a_mistake_has_announced_is_not_announced_again_once_it_is_mended() -> None:
    route = Route(rule())
    route.becomes()
    change = RouteChange(ROUTE, 9, route.last, route.memory)
    broken = decide((), change, now=NOW, held=["r"])
    assert broken is not None
    assert (broken.alerts, list(broken.memory.rules)) == ((), ["r"])
    removed = decide((), change, now=NOW)
    assert removed is not None
    assert removed.memory.rules == {}


# Suspicious data


def test_the_same_figure_in_two_currencies_is_held_back_and_said_once() -> None:
    route = Route(rule())
    (alert,) = route.becomes(source="UK", buy_price=19.99, sell_price=19.99)
    assert (alert.type, "the same figure in two currencies" in alert.why) == ("data_problem", True)
    assert route.becomes(source="UK", buy_price=19.99, sell_price=19.99) == []
    assert types(route.becomes(source="UK", buy_price=9.99, sell_price=19.99)) == ["new_opportunity"]
    assert types(Route(rule()).becomes(buy_price=19.99, sell_price=19.99)) == ["new_opportunity"], "one currency"


def test_a_drop_of_more_than_70_percent_is_held_back_until_a_later_look_finds_it_too() -> None:
    route = Route(rule())
    route.becomes(buy_price=40.0, at=NOW)
    (alert,) = route.becomes(buy_price=11.99, profit=40.0, at=NOW + 60, data_at=int(NOW) + 50)
    assert (alert.type, "fell by 70 % at once" in alert.why) == ("data_problem", True)
    assert route.becomes(buy_price=11.99, profit=40.0, at=NOW + 3_600, data_at=int(NOW) + 50) == [], "the same look"
    (alert,) = route.becomes(buy_price=11.99, profit=40.0, at=NOW + 7_200, data_at=int(NOW) + 7_000)
    assert (alert.type, "from 40.00 EUR to 11.99 EUR" in alert.why) == ("price_drop", True)


def test_a_drop_that_was_a_mistake_is_never_announced_as_one() -> None:
    route = Route(rule())
    route.becomes(buy_price=40.0, profit=10.0)
    assert types(route.becomes(buy_price=4.0, profit=50.0, at=NOW + 60)) == ["data_problem"]
    assert route.becomes(buy_price=40.0, profit=10.0, at=NOW + 120) == []


def test_a_route_of_a_price_older_than_a_week_is_held_back() -> None:
    stale = ({"code": "data_older_than_a_week", "text": "data older than a week"},)
    route = Route(rule())
    assert types(route.becomes(warnings=stale)) == ["data_problem"]
    assert types(route.becomes(warnings=())) == ["new_opportunity"]
    assert Route(rule(min_profit=99)).becomes(warnings=stale) == [], "what no rule asks for is no problem"
    assert route.becomes(warnings=stale) == [], "nor is what was announced while it was fresh"


# Whatever happens

figures = st.fixed_dictionaries(
    {
        "buy_price": st.sampled_from([5.0, 19.99, 20.0, 30.0, 40.0, 80.0]),
        "sell_price": st.sampled_from([19.99, 69.99]),
        "profit_low": st.sampled_from([-5.0, 2.0, 4.9, 5.0, 6.0, 9.0, 30.0]),
        "roi_pct": st.sampled_from([5.0, 20.0, 60.0]),
        "confidence": st.sampled_from([0.1, 0.5, 0.9]),
        "amazon_sells": st.sampled_from([True, False, None]),
        "status": st.sampled_from(["opportunity", "opportunity", "opportunity", "needs_size"]),
    }
)
changes = st.one_of(figures, st.none())
rules = st.builds(
    lambda limits, clears, cool, on: rule(**limits, clears_at=clears, cool_down_hours=cool, on=on),
    st.fixed_dictionaries(
        {
            "min_profit": st.sampled_from([5.0, 8.0]),
            "min_roi": st.sampled_from([None, 20.0]),
            "min_confidence": st.sampled_from([None, 0.5]),
            "target_price": st.just({"IT": 30.0}),
        }
    ),
    st.sampled_from([None, 0.0, 4.0]),
    st.sampled_from([0.0, 1.0, 24.0]),
    st.lists(
        st.sampled_from(
            ["new_opportunity", "price_drop", "margin_increase", "target_price", "amazon_out_of_stock", "ended"]
        ),
        min_size=1,
        max_size=6,
        unique=True,
    ),
)


@given(rules, st.lists(st.tuples(changes, st.floats(-HOUR, 30 * HOUR)), max_size=25), st.sampled_from(["IT", "UK"]))
def test_no_alert_is_below_its_rule_none_comes_twice_and_each_has_an_id_of_its_own(
    asked: Rule, history: list[tuple[dict[str, Any] | None, float]], source: str
) -> None:
    """Whatever a route's figures do; the clock goes back too. :class:`Route` repeats each change."""
    route, other = Route(asked), Route(asked)
    ids = []
    at = NOW
    for fields, passed in history:
        at += passed
        given_fields = fields and {**fields, "source": source, "profit": fields["profit_low"] + 1}
        found = route.becomes(at=at, **given_fields) if given_fields else route.ends(at=at)
        again = other.becomes(at=at, **given_fields) if given_fields else other.ends(at=at)
        assert found == again, "the same inputs make the same alerts under the same ids"
        ids += [alert.id for alert in found]
        for alert in found:
            assert alert.type in (*asked.on, "data_problem")
            if alert.type != "ended":
                low = alert.opportunity.profit_low
                assert low is not None
                assert low >= asked.least_profit
                assert alert.opportunity.roi_pct >= (asked.min_roi or 0)
                assert alert.opportunity.confidence >= (asked.min_confidence or 0)
                assert alert.opportunity.status == "opportunity"
    assert len(ids) == len({*ids})


def test_a_rule_without_limits_takes_every_opportunity_and_nothing_else() -> None:
    everything = rule()
    assert types(Route(everything).becomes(profit=0.01, profit_low=0.01, confidence=0.0, roi_pct=0.1)) == [
        "new_opportunity"
    ]
    assert Route(everything).becomes(status="loss", profit=-1.0, profit_low=-1.0) == []
    assert everything.clears_below == float("-inf")
