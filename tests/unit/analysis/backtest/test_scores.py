"""Scores whose results are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from arbkit.analysis.backtest.baselines import BASELINES, LAST, MEAN, OWN, POOLED, ROBUST, own_baselines
from arbkit.analysis.backtest.scores import ProductMeans, above_median, is_covered, pinball, pit


def test_pinball_charges_each_side_by_its_level() -> None:
    quantiles = np.array([[0.9, 1.0, 1.1]])
    # (0.1 × 0.1 + 0.5 × 0 + 0.1 × 0.1) / 3 at the median; one below the band costs 0.9 × at its 10 %.
    assert pinball(np.array([1.0]), quantiles)[0] == pytest.approx((0.01 + 0 + 0.01) / 3)
    assert pinball(np.array([0.8]), quantiles)[0] == pytest.approx((0.9 * 0.1 + 0.5 * 0.2 + 0.1 * 0.3) / 3)


def test_the_true_quantiles_cost_least() -> None:
    drawn = np.random.default_rng(1).normal(1, 0.1, 20_000)
    true = np.quantile(drawn, [0.1, 0.5, 0.9])
    costs = [pinball(drawn, np.broadcast_to(true * scale, (20_000, 3))).mean() for scale in (0.97, 1.0, 1.03)]
    assert costs[1] == min(costs)


def test_the_edges_of_a_band_are_inside_and_an_equal_median_counts_half() -> None:
    quantiles = np.tile([0.9, 1.0, 1.1], (4, 1))
    outcomes = np.array([0.9, 1.0, 1.1, 1.2])
    assert is_covered(outcomes, quantiles).tolist() == [True, True, True, False]
    assert above_median(outcomes, quantiles).tolist() == [0, 0.5, 1, 1]


def test_each_product_counts_once_however_often_it_was_scored() -> None:
    listings = np.array([0] * 98 + [1, 2])
    means = ProductMeans(listings, listings, seed=1)
    found = means.mean(np.where(listings == 0, 1.0, 0.0))
    assert found.value == pytest.approx(1 / 3, abs=1e-4)
    assert (found.low, found.high) == (0.0, 1.0)


def test_listings_of_one_product_are_drawn_together() -> None:
    listings, products = np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1])
    values = np.array([0.0, 1.0, 0.0, 1.0])
    found = ProductMeans(listings, products, seed=1).mean(values)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)


def test_a_mean_over_nothing_is_unknown() -> None:
    means = ProductMeans(np.array([0]), np.array([0]), seed=1)
    assert means.mean(np.array([1.0]), np.array([False])).value is None


def test_where_an_unchanged_outcome_lies_is_drawn_within_their_chance() -> None:
    below, at_most = np.full(50_000, 0.3), np.full(50_000, 0.8)
    drawn = pit(below, at_most, seed=1)
    assert (drawn.min() >= 0.3, drawn.max() <= 0.8) == (True, True)
    assert drawn.mean() == pytest.approx(0.55, abs=0.01)
    assert np.array_equal(drawn, pit(below, at_most, seed=1))


def test_the_baselines_of_one_past() -> None:
    daily = np.full((1, 91), np.nan)
    daily[0, -4:] = [10.0, 20.0, 30.0, 20.0]
    found = own_baselines(daily)
    assert found[LAST].tolist() == [[1, 1, 1]]
    assert found[MEAN].tolist() == [[1, 1, 1]]
    assert found[ROBUST].tolist() == [[1, 1, 1]]
    assert found[OWN][0, 1] == 1
    assert found[OWN][0, 0] < 1 < found[OWN][0, 2]
    assert {*found, POOLED} == set(BASELINES)
