"""The report of a backtest as HTML without scripts: what its notebook displays, part by part."""

from __future__ import annotations

from arbkit import __version__
from arbkit.analysis.backtest.probability_scores import Figure
from arbkit.analysis.backtest.purchases.results import ChanceScore, ProfitBacktest, SalesBacktest
from arbkit.analysis.backtest.results import HorizonScore, PriceBacktest
from arbkit.analysis.backtest.run import BacktestReport
from arbkit.analysis.backtest.scores import Interval
from arbkit.core.formatting import count, money, percent
from arbkit.display.html import macro
from arbkit.display.notebook_html import NotebookHtml

_UNKNOWN = "unknown"
_TOO_FEW = "too few products"


def headline(report: BacktestReport) -> NotebookHtml:
    """What was judged, how well in one line per horizon, and what was not judged."""
    return _part("headline", report)


def horizon(score: HorizonScore) -> NotebookHtml:
    """One horizon: targets, all forecasts beside each other, and groups."""
    named = [
        (one.name, loss(one.pinball), loss(one.loss_of_judged), share(one.covered_pct), share(one.above_median_pct))
        for one in score.scores
    ]
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


def examples(found: PriceBacktest) -> NotebookHtml:
    """What the examples are."""
    return _part("examples", found)


def sales(found: SalesBacktest) -> NotebookHtml:
    """Whether purchases sold in time: a verdict and a table for each horizon, and what was not scored."""
    return _part("sales", found, [(one, _chances(one.chances)) for one in found.horizons])


def profit(found: ProfitBacktest) -> NotebookHtml:
    """Whether purchases made a profit, and what the top of each ranking earned."""
    rankings = [
        (one.name, percent(one.hit_rate_pct), percent(one.return_pct), percent(one.return_a_day_pct, 2),
         money(one.profit, found.currency), f"{one.days_ahead} of {found.days}")
        for one in found.rankings
    ]  # fmt: skip
    return _part("profit", found, _chances(found.chances) if found.chances else [], rankings)


def _chances(chances: ChanceScore) -> list[tuple[str, ...]]:
    """Rows of all purchases, of each marketplace and of each category."""
    score = chances.score
    everything = (
        "all", count(score.count), count(chances.products), percent(chances.said_pct),
        percent(100 * score.base_rate), _figure(score.brier_skill), _figure(score.calibration_error),
    )  # fmt: skip
    rows = [
        (one.name, count(one.purchases), count(one.products), percent(one.said_pct), percent(one.happened_pct),
         _TOO_FEW if one.skill is None else percent(100 * one.skill),
         _TOO_FEW if one.calibration_error is None else percent(100 * one.calibration_error))
        for one in (*chances.markets, *chances.categories)
    ]  # fmt: skip
    return [everything, *rows]


def _figure(figure: Figure) -> str:
    """A part of one in percent with its interval."""
    return f"{percent(100 * figure.value)} ({100 * figure.low:.0f} to {100 * figure.high:.0f})"


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
