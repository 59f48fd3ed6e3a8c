"""Price forecasts: their rate, their memory, and how good they are on real histories where these are at hand."""

from __future__ import annotations

import tracemalloc
from array import array

import numpy as np

from arbkit.analysis.backtest.evidence import gather
from arbkit.analysis.backtest.price_backtest import judge
from arbkit.analysis.backtest.results import HorizonScore
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.past import PriceHistories, past_of
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.models import History, Series
from arbkit.profit.fees.arrays import Floats
from tests.benchmarks.measuring import Report, seconds, skip
from tests.price_forecast.histories import histories_file, read_listings

__all__ = ["run"]

_START, _DAYS, _POINTS = 7_000_000, 365, 60
_FEW, _MANY = 10_000, 100_000
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def _histories(count: int) -> list[History]:
    """Listings with sixty changes in a year; a hundred different ones, again and again."""
    rng = np.random.default_rng(18)
    made = []
    for _ in range(100):
        times = np.sort(rng.integers(0, _DAYS * DAY_MIN, _POINTS)) + _START
        values = rng.integers(900, 1_200, _POINTS)
        made.append(Series(array("i", times.tolist()), array("i", values.tolist())))
    return [History("B000000001", "DE", 0, "EUR", {"new": made[number % 100]}) for number in range(count)]


def _forecast(histories: list[History]) -> Floats:
    rows = np.arange(len(histories))
    past = past_of(PriceHistories.of(histories), rows, np.full(len(rows), _START + _DAYS * DAY_MIN))
    return load_price_model().forecast(past, 30).quantiles(_LEVELS)


def _peak(histories: list[History]) -> float:
    tracemalloc.start()
    _forecast(histories)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / len(histories)


def run(report: Report) -> None:
    """A forecast of every offer from its history; then the backtest of the real histories."""
    many = _histories(_MANY)
    taken = seconds(lambda: _forecast(many))
    report("price forecast of 100,000 offers, 60 changes each", f"{taken:.1f} s", "at most 30 s")
    few_bytes, many_bytes = _peak(many[:_FEW]), _peak(many)
    report("memory per offer, 100,000 / 10,000 offers", f"{many_bytes / few_bytes:.2f} ×", "about 1 ×, or less")
    path = histories_file()
    if path is None:
        skip("backtest of real price histories", "point ARBKIT_REAL_DATA at the folder beside theirs")
        return
    listings = read_listings(path)
    evidence = gather([listings], (14, 30))
    assert evidence is not None
    for score in judge(evidence, of_products=len(listings)).horizons:
        _report_horizon(report, score)


def _report_horizon(report: Report, score: HorizonScore) -> None:
    what = f"after {score.horizon_days} days"
    report(f"{what}: outcomes, products", f"{score.origins}, {score.products}", "")
    for one in score.scores:
        loss = one.pinball
        report(f"{what}: pinball loss, {one.name}", f"{loss.value:.4f} ({loss.low:.4f} to {loss.high:.4f})", "")
    for target in score.targets:
        found = target.measured
        measured = "unknown" if found.value is None else f"{found.value:.4g} ({found.low:.4g} to {found.high:.4g})"
        report(f"{what}: {target.name}", f"{measured}, {target.state}", target.wanted)
