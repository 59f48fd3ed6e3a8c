"""The figures of a backtest: whether chances came true, and where outcomes lay in their forecasts."""

from __future__ import annotations

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.subplots import make_subplots

from arbkit.analysis.backtest.results import HorizonScore
from arbkit.core.formatting import count
from arbkit.display.charts import LAYOUT, STYLES

_LEAST_SHOWN = 5
"""Fewer outcomes than that are no share."""


def reliability_figure(score: HorizonScore) -> go.Figure:
    """What was forecast against what came, a point per bin with its number of outcomes; below it these numbers."""
    style, bins = STYLES["reliability"], score.reliability.bins
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
    figure.update_layout(**LAYOUT).update_layout(style["layout"], title_text=_title(score))
    figure.update_xaxes(style["axis"])
    figure.update_xaxes(title_text="forecast chance", row=2, col=1)
    figure.update_yaxes(style["axis"], title_text="came true", row=1, col=1)
    figure.update_yaxes(title_text="outcomes", row=2, col=1)
    return figure


def _title(score: HorizonScore) -> str:
    text = Markup("Chance that {} after {} days: {} outcomes of {} products")
    return str(text.format(score.reliability.event, score.horizon_days, count(score.origins), count(score.products)))


def pit_figure(score: HorizonScore) -> go.Figure:
    """The share of outcomes in each tenth of their forecast: all bars are level where forecasts are right."""
    style = STYLES["pit"]
    labels = [f"{10 * tenth}–{10 * tenth + 10} %" for tenth in range(len(score.pit))]
    bars = go.Bar(style["bars"], x=labels, y=[100 * share for share in score.pit])
    title = f"Where outcomes lay in their forecast, after {score.horizon_days} days (level is right)"
    figure = go.Figure(bars).update_layout(**LAYOUT).update_layout(style["layout"], title_text=title)
    figure.add_shape(style["level"])
    return figure
