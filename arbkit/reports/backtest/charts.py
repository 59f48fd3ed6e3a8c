"""The figures of a backtest: whether chances came true, and where outcomes lay in their forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.subplots import make_subplots

from arbkit.analysis.backtest.purchases.results import ChanceScore
from arbkit.analysis.backtest.results import Example, HorizonScore, ReliabilityBin
from arbkit.core.formatting import count
from arbkit.display.charts import LAYOUT, STYLES

_DRAWN_ACROSS = 2
_LEAST_SHOWN = 5
"""Fewer outcomes than that are no share."""


def reliability_figure(score: HorizonScore) -> go.Figure:
    """What was forecast of the price against what came."""
    return _reliability(score.reliability.bins, _title(score))


def chances_figure(chances: ChanceScore, event: str) -> go.Figure:
    """The chances of ``event`` of purchases against what came."""
    text = Markup("Chance that a unit {}: {} purchases of {} products")
    return _reliability(
        chances.score.bins, str(text.format(event, count(chances.score.count), count(chances.products)))
    )


def _reliability(bins: Sequence[ReliabilityBin], title: str) -> go.Figure:
    """What was forecast against what came, a point per bin with its number of outcomes; below it these numbers."""
    style = STYLES["reliability"]
    shown = [one for one in bins if one.count >= _LEAST_SHOWN and one.forecast is not None]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.05)
    figure.add_trace(go.Scatter(style["diagonal"], x=[0, 1], y=[0, 1]), row=1, col=1)
    figure.add_trace(
        go.Scatter(
            style["points"],
            x=[one.forecast for one in shown],
            y=[one.happened for one in shown],
            text=[count(one.count) for one in shown],
        ),
        row=1,
        col=1,
    )
    middles = [(one.low + one.high) / 2 for one in bins]
    figure.add_trace(go.Bar(style["counts"], x=middles, y=[one.count for one in bins]), row=2, col=1)
    figure.update_layout(**LAYOUT).update_layout(style["layout"], title_text=title)
    figure.update_xaxes(style["axis"])
    figure.update_xaxes(title_text="forecast chance", row=2, col=1)
    figure.update_yaxes(style["axis"], title_text="came true", row=1, col=1)
    figure.update_yaxes(title_text="outcomes", row=2, col=1)
    return figure


def _title(score: HorizonScore) -> str:
    text = Markup("Chance that {} after {} days: {} outcomes of {} products")
    return str(text.format(score.reliability.event, score.horizon_days, count(score.origins), count(score.products)))


def examples_figure(examples: Sequence[Example]) -> go.Figure:
    """Price histories until the day of a forecast, its band and median after each horizon, and what came (dotted)."""
    style, down = STYLES["examples"], -(-len(examples) // _DRAWN_ACROSS)
    titles = [str(Markup("{} {}: {}").format(one.asin, one.market, not_lower(one))) for one in examples]
    figure = make_subplots(rows=down, cols=_DRAWN_ACROSS, subplot_titles=titles, vertical_spacing=0.25 / down)
    for number, one in enumerate(examples):
        place = {"row": number // _DRAWN_ACROSS + 1, "col": number % _DRAWN_ACROSS + 1}
        prices = [None if price is None else price / 100 for price in one.prices]
        first, today = date.fromisoformat(one.first_day), date.fromisoformat(one.day)
        days = [first + timedelta(day) for day in range(len(prices))]
        known = (today - first).days + 1
        begun = next(day for day, price in enumerate(prices) if price is not None)
        figure.add_trace(go.Scatter(style["past"], x=days[begun:known], y=prices[begun:known]), **place)
        figure.add_trace(go.Scatter(style["came"], x=days[known - 1 :], y=prices[known - 1 :]), **place)
        ends = [today + timedelta(come.days) for come in one.outcomes]
        band = go.Scatter(
            style["forecast"],
            x=ends,
            y=[come.p50 / 100 for come in one.outcomes],
            error_y={
                "array": [(come.p90 - come.p50) / 100 for come in one.outcomes],
                "arrayminus": [(come.p50 - come.p10) / 100 for come in one.outcomes],
            },
        )
        outcome = go.Scatter(style["outcome"], x=ends, y=[come.outcome / 100 for come in one.outcomes])
        figure.add_trace(band, **place)
        figure.add_trace(outcome, **place)
    figure.update_layout(**LAYOUT).update_layout(style["layout"], height=style["height_of_a_row"] * down + 80)
    figure.update_annotations(style["titles"])
    return figure


def not_lower(example: Example) -> str:
    """What an example says, as ``not lower in 7 of 10 after 14 days, 6 of 10 after 30``."""
    said = [f"{come.not_lower_pct / 10:.0f} of 10 after {come.days}" for come in example.outcomes]
    return f"not lower in {', '.join(said)} days"


def pit_figure(score: HorizonScore) -> go.Figure:
    """The share of outcomes in each tenth of their forecast: all bars are level where forecasts are right."""
    style = STYLES["pit"]
    labels = [f"{10 * tenth}–{10 * tenth + 10} %" for tenth in range(len(score.pit))]
    bars = go.Bar(style["bars"], x=labels, y=[100 * share for share in score.pit])
    title = f"Where outcomes lay in their forecast, after {score.horizon_days} days (level is right)"
    figure = go.Figure(bars).update_layout(**LAYOUT).update_layout(style["layout"], title_text=title)
    figure.add_shape(style["level"])
    return figure
