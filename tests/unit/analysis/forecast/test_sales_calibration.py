"""Chances to have sold come true as often as they say, where the truth is known and no seed chose a parameter."""

from __future__ import annotations

import numpy as np
import pytest

from arbkit.analysis.backtest.probability_scores import score_probabilities
from arbkit.analysis.forecast.sales.evidence import evidence_of
from arbkit.analysis.forecast.sales.rate import estimate_rate
from arbkit.analysis.forecast.sales.timing import sold_probability
from tests.sales_forecast.adapter import NOW, offers_of
from tests.sales_forecast.fit import TRAINING_SEEDS
from tests.simulated_market.market import simulate

SEED = 900


@pytest.mark.parametrize("days", [30, 90])
def test_chances_are_calibrated_and_better_than_the_base_rate(days: int) -> None:
    assert SEED not in TRAINING_SEEDS
    market = simulate(SEED, 1_500)
    sales, share = evidence_of(offers_of(market), now=NOW)
    chances = sold_probability(estimate_rate(sales), share, 1, days)
    sold = np.array([product.sold_within(days) >= 1 for product in market])
    score = score_probabilities(chances, sold, np.arange(len(market)), seed=1)
    assert score.calibration_error.value <= 0.05
    assert score.brier_skill.low >= 0.1
