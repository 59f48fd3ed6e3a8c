"""Detection keeps what its filter asks for."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from arbkit.analysis.detection import detect, highest_profit, limited, run
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.offers import OfferScan, offers_frame
from arbkit.core.models import Opportunity, Update
from arbkit.core.settings import Settings
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.store import OpportunityQuery, open_store
from arbkit.stream import ALERTS_TOPIC, open_stream
from tests.helpers.factories import offer, opportunity

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC).timestamp()
PACKAGE = {"length_mm": 200, "width_mm": 100, "height_mm": 50, "weight_g": 400, "shipping_minor": 0}


def found(**asked: Any) -> set[str]:
    """The ids of what detection keeps among two products on two marketplaces each."""
    profile, old = Profile.neutral(), int(NOW) - 10 * 3600
    offers = [
        offer("B000000001", "IT", price_minor=2_000, price_at=int(NOW), **PACKAGE),
        offer("B000000001", "DE", price_minor=7_000, price_at=int(NOW), title="Lantern, red", **PACKAGE),
        offer("B000000002", "IT", price_minor=3_000, price_at=old, brand="Zeta", **PACKAGE),
        offer("B000000002", "DE", price_minor=5_000, price_at=old, brand="Zeta", amazon_minor=5_000, **PACKAGE),
    ]
    parameters = DetectParameters(**asked)
    scan, tables, rates = OfferScan(iter([offers_frame(offers)])), load_tables(), load_rates()
    detection = detect(scan, profile, tables, rates, parameters=parameters, run_id="r", now=NOW)
    return {o.asin for o in detection.opportunities}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {"B000000001", "B000000002"}),
        ({"q": "lant"}, {"B000000001"}),
        ({"q": "lantern blue"}, set()),
        ({"asin": "b000000002"}, {"B000000002"}),
        ({"brand": "Zeta"}, {"B000000002"}),
        ({"category": "Tools"}, set()),
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
    everything = run(filled(settings), run_id="whole")
    whole = stored(settings)
    assert len(everything.opportunities) == everything.stored == len(whole) >= 2
    announced = alerts(settings)
    assert announced == len(whole)
    again = run(settings, DetectParameters(**limits), run_id="cut")
    assert stored(settings) == whole
    assert (again.new, again.stored, again.routes) == ((), len(whole), everything.routes)
    assert {o.id for o in again.opportunities} != whole
    assert alerts(settings) == announced
    assert run(settings, run_id="third").new == ()


def test_what_a_limited_detection_found_new_is_announced_whole(settings: Settings) -> None:
    found = run(filled(settings), DetectParameters(source="UK"), run_id="cut")
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
    likely_loss = opportunity("B000000001", status="needs_size", profit=-8.10, profit_low=-134.0, profit_high=3.20)
    different = opportunity("B000000002", status="different", profit=-1.0)
    base = detect(
        OfferScan(iter([])), Profile.neutral(), load_tables(), load_rates(), parameters=DetectParameters(), run_id="r"
    )
    whole = replace(base, others=(likely_loss, different))
    assert limited(whole, DetectParameters()).opportunities == ()
    assert limited(whole, DetectParameters(all_routes=True)).opportunities == (likely_loss,)


def seen_on(on: date | None, *, seen: date, **asked: Any) -> list[Opportunity]:
    """What a detection of a day finds in prices that were seen at noon of another one; now is 1 August 2026."""
    at = int(datetime.combine(seen, datetime.min.time(), UTC).timestamp()) + 12 * 3_600
    offers = [
        offer(
            "B000000001", code, price_minor=price, price_at=at, updated_at=at, sales_rank=5, rank_drops30=9, **PACKAGE
        )
        for code, price in (("IT", 2_000), ("DE", 7_000))
    ]
    scan = OfferScan(iter([offers_frame(offers)]))
    parameters = DetectParameters(on=on, **asked)
    found = detect(scan, Profile.neutral(), load_tables(), load_rates(), parameters=parameters, run_id="r", now=NOW)
    return list(found.opportunities)


TODAY = date(2026, 8, 1)


@pytest.mark.parametrize(
    ("on", "seen", "old"),
    [
        (None, TODAY, []),
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
def test_ages_count_to_the_end_of_the_day_that_is_asked_for(on: date | None, seen: date, old: list[str]) -> None:
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


def test_a_stored_detection_of_a_day_is_cut_by_ages_of_that_day(settings: Settings) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with open_store(settings) as store:
        at = int(datetime.combine(yesterday, datetime.min.time(), UTC).timestamp())
        fields: dict[str, Any] = {**PACKAGE, "price_at": at, "updated_at": at}
        prices = {"IT": 2_000, "DE": 7_000}
        store.put([Update(offer("B000000001", code, price_minor=p, **fields), None) for code, p in prices.items()])
    ages = [
        len(run(settings, DetectParameters(on=yesterday, max_age_hours=h), run_id=f"{h}").opportunities)
        for h in (23, 25)
    ]
    assert ages == [0, 1]
