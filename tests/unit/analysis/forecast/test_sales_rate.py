"""The rate of sales: what a rank, its falls and a badge say, and how wide it is where they say little."""

from __future__ import annotations

import numpy as np
import pytest

from arbkit.analysis.forecast.sales.parameters import CURVES, SALES_PARAMETERS
from arbkit.analysis.forecast.sales.rate import SalesEvidence, SalesRate, estimate_rate, prior_rate, rate_quantile

NAN = float("nan")


def evidence(
    *, rank: float = NAN, curve: str = "other", average: bool = True, other_market: bool = False,
    drops: float = NAN, days: float = NAN, looks: float = NAN, badge: float = NAN,
) -> SalesEvidence:  # fmt: skip
    floats = [np.array([value], np.float64) for value in (rank, drops, days, looks, badge)]
    return SalesEvidence(
        floats[0], np.array([average]), np.array([CURVES.index(curve)]), np.array([other_market]), *floats[1:]
    )


def estimate(**known: float) -> tuple[float, float]:
    rate = estimate_rate(evidence(**known))  # type: ignore[arg-type]
    return float(rate.mean[0]), float(rate.shape[0])


def test_nothing_seen_is_unknown() -> None:
    assert np.isnan(estimate()).all()


def test_a_rank_alone_says_what_products_of_that_rank_sell() -> None:
    alone, prior = estimate(rank=50_000), prior_rate(evidence(rank=50_000))
    assert alone == pytest.approx((prior.mean[0], prior.shape[0]), rel=0.03)


def test_books_sell_by_the_published_curve() -> None:
    rate = prior_rate(evidence(rank=10_000, curve="books"))
    assert rate.mean[0] == pytest.approx(np.exp(10.526 - 0.87 * np.log(10_000)) / 7, rel=0.01)


@pytest.mark.parametrize("curve", CURVES)
def test_a_better_rank_sells_more_without_a_jump(curve: str) -> None:
    ranks = np.exp(np.linspace(0, 14, 500))
    means = np.array([prior_rate(evidence(rank=rank, curve=curve)).mean[0] for rank in ranks])
    assert (np.diff(means) < 0).all()
    assert np.abs(np.diff(np.log(means))).max() < 0.1


def test_a_slow_seller_sells_what_is_counted() -> None:
    mean, shape = estimate(rank=150_000, drops=12, days=90, looks=270)
    assert mean == pytest.approx(12 / 90, rel=0.15)
    # No narrower than a count of twelve is.
    assert 9 < shape < 18


def test_a_count_of_a_few_days_says_less_than_one_of_many() -> None:
    assert (
        estimate(rank=150_000, drops=2, days=10, looks=30)[1] < estimate(rank=150_000, drops=18, days=90, looks=270)[1]
    )


def test_rank_drops_hide_sales_between_two_looks() -> None:
    seldom, often = estimate(drops=20, days=90, looks=45), estimate(drops=20, days=90, looks=720)
    assert seldom[0] > 1.2 * often[0]
    assert often[0] == pytest.approx(20 / 90, rel=0.1)


def test_of_a_fast_seller_drops_say_only_the_least() -> None:
    # Ranks of the first ten, as Amazon's badge of them says 5,000 a month, fell six times.
    mean, shape = estimate(rank=10, drops=120, days=90, looks=240)
    assert mean > 10 * 120 / 90
    assert shape < 3


def test_a_badge_is_between_its_step_and_the_next() -> None:
    mean, shape = estimate(rank=3_000, badge=1_000)
    # Products of that rank sell less on average, so it is rather a month above the usual.
    assert 700 < 30 * mean < 2_000
    assert shape > SALES_PARAMETERS.curves["other"].shape
    assert estimate(badge=50)[0] * 30 == pytest.approx(70, rel=0.3)


def test_a_curve_of_another_marketplace_is_wide() -> None:
    there, here = (prior_rate(evidence(rank=9_000, other_market=other)) for other in (True, False))
    assert there.mean[0] == here.mean[0]
    assert there.shape[0] == pytest.approx(here.shape[0] * SALES_PARAMETERS.drift.other_market_shape)


def test_quantiles_hold_what_they_say() -> None:
    shape, mean = 2.0, 0.4
    rate = SalesRate(np.array([mean, NAN]), np.array([shape, NAN]))
    drawn = np.random.default_rng(1).gamma(shape, mean / shape, 20_000)
    for level in (0.1, 0.5, 0.9):
        found = rate_quantile(rate, level)
        assert (drawn < found[0]).mean() == pytest.approx(level, abs=0.04)
        assert np.isnan(found[1])


def test_many_offers_are_each_what_they_are_alone() -> None:
    one = evidence(rank=20_000, drops=5, days=90, looks=200)
    many = SalesEvidence(**{name: np.repeat(getattr(one, name), 5_000) for name in SalesEvidence.__slots__})
    np.testing.assert_allclose(estimate_rate(many).mean, estimate_rate(one).mean[0])
