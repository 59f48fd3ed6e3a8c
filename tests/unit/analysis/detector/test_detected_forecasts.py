"""What a stored route says of its forecast is what the forecast of its product says, whatever is priced with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.detector.pricing import price_products
from arbkit.analysis.forecast.profit.forecast import forecast_routes
from arbkit.analysis.forecast.sales.forecast import forecast_sales
from arbkit.analysis.offers import typed_offers
from arbkit.core.models import Offer, Opportunity, ProductState
from arbkit.core.offers.facts import Fact
from arbkit.profit import Profile, load_profile, load_rates, load_tables
from tests.helpers.factories import PACKAGE
from tests.profit_forecast.reseller import NOW, ON, PROFILE, offers_on_sale
from tests.simulated_market.market import simulate

FIGURES = (
    "profit_chance_pct", "profit_p1", "profit_p10", "profit_p50", "profit_p90", "expected_profit",
    "expected_profit_per_day_pct", "sold_in_30_days_pct",
)  # fmt: skip


def inputs(profile: Profile) -> Inputs:
    return Inputs(profile, load_tables(), load_rates(), ON)


def market() -> list[ProductState]:
    """Products on four marketplaces: measured and not, with a history and without one, one of them with typed facts."""
    made: dict[str, list[Offer]] = {}
    for number, one in enumerate(offers_on_sale(simulate(1, 16), 1)):
        unknown: dict[str, Any] = dict.fromkeys(PACKAGE) if number // 2 % 3 == 0 else {}
        if number // 2 % 4 == 0:
            unknown |= dict.fromkeys(("new_days90", "rank_mean90", "rank_days90"))
        here = replace(one, **unknown)
        made.setdefault(one.asin, []).append(here)
        if one.market == "DE":
            dear = round(1.6 * one.price_minor) if one.price_minor else None
            french = replace(here, market="FR", price_minor=dear, new_minor=dear)
            made[one.asin] += [french, replace(french, market="UK", currency="GBP")]
    typed = {asin: (Fact.of(asin, "package", {"weight_g": 900}, at=1.0),) for asin in list(made)[:2]}
    return [ProductState(asin, 1, tuple(offers), typed.get(asin, ())) for asin, offers in made.items()]


def routes(states: Sequence[ProductState], profile: Profile) -> dict[str, Opportunity]:
    priced = price_products(states, inputs(profile), now=NOW, least=-100.0)
    assert all(route.forecast_version is None for route in priced.losses)
    return {route.id: route for result in priced.results for route in result.routes}


@pytest.mark.parametrize("profile", [PROFILE, load_profile(None)], ids=["spot", "built in"])
def test_each_stored_route_has_the_forecast_of_its_product(profile: Profile) -> None:
    states = market()
    found = routes(states, profile)
    assert len(found) > 20
    for state in states:
        offers = typed_offers(state.offers, state.facts)
        forecasts = forecast_routes(offers, profile, load_tables(), load_rates(), on=ON, now=NOW)
        sales = dict(zip((offer.market for offer in offers), forecast_sales(offers, now=NOW), strict=True))
        for key, expected in forecasts.items():
            route = found.get(":".join(key))
            if route is None:
                continue
            assert {name: getattr(route, name) for name in FIGURES} == pytest.approx(
                {name: getattr(expected, name) for name in FIGURES}, abs=0.011
            )
            assert (route.forecast_version, route.forecast_unknown) == (expected.version, expected.unknown)
            assert route.days_to_sell_p50 == sales[route.target].days_to_sell_p50
    assert any(route.expected_profit is not None for route in found.values())


def test_a_route_has_the_same_forecast_alone_and_in_a_sweep_of_all() -> None:
    states = market()
    together = routes(states, PROFILE)
    alone = {name: route for state in states for name, route in routes([state], PROFILE).items()}
    assert together == alone
