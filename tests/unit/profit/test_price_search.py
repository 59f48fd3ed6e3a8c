"""Break-even prices, the highest price worth paying and dead zones, of profits that are known exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from arbkit.profit.quote.price_search import break_even, dead_zones, highest

Floats = npt.NDArray[np.float64]


@pytest.mark.parametrize("price", [0.05, 9.99, 37.42, 99.99, 100.13, 250.37, 1_999.87])
def test_profit_that_rises_or_falls_breaks_even_at_one_price(price: float) -> None:
    assert break_even(lambda prices: prices - price, 2_000) == [price]
    assert break_even(lambda prices: price - prices, 2_000) == [price]


def test_a_break_even_price_between_two_cents_is_rounded_to_the_nearer() -> None:
    assert break_even(lambda prices: prices - 12.3449, 20) == [12.34]
    assert break_even(lambda prices: prices - 12.3451, 20) == [12.35]


def test_at_a_step_of_a_fee_the_cent_without_a_loss_breaks_even() -> None:
    falls_at_10 = lambda prices: np.where(prices <= 10, prices - 9, prices - 10.5)  # noqa: E731
    assert break_even(falls_at_10, 100) == [9.0, 10.0, 10.5]
    rises_at_20 = lambda prices: np.where(prices < 20, -1.0, 1.0)  # noqa: E731
    assert break_even(rises_at_20, 100) == [20.0]
    falls_at_300 = lambda prices: np.where(prices <= 300, 1.0, -1.0)  # noqa: E731
    assert break_even(falls_at_300, 1_000) == [300.0]


@pytest.mark.parametrize(("before", "after", "price"), [(0.4, -0.1, 10.0), (-0.1, 0.4, 10.01)])
def test_a_small_step_is_one_too(before: float, after: float, price: float) -> None:
    assert break_even(lambda prices: np.where(prices <= 10, before, after), 100) == [price]


def test_prices_are_searched_up_to_the_highest_and_no_further() -> None:
    assert break_even(lambda prices: prices - 50, 49.99) == []
    assert break_even(lambda prices: prices - 50, 50) == [50.0]
    assert break_even(lambda prices: prices - 149.98, 150) == [149.98]
    assert break_even(lambda prices: prices - 160, 150) == []
    assert break_even(lambda prices: prices + 1, 1_000) == []


def test_an_unknown_profit_breaks_even_nowhere() -> None:
    assert break_even(lambda prices: np.full(prices.shape, np.nan), 1_000) == []


@pytest.mark.parametrize("limit", [0.01, 0.02, 37.42, 99.99, 100.0, 100.01, 100.2, 1_234.56, 1_999.99])
def test_the_highest_price_that_is_enough_is_found_to_the_cent(limit: float) -> None:
    assert highest(lambda prices: prices <= limit, 2_000) == limit


def test_the_highest_of_several_stretches_counts() -> None:
    assert highest(lambda prices: (prices <= 10) | ((prices >= 20) & (prices <= 30)), 100) == 30


def test_no_price_is_enough_or_every_one_is() -> None:
    assert highest(lambda prices: prices < 0, 2_000) is None
    assert highest(lambda prices: prices > 0, 50) == 50


def test_a_dead_zone_ends_where_profit_is_as_high_as_before_it() -> None:
    def profit(prices: Floats) -> Floats:
        return np.where(prices <= 10, prices, prices - 1.5)

    assert dead_zones(profit, 40) == [(10.01, 11.5)]
    assert dead_zones(profit, 11) == []  # it does not end within the prices that are looked at
    assert dead_zones(lambda prices: prices, 40) == []


def test_each_step_has_a_dead_zone_of_its_own() -> None:
    def profit(prices: Floats) -> Floats:
        return prices / 2 - np.where(prices > 10, 0.7515, 0) - np.where(prices > 20, 0.25, 0)

    assert dead_zones(profit, 40) == [(10.01, 11.5), (20.01, 20.5)]


def test_a_profit_that_is_unknown_at_first_has_a_dead_zone_only_where_it_falls() -> None:
    def profit(prices: Floats) -> Floats:
        return np.where(prices < 5, np.nan, np.where(prices <= 10, prices, prices - 2))

    assert dead_zones(profit, 40) == [(10.01, 12.0)]


def test_dead_zones_are_looked_for_up_to_500() -> None:
    def profit(prices: Floats) -> Floats:
        return np.where(prices <= 490, prices, prices - 2)

    assert dead_zones(profit, 1_000) == [(490.01, 492.0)]
    assert dead_zones(lambda prices: np.where(prices <= 500.5, prices, prices - 2), 1_000) == []
