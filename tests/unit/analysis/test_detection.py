"""Detection keeps what its filter asks for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from arbkit.analysis import detection
from arbkit.analysis.detection import Detection, detect, highest_profit, run
from arbkit.analysis.detection_inputs import today
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.detector.inputs import Inputs
from arbkit.core.models import Offer, Opportunity, ProductState, Update
from arbkit.core.settings import Settings
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.store import OpportunityQuery, open_store
from arbkit.stream import ALERTS_TOPIC, open_stream
from tests.helpers.alerts import announcing_everything
from tests.helpers.factories import offer, opportunity

TODAY = date(2026, 8, 1)
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC).timestamp()
PACKAGE = {"length_mm": 200, "width_mm": 100, "height_mm": 50, "weight_g": 400, "shipping_minor": 0}


def detected(offers: Sequence[Offer], *, on: date = TODAY, **asked: Any) -> Detection:
    """The outcome at noon of 1 August 2026, with a product to each slice."""
    slices = [[ProductState(a, 1, tuple(o for o in offers if o.asin == a))] for a in sorted({o.asin for o in offers})]
    inputs = Inputs(Profile.neutral(), load_tables(), load_rates(), on)
    return detect(slices, inputs, parameters=DetectParameters(on=on, **asked), run_id="r", now=NOW)


def found(**asked: Any) -> set[str]:
    """The ids of what detection keeps among two products on two marketplaces each."""
    old = int(NOW) - 10 * 3600
    offers = [
        offer("B000000001", "IT", price_minor=2_000, price_at=int(NOW), **PACKAGE),
        offer("B000000001", "DE", price_minor=7_000, price_at=int(NOW), title="Lantern, red", **PACKAGE),
        offer("B000000002", "IT", price_minor=3_000, price_at=old, brand="Zeta", **PACKAGE),
        offer("B000000002", "DE", price_minor=5_000, price_at=old, brand="Zeta", amazon_minor=5_000, **PACKAGE),
    ]
    return {o.asin for o in detected(offers, **asked).opportunities}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {"B000000001", "B000000002"}),
        ({"q": "lant"}, {"B000000001"}),
        ({"q": "lantern blue"}, set()),
        ({"asin": "b000000002"}, {"B000000002"}),
        ({"brand": "Zeta"}, {"B000000002"}),
        ({"exclude_brands": "own, zeta"}, {"B000000001"}),
        ({"category": "Tools"}, set()),
        ({"category": "Spielzeug"}, {"B000000001", "B000000002"}),
        ({"amazon_sells": True}, {"B000000002"}),
        ({"max_age_hours": 1}, {"B000000001"}),
        ({"min_profit": 25}, {"B000000001"}),
        ({"min_roi": 50}, {"B000000001"}),
        ({"min_margin": 45}, {"B000000001"}),
        ({"min_confidence": 1}, set()),
        ({"source": "DE"}, set()),
        ({"sources": ("IT",), "target": "DE"}, {"B000000001", "B000000002"}),
    ],
)
def test_detection_keeps_what_passes_its_filter(asked: dict[str, Any], expected: set[str]) -> None:
    assert found(**asked) == expected


def filled(settings: Settings) -> Settings:
    """A store with two products on two marketplaces each, both worth buying."""
    fields: dict[str, Any] = {**PACKAGE, "price_at": int(time.time()), "updated_at": int(time.time())}
    prices = {("B000000001", "IT"): 2_000, ("B000000001", "DE"): 7_000, ("B000000002", "ES"): 2_000}
    prices[("B000000002", "FR")] = 6_000
    with open_store(settings) as store:
        store.put([Update(offer(asin, code, price_minor=p, **fields), None) for (asin, code), p in prices.items()])
    return settings


def stored(settings: Settings) -> set[str]:
    with open_store(settings, read_only=True) as store:
        return {o.id for o in store.opportunities(OpportunityQuery(limit=100)).items}


def alerts(settings: Settings) -> int:
    with open_stream(settings) as log:
        return sum(end for _, end in log.watermarks(ALERTS_TOPIC).values())


@pytest.mark.parametrize(
    "limits",
    [
        {"source": "IT"}, {"target": "DE"}, {"sources": ("ES",), "targets": ("FR",)}, {"min_profit": 30.0},
        {"min_roi": 1_000.0}, {"asin": "B000000002"}, {"q": "nothing of the kind"}, {"min_confidence": 1.0},
        {"max_age_hours": 0.0}, {"min_profit": -50.0},
    ],
)  # fmt: skip
def test_limits_change_what_is_answered_and_never_what_is_stored(settings: Settings, limits: dict[str, Any]) -> None:
    everything = run(filled(settings), run_id="whole", announcing=announcing_everything)
    whole = stored(settings)
    assert len(everything.opportunities) == everything.stored == len(whole) >= 2
    announced = alerts(settings)
    assert announced == len(whole)
    again = run(settings, DetectParameters(**limits), run_id="cut", announcing=announcing_everything)
    assert stored(settings) == whole
    assert (again.new, again.stored, again.routes) == ((), len(whole), everything.routes)
    assert {o.id for o in again.opportunities} != whole
    assert alerts(settings) == announced
    assert run(settings, run_id="third").new == ()


def test_what_a_limited_detection_found_new_is_announced_whole(settings: Settings) -> None:
    limits = DetectParameters(source="UK")
    found = run(filled(settings), limits, run_id="cut", announcing=announcing_everything)
    assert found.opportunities == ()
    assert set(found.new) == stored(settings)
    assert alerts(settings) == found.stored >= 2
    assert f"0 opportunities within the limits, of {found.stored}" in found.headline()


def test_what_is_shown_beside_the_opportunities_is_not_called_one(settings: Settings) -> None:
    found = run(filled(settings), DetectParameters(min_profit=-1_000.0), run_id="losses")
    shown = len(found.opportunities)
    assert shown > found.stored
    assert found.headline().startswith(f"{shown} routes within the limits, {found.stored} of them opportunities,")
    assert {o.status for o in found.opportunities} == {"opportunity", "loss"}
    assert all((o.status == "loss") == ((o.profit_high or 0.0) <= 0) for o in found.opportunities)
    assert found.summary()["total"] == found.stored
    few = run(filled(settings), DetectParameters(min_profit=-3.0), run_id="few")
    assert all(highest_profit(o) >= -3 for o in few.opportunities)
    assert [o.profit for o in few.opportunities] == sorted((o.profit for o in few.opportunities), reverse=True)


def test_every_route_that_needs_a_size_is_listed_with_all_whatever_is_likely() -> None:
    sized = [
        offer("B000000002", code, price_minor=price, price_at=int(NOW), title=f"Batteries AA, {units} Stück", **PACKAGE)
        for code, price, units in (("IT", 4_000, 12), ("DE", 5_200, 24))
    ]
    open_size = [
        offer("B000000001", code, price_minor=price, price_at=int(NOW), shipping_minor=0)
        for code, price in (("IT", 4_000), ("DE", 5_200))
    ]
    every = detected([*open_size, *sized], min_profit=-1.0, all_routes=True).opportunities
    likely_loss, different = sorted(every, key=lambda o: o.asin)
    assert (likely_loss.status, different.status) == ("needs_size", "different")
    assert likely_loss.profit < 0 < (likely_loss.profit_high or 0.0)
    assert different.profit < 0
    assert detected([*open_size, *sized]).opportunities == ()
    assert detected([*open_size, *sized], all_routes=True).opportunities == (likely_loss,)


def seen_on(on: date, *, seen: date, **asked: Any) -> list[Opportunity]:
    """What a detection of a day finds in prices that were seen at noon of another one; now is 1 August 2026."""
    at = int(datetime.combine(seen, datetime.min.time(), UTC).timestamp()) + 12 * 3_600
    offers = [
        offer(
            "B000000001", code, price_minor=price, price_at=at, updated_at=at, sales_rank=5, rank_drops30=9, **PACKAGE
        )
        for code, price in (("IT", 2_000), ("DE", 7_000))
    ]
    return list(detected(offers, on=on, **asked).opportunities)


@pytest.mark.parametrize(
    ("on", "seen", "old"),
    [
        (TODAY, TODAY, []),
        # Today these are old; on their own day they were not.
        (date(2026, 3, 1), date(2026, 3, 1), []),
        (date(2026, 3, 10), date(2026, 3, 1), ["data_older_than_a_week"]),
        # What is younger than the day is taken as it is.
        (date(2026, 3, 1), TODAY, []),
        # Today this is fresh; a season ahead it is not.
        (date(2026, 8, 20), TODAY, ["data_older_than_a_week"]),
        (date(2026, 9, 20), TODAY, ["data_older_than_a_week", "data_older_than_a_month", "sales_rank_old"]),
    ],
)
def test_ages_count_to_the_end_of_the_day_that_is_asked_for(on: date, seen: date, old: list[str]) -> None:
    (found,) = seen_on(on, seen=seen)
    codes = [warning["code"] for warning in found.warnings]
    assert sorted(code for code in codes if code.startswith("data_older") or code == "sales_rank_old") == sorted(old)
    assert found.evaluated_at == NOW
    assert (found.rank is None) == ("sales_rank_old" in old)


def test_a_price_of_a_year_before_the_day_is_none_and_one_of_the_same_day_is_one() -> None:
    assert seen_on(date(2026, 7, 1), seen=date(2025, 6, 1)) == []
    assert seen_on(date(2025, 6, 2), seen=date(2025, 6, 1), min_profit=-1_000_000) == []  # no fulfilment tables then
    assert seen_on(date(2026, 6, 1), seen=date(2025, 6, 2), min_profit=-1_000_000) != []


@pytest.mark.parametrize(("hours", "kept"), [(1, False), (13, True)])
def test_the_greatest_age_counts_to_the_day_too(hours: float, kept: bool) -> None:
    assert bool(seen_on(date(2026, 3, 1), seen=date(2026, 3, 1), max_age_hours=hours)) == kept


def filled_yesterday(settings: Settings) -> date:
    """A store with a product whose prices were seen as yesterday began; yesterday."""
    yesterday = today() - timedelta(days=1)
    at = int(datetime.combine(yesterday, datetime.min.time(), UTC).timestamp())
    fields: dict[str, Any] = {**PACKAGE, "price_at": at, "updated_at": at}
    prices = {"IT": 2_000, "DE": 7_000}
    with open_store(settings) as store:
        store.put([Update(offer("B000000001", code, price_minor=p, **fields), None) for code, p in prices.items()])
    return yesterday


def test_a_detection_of_a_stored_day_is_cut_by_ages_of_that_day(settings: Settings) -> None:
    yesterday = filled_yesterday(settings)
    ages = [
        len(run(settings, DetectParameters(on=yesterday, max_age_hours=h), run_id=f"{h}").opportunities)
        for h in (23, 25)
    ]
    assert ages == [0, 1]


def test_another_day_is_answered_and_neither_stored_nor_announced(settings: Settings) -> None:
    yesterday = filled_yesterday(settings)
    asked = DetectParameters(on=yesterday)
    found = run(settings, asked, run_id="yesterday", announcing=announcing_everything)
    assert (found.on, found.total, found.new) == (yesterday, 1, ())
    assert (stored(settings), alerts(settings)) == (set(), 0)
    now = run(settings, run_id="today", announcing=announcing_everything)
    assert (now.on, now.total, set(now.new)) == (today(), 1, {o.id for o in now.opportunities})
    assert (stored(settings), alerts(settings)) == ({*now.new}, 1)
    assert run(settings, asked, run_id="again", announcing=announcing_everything).total == 1
    assert (stored(settings), alerts(settings)) == ({*now.new}, 1)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["B000000003", "B000000002", "B000000004", "B000000001"]),
        ({"min_chance": 60}, ["B000000002"]),
        ({"min_profit_per_day": -9}, ["B000000003", "B000000002"]),
        ({"max_days_to_sell": 20}, ["B000000003"]),
    ],
)
def test_what_earns_most_by_day_comes_first_and_an_unknown_forecast_meets_no_bound(
    asked: dict[str, float], expected: list[str]
) -> None:
    routes = [
        opportunity("B000000001", profit=50.0),
        opportunity("B000000002", profit=3.0, **forecast(0.1, 70.0, 30.0)),
        opportunity("B000000003", profit=2.0, **forecast(0.9, 55.0, 10.0)),
        opportunity("B000000004", profit=60.0),
    ]
    kept = detection._within(routes, DetectParameters.model_validate(asked), NOW)
    assert [o.asin for o in sorted(kept, key=detection.place)] == expected


def forecast(per_day: float, chance: float, days: float) -> dict[str, Any]:
    """The fields of an opportunity that limits and order go by."""
    return {"expected_profit_per_day_pct": per_day, "profit_chance_pct": chance, "days_to_sell_p50": days}


def test_of_more_routes_than_are_shown_the_best_are_and_all_are_counted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(filled(settings), run_id="whole")
    assert whole.total > 1
    monkeypatch.setattr(detection, "MOST_SHOWN", 1)
    monkeypatch.setattr(detection, "_PRODUCTS_AT_ONCE", 1)
    best = run(settings, run_id="best")
    assert [o.id for o in best.opportunities] == [whole.opportunities[0].id]
    assert (best.total, best.stored, best.to_dict()["total"]) == (whole.total, whole.stored, whole.total)
    assert f"{whole.total} opportunities" in best.headline()
    assert len(stored(settings)) == whole.total
