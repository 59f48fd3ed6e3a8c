"""The distribution of a route's profit, on routes that are made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.past import Basis, PricePast
from arbkit.analysis.forecast.profit.assumptions import PROFIT_ASSUMPTIONS
from arbkit.analysis.forecast.profit.distribution import (
    PRICE_RATIOS,
    SOLD_WITHIN_DAYS,
    ProfitForecasts,
    RouteMargins,
    RouteOutlook,
    forecast_profits,
    width_shares,
)
from arbkit.analysis.forecast.profit.draws import CAUSES, COUNT, spread_draws

CALM = (2_000.0, 90.0, 0.0, 0.5, 0.0, 0.0, 0.0)
VOLATILE = (2_000.0, 90.0, 0.4, 0.5, -0.3, 0.3, 0.0)


def outlook(
    *pasts: tuple[float, ...], half_life: float = 10, package: float = 0.0, foreign: bool = False, unknown: str = ""
) -> RouteOutlook:
    """Routes bought at 10 that leave 2 at a selling price of 20, and half of each euro by which that moves."""
    count = len(pasts)
    profit = np.tile(2 + 10 * (PRICE_RATIOS - 1), (count, 1))
    sold = np.tile(1 - 0.5 ** (SOLD_WITHIN_DAYS / half_life), (count, 1))
    margins = RouteMargins(
        profit, np.array([14.0, 90.0]), np.zeros((count, 2)), np.full(count, 2 - package), np.full(count, 2 + package),
        np.full(count, 10.0), np.full(count, 11.9), np.full(count, foreign),
    )  # fmt: skip
    price, days, changed, below, low, high, amazon = np.array(pasts).T
    past = PricePast(price, days, changed, below, low, high, amazon, np.full(count, int(Basis.OWN)))
    asin, source, target = (np.array([text] * count, object) for text in ("B000000001", "IT", "DE"))
    why = np.array([unknown] * count, object)
    half = np.full(count, half_life)
    return RouteOutlook(asin, source, target, np.full(count, 20.0), margins, np.arange(count), past, sold, half, why)


def forecast(routes: RouteOutlook) -> ProfitForecasts:
    return forecast_profits(routes, load_price_model())


def test_quantiles_rise_and_the_mean_lies_between_them() -> None:
    found = forecast(outlook(CALM, VOLATILE))
    assert found.samples.shape == found.days.shape == (2, COUNT)
    for row in range(2):
        assert found.p1[row] <= found.p10[row] <= found.p50[row] <= found.p90[row]
        assert found.p1[row] < found.expected[row] < found.samples[row].max()
        assert found.chance[row] == pytest.approx(np.mean(found.samples[row] > 0), abs=0.005)
        assert 0 < found.chance[row] < 1


def test_a_volatile_price_makes_a_profit_less_sure_than_a_calm_one() -> None:
    found = forecast(outlook(CALM, VOLATILE))
    width = found.p90 - found.p10
    assert width[1] > 2 * width[0]
    assert found.chance[1] < found.chance[0]


def test_what_sells_slowly_ties_money_up_and_is_sold_off() -> None:
    fast, slow = forecast(outlook(CALM, half_life=5)), forecast(outlook(CALM, half_life=200))
    assert fast.sold_in_30[0] > 0.9 > 0.2 > slow.sold_in_30[0]
    assert fast.tied_up_days[0] < slow.tied_up_days[0] <= slow.horizon_days + PROFIT_ASSUMPTIONS.timing.payout_days
    assert fast.expected[0] > slow.expected[0]
    unsold = slow.days[0] == slow.horizon_days
    # Selling off loses at least 15 % of a price of which every euro is worth half a one.
    assert slow.samples[0][unsold].mean() < slow.samples[0][~unsold].mean() - 1


def test_profit_by_day_is_of_the_money_that_was_paid_with_vat() -> None:
    found = forecast(outlook(CALM))
    assert found.profit_a_day[0] == pytest.approx(found.expected[0] / found.tied_up_days[0])
    assert found.pct_a_day[0] == pytest.approx(100 * found.profit_a_day[0] / 11.9)


def test_an_unmeasured_package_and_a_foreign_currency_widen_it() -> None:
    known, vague, foreign = (
        forecast(outlook(CALM, half_life=1)),
        forecast(outlook(CALM, half_life=1, package=3)),
        forecast(outlook(CALM, half_life=1, foreign=True)),
    )
    assert vague.p90 - vague.p10 > known.p90 - known.p10 + 3
    assert np.std(foreign.samples) > np.std(known.samples)


def test_of_what_varies_it_says_how_much_it_does() -> None:
    vague = width_shares(outlook(CALM, half_life=1, package=5), load_price_model())
    assert vague.sum() == pytest.approx(1)
    assert CAUSES[int(vague[0].argmax())] == "package"
    volatile = width_shares(outlook(VOLATILE, half_life=1), load_price_model())
    assert CAUSES[int(volatile[0].argmax())] == "price"
    assert volatile[0, CAUSES.index("exchange_rate")] == 0


def test_a_typical_past_is_wider_than_a_calm_one_of_its_own() -> None:
    calm = outlook(CALM)
    typical = replace(calm, past=replace(calm.past, basis=np.array([int(Basis.TYPICAL)])))
    own, prior = forecast(calm), forecast(typical)
    assert prior.p90 - prior.p10 > own.p90 - own.p10


def test_an_unknown_route_has_no_figure_and_says_why() -> None:
    found = forecast(outlook(CALM, unknown="nobody knows"))
    assert np.isnan([found.chance[0], found.p50[0], found.expected[0], found.pct_a_day[0], found.samples[0, 0]]).all()
    assert found.unknown[0] == "nobody knows"


def test_no_routes_are_no_forecasts() -> None:
    none = outlook(CALM).take(slice(0, 0))
    assert len(forecast(none)) == 0
    assert width_shares(none, load_price_model()).shape == (0, len(CAUSES))


def test_every_cause_is_drawn_evenly_and_apart_from_the_others() -> None:
    draws = spread_draws()
    levels = np.array([getattr(draws, cause) for cause in CAUSES])
    assert np.allclose(np.sort(levels, axis=1), (np.arange(COUNT) + 0.5) / COUNT)
    assert np.abs(np.corrcoef(levels) - np.eye(len(CAUSES))).max() < 0.1


def test_the_same_routes_have_the_same_forecast_alone_and_among_others() -> None:
    together, alone = forecast(outlook(CALM, VOLATILE)), forecast(outlook(VOLATILE))
    assert (together.samples[1] == alone.samples[0]).all()
