"""The report of a backtest as HTML without scripts: what its notebook displays, part by part."""

from __future__ import annotations

from arbkit import __version__
from arbkit.analysis.backtest.results import HorizonScore
from arbkit.analysis.backtest.run import BacktestReport
from arbkit.analysis.backtest.scores import Interval
from arbkit.core.formatting import percent
from arbkit.display.html import macro
from arbkit.display.notebook_html import NotebookHtml

_UNKNOWN = "unknown"


def headline(report: BacktestReport) -> NotebookHtml:
    """What was judged, how well in one line per horizon, and what was not judged."""
    return _part("headline", report)


def horizon(score: HorizonScore) -> NotebookHtml:
    """One horizon: targets, all forecasts beside each other, and groups."""
    named = [(one.name, loss(one.pinball), share(one.covered_pct), share(one.above_median_pct)) for one in score.scores]
    parts = [*score.groups, *score.markets, *score.categories, *([score.later_days] if score.later_days else [])]
    groups = [
        (one.name, one.origins, one.products, loss(one.pinball), share(one.covered_pct), share(one.above_median_pct))
        for one in parts
    ]
    targets = [
        (one.name, one.wanted, loss(one.measured) if "loss" in one.name else share(one.measured), one.state)
        for one in score.targets
    ]
    brier = [loss(score.reliability.brier), loss(score.reliability.brier_of_base_rate)]
    return _part("horizon", score, targets, named, groups, brier)


def about(report: BacktestReport) -> NotebookHtml:
    """How it was judged, and by which model and version."""
    return _part("about", report, __version__)


def share(interval: Interval) -> str:
    """A share in percent with its interval, as ``80 % (75 to 85)``."""
    if interval.value is None or interval.low is None or interval.high is None:
        return _UNKNOWN
    return f"{percent(interval.value)} ({interval.low:.0f} to {interval.high:.0f})"


def loss(interval: Interval) -> str:
    """A loss with its interval, as ``0.0213 (0.0140 to 0.0326)``."""
    if interval.value is None or interval.low is None or interval.high is None:
        return _UNKNOWN
    return f"{interval.value:.4f} ({interval.low:.4f} to {interval.high:.4f})"


def _part(name: str, *values: object) -> NotebookHtml:
    return NotebookHtml(macro(name, *values, template="backtest.html.j2", package="arbkit.reports"))
