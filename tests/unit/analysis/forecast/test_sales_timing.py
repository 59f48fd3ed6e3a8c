"""Days to sell, and the probability to have sold in time."""

from __future__ import annotations

import numpy as np
import pytest

from arbkit.analysis.forecast.sales.parameters import SALES_PARAMETERS
from arbkit.analysis.forecast.sales.rate import SalesRate
from arbkit.analysis.forecast.sales.share import ShareEvidence, newcomer_share
from arbkit.analysis.forecast.sales.timing import days_to_sell, sold_probability

NAN = float("nan")


def rate(*means: float, shape: float = 3.0) -> SalesRate:
    return SalesRate(np.array(means), np.full(len(means), shape))


def rivals(count: int) -> ShareEvidence:
    columns = np.array([2.0, 3.0, 0.0, 1.0, 0.005])[:, None] * np.ones(count)
    return ShareEvidence(*columns)


@pytest.mark.parametrize("units", [1, 4])
def test_the_probability_is_that_of_sales_drawn_by_chance(units: int) -> None:
    rng, draws = np.random.default_rng(5), 100_000
    part = newcomer_share(rivals(1), 30.0)
    share = rng.choice(part.values[0], draws, p=part.weights[0])
    spread = np.exp(SALES_PARAMETERS.drift.log_sd**2)
    shape = 1 / ((1 + 1 / 3.0) * spread - 1)
    sold = rng.poisson(rng.gamma(shape, 0.4 / shape, draws) * share * 30)
    assert sold_probability(rate(0.4), rivals(1), units, 30)[0] == pytest.approx((sold >= units).mean(), abs=0.005)


def test_more_time_sells_more_and_more_units_take_longer() -> None:
    chances = [sold_probability(rate(0.3), rivals(1), 2, days)[0] for days in (1, 30, 60, 90)]
    assert chances == sorted(chances)
    days = [days_to_sell(rate(0.3), rivals(1), units, 0.5)[0] for units in (1, 2, 5, 20)]
    assert days == sorted(days)


def test_days_to_sell_turns_the_probability_round() -> None:
    for level in (0.5, 0.9):
        days = days_to_sell(rate(2.0, 0.2), rivals(2), 3, level)
        np.testing.assert_allclose(sold_probability(rate(2.0, 0.2), rivals(2), 3, days), level, atol=0.003)


def test_what_hardly_sells_takes_longer_than_anybody_can_say() -> None:
    assert np.isinf(days_to_sell(rate(0.0001), rivals(1), 1, 0.9)).all()


def test_what_is_unknown_stays_unknown() -> None:
    assert np.isnan(sold_probability(rate(NAN), rivals(1), 1, 30)).all()
    assert np.isnan(days_to_sell(rate(NAN), rivals(1), 1, 0.5)).all()


def test_a_wide_rate_is_less_certain_than_a_narrow_one() -> None:
    wide, narrow = (days_to_sell(rate(0.5, shape=shape), rivals(1), 1, 0.9)[0] for shape in (0.5, 20.0))
    assert wide > 2 * narrow


@pytest.mark.parametrize(("units", "level"), [(0, 0.5), (-1, 0.5), (1, 0.0), (1, 1.0)])
def test_a_question_without_sense_is_refused(units: int, level: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        days_to_sell(rate(1.0), rivals(1), units, level)
