"""The backtest: what it scores, that it never looks ahead, and what it does with little data."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
import pytest

from arbkit.analysis.backtest.baselines import POOLED
from arbkit.analysis.backtest.evidence import Evidence, Listing, gather
from arbkit.analysis.backtest.price_backtest import REFITTED, SHIPPED, judge
from arbkit.analysis.backtest.refits import forecast_refitted, forecast_with, refit
from arbkit.analysis.backtest.reliability import calibration_error, pit_shares, reliability_bins
from arbkit.analysis.backtest.scores import Interval
from arbkit.analysis.backtest.targets import targets_of
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.models import History, Series
from tests.helpers.required import missing
from tests.price_forecast.histories import histories_file, read_listings
from tests.price_forecast.made import START, listing, market


def gathered(listings: Sequence[Listing], *horizons: int) -> Evidence:
    evidence = gather([listings], horizons or (14,))
    assert evidence is not None
    return evidence


def test_a_market_is_scored_against_all_baselines() -> None:
    found = judge(gathered(market(40), 14, 30), of_products=40)
    assert (found.products, found.refitted) == (40, True)
    assert [one.horizon_days for one in found.horizons] == [14, 30]
    for one in found.horizons:
        assert [score.name for score in one.scores[:2]] == [REFITTED, SHIPPED]
        assert len(one.scores) == 7
        assert {group.name for group in one.markets} == {"DE"}
        assert {group.name for group in one.categories} == {"Toys"}
        assert sum(bin_.count for bin_ in one.reliability.bins) == pytest.approx(one.origins, abs=10)
        assert sum(one.pit) == pytest.approx(1, abs=0.001)
        assert one.later_days is not None


def test_batches_make_no_difference() -> None:
    listings = market(12)
    whole, parts = gather([listings], (14,)), gather([listings[:5], listings[5:]], (14,))
    assert whole is not None
    assert parts is not None
    assert np.array_equal(whole.judged.returns, parts.judged.returns, equal_nan=True)
    assert np.array_equal(whole.judged.listing, parts.judged.listing)
    assert all(np.array_equal(whole.baselines[name], parts.baselines[name]) for name in whole.baselines)


def altered(one: Listing, after: int) -> Listing:
    """Another future: no point after a time stays, and wild ones come."""
    series = one.history.series["new"]
    kept = sum(time <= after for time in series.times)
    times = series.times[:kept] + array("i", [after + 1, after + 20 * DAY_MIN, after + 90 * DAY_MIN])
    values = series.values[:kept] + array("i", [77, 1_000_000, 3])
    return Listing(History(one.history.asin, "DE", 0, "EUR", {"new": Series(times, values)}), one.category)


def test_no_forecast_looks_ahead() -> None:
    listings = market(40)
    day = START + 80 * DAY_MIN
    one, other = gathered(listings), gathered([altered(each, day) for each in listings])
    before, after = (e.judged.take(e.judged.at <= day) for e in (one, other))
    shared = np.isin(before.at + before.listing * 10**9, after.at + after.listing * 10**9)
    also = np.isin(after.at + after.listing * 10**9, before.at + before.listing * 10**9)
    before, after = before.take(shared), after.take(also)
    assert len(before) > 100
    model = load_price_model()
    assert np.array_equal(forecast_with(model, before, 0).quantiles, forecast_with(model, after, 0).quantiles)
    fitted, again = (refit(e.learnt.known_by(day), 40, seed=1) for e in (one, other))
    assert fitted is not None
    assert again is not None
    assert np.array_equal(forecast_refitted(fitted, before, 0).quantiles, forecast_refitted(again, after, 0).quantiles)


def test_no_product_is_forecast_by_a_model_that_has_seen_it() -> None:
    listings = market(40)
    number = 7
    changed = [*listings[:number], altered(listings[number], START + 60 * DAY_MIN), *listings[number + 1 :]]
    one, other = gathered(listings), gathered(changed)
    fitted, again = refit(one.learnt, 40, seed=1), refit(other.learnt, 40, seed=1)
    assert fitted is not None
    assert again is not None
    mine = one.judged.take((one.judged.product == number) & (one.judged.at <= START + 60 * DAY_MIN))
    assert len(mine)
    assert np.array_equal(forecast_refitted(fitted, mine, 0).quantiles, forecast_refitted(again, mine, 0).quantiles)


def test_few_products_are_judged_by_the_model_as_shipped() -> None:
    found = judge(gathered(market(5)), of_products=5)
    assert (found.refitted, found.horizons[0].judged) == (False, SHIPPED)
    assert POOLED not in {score.name for score in found.horizons[0].scores}
    assert found.horizons[0].later_days is None


@pytest.mark.parametrize(
    "points",
    [[], [(0, 1000)], [(0, -1), (100, -1)], [(0, 1000), (50, 900)], [(0, 1000), (25, -1), (200, -1)]],
    ids=["nothing", "one point", "all missing", "too short", "gone before it was watched for a month"],
)
def test_a_history_that_says_nothing_is_not_judged(points: list[tuple[float, int]]) -> None:
    assert gather([[listing("B000000001", points)]], (14,)) is None


def test_a_break_is_named_and_not_judged() -> None:
    evidence = gathered([listing("B000000001", [(0, 1000), (60, -1), (80, 1000), (120, 1100), (150, 1000)])])
    assert evidence.not_judged["nobody offers it new, or no price was recorded"] == 3


def test_listings_of_one_product_are_one_product() -> None:
    points = [(day, 1000 + day) for day in range(0, 130, 10)]
    evidence = gathered([listing("B000000001", points), listing("B000000001", points, market="IT")])
    found = judge(evidence, of_products=1)
    assert (found.listings, found.products) == (2, 1)


def test_bins_count_and_average_what_came() -> None:
    chances, happened = np.array([0.05, 0.95, 0.97, 1.0]), np.array([False, True, True, False])
    bins = reliability_bins(chances, happened, np.ones(4))
    assert [one.count for one in bins] == [1, *[0] * 8, 3]
    assert bins[-1].forecast == pytest.approx(0.9733, abs=1e-4)
    assert bins[-1].happened == pytest.approx(2 / 3, abs=1e-4)
    assert bins[4].forecast is None
    assert calibration_error(chances, happened, np.ones(4)) == pytest.approx((0.05 + 0.92) / 4, abs=1e-4)
    assert pit_shares(np.array([0.0, 0.05, 0.5, 1.0]), np.ones(4)) == [0.5, 0, 0, 0, 0, 0.25, 0, 0, 0, 0.25]


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [(78, 82, "reached"), (82.9, 88, "reached"), (84, 88, "missed"), (70, 90, "too few products")],
)
def test_a_target_holds_if_its_interval_overlaps_and_is_narrow(low: float, high: float, state: str) -> None:
    score = judge(gathered(market(5)), of_products=5).horizons[0].scores[0]
    measured = score.model_copy(update={"covered_pct": Interval(value=(low + high) / 2, low=low, high=high)})
    assert targets_of(measured, Interval(value=0.9, low=0.8, high=1.0), [])[0].state == state


def test_the_real_histories_give_the_figures_of_the_readme() -> None:
    path = histories_file()
    if path is None:
        path = missing("real price histories", "point ARBKIT_REAL_DATA at the folder beside theirs")
    found = judge(gathered(read_listings(path), 14, 30), of_products=173)
    assert [(one.origins, one.products) for one in found.horizons] == [(996, 107), (761, 106)]
    # As they were measured by others, from the same file.
    wanted = {
        "last price": (0.0263, 0.0492), "90-day mean": (0.0346, 0.0520), "min(last, mean)": (0.0302, 0.0493),
        "own quantiles": (0.0259, 0.0439), POOLED: (0.0234, 0.0413),
    }  # fmt: skip
    for name, losses in wanted.items():
        measured = [next(s for s in one.scores if s.name == name).pinball.value for one in found.horizons]
        assert measured == pytest.approx(losses, abs=0.0008), name
    assert not [(one.horizon_days, t.name) for one in found.horizons for t in one.targets if t.state == "missed"]
