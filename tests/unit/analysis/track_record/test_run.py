"""The daily step over a store: what is scored, summed up and learnt, and what is said of it."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from arbkit.analysis.track_record.parameters import PARAMETERS
from arbkit.analysis.track_record.results import headline_of, recalibration_words
from arbkit.analysis.track_record.run import bring_up_to_date, kept_track_record, recalibration_in_force
from arbkit.core.forecasts.record import DAY_S
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Series, Update
from arbkit.core.settings import Settings
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import offer
from tests.helpers.forecasts import MADE_AT, forecast
from tests.unit.analysis.track_record.simulated import came_out

NOW = MADE_AT + 31 * DAY_S


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "store.db")


def look(
    store: SqliteStore, *, asin: str = "B000000001", at: float = NOW, price: int = 2_050, demo: bool = False
) -> None:
    """The source looked at a product at this time; its price has changed once, ten days after the forecast."""
    times = array("i", [to_minutes(MADE_AT - 20 * DAY_S), to_minutes(MADE_AT + 10 * DAY_S)])
    version = to_minutes(at)
    past = History(asin, "DE", version, "EUR", {"new": Series(times, array("i", [2_000, price]))})
    made = offer(asin, version=version, updated_at=int(at), origin="demo" if demo else "keepa")
    store.put([Update(made, past)])


def test_what_has_come_out_is_scored_once_and_what_has_not_waits(store: SqliteStore) -> None:
    look(store, at=MADE_AT + 20 * DAY_S)
    store.add_forecasts([forecast(), forecast(horizon_days=30), forecast("B000000002")], most_a_day=9)
    found = bring_up_to_date(store, now=MADE_AT + 20 * DAY_S)
    assert (found.scored, found.waiting, found.not_known) == (1, 2, {})
    (horizon,) = found.horizons
    assert (horizon.horizon_days, horizon.forecasts, horizon.products, horizon.is_enough) == (14, 1, 1, False)
    assert horizon.covered_pct.value == 100
    assert horizon.profit.brier.value == pytest.approx((1 - 0.93) ** 2, abs=1e-4)
    assert "too few to say" in headline_of(found)
    scored = {one.id: one for one in store.forecasts(demo=False)}[forecast().id]
    assert (scored.price_then, scored.in_band, scored.scored_at) == (2_050, True, MADE_AT + 20 * DAY_S)
    # Prices that are known later change no outcome.
    look(store, at=NOW, price=1)
    later = bring_up_to_date(store, now=NOW)
    assert {one.id: one for one in store.forecasts(demo=False)}[forecast().id] == scored
    assert (later.scored, later.waiting) == (2, 0)
    assert later.not_known == {"the product or its price history is no longer stored": 1}
    assert bring_up_to_date(store, now=NOW) == later == kept_track_record(store)


def test_an_empty_record_says_so(store: SqliteStore) -> None:
    assert kept_track_record(store) is None
    assert "arbkit forecasts score" in headline_of(None)
    assert headline_of(bring_up_to_date(store, now=NOW)) == (
        "No forecast has come out yet: each is kept with the opportunity that it is of, and compared once its days are "
        "over."
    )
    look(store)
    store.add_forecasts([forecast(made_at=NOW)], most_a_day=9)
    assert "1 wait until their horizon ends, the first on 2026-11-05" in headline_of(bring_up_to_date(store, now=NOW))


def test_the_demo_market_is_scored_alone_and_teaches_nothing(store: SqliteStore) -> None:
    look(store, demo=True)
    store.add_forecasts([replace(one, demo=True) for one in came_out(400, wider=3.0, seed=1)], most_a_day=999)
    found = bring_up_to_date(store, now=NOW)
    assert (found.demo, found.scored, found.recalibration) == (True, 400, None)
    look(store, asin="B000000002")
    real = bring_up_to_date(store, now=NOW)
    assert (real.demo, real.scored) == (False, 0)
    assert kept_track_record(store) == real


def test_old_forecasts_leave_their_sums(store: SqliteStore) -> None:
    records = came_out(30, wider=1.0, seed=1) + came_out(20, wider=1.0, seed=2, first=50, made_on="2026-10-01")
    store.add_forecasts(records, most_a_day=99)
    later = MADE_AT + (PARAMETERS.kept.days + 25) * DAY_S
    # The clock is two years ahead, and nothing was looked at since: nothing is old.
    look(store)
    assert bring_up_to_date(store, now=later).months == []
    look(store, at=later)
    found = bring_up_to_date(store, now=later)
    (month,) = found.months
    assert (month.month, month.horizon_days, month.forecasts, month.known) == ("2026-09", 14, 30, 30)
    assert month.covered == sum(bool(one.in_band) for one in records[:30])
    assert found.scored == 20
    assert bring_up_to_date(store, now=later).months == [month]


def test_what_is_learnt_is_in_force_unless_switched_off_and_stays_for_weeks(store: SqliteStore, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    look(store)
    assert recalibration_in_force(settings, store) is None
    store.add_forecasts(came_out(600, wider=2.0, seed=1), most_a_day=999)
    found = bring_up_to_date(store, now=NOW).recalibration
    assert found is not None
    assert found.is_applied
    assert recalibration_in_force(settings, store) == found
    assert recalibration_in_force(settings.model_copy(update={"recalibrate": False}), store) is None
    assert "ARBKIT_RECALIBRATE=0 switches it off" in recalibration_words(found, is_on=True).replace("`", "")
    assert "switched off" in recalibration_words(found, is_on=False)
    store.add_forecasts(came_out(600, wider=1.2, seed=2, first=1_000, made_on="2026-09-22"), most_a_day=999)
    assert bring_up_to_date(store, now=NOW + DAY_S).recalibration == found
    assert recalibration_in_force(settings, store) == found
    weeks = NOW + (PARAMETERS.recalibration.renewed_after_days + 1) * DAY_S
    renewed = bring_up_to_date(store, now=weeks).recalibration
    assert renewed is not None
    assert renewed.forecasts == 1_200
    assert renewed.widenings[0].factor < found.widenings[0].factor
    # A clock that was ahead when it was made keeps nobody from the next one.
    assert bring_up_to_date(store, now=NOW).recalibration == renewed.model_copy(
        update={"made_at": NOW, "made_on": "2026-10-22"}
    )
