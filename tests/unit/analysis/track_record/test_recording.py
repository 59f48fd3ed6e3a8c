"""Which forecasts are kept, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.past import Basis, PricePast
from arbkit.analysis.forecast.profit.distribution import (
    PRICE_RATIOS,
    SOLD_WITHIN_DAYS,
    RouteMargins,
    RouteOutlook,
    forecast_profits,
)
from arbkit.analysis.track_record.parameters import PARAMETERS
from arbkit.analysis.track_record.recording import forecast_records, record_forecasts
from arbkit.core.forecasts.record import ForecastRecord, draw_of
from arbkit.core.models import Opportunity
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import opportunity
from tests.helpers.forecasts import MADE_AT

MODEL = load_price_model()


def outlook(count: int = 1, *, margin: float = 2.0, prices: tuple[float, ...] = (2_000.0,)) -> RouteOutlook:
    """Routes bought at 10 that leave ``margin`` at 20.00, and half of each euro by which that moves."""
    profit = np.tile(margin + 10 * (PRICE_RATIOS - 1), (count, 1))
    sold = np.tile(1 - 0.5 ** (SOLD_WITHIN_DAYS / 10), (count, 1))
    same = np.full(count, margin)
    margins = RouteMargins(
        profit, np.array([1.0, 90.0]), np.tile([0.0, -0.89], (count, 1)), same, same, np.full(count, 10.0),
        np.full(count, 11.9), np.full(count, False),
    )  # fmt: skip
    price = np.resize(np.array(prices), count)
    days, changed, middle, low, high, none = (np.full(count, one) for one in (90.0, 0.2, 0.5, -0.2, 0.2, 0.0))
    past = PricePast(price, days, changed, middle, low, high, none, np.full(count, int(Basis.OWN)))
    asin = np.array([f"B{number:09}" for number in range(count)], object)
    source, target, why = (np.array([text] * count, object) for text in ("IT", "DE", ""))
    return RouteOutlook(
        asin, source, target, np.full(count, 20.0), margins, np.arange(count), past, sold, np.full(count, 10.0), why
    )


def routes(count: int, *, demo: bool = False) -> list[Opportunity]:
    return [opportunity(f"B{number:09}", evaluated_at=MADE_AT, demo=demo) for number in range(count)]


def made(routes_: RouteOutlook) -> list[ForecastRecord]:
    return forecast_records(routes_, MODEL, draws=[7] * len(routes_), demo=False, made_at=MADE_AT, home_currency="EUR")


def test_a_record_says_what_was_shown_and_what_is_needed_to_score_it() -> None:
    route = outlook()
    short, long = made(route)
    whole = forecast_profits(route, MODEL)
    assert (short.id, long.id) == ("B000000000:IT:DE:2026-09-21:14", "B000000000:IT:DE:2026-09-21:30")
    assert (short.currency, short.home_currency, short.price) == ("EUR", "EUR", 2_000)
    assert short.profit_chance_pct == long.profit_chance_pct == round(100 * whole.chance[0], 1)
    assert (short.version, short.model) == (whole.version, MODEL.version)
    assert short.price_p10 < short.price_p50 <= short.price_p90
    assert long.price_p90 - long.price_p10 > short.price_p90 - short.price_p10
    # A month of storage costs 0.30.
    assert dict(long.profits)[1.0] == pytest.approx(2 - 0.89 * 29 / 89, abs=0.01)
    assert ForecastRecord.from_dict(short.to_dict()) == short


def test_the_break_even_price_is_where_the_profit_of_that_day_is_zero() -> None:
    record = made(outlook())[0]
    assert record.break_even is not None
    ratio = record.break_even / 2_000
    ratios, profits = np.array(record.profits).T
    assert np.interp(ratio, ratios, profits) == pytest.approx(0, abs=0.02)
    assert 50 < record.above_zero_pct < 100
    nearer = made(outlook(margin=0.2))[0]
    assert nearer.above_zero_pct < record.above_zero_pct
    for margin, chance in ((50.0, 100.0), (-50.0, 0.0)):
        always = made(outlook(margin=margin))[0]
        assert (always.break_even, always.above_zero_pct) == (None, chance)


def test_a_route_that_is_priced_again_is_kept_as_it_was_first_on_that_day(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        record_forecasts(store, routes(1), outlook(), MODEL)
        again = [replace(one, evaluated_at=MADE_AT + 60) for one in routes(1)]
        record_forecasts(store, again, outlook(margin=3.0), MODEL)
        assert {one.made_at for one in store.forecasts(demo=False)} == {MADE_AT}
        next_day = [replace(one, evaluated_at=MADE_AT + 86_400) for one in routes(1)]
        record_forecasts(store, next_day, outlook(), MODEL)
        assert len(list(store.forecasts(demo=False))) == 2 * len(PARAMETERS.kept.horizon_days)


def test_of_many_a_sample_is_kept_that_neither_order_nor_profit_decides(tmp_path: Path) -> None:
    most, count = PARAMETERS.kept.most_routes_a_day, 3 * PARAMETERS.kept.most_routes_a_day
    found, shown = outlook(count, prices=(1_000.0, 2_000.0, 5_000.0)), routes(count)
    with SqliteStore(tmp_path / "once.db") as once, SqliteStore(tmp_path / "parts.db") as parts:
        record_forecasts(once, shown, found, MODEL)
        for start in range(count - 50, -1, -50):
            record_forecasts(parts, shown[start : start + 50], found, MODEL)
        kept = {one.asin for one in once.forecasts(demo=False)}
        assert kept == {one.asin for one in parts.forecasts(demo=False)}
    draws = sorted((draw_of(one.asin, "IT", "DE", "2026-09-21"), one.asin) for one in shown)
    assert kept == {asin for _, asin in draws[:most]}
    # Another day draws others.
    assert draw_of("B000000000", "IT", "DE", "2026-09-22") != draw_of("B000000000", "IT", "DE", "2026-09-21")


def test_what_has_no_forecast_is_not_kept_and_the_demo_market_is_apart(tmp_path: Path) -> None:
    unknown = replace(outlook(2), unknown=np.array(["nobody knows", ""], object))
    with SqliteStore(tmp_path / "store.db") as store:
        first, second = routes(2, demo=True)
        shown = [replace(first, forecast_unknown="nobody knows"), second]
        record_forecasts(store, shown, unknown, MODEL)
        assert list(store.forecasts(demo=False)) == []
        assert {one.asin for one in store.forecasts(demo=True)} == {"B000000001"}
        assert record_forecasts(store, [], unknown, MODEL) == []
