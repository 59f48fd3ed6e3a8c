"""The price at which a route leaves nothing, out of its profits at other prices."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from arbkit.analysis.forecast.profit.break_even import break_even_prices
from arbkit.analysis.forecast.profit.distribution import PRICE_RATIOS


def price_of(profit: Callable[[float], float], *, storage: float = 0.0, at: float = 1.0) -> float:
    """The break-even of a listing at 50.00 that is sold at ``at`` of that."""
    known = np.array([[profit(50 * ratio) for ratio in PRICE_RATIOS]])
    sold = np.array([50.0 * at])
    mine = np.array([profit(50.0 * at) - storage])
    return float(break_even_prices(known, np.array([50.0]), price=sold, profit=mine)[0])


def test_where_profit_is_a_line_it_is_where_the_line_is_zero() -> None:
    assert price_of(lambda price: 0.7 * price - 28) == 40.0


def test_costs_that_go_by_no_price_move_it() -> None:
    assert price_of(lambda price: 0.7 * price - 28, storage=1.4) == 42.0
    assert price_of(lambda price: 0.7 * price - 28, storage=1.4, at=0.95) == 42.0


def test_of_a_loss_it_is_above_todays_price() -> None:
    assert price_of(lambda price: 0.7 * price - 42) == 60.0


@pytest.mark.parametrize("level", [30.4, 33.5])
def test_where_a_fee_changes_its_share_it_is_exact_on_either_side(level: float) -> None:
    # 0.8 of each EUR up to 40, 0.6 of those above.
    def profit(price: float) -> float:
        return 0.8 * min(price, 40) + 0.6 * max(0.0, price - 40) - level

    root = price_of(profit)
    assert profit(root) == pytest.approx(0, abs=0.01)


def test_where_profit_jumps_or_is_never_zero_none_is_known() -> None:
    assert math.isnan(price_of(lambda price: 0.7 * price - 27 - (5 if price < 42 else 0)))
    assert math.isnan(price_of(lambda price: 0.7 * price + 1))
