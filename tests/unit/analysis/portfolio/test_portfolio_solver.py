"""What is bought with a budget: the best there is, within every limit."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbkit.analysis.portfolio.candidates import GLITCH, NO_FORECAST, NO_PRICE, Candidates
from arbkit.analysis.portfolio.parameters import PortfolioParameters
from arbkit.analysis.portfolio.problem import Problem, tail_size
from arbkit.analysis.portfolio.solver import Solution, solve
from tests.helpers.candidates import made

EXACT = {"gap_pct": 0.0, "seconds": 600}


def plan(candidates: Candidates, **asked: float) -> tuple[Problem, Solution]:
    problem = Problem(candidates, PortfolioParameters(**{**EXACT, **asked}))
    return problem, solve(problem)


def spent(problem: Problem, solution: Solution) -> float:
    chosen = solution.chosen
    return float(chosen[: problem.units] @ problem.cash + chosen[problem.units :] @ problem.fixed_costs)


def best_by_trying_all(problem: Problem) -> float:
    choices = itertools.product((False, True), repeat=problem.units)
    tried = (problem.completed(np.array(one)) for one in choices)
    return max(float(one @ problem.objective) for one in tried if not problem.broken(one))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("asked", [
    {"budget": 120, "product_pct": 100, "brand_pct": 100},
    {"budget": 200, "product_pct": 50, "min_order": 60, "order_cost": 2, "box_cost": 1, "box_kg": 1.5},
    {"budget": 400, "risk_pct": 1, "order_cost": 1, "box_cost": 1, "market_pct": 60},
])  # fmt: skip
def test_it_is_the_best_of_all_plans(seed: int, asked: dict[str, float]) -> None:
    problem = Problem(made(9, seed=seed, units=2), PortfolioParameters(**{**EXACT, **asked}))
    assert problem.units <= 14
    solution = solve(problem)
    assert solution.value == pytest.approx(best_by_trying_all(problem))
    assert solution.bound == pytest.approx(solution.value, abs=1e-4)
    assert solution.status == "optimal within the gap"


def risky(seed: int = 3) -> Candidates:
    """All units rise and fall together: much is earned in most scenarios, more than half lost in the others."""
    candidates = made(40, seed=seed, units=3)
    rng = np.random.default_rng(seed)
    together = np.where(np.arange(20) < 2, -0.6, 0.3) + 0.05 * rng.normal(size=20)
    profits = candidates.cash[:, None, None] * together * np.array([1.0, 0.9, 0.8])[:, None] * rng.random((40, 1, 1))
    return replace(candidates, profits=np.minimum.accumulate(profits, axis=1))


def test_the_worst_tenth_loses_no_more_than_is_allowed() -> None:
    earned = []
    for percent in (0.0, 1.0, 5.0, 100.0):
        problem, solution = plan(risky(), budget=1_000, risk_pct=percent)
        outcomes = np.sort(problem.outcomes(solution.chosen))
        assert -outcomes[: tail_size(len(outcomes))].mean() <= 10 * percent + 1e-6
        earned.append(solution.value)
        assert solution.risk_cuts > 0 or percent == 100
    assert earned == sorted(earned)
    assert earned[0] < earned[-1]


@given(seed=st.integers(0, 10_000), budget=st.floats(1, 3_000), more=st.floats(0, 1_000))
@settings(max_examples=15, deadline=None)
def test_it_keeps_all_limits_and_more_money_never_earns_less(seed: int, budget: float, more: float) -> None:
    candidates = made(40, seed=seed, units=4)
    problem, solution = plan(candidates, budget=budget)
    assert not problem.broken(solution.chosen)
    assert spent(problem, solution) <= budget + 1e-6
    routes = problem.route[solution.bought]
    for names, percent in ((candidates.asins, 25), (candidates.brands, 40), (candidates.sources, 100)):
        for name in {names[route] for route in routes} - {None}:
            of_name = np.array([names[route] == name for route in routes])
            assert candidates.cash[routes][of_name].sum() <= percent / 100 * budget + 1e-6
    assert candidates.cash[routes][candidates.hazmat[routes]].sum() <= 0.2 * budget + 1e-6
    _, richer = plan(candidates, budget=budget + more)
    assert richer.bound >= solution.value - 1e-6
    assert richer.value >= solution.value - 1e-4


def test_two_routes_to_one_marketplace_share_its_sales() -> None:
    candidates = replace(made(10, units=2), sources=["DE", "FR"] * 5, targets=["IT"] * 10)
    problem, solution = plan(candidates, budget=5_000, order_cost=0, box_cost=0, product_pct=100)
    units = [(candidates.asins[problem.route[at]], int(problem.unit[at])) for at in np.flatnonzero(solution.bought)]
    assert len(units) == len(set(units))


def test_without_money_or_candidates_nothing_is_bought() -> None:
    for candidates, budget in ((made(20), 0), (made(0), 2_000)):
        _, solution = plan(candidates, budget=budget)
        assert not solution.bought.any()
        assert (solution.value, solution.gap_pct) == (0.0, 0.0)


def test_what_is_unknown_or_a_glitch_is_not_bought_and_says_why() -> None:
    candidates = made(8)
    candidates.cash[:3] = np.nan, 4e6, 0
    candidates.profits[3] = np.nan
    assert candidates.why_not()[:5] == [NO_PRICE, GLITCH, NO_PRICE, NO_FORECAST, None]
    assert not np.isin(Problem(candidates, PortfolioParameters()).route, [0, 1, 2, 3]).any()


def test_a_search_that_is_cut_short_says_so_and_its_plan_holds() -> None:
    problem, solution = plan(made(400), budget=2_000, seconds=1e-6)
    assert solution.status == "time limit"
    assert not problem.broken(solution.chosen)
    assert solution.gap_pct > 0


def test_fields_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="must be of 8 routes"):
        replace(made(8), asins=["B000000001"])
