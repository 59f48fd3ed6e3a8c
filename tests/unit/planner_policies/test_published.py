"""The baselines say what their papers say, and the simulated market knows no planner."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from tests.helpers.paths import ROOT
from tests.planner_market.paths import Floats
from tests.planner_policies.noisy_signals import crawl_value, worth_of_signal
from tests.planner_policies.rates import azar_rates, freshness, lambda_crawl_rates, regular_freshness, regular_rates

COUNT, BUDGET = 1_000, 100.0


def synthetic() -> tuple[Floats, Floats]:
    """Importance and rates of change drawn evenly from (0, 1): the papers' own synthetic set-up."""
    chance = np.random.default_rng(5)
    return chance.random(COUNT), chance.random(COUNT)


def test_the_random_policy_as_a_schedule_reaches_99_percent_of_the_optimum() -> None:
    """Azar et al. 2018, abstract: the schedule made of the best random policy "attains 99 % of the optimum"."""
    importance, change = synthetic()
    found = regular_freshness(importance, change, azar_rates(importance, change, BUDGET))
    best = regular_freshness(importance, change, regular_rates(importance, change, BUDGET))
    assert round(found / best, 2) == 0.99


def test_no_other_rates_are_better_than_the_random_policy() -> None:
    importance, change = synthetic()
    rates = azar_rates(importance, change, BUDGET)
    assert rates.sum() == pytest.approx(BUDGET)
    best = freshness(importance, change, rates)
    chance = np.random.default_rng(6)
    for _ in range(50):
        other = rates * chance.uniform(0.7, 1.3, COUNT)
        assert freshness(importance, change, other * BUDGET / other.sum()) < best


def test_what_changes_too_fast_is_given_up_by_one_paper_and_not_by_the_other() -> None:
    """Kolobov et al. 2019: unlike binary freshness, the harmonic penalty starves no page."""
    importance, change = np.array([1.0, 1.0]), np.array([1.0, 100.0])
    assert azar_rates(importance, change, 1.0)[1] == 0
    assert (lambda_crawl_rates(importance, change, 1.0) > 0.2).all()


def test_lambda_crawl_has_the_least_harmonic_penalty() -> None:
    """Kolobov et al. 2019: the mean penalty −Σ μ·ln(ρ/(ρ+Δ)) is least at their rates."""
    importance, change = synthetic()

    def penalty(rates: Floats) -> float:
        return float(-(importance * np.log(rates / (rates + change))).sum())

    rates = lambda_crawl_rates(importance, change, BUDGET)
    assert rates.sum() == pytest.approx(BUDGET)
    chance = np.random.default_rng(7)
    for _ in range(50):
        other = rates * chance.uniform(0.7, 1.3, COUNT)
        assert penalty(other * BUDGET / other.sum()) > penalty(rates)


def test_the_harmonic_penalty_is_the_closed_form_of_the_paper() -> None:
    """Kolobov et al. 2019: a page that changes at Δ and is crawled at ρ has the mean penalty ln((ρ + Δ)/ρ)."""
    chance, change, rate = np.random.default_rng(8), 3.0, 2.0
    waited = chance.exponential(1 / rate, 200_000)
    missed = chance.poisson(change * waited)
    harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, missed.max() + 1)))
    assert harmonic[missed].mean() == pytest.approx(np.log((rate + change) / rate), rel=0.01)


def test_without_signals_the_crawl_value_is_the_closed_form() -> None:
    """Busa-Fekete et al. 2025: without signals V(τ) = μ/Δ·(1 − e^(−Δτ)(1 + Δτ))."""
    age, change, importance = np.array([0.5, 2.0, 9.0]), np.array([1.0, 0.3, 0.1]), np.array([1.0, 2.0, 3.0])
    none = np.zeros(3)
    wanted = importance / change * (1 - np.exp(-change * age) * (1 + change * age))
    np.testing.assert_allclose(crawl_value(age, change, importance, none, none), wanted)


def test_the_crawl_value_with_signals_is_that_of_simulated_cycles() -> None:
    """Busa-Fekete et al. 2025: V(ι) = μ·(w(ι) − e^(−αι)·ψ(ι)), of cycles that end when τ + βn reaches ι."""
    change, recall, false_rate, limit = 1.0, 0.5, 0.4, 1.2
    one = [np.array([value]) for value in (limit, change, 1.0, recall, false_rate)]
    beta = float(worth_of_signal(*one[1:2], *one[3:])[0])
    signals, missed = recall * change + false_rate, (1 - recall) * change
    chance = np.random.default_rng(9)
    fresh, lengths = [], []
    for _ in range(20_000):
        at, effective, stale_at = 0.0, 0.0, float(chance.exponential(1 / missed))
        while True:
            wait = float(chance.exponential(1 / signals))
            if effective + wait >= limit:
                at += limit - effective
                break
            at, effective = at + wait, effective + wait
            if chance.random() < recall * change / signals:
                stale_at = min(stale_at, at)
            effective += beta
            if effective >= limit:
                break
        lengths.append(at)
        fresh.append(min(at, stale_at))
    wanted = np.mean(fresh) - np.exp(-missed * limit) * np.mean(lengths)
    assert float(crawl_value(*one)[0]) == pytest.approx(wanted, rel=0.03)


def test_the_market_and_the_planner_know_nothing_of_each_other() -> None:
    for folder, foreign in (("tests/planner_market", "planning"), ("arbkit/pipeline/planning", "tests")):
        for file in sorted((ROOT / folder).glob("*.py")):
            names = [
                node.module or ""
                for node in ast.walk(ast.parse(file.read_text("utf-8")))
                if isinstance(node, ast.ImportFrom)
            ]
            assert not [name for name in names if foreign in name.split(".")], file
