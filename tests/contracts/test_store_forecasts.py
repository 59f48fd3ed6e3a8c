"""The record of forecasts in a store: what is kept of a day, what is due, and what stays."""

from __future__ import annotations

from dataclasses import replace

from arbkit.core.forecasts.record import DAY_S, ForecastRecord
from arbkit.core.models import Update
from tests.contracts.conftest import Open
from tests.helpers.factories import offer
from tests.helpers.forecasts import MADE_AT, forecast


def kept(records: list[ForecastRecord]) -> list[str]:
    return sorted(record.id for record in records)


def test_a_forecast_is_kept_once_as_it_was_made_first(opened: Open) -> None:
    store = opened()
    first = forecast()
    store.add_forecasts([first], most_a_day=9)
    store.add_forecasts([replace(first, price_p50=1.5), replace(first, horizon_days=30)], most_a_day=9)
    store.add_forecasts([], most_a_day=9)
    assert store.kept_forecasts([first.id, forecast("B000000002").id]) == {first.id}
    assert sorted(opened().forecasts(demo=False), key=lambda one: one.horizon_days) == [
        first,
        replace(first, horizon_days=30),
    ]


def test_of_a_day_those_with_the_least_draws_stay_in_whatever_order_they_come(opened: Open) -> None:
    for order, made_on in (((1, 2, 3, 4), "2026-11-01"), ((4, 3, 2, 1), "2026-11-02")):
        store = opened()
        for draw in order:
            store.add_forecasts([forecast(f"B00000000{draw}", draw=draw, made_on=made_on)], most_a_day=2)
            store.add_forecasts([forecast("B000000009", draw=draw, made_on="2026-10-31")], most_a_day=2)
        found = {record.draw for record in store.forecasts(demo=False) if record.made_on == made_on}
        assert found == {1, 2}
        assert store.largest_draw(made_on, demo=False, most_a_day=2) == 2
        assert store.largest_draw(made_on, demo=False, most_a_day=3) is None
        assert store.largest_draw(made_on, demo=True, most_a_day=1) is None


def test_those_whose_horizon_has_ended_are_due_until_they_are_scored(opened: Open) -> None:
    store = opened()
    short, long = forecast(), forecast(horizon_days=30)
    store.add_forecasts([long, short], most_a_day=9)
    assert store.due_forecasts(before=MADE_AT + 14 * DAY_S - 1) == []
    assert store.due_forecasts(before=MADE_AT + 14 * DAY_S) == [short]
    assert store.due_forecasts(before=MADE_AT + 30 * DAY_S) == [short, long]
    scored = replace(short, price_then=2_100, profit_then=1.25, in_band=True, scored_at=MADE_AT + 15 * DAY_S)
    store.put_forecasts([scored])
    store.put_forecasts([])
    assert opened().due_forecasts(before=MADE_AT + 99 * DAY_S) == [long]
    assert scored in list(store.forecasts(demo=False))


def test_the_demo_market_is_apart_and_goes_with_it(opened: Open) -> None:
    store = opened()
    real, invented = forecast(), forecast(demo=True)
    store.put([Update(offer(origin="demo"), None)])
    store.add_forecasts([real, invented], most_a_day=1)
    store.put_forecast_notes({"score": {"count": 1}}, demo=False)
    store.put_forecast_notes({"score": {"count": 2}}, demo=True)
    assert (list(store.forecasts(demo=False)), list(store.forecasts(demo=True))) == ([real], [invented])
    assert store.forecast_notes(["score", "other"], demo=True) == {"score": {"count": 2}}
    store.remove_demo(dry_run=True)
    assert list(store.forecasts(demo=True)) == [invented]
    store.remove_demo()
    assert (list(store.forecasts(demo=False)), list(store.forecasts(demo=True))) == ([real], [])
    assert (store.forecast_notes(demo=False), store.forecast_notes(demo=True)) == ({"score": {"count": 1}}, {})


def test_what_is_kept_survives_a_rebuilding_and_old_ones_are_forgotten(opened: Open) -> None:
    store = opened()
    old, new = forecast(made_on="2024-01-31"), forecast(made_on="2024-02-01")
    store.add_forecasts([old, new], most_a_day=9)
    store.rebuild([[Update(offer(), None)]])
    assert kept(list(store.forecasts(demo=False))) == kept([old, new])
    store.forget_forecasts(demo=True, before="2030-01-01")
    store.forget_forecasts(demo=False, before="2024-02-01")
    assert list(store.forecasts(demo=False)) == [new]


def test_a_note_takes_the_place_of_the_one_of_its_name(opened: Open) -> None:
    store = opened()
    assert store.forecast_notes(demo=False) == {}
    store.put_forecast_notes({"a": {"n": 1}, "b": {"n": [None, 2.5, "x"]}}, demo=False)
    store.put_forecast_notes({"a": {"n": 3}}, demo=False)
    store.put_forecast_notes({}, demo=False)
    assert opened().forecast_notes(demo=False) == {"a": {"n": 3}, "b": {"n": [None, 2.5, "x"]}}
    assert store.forecast_notes([], demo=False) == {}
