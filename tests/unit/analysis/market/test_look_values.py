"""What a look may be worth: the profit of routes at any price, as the profit kernel has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arbkit.analysis.forecast.profit.distribution import SOLD_WITHIN_DAYS
from arbkit.analysis.forecast.profit.outlook import one_unit_sold
from arbkit.analysis.market.look_values import LookValues
from arbkit.core.models import ProductState
from arbkit.core.settings import Settings
from arbkit.pipeline.polling.known import log_prices
from arbkit.profit.fees.arrays import Floats
from tests.helpers.factories import PACKAGE, offer

NOW = 1_790_000_000.0
MARKETS = ("DE", "IT")
SOLD = {"sales_rank": 900, "sales_rank_at": int(NOW), "rank_drops30": 60, "rank_drops90": 170, "offers_new": 3}


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbkit.analysis.market.look_values.time.time", lambda: NOW)


def state(asin: str, *, de: int | None, italy: int | None) -> ProductState:
    at = {"updated_at": int(NOW), "price_at": int(NOW), "fetched_at": NOW, "new_at": int(NOW)}
    offers = [
        offer(asin, code, price_minor=price, new_minor=price, price_basis="new", category="Toys & Games",
              **at, **PACKAGE, **SOLD)
        for code, price in (("DE", de), ("IT", italy)) if price is not None
    ]  # fmt: skip
    return ProductState(asin, 1, tuple(offers))


def values_of(settings: Settings, states: list[ProductState]) -> LookValues:
    found = LookValues(settings, MARKETS)
    found.learn(np.arange(len(states)), states)
    return found


def value(found: LookValues, product: int, route: int, buy: float, sell: float) -> float:
    asked = (np.array([[[each]]]) for each in (product, route))
    prices = (np.array([[[np.log(each)]]]) for each in (buy, sell))
    answer: Floats = found(*asked, *prices)
    return float(answer[0, 0, 0])


IT_TO_DE, DE_TO_IT = 1, 0


def test_it_is_the_profit_of_the_route_by_the_chance_to_sell(settings: Settings) -> None:
    one = state("B000000001", de=8_000, italy=3_000)
    found = values_of(settings, [one])
    assert (found.source[IT_TO_DE], found.target[IT_TO_DE]) == (1, 0)
    chance = one_unit_sold([o for o in one.offers if o.market == "DE"], now=NOW)[0][0]
    chance = float(chance[SOLD_WITHIN_DAYS.tolist().index(30.0)])
    profit = value(found, 0, IT_TO_DE, 3_000, 8_000) / chance
    # 80 € less VAT of 19 %, less 30 € with VAT of 22 % taken off, less fees of some 16 €.
    assert 20 < profit < 35
    assert value(found, 0, IT_TO_DE, 3_300, 8_000) / chance == pytest.approx(profit - 3 / 1.22, abs=0.05)
    dearer = value(found, 0, IT_TO_DE, 3_000, 9_200) / chance
    # 12 € more less VAT and a referral fee of 15 %, with the services fee on it.
    assert dearer - profit == pytest.approx(12 / 1.19 - 1.8, abs=0.4)


def test_what_is_offered_on_one_marketplace_only_has_no_route(settings: Settings) -> None:
    found = values_of(settings, [state("B000000001", de=8_000, italy=None), state("B000000002", de=8_000, italy=3_000)])
    assert np.isnan(value(found, 0, IT_TO_DE, 3_000, 8_000))
    assert value(found, 1, IT_TO_DE, 3_000, 8_000) > 0


def test_an_offer_that_is_gone_counts_at_its_usual_price(settings: Settings) -> None:
    one = state("B000000001", de=8_000, italy=3_000)
    gone = replace(one.offers[1], price_minor=None, new_minor=None, new_median90_minor=3_000)
    found = values_of(settings, [replace(one, offers=(one.offers[0], gone))])
    there = values_of(settings, [one])
    assert value(found, 0, IT_TO_DE, 3_000, 8_000) == pytest.approx(value(there, 0, IT_TO_DE, 3_000, 8_000), rel=0.02)


def test_a_changed_list_keeps_what_was_learned(settings: Settings) -> None:
    first, second = state("B000000001", de=8_000, italy=3_000), state("B000000002", de=5_000, italy=4_000)
    found = values_of(settings, [first, second])
    before = value(found, 1, DE_TO_IT, 5_000, 4_000)
    found.move(np.array([-1, 1]))
    assert np.isnan(value(found, 0, DE_TO_IT, 8_000, 3_000))
    assert value(found, 1, DE_TO_IT, 5_000, 4_000) == before


def test_prices_of_the_log_are_relative_to_the_lowest_new_one() -> None:
    both = offer(new_minor=2_000, buy_box_minor=2_200, buy_box_at=1_760_000_000, price_minor=2_200)
    assert log_prices(both) == pytest.approx((np.log(2_000), np.log(1.1)))
    assert np.isnan(log_prices(offer(price_minor=None))).all()
