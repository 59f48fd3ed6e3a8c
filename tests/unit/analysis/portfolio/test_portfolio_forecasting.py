"""Candidates from offers and their histories: each further unit sells later and less surely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.profit.distribution import forecast_profits
from arbkit.analysis.forecast.profit.outlook import route_outlook
from arbkit.analysis.portfolio.candidates import Candidates
from arbkit.analysis.portfolio.forecasting import candidates_of
from arbkit.core.models import History, Offer, Opportunity
from arbkit.profit import load_rates, load_tables
from tests.helpers.factories import opportunity
from tests.profit_forecast.reseller import NOW, ON, PROFILE, offers_on_sale
from tests.simulated_market.market import simulate

_UNITS = 4


@pytest.fixture(scope="module")
def market() -> tuple[list[Offer], dict[str, History]]:
    return offers_on_sale(simulate(1, 30), 1)


def candidates(offers: list[Offer], histories: dict[str, History]) -> tuple[Candidates, list[Opportunity]]:
    routes = [opportunity(one.asin, "IT", "DE", brand="  ACME  Toys ") for one in offers if one.market == "DE"]
    return candidates_of(routes, offers, histories, PROFILE, load_tables(), load_rates(), units=_UNITS, now=NOW)


def test_a_further_unit_sells_less_surely_and_earns_no_more(market: tuple[list[Offer], dict[str, History]]) -> None:
    made, routes = candidates(*market)
    assert made.profits.shape[:2] == (len(routes), _UNITS)
    known = [row for row, reason in enumerate(made.why_not()) if reason is None]
    assert len(known) > 20
    assert (np.diff(made.sold[known], axis=1) <= 1e-12).all()
    assert (np.diff(made.profits[known], axis=1) <= 0).all()
    assert [one.asin for one in routes] == list(made.asins)
    assert set(made.brands) == {"acme toys"}


def test_the_first_unit_is_what_the_forecast_of_the_route_says(market: tuple[list[Offer], dict[str, History]]) -> None:
    made, routes = candidates(*market)
    wanted = [(one.asin, one.source, one.target) for one in routes]
    outlook = route_outlook(*market, PROFILE, load_tables(), load_rates(), on=ON, now=NOW, wanted=wanted)
    forecast = forecast_profits(outlook, load_price_model())
    expected = dict(zip(forecast.asin, forecast.expected, strict=True))
    assert made.expected[:, 0] == pytest.approx([expected[asin] for asin in made.asins], rel=1e-4, nan_ok=True)


def test_what_is_unknown_says_why_and_a_route_without_its_offers_is_left_out(
    market: tuple[list[Offer], dict[str, History]],
) -> None:
    offers, histories = market
    chosen = sorted({one.asin for one in offers if one.price_minor})[:2]
    lacking = [
        replace(one, price_minor=None, new_minor=None) if (one.asin, one.market) == (chosen[0], "DE") else one
        for one in offers
        if (one.asin, one.market) != (chosen[1], "IT")
    ]
    made, routes = candidates(lacking, histories)
    assert chosen[1] not in made.asins
    assert len(routes) == len(made.asins)
    assert made.why_not()[list(made.asins).index(chosen[0])] is not None
