"""The forecast of a price: a distribution, unknown where nothing is known, and never narrow for want of data."""

from __future__ import annotations

from array import array
from dataclasses import fields

import numpy as np
import pytest

from arbkit.analysis.forecast.price.fit import FIT_HORIZONS, fit_price_model
from arbkit.analysis.forecast.price.model import PriceForecast
from arbkit.analysis.forecast.price.model_file import load_price_model, load_price_model_file
from arbkit.analysis.forecast.price.origins import PriceOrigins, returns_after, spaced_origins
from arbkit.analysis.forecast.price.past import Basis, PriceHistories, PricePast, past_of
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.models import History, Series

START = 7_000_000
LEVELS = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]


def history(*points: tuple[float, int]) -> History:
    times, values = [START + int(day * DAY_MIN) for day, _ in points], [value for _, value in points]
    return History("A", "DE", 0, "EUR", {"new": Series(array("i", times), array("i", values))})


def past_at(day: float, *histories: History) -> PricePast:
    count = len(histories)
    return past_of(PriceHistories.of(histories), np.arange(count), np.full(count, START + int(day * DAY_MIN)))


CALM = history((0, 2000))
RESTLESS = history(*((day, 2000 + 300 * (day % 3) - 20 * (day % 7)) for day in range(0, 100, 3)))
MIXED = (CALM, RESTLESS, history((90, 2000)), history((0, 2000), (95, -1)), history((0, 2000), (99, 90_000)))


def forecast(horizon: float = 30) -> PriceForecast:
    return load_price_model().forecast(past_at(99, *MIXED), horizon)


def test_quantiles_rise_and_have_a_price_only_where_it_is_known() -> None:
    found = forecast()
    assert found.basis.tolist() == [Basis.OWN, Basis.OWN, Basis.TYPICAL, Basis.NO_PRICE, Basis.GLITCH]
    quantiles = found.quantiles(LEVELS)
    assert (np.diff(quantiles[:3]) >= 0).all()
    assert np.isnan(quantiles[3:]).all()
    assert np.isnan(found.chances[3:]).all()
    assert found.chances[:3].sum(1) == pytest.approx(1)


def test_a_price_that_never_moved_is_likely_to_stay_and_a_restless_one_is_not() -> None:
    calm, restless, little_known = forecast().chances[:3, 1]
    assert calm > little_known > restless


def test_little_data_gives_a_wider_band_than_a_calm_past() -> None:
    low, high = forecast().quantiles([0.1, 0.9])[:3].T
    width = high - low
    assert width[2] > width[0]
    assert width[2] > 0.05 * 2000


def test_the_band_widens_with_the_horizon() -> None:
    widths = [np.diff(forecast(days).quantiles([0.1, 0.9])[:3]) for days in (7, 30, 60)]
    assert (np.diff(widths, axis=0) >= 0).all()


def test_a_price_below_its_past_is_more_likely_to_rise() -> None:
    low, high = history((0, 2500), (80, 2000)), history((0, 1500), (80, 2000))
    chances = load_price_model().forecast(past_at(99, low, high), 30).chances
    assert chances[0, 2] - chances[0, 0] > chances[1, 2] - chances[1, 0]


def test_samples_follow_the_quantiles_and_the_seed() -> None:
    found = forecast()
    drawn = found.samples(40_000, seed=3)
    assert np.quantile(drawn[1], [0.1, 0.5, 0.9]) == pytest.approx(found.quantiles([0.1, 0.5, 0.9])[1], rel=0.02)
    assert np.array_equal(drawn, found.samples(40_000, seed=3), equal_nan=True)
    assert (drawn[0] == 2000).mean() == pytest.approx(found.chances[0, 1], abs=0.01)


@pytest.mark.parametrize("level", [0.02, 0.2, 0.97])
def test_the_chance_of_a_quantile_is_its_level(level: float) -> None:
    found = forecast()
    prices = found.quantiles([level])[:, 0]
    below, at_most = found.chance_below(prices)
    moved = np.abs(prices[:3] - found.price[:3]) > 1e-6
    assert below[:3][moved] == pytest.approx(level, abs=1e-6)
    assert (below[:3] <= level + 1e-6).all()
    assert (at_most[:3] >= level - 1e-6).all()
    assert np.isnan(below[3:]).all()


def test_the_chance_of_staying_lies_between_less_and_at_most() -> None:
    found = forecast()
    below, at_most = found.chance_below(found.price)
    assert (at_most - below)[:3] == pytest.approx(found.chances[:3, 1])


@pytest.mark.parametrize("days", [0, 91, float("nan")])
def test_a_horizon_that_nothing_was_learnt_of_is_refused(days: float) -> None:
    with pytest.raises(ValueError, match="from 1 to 90 days"):
        forecast(days)


def test_no_listing_at_all_is_no_forecast() -> None:
    assert load_price_model().forecast(past_at(99), 30).quantiles([0.5]).shape == (0, 1)


def test_the_model_says_what_it_was_fitted_to() -> None:
    file = load_price_model_file()
    assert (file.version, file.fitted_to.products) == (load_price_model().version, 129)
    assert file.fitted_to.command == "python -m tests.price_forecast.fit"


def market(products: int, seed: int) -> PriceOrigins:
    """Origins of prices that stay, or move by up to a tenth: half of the products each day, the rest once a month."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(products):
        days = np.arange(0, 160, 1 if number % 2 else 30)
        level = rng.integers(500, 9000)
        made.append(history(*((int(day), int(level * rng.uniform(0.9, 1.1))) for day in days)))
    rows_of = PriceHistories.of(made)
    rows, at = spaced_origins(rows_of.new, every_days=5)
    returns = returns_after(rows_of.new, rows, at, FIT_HORIZONS)
    return PriceOrigins(rows, rows, at, past_of(rows_of, rows, at), FIT_HORIZONS, returns)


def test_a_fit_learns_what_moves_and_covers_what_it_has_not_seen() -> None:
    model = fit_price_model(market(60, 1), version="test", seed=1)
    assert model is not None
    unseen = market(40, 2)
    column = FIT_HORIZONS.index(14)
    known = unseen.take(~np.isnan(unseen.returns[:, column]))
    found = model.forecast(known.past, 14)
    band = found.quantiles([0.1, 0.9]) / known.past.price[:, None]
    outcomes = np.exp(known.returns[:, column])
    restless = known.product % 2 == 1
    assert found.chances[restless, 1].mean() < 0.1
    assert found.chances[~restless, 1].mean() > 0.4
    assert ((outcomes >= band[:, 0]) & (outcomes <= band[:, 1])).mean() == pytest.approx(0.8, abs=0.05)


def test_the_same_outcomes_and_seed_give_the_same_model() -> None:
    one, other = (fit_price_model(market(25, 1), version="test", seed=1) for _ in range(2))
    assert one is not None
    assert other is not None
    assert all(np.array_equal(getattr(one.own, f.name), getattr(other.own, f.name)) for f in fields(one.own))


def test_too_few_products_are_not_fitted_to() -> None:
    assert fit_price_model(market(10, 1), version="test", seed=1) is None


def test_prices_that_never_moved_teach_no_sizes() -> None:
    origins = market(25, 1)
    still = PriceOrigins(
        origins.listing, origins.product, origins.at, origins.past, origins.horizons, origins.returns * 0
    )
    assert fit_price_model(still, version="test", seed=1) is None
