"""The market under assumptions is what detection would find with them: the same routes, to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arbkit.analysis.detection import detect
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.market.assumptions import Assumptions
from arbkit.analysis.market.costs import OF_TRADE
from arbkit.analysis.market.market import Market
from arbkit.analysis.market.snapshot import MarketFiles
from arbkit.analysis.offers import prepare_offers
from arbkit.analysis.what_if import routes_under
from arbkit.core.models import Opportunity, ProductState
from arbkit.profit import Profile, load_tables
from arbkit.profit.offer_costs import cost_offers
from arbkit.store import OpportunityQuery
from tests.helpers.market import NOW, ON, SELLER, inputs_of, left, market_states

PRODUCTS = 120
OTHERS: Mapping[str, Profile] = {
    "the same": SELLER,
    "costly": Profile.neutral(
        name="costly", customs={"duty_pct": 3}, return_rate_pct=12, other_costs=3.5, expected_days=40
    ),
    "small business": Profile.neutral(name="small", vat_status="unregistered", registrations=()),
    "by averages": Profile.neutral(name="avg", buy_basis="robust", sell_basis="avg90", fulfilment=("efn",)),
}


@pytest.fixture(scope="module")
def states() -> list[ProductState]:
    return market_states(PRODUCTS)


@pytest.fixture(scope="module")
def home(states: list[ProductState], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    left(home, states)
    return home


def detected(states: list[ProductState], assumed: Assumptions, **asked: Any) -> list[Opportunity]:
    inputs = replace(inputs_of(assumed.profile), rates=assumed.rates)
    parameters = DetectParameters(on=ON, **asked)
    found = detect([states], inputs, parameters=parameters, run_id="", now=NOW, rank=list).opportunities
    return [one for one in found if one.status == "opportunity"]


def asked(home: Path, assumed: Assumptions, **query: Any) -> list[str]:
    found = Market(MarketFiles(home)).find(OpportunityQuery(at=NOW, **query), assumed, on=ON)
    assert found is not None
    return list(found[0].ids())


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("gbp_eur", [None, 1.6])
def test_it_finds_what_detection_finds_with_the_other_seller(
    home: Path, states: list[ProductState], name: str, gbp_eur: float | None
) -> None:
    assumed = Assumptions(profile=OTHERS[name], gbp_eur=gbp_eur)
    expected = sorted(detected(states, assumed), key=lambda o: -o.profit)
    answer = Market(MarketFiles(home)).find(OpportunityQuery(sort="profit"), assumed, on=ON)
    assert answer is not None
    found = answer[0]
    different = {o.id for o in detected_all(states, assumed) if o.status == "different"}
    ids = [one for one in found.ids() if one not in different]
    assert len(expected) > 5
    assert set(ids) == {o.id for o in expected}
    assert [round(value, 1) for value in _profits(ids, expected)] == [round(o.profit, 1) for o in expected]
    if not different & set(found.ids()):
        assert found.sums.total_profit == pytest.approx(sum(o.profit for o in expected), abs=0.01 * len(expected))


def detected_all(states: list[ProductState], assumed: Assumptions) -> list[Opportunity]:
    inputs = replace(inputs_of(assumed.profile), rates=assumed.rates)
    parameters = DetectParameters(on=ON, all_routes=True)
    return list(detect([states], inputs, parameters=parameters, run_id="", now=NOW, rank=list).opportunities)


def _profits(ids: list[str], found: list[Opportunity]) -> list[float]:
    by_id = {one.id: one.profit for one in found}
    return [by_id[one] for one in ids]


@pytest.mark.parametrize(
    "filters",
    [
        {"source": "DE"},
        {"target": "UK", "min_profit": 4.0},
        {"min_roi": 20.0},
        {"min_margin": 15.0, "brand": "alpha"},
        {"exclude_brands": "alpha"},
        {"category": "beauty"},
        {"q": "kuch"},
        {"q": "rob", "amazon_sells": True},
        {"asin": "B000000007"},
        {"max_rank": 4_000.0, "min_drops30": 20.0},
        {"max_sellers": 12.0, "max_buy_price": 30.0},
        {"max_price_position": 5.0},
        {"max_age_hours": 0.5},
        {"max_age_hours": 2.0, "min_buy_price": 20.0},
        {"amazon_sells": False},
    ],
    ids=str,
)
def test_every_filter_means_what_it_means_elsewhere(
    home: Path, states: list[ProductState], filters: dict[str, Any]
) -> None:
    assumed = Assumptions(profile=OTHERS["costly"])
    assert set(asked(home, assumed, **filters)) == {o.id for o in detected(states, assumed, **filters)}


@pytest.mark.parametrize(
    ("sort", "field"),
    [
        ("profit", "profit"), ("roi", "roi_pct"), ("margin", "margin_pct"), ("spread", "spread_pct"),
        ("age", "data_at"), ("rank", "rank"), ("drops30", "rank_drops30"), ("sellers", "sellers"),
        ("buy_price", "buy_price"), ("sell_price", "sell_price"), ("price_position", "sell_position_pct"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("descending", [True, False])
def test_every_order_goes_by_the_figures_of_the_result(
    home: Path, states: list[ProductState], sort: Any, field: str, descending: bool
) -> None:
    assumed = Assumptions(profile=OTHERS["costly"])
    by_id = {o.id: getattr(o, field) for o in detected(states, assumed)}
    values = [by_id[one] for one in asked(home, assumed, sort=sort, descending=descending)]
    known = [value for value in values if value is not None]
    assert [round(float(v), 0) for v in known] == [round(float(v), 0) for v in sorted(known, reverse=descending)]
    assert values[len(known) :] == [None] * (len(values) - len(known))


@pytest.mark.parametrize(
    "assumed",
    [
        Assumptions(profile=SELLER, gbp_eur=1.4, sell_change_pct=-7, buy_change_pct=3),
        Assumptions(profile=OTHERS["by averages"], sell_change_pct=12.5),
        Assumptions(profile=SELLER, package="largest"),
        Assumptions(profile=SELLER, package="smallest", buy_change_pct=-4),
    ],
    ids=["prices", "averages", "largest", "smallest"],
)
def test_the_rows_of_a_page_are_what_the_market_says_to_the_cent(
    home: Path, states: list[ProductState], assumed: Assumptions
) -> None:
    answer = Market(MarketFiles(home)).find(OpportunityQuery(sort="profit"), assumed, on=ON)
    assert answer is not None
    found = answer[0]
    ids = list(found.ids())
    offers = [offer for state in states for offer in state.offers]
    rows = routes_under(ids, offers, assumed, SELLER, on=ON, now=NOW)
    exact = [rows[one].then for one in ids]
    assert len(exact) > 20
    assert all(one is not None and one.status in ("opportunity", "different") for one in exact)
    profits = np.sort(found.profit)[::-1]
    assert [one.profit for one in exact if one is not None] == pytest.approx(profits.tolist(), abs=0.011)
    stored = {o.id: o.profit for o in detected(states, Assumptions(profile=SELLER))}
    assert {o.now.id: o.now.profit for o in rows.values() if o.now and o.now.id in stored} == {
        one: stored[one] for one in ids if one in stored
    }


def test_losers_that_become_winners_and_the_other_way_round(home: Path, states: list[ProductState]) -> None:
    today = {o.id for o in detected(states, Assumptions(profile=SELLER))}
    assumed = Assumptions(profile=SELLER, gbp_eur=1.9)
    then = {o.id for o in detected(states, assumed)}
    market = Market(MarketFiles(home))
    query = OpportunityQuery(sort="profit")
    answers = {turn: market.find(query, assumed, on=ON, turn=turn) for turn in ("", "wins", "loses")}
    every, wins, loses = (answer[0] for answer in answers.values() if answer is not None)
    assert set(wins.ids()) == then - today
    assert then - today
    assert set(loses.ids()) == today - then
    assert today - then
    assert (every.wins, every.losses) == (len(then - today), len(today - then))


def test_a_lower_bound_below_nothing_shows_losses_too(home: Path) -> None:
    assumed = Assumptions(profile=SELLER, sell_change_pct=-3)
    assert len(asked(home, assumed, min_profit=-2.0)) > len(asked(home, assumed))


def test_the_first_of_many_are_the_first_of_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from arbkit.analysis.market import search

    assumed = Assumptions(profile=OTHERS["costly"])
    for sort in ("sellers", "profit_per_day", "profit", "rank"):
        answer = Market(MarketFiles(home)).find(OpportunityQuery.model_validate({"sort": sort}), assumed, on=ON)
        assert answer is not None
        whole = list(answer[0].ids())
        with monkeypatch.context() as patch:
            patch.setattr(search, "_FEW", 1)
            assert list(answer[0].ids(13)) == whole[:13]


@pytest.mark.parametrize("name", sorted(OF_TRADE - {"assumed_package", "stock"}))
def test_costs_are_kept_over_fields_of_trade_for_they_change_no_offer(states: list[ProductState], name: str) -> None:
    others: dict[str, Any] = {
        "name": "other", "home": "FR", "vat_status": "not-reclaiming", "input_vat": {"IT": "domestic-lost"},
        "registrations": ("DE",), "fulfilment": ("efn",), "lead_days": 9.0, "fbm_shipping": 4.0,
        "parcels": ({"to": "DE", "up_to_kg": 2, "cost": 4},), "return_outbound_lost": True, "other_costs": 2.0,
        "customs": {"duty_pct": 3}, "target_profit": 2.0, "freight": 1.0, "expected_days": 20.0,
    }  # fmt: skip
    other = Profile.neutral(**{name: others.get(name, 5.0)})
    prepared = prepare_offers([offer for state in states for offer in state.offers], now=NOW)
    day = load_tables().on(ON)
    one, two = cost_offers(prepared, Profile.neutral(), day), cost_offers(prepared, other, day)
    for field in ("buy_price", "sell_price", "referral", "merchant_referral", "closing", "vat_rate", "weight_kg"):
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field))
    for field in ("local", "packaging", "pan_eu_extra"):
        np.testing.assert_array_equal(getattr(one.fulfilment, field), getattr(two.fulfilment, field))
