"""The figures of time and memory: many offers forecast, many candidates planned with."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.measuring import Taken, taken
from tests.benchmarks.portfolio import solve_candidates
from tests.benchmarks.profit_forecast import forecast_offers, many_offers, peak_memory
from tests.figures.extent import Extent
from tests.figures.lines import Line, held, line

__all__ = ["machine_lines"]

_MOST_SECONDS, _MOST_BY_OFFER = 30.0, 1.1
_MOST_PLAN_SECONDS, _MOST_GAP_PCT = 10.0, 1.0
_BUDGETS = (2_000.0, 20_000.0)
_MB = 1 << 20


def _time(offers: int) -> Taken:
    inputs = many_offers(offers)
    return taken(lambda: forecast_offers(*inputs))


def machine_lines(extent: Extent) -> Iterator[Line]:
    """Seconds and memory of forecasts, seconds and proven gap of plans."""
    count = extent.offers[-1]
    took = _time(count)
    measured = f"{took.clock:.1f} s, {took.processor:.1f} s of processor"
    goal, reached = f"at most {_MOST_SECONDS:g} s", took.clock <= _MOST_SECONDS
    yield held(f"{count:,} offers forecast: price, sales and profit", measured, goal, reached, *took)
    peaks = [peak_memory(offers) for offers in extent.offers]
    for offers, peak in zip(extent.offers, peaks, strict=True):
        yield line(f"{offers:,} offers: memory beside them at most", f"{peak / _MB:.0f} MB", peak)
    ratio = (peaks[-1] / extent.offers[-1]) / (peaks[0] / extent.offers[0])
    name = f"memory by offer, {extent.offers[-1]:,} over {extent.offers[0]:,}"
    yield held(name, f"{ratio:.2f}", f"at most {_MOST_BY_OFFER:g}", ratio <= _MOST_BY_OFFER, ratio)
    for budget in _BUDGETS:
        problem, solution = solve_candidates(budget, extent.candidates)
        what = f"plan of {extent.candidates:,} candidates, {problem.units:,} units, budget {budget:,.0f}"
        seconds, gap = solution.seconds, solution.gap_pct
        in_time, near = seconds <= _MOST_PLAN_SECONDS, gap <= _MOST_GAP_PCT
        yield held(f"{what}: time", f"{seconds:.1f} s", f"at most {_MOST_PLAN_SECONDS:g} s", in_time, seconds)
        yield held(f"{what}: below the proven bound", f"{gap:.2f} %", f"at most {_MOST_GAP_PCT:g} %", near, gap)
