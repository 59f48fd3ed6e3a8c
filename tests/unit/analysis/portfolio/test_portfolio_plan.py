"""What a plan says: its shopping list, why each line is in, what would be next; and one line where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arbkit.analysis.portfolio.candidates import GLITCH, Candidates
from arbkit.analysis.portfolio.parameters import PortfolioParameters
from arbkit.analysis.portfolio.plan import KEPT_OUT
from arbkit.analysis.portfolio.results import Portfolio
from arbkit.analysis.portfolio.run import plan
from tests.helpers.candidates import made, opportunities


def planned(candidates: Candidates, **asked: float) -> Portfolio | str:
    return plan(candidates, opportunities(candidates), PortfolioParameters(**{"gap_pct": 0, **asked}), "EUR")


@pytest.fixture(scope="module")
def found() -> Portfolio:
    one = planned(made(60), budget=600)
    assert isinstance(one, Portfolio)
    return one


def test_the_parts_add_up_to_the_whole(found: Portfolio) -> None:
    assert found.lines
    orders = found.orders
    paid = sum(line.cash_out for line in found.lines) + sum(one.order_cost + one.box_cost for one in orders)
    assert paid == pytest.approx(found.cash_out, abs=0.1)
    assert found.cash_out <= found.budget
    assert sum(one.expected_profit for one in orders) == pytest.approx(found.expected_profit, abs=0.1)
    assert [one.source for one in orders] == list(dict.fromkeys(line.source for line in found.lines))
    assert sum(one.units for one in orders) == sum(line.units for line in found.lines)
    assert found.profit_p10 <= found.profit_p50 <= found.profit_p90
    assert found.expected_profit <= found.best_possible


def test_no_plan_is_certain_to_earn(found: Portfolio) -> None:
    assert 0 < found.chance_of_profit_pct < 100
    assert all(0 < line.chance_of_profit_pct < 100 for line in found.lines)


def test_all_money_comes_back_with_its_profit(found: Portfolio) -> None:
    assert [one.week for one in found.weeks] == list(range(len(found.weeks)))
    assert found.weeks[0].balance == -found.cash_out
    assert found.weeks[-1].balance == pytest.approx(found.expected_profit, abs=0.1)
    assert found.money_back_week is not None
    assert found.weeks[found.money_back_week].balance >= 0 > found.weeks[found.money_back_week - 1].balance


def test_a_further_unit_earns_less_and_each_line_says_why_it_is_in(found: Portfolio) -> None:
    assert all(line.last_unit_profit <= line.first_unit_profit for line in found.lines)
    assert all(line.why.startswith("earns ") and "; " in line.why for line in found.lines)
    assert any(reason in line.why for line in found.lines for reason in KEPT_OUT.values())


def test_what_would_be_next_names_the_limit_that_keeps_it_out() -> None:
    free = {"product_pct": 100, "brand_pct": 100, "hazmat_pct": 100, "risk_pct": 100}
    for limit, words in (("product_pct", "product"), ("brand_pct", "brand"), ("market_pct", "market")):
        found = planned(made(60), budget=5_000, **{**free, limit: 2})
        assert isinstance(found, Portfolio)
        assert KEPT_OUT[words] in {one.kept_out_by for one in found.next_best}
    found = planned(made(60), budget=100, **free)
    assert isinstance(found, Portfolio)
    assert KEPT_OUT["budget"] in {one.kept_out_by for one in found.next_best}


def test_without_a_limit_nothing_that_earns_is_left_out() -> None:
    free = {"product_pct": 100, "brand_pct": 100, "hazmat_pct": 100, "risk_pct": 100}
    found = planned(made(20), budget=1e6, order_cost=0, box_cost=0, **free)
    assert isinstance(found, Portfolio)
    assert {one.kept_out_by for one in found.next_best} <= {KEPT_OUT["sales"]}
    assert found.per_100_more == 0


def test_all_capped_out_is_one_line() -> None:
    said = planned(made(20), budget=2_000, product_pct=0.01)
    assert isinstance(said, str)
    assert "no unit fits the limits: the cheapest costs" in said
    assert "0.01 % of the budget for one product are 0.20 EUR" in said
    assert "\n" not in said


def test_an_order_that_is_never_worth_it_is_one_line() -> None:
    said = planned(made(20), budget=500, order_cost=400)
    assert isinstance(said, str)
    assert said.startswith("no purchase within the limits is expected to earn more than its order and box cost")


def test_no_forecast_at_all_says_what_is_unknown_of_how_many() -> None:
    candidates = made(6)
    candidates.profits[:] = np.nan
    said = planned(replace(candidates, unknown=["no price history"] * 4 + [None] * 2))
    assert said == (
        "none of 6 opportunities can be planned with: no price history (4); its profit cannot be forecast (2)"
    )


def test_candidates_that_all_lose_money_are_one_line() -> None:
    candidates = made(6)
    candidates.profits[:] = -1.0
    assert (
        planned(candidates) == "none of 6 opportunities is expected to leave a profit once it is sold: nothing to buy"
    )


def test_a_glitch_is_counted_and_the_others_are_planned() -> None:
    candidates = made(60)
    candidates.cash[0] = 5e7
    found = planned(candidates, budget=600)
    assert isinstance(found, Portfolio)
    assert found.unknown == {GLITCH: 1}
    assert found.candidates == 59
