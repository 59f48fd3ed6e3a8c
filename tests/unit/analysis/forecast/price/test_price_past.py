"""What is read from a price's past, and that nothing after the origin is."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from arbkit.analysis.forecast.price.origins import returns_after, spaced_origins
from arbkit.analysis.forecast.price.past import Basis, PriceHistories, PricePast, past_of, past_of_offers
from arbkit.core.history.prices import WITH_SHIPPING_MIN
from arbkit.core.history.steps import DAY_MIN, StepSeries
from arbkit.core.keepa_time import to_unix
from arbkit.core.models import History, Series
from tests.helpers.factories import offer
from tests.helpers.past import with_past

START = 7_000_000


def series(*points: tuple[float, int]) -> Series:
    """Points as (day, value)."""
    return Series(array("i", [START + int(day * DAY_MIN) for day, _ in points]), array("i", [v for _, v in points]))


def histories(*new: Series, amazon: Series | None = None) -> PriceHistories:
    sold = {} if amazon is None else {"amazon": amazon}
    return PriceHistories.of([History("A", "DE", 0, "EUR", {"new": one, **sold}) for one in new])


def past_at(day: float, *points: tuple[float, int], amazon: Series | None = None) -> PricePast:
    return past_of(histories(series(*points), amazon=amazon), np.array([0]), np.array([START + int(day * DAY_MIN)]))


def test_a_value_holds_until_the_next_point_and_there_is_none_before_the_first() -> None:
    steps = StepSeries.of([series((0, 100), (2, -1), (3, 80)), None, series((1, 50))])
    rows, days = np.array([0, 0, 0, 0, 1, 2, 2]), np.array([-1, 0, 2, 4, 4, 0, 99])
    found = steps.at(rows, START + days * DAY_MIN)
    assert np.array_equal(found, [np.nan, 100, np.nan, 80, np.nan, np.nan, 50], equal_nan=True)


def test_the_figures_of_a_past() -> None:
    past = past_at(40, (0, 1000), (10, 2000), (20, 1000), (30, 1250), amazon=series((0, 1000), (39, -1)))
    assert past.basis[0] == Basis.OWN
    assert (past.price[0], past.days[0], past.amazon[0]) == (1250, 41, 0)
    assert past.changed[0] == pytest.approx(3 / 40)
    # Lower on 20 days, the same on 11, higher on 10.
    assert past.below[0] == pytest.approx((20 + 11 / 2) / 41)
    assert np.exp([past.low[0], past.high[0]]) == pytest.approx([0.8, 1.6])


@pytest.mark.parametrize("day", [12, 25, 40, 41, 60, 200])
def test_what_an_offer_says_of_its_history_is_the_same_past(day: int) -> None:
    points = (0, 1000), (10, 2000), (20, 1000), (30, 1250), (33, -1), (39, 1300), (41, -1), (100, 15_000)
    prices, amazon = series(*points), series((0, 1000), (39, -1))
    history = History("B000000001", "DE", 0, "EUR", {"new": prices, "amazon": amazon})
    until = to_unix(START + day * DAY_MIN)
    sells = 1_000 if day < 39 else None
    known = with_past(offer(updated_at=until, amazon_minor=sells), history, until=until)
    said, read = past_of_offers([known], now=until), past_at(day, *points, amazon=amazon)
    for name in ("price", "days", "changed", "below", "low", "high", "amazon", "basis"):
        assert getattr(said, name) == pytest.approx(getattr(read, name), abs=1e-3, nan_ok=True), name


def test_a_price_that_came_after_the_history_was_read_lies_beyond_it() -> None:
    known = offer(
        updated_at=1_760_000_000, new_minor=2_000, new_days90=91, new_changed90_pct=1.0, new_below90_pct=50.0,
        new_low90_minor=900, new_high90_minor=1_000, new_median90_minor=950,
    )  # fmt: skip
    past = past_of_offers([known], now=1_760_000_000.0)
    assert (past.below[0], past.high[0]) == (1, 0)
    assert past.low[0] == pytest.approx(np.log(0.45))


def test_the_future_changes_nothing() -> None:
    before = [(0, 1000), (10, 1200), (35, 900)]
    one, other = past_at(40, *before, (41, 5)), past_at(40, *before, (40.5, 99_999), (60, -1), (90, 1))
    for name in ("price", "days", "changed", "below", "low", "high", "amazon", "basis"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize(
    ("points", "basis"),
    [
        ([], Basis.NO_PRICE),
        ([(0, -1), (20, -1)], Basis.NO_PRICE),
        ([(0, 1000), (30, -1)], Basis.NO_PRICE),
        ([(50, 1000)], Basis.NO_PRICE),
        ([(39, 1000)], Basis.TYPICAL),
        ([(0, 1000), (5, -1), (35, 1000)], Basis.TYPICAL),
        ([(0, 1000), (12, -1), (25, 1000)], Basis.OWN),
        ([(0, 1000), (39, 10_001)], Basis.GLITCH),
        ([(0, 1000), (39, 99)], Basis.GLITCH),
        ([(0, 1000), (39, 3000)], Basis.OWN),
    ],
    ids=[
        "no history", "all missing", "gone now", "all of it in the future", "one point", "a long break",
        "a short break", "a hundred times as dear", "a comma too far", "three times as dear",
    ],
)  # fmt: skip
def test_what_a_forecast_can_rest_on(points: list[tuple[float, int]], basis: Basis) -> None:
    past = past_at(40, *points)
    assert past.basis[0] == basis
    figures = np.array([past.days, past.changed, past.below, past.low, past.high])
    assert not np.isnan(figures).any()


def test_steps_of_months_are_a_past() -> None:
    past = past_at(400, (0, 1000), (200, 1100))
    assert (past.basis[0], past.days[0], past.changed[0], past.below[0]) == (Basis.OWN, 91, 0, 0.5)


def test_origins_begin_after_a_month_and_end_with_the_history() -> None:
    new = histories(series((0, 1000), (50, 1100)), series((0, 1000), (20, 900))).new
    rows, times = spaced_origins(new, every_days=7)
    assert rows.tolist() == [0, 0, 0]
    assert ((times - START) / DAY_MIN).tolist() == [30, 37, 44]
    few, _ = spaced_origins(new, every_days=1, most=4)
    assert len(few) <= 5


def test_an_outcome_is_known_only_as_far_as_the_history_goes() -> None:
    new = histories(series((0, 1000), (45, 2000), (50, -1), (60, 1000))).new
    origins = START + np.array([30, 37, 40, 47]) * DAY_MIN
    found = returns_after(new, np.zeros(4, np.int64), origins, (14,))[:, 0]
    # After 44 days unchanged, at 51 and 54 nobody offers it, and 61 is beyond the last change.
    assert np.array_equal(found, [0, np.nan, np.nan, np.nan], equal_nan=True)
    later = returns_after(new, np.zeros(1, np.int64), origins[:1], (17,))
    assert later[0, 0] == pytest.approx(np.log(2))


def test_prices_without_shipping_are_not_held_against_those_with_it() -> None:
    switch = (WITH_SHIPPING_MIN - START) / DAY_MIN
    points = [(switch - 100, 1000), (switch, 1400), (switch + 60, 1500)]
    past = past_at(switch + 30, *points)
    assert (past.days[0], past.low[0], past.basis[0]) == (31, 0, Basis.OWN)
    assert past_at(switch + 10, *points).basis[0] == Basis.TYPICAL
    new = histories(series(*points)).new
    origins = np.array([WITH_SHIPPING_MIN - DAY_MIN, WITH_SHIPPING_MIN, WITH_SHIPPING_MIN - 20 * DAY_MIN])
    found = returns_after(new, np.zeros(3, np.int64), origins, (14,))[:, 0]
    assert np.array_equal(found, [np.nan, 0, 0], equal_nan=True)
