"""What a reseller earns in a simulated market, against what was forecast of it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.profit_forecast.reseller import LEAD_DAYS, Bought, buy
from tests.simulated_market.market import FUTURE_DAYS, simulate

SEED, PRODUCTS = 7, 80


@pytest.fixture(scope="module")
def bought() -> Bought:
    return buy(simulate(SEED, PRODUCTS), SEED)


def test_what_sells_goes_after_it_came_in_and_the_rest_is_sold_off_at_the_end(bought: Bought) -> None:
    assert len(bought.forecasts) == PRODUCTS
    assert (bought.sold_days >= LEAD_DAYS).all()
    sold = bought.sold_days < FUTURE_DAYS
    assert 0.3 < sold.mean() < 1
    # Selling off costs 15 % of the price.
    kept = bought.known()
    assert (bought.realised - bought.spot_profit)[kept & ~sold].mean() < (bought.realised - bought.spot_profit)[
        kept & sold
    ].mean()


def test_chances_tell_winners_from_losers(bought: Bought) -> None:
    known = bought.known()
    assert known.sum() > 0.9 * PRODUCTS
    won = bought.realised[known] > 0
    chance = bought.forecasts.chance[known]
    assert chance[won].mean() > 0.7 > 0.3 > chance[~won].mean()
    assert np.mean((chance - won) ** 2) < 0.15
