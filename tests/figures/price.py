"""The figures of the selling price, on real histories."""

from __future__ import annotations

from collections.abc import Iterator

from arbkit.analysis.backtest.baselines import BASELINES
from arbkit.analysis.backtest.evidence import gather
from arbkit.analysis.backtest.price_backtest import judge
from arbkit.analysis.backtest.results import HorizonScore
from arbkit.analysis.backtest.scores import Interval
from arbkit.analysis.backtest.targets import MOST_OF_BASELINE
from tests.figures.extent import Extent
from tests.figures.lines import Line, held, line
from tests.price_forecast.histories import histories_file, read_listings

__all__ = ["price_lines"]


def price_lines(extent: Extent) -> Iterator[Line]:
    """Coverage, median, losses against every simple forecast, groups and PIT of each horizon."""
    path = histories_file()
    evidence = None if path is None else gather([read_listings(path)], extent.horizons)
    if evidence is None:
        yield line("selling price", "left out: point ARBKIT_REAL_DATA at the folder beside that of the histories")
        return
    for score in judge(evidence, of_products=len(set(evidence.products))).horizons:
        yield from _lines(score)


def _lines(score: HorizonScore) -> Iterator[Line]:
    what = f"price after {score.horizon_days} days"
    yield line(f"{what}: outcomes, products", f"{score.origins}, {score.products}", score.origins, score.products)
    for target in score.targets:
        found = target.measured
        yield Line(f"{what}: {target.name}", _words(found), target.wanted, target.state, _values(found))
    for one in score.scores:
        if one.name in BASELINES:
            ratio = one.loss_of_judged
            reached = ratio.value is not None and ratio.value <= MOST_OF_BASELINE
            goal = f"at most {MOST_OF_BASELINE:g}"
            yield held(f"{what}: pinball loss over that of {one.name}", _words(ratio), goal, reached, *_values(ratio))
    shares = " ".join(f"{100 * share:.0f}" for share in score.pit)
    yield line(f"{what}: percent of outcomes in each tenth of the forecast", shares, *score.pit)


def _words(found: Interval) -> str:
    return "unknown" if found.value is None else f"{found.value:.4g} ({found.low:.4g} to {found.high:.4g})"


def _values(found: Interval) -> tuple[float | None, ...]:
    return found.value, found.low, found.high
