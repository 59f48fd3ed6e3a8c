"""Candidates from offers: each further unit sells later and less surely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.profit.distribution import forecast_profits
from arbkit.analysis.forecast.profit.outlook import route_outlook
from arbkit.analysis.portfolio.candidates import Candidates
from arbkit.analysis.portfolio.forecasting import candidates_of
from arbkit.core.models import Offer, Opportunity
from arbkit.profit import Profile, load_rates, load_tables
from tests.helpers.factories import opportunity
from tests.profit_forecast.reseller import NOW, ON, PROFILE, offers_on_sale
from tests.simulated_market.market import simulate

_UNITS = 4
INPUTS = Inputs(PROFILE, load_tables(), load_rates(), ON)


@pytest.fixture(scope="module")
def market() -> list[Offer]:
    return offers_on_sale(simulate(1, 30), 1)


def candidates(offers: list[Offer], *, profile: Profile = PROFILE) -> tuple[Candidates, list[Opportunity]]:
    routes = [opportunity(one.asin, "IT", "DE", brand="  ACME  Toys ") for one in offers if one.market == "DE"]
    inputs = replace(INPUTS, profile=profile)
    return candidates_of(routes, offers, inputs, units=_UNITS, now=NOW)


def test_a_further_unit_sells_less_surely_and_earns_no_more(market: list[Offer]) -> None:
    made, routes = candidates(market)
    assert made.profits.shape[:2] == (len(routes), _UNITS)
    known = [row for row, reason in enumerate(made.why_not()) if reason is None]
    assert len(known) > 20
    assert (np.diff(made.sold[known], axis=1) <= 1e-12).all()
    assert (np.diff(made.profits[known], axis=1) <= 0).all()
    assert [one.asin for one in routes] == list(made.asins)
    assert set(made.brands) == {"acme toys"}


def test_the_first_unit_is_what_the_forecast_of_the_route_says(market: list[Offer]) -> None:
    made, routes = candidates(market)
    wanted = [(one.asin, one.source, one.target) for one in routes]
    outlook = route_outlook(market, PROFILE, load_tables(), load_rates(), on=ON, now=NOW, wanted=wanted)
    forecast = forecast_profits(outlook, load_price_model())
    expected = dict(zip(forecast.asin, forecast.expected, strict=True))
    assert made.expected[:, 0] == pytest.approx([expected[asin] for asin in made.asins], rel=1e-4, nan_ok=True)


def test_what_is_unknown_says_why_and_a_route_without_its_offers_is_left_out(market: list[Offer]) -> None:
    chosen = sorted({one.asin for one in market if one.price_minor})[:2]
    lacking = [
        replace(one, price_minor=None, new_minor=None) if (one.asin, one.market) == (chosen[0], "DE") else one
        for one in market
        if (one.asin, one.market) != (chosen[1], "IT")
    ]
    made, routes = candidates(lacking)
    assert chosen[1] not in made.asins
    assert len(routes) == len(made.asins)
    assert made.why_not()[list(made.asins).index(chosen[0])] is not None


def test_the_money_is_back_later_for_a_seller_whose_goods_take_longer(market: list[Offer]) -> None:
    usual, _ = candidates(market)
    slow, _ = candidates(market, profile=PROFILE.model_copy(update={"lead_days": 40.0}))
    known = ~np.isnan(usual.days).any(axis=(1, 2))
    assert slow.days[known].mean() > usual.days[known].mean()
