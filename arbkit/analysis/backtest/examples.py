"""A few forecasts one by one, each beside what came: to be looked at, not counted. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from arbkit.analysis.backtest.evidence import Evidence
from arbkit.analysis.backtest.refits import Forecasts
from arbkit.analysis.backtest.results import Example, ExampleOutcome
from arbkit.analysis.forecast.price.origins import PriceOrigins
from arbkit.core.history.steps import DAY_MIN, WINDOW_DAYS, StepSeries
from arbkit.core.keepa_time import to_unix
from arbkit.core.models import History


def examples_of(evidence: Evidence, forecast: Callable[[PriceOrigins, int], Forecasts]) -> list[Example]:
    """An example of each drawn listing, at a drawn origin with all outcomes; ``forecast`` is of a horizon's column."""
    return [_example(evidence, number, history, forecast) for number, history in evidence.examples.items()]


def _example(
    evidence: Evidence, number: int, history: History, forecast: Callable[[PriceOrigins, int], Forecasts]
) -> Example:
    judged = evidence.judged
    rows = np.flatnonzero((judged.listing == number) & ~np.isnan(judged.returns).any(1))
    lot = int.from_bytes(hashlib.sha256(f"day of {history.id}".encode()).digest()[:8])
    origin = judged.take(rows[[lot % len(rows)]])
    at, price = int(origin.at[0]), float(origin.past.price[0])
    days = np.arange(-WINDOW_DAYS, max(judged.horizons) + 1)
    prices = StepSeries.of([history.series["new"]]).at(np.zeros(len(days), np.int64), at + days * DAY_MIN)
    outcomes: list[ExampleOutcome] = []
    for column, horizon in enumerate(judged.horizons):
        found = forecast(origin, column)
        p10, p50, p90 = (round(price * float(one), 1) for one in found.quantiles[0])
        came = round(price * float(np.exp(origin.returns[0, column])), 1)
        chance = round(100 * float(found.holds[0]), 1)
        outcomes.append(ExampleOutcome(days=horizon, p10=p10, p50=p50, p90=p90, not_lower_pct=chance, outcome=came))
    return Example(
        asin=history.asin, market=history.market, currency=history.currency, day=_day(at),
        first_day=_day(at - WINDOW_DAYS * DAY_MIN),
        prices=[None if np.isnan(one) else float(one) for one in prices], outcomes=outcomes,
    )  # fmt: skip


def _day(minutes: int) -> str:
    return f"{datetime.fromtimestamp(to_unix(minutes), UTC):%Y-%m-%d}"
