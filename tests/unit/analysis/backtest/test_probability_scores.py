"""Scores of probabilities: by hand, of the perfect and the blind, and with intervals over products."""

from __future__ import annotations

import numpy as np
import pytest

from arbkit.analysis.backtest.probability_scores import score_probabilities
from arbkit.analysis.backtest.reliability import reliability_bins


def test_scores_by_hand() -> None:
    chances, happened = np.array([0.9, 0.1, 0.6, 0.4]), np.array([True, False, False, True])
    score = score_probabilities(chances, happened, np.arange(4), seed=1)
    assert (score.count, score.base_rate) == (4, 0.5)
    assert score.brier.value == pytest.approx((0.01 + 0.01 + 0.36 + 0.36) / 4)
    assert score.brier_skill.value == pytest.approx(1 - 0.185 / 0.25)
    assert score.log_score.value == pytest.approx(-(2 * np.log(0.9) + 2 * np.log(0.4)) / 4, abs=1e-4)
    assert score.calibration_error.value == pytest.approx((0.1 + 0.1 + 0.6 + 0.6) / 4)


def test_who_says_the_base_rate_has_no_skill_and_no_error() -> None:
    happened = np.arange(1_000) % 4 == 0
    score = score_probabilities(np.full(1_000, 0.25), happened, np.arange(1_000), seed=1)
    assert score.brier_skill.value == 0
    assert score.calibration_error.value == 0
    assert [one.count for one in score.bins] == [0, 0, 1_000, 0, 0, 0, 0, 0, 0, 0]


def test_a_certain_mistake_costs_much_but_not_everything() -> None:
    score = score_probabilities(np.array([1.0, 1.0]), np.array([False, True]), np.arange(2), seed=1)
    assert 5 < score.log_score.value < 10


def test_bins_say_how_many_their_mean_and_how_often_it_happened() -> None:
    bins = reliability_bins(np.array([0.0, 0.05, 0.1, 1.0]), np.array([False, True, True, True]))
    assert [one.count for one in bins] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (bins[0].forecast, bins[0].happened) == (0.025, 0.5)
    assert (bins[2].forecast, bins[2].happened) == (None, None)


def test_an_interval_holds_the_figure_and_draws_whole_products() -> None:
    rng = np.random.default_rng(3)
    chances = rng.random(100)
    happened = rng.random(100) < chances
    each = score_probabilities(chances, happened, np.arange(100), seed=1)
    tenfold = score_probabilities(
        np.repeat(chances, 10), np.repeat(happened, 10), np.repeat(np.arange(100), 10), seed=1
    )
    assert each.brier.low < each.brier.value < each.brier.high
    # The same origin ten times is no ten products.
    assert (tenfold.brier.low, tenfold.brier.high) == pytest.approx((each.brier.low, each.brier.high))
    assert each == score_probabilities(chances, happened, np.arange(100), seed=1)


@pytest.mark.parametrize("chances", [[], [1.2], [float("nan")]])
def test_what_is_no_forecast_is_refused(chances: list[float]) -> None:
    count = len(chances)
    with pytest.raises(ValueError, match=r"no forecasts|between 0 and 1"):
        score_probabilities(np.array(chances), np.zeros(count, bool), np.arange(count), seed=1)
