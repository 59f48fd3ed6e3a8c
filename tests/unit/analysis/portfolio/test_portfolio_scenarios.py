"""Scenarios: each route keeps its distribution, and what is common is common."""

from __future__ import annotations

import numpy as np

from arbkit.analysis.portfolio.parameters import DEFAULTS
from arbkit.analysis.portfolio.scenarios import in_scenarios, levels


def test_every_route_takes_each_level_once() -> None:
    found = levels(["DE", "FR"] * 3, ["toys"] * 6, 40)
    assert np.allclose(np.sort(found, axis=1), (np.arange(40) + 0.5) / 40)
    assert np.array_equal(found, levels(["DE", "FR"] * 3, ["toys"] * 6, 40))


def test_routes_to_one_marketplace_and_of_one_category_hang_together() -> None:
    targets = ["DE"] * 200 + ["FR"] * 100
    categories = ["toys"] * 100 + [None] * 200
    correlation = np.asarray(np.corrcoef(levels(targets, categories, 500)))
    alike = correlation[:100, :100].mean()
    same_market, apart = correlation[:100, 100:200].mean(), correlation[:200, 200:].mean()
    shocks = DEFAULTS.shocks
    assert abs(alike - shocks.market_share - shocks.category_share) < 0.08
    assert abs(same_market - shocks.market_share) < 0.08
    assert abs(apart) < 0.08


def test_a_good_course_is_good_for_all_units_of_a_route() -> None:
    rng = np.random.default_rng(1)
    samples, days = rng.normal(size=(5, 3, 40)), rng.random((5, 3, 40))
    profits, moved = in_scenarios(samples, days, levels(["DE"] * 5, [None] * 5, 40))
    assert np.array_equal(np.sort(profits[:, 0]), np.sort(samples[:, 0]))
    assert (np.diff(profits, axis=1) <= 0).all()
    assert np.array_equal(np.sort(moved), np.sort(days))
