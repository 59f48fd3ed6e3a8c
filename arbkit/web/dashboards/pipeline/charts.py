"""The pipeline's charts: throughput, tokens, and the age of the offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as go

from arbkit.ops.stream_state import Pace

AGE_LIMITS = (900.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0)
AGE_BUCKETS = ("under 15 min", "15–60 min", "1–6 h", "6–24 h", "1–7 days", "over 7 days")
_AGE_COLOURS = ("#0b6e4f", "#2da44e", "#7bb662", "#d9a514", "#d4722a", "#b3261e")
_BLUE, _GREEN, _GREY = "#1f6feb", "#2da44e", "#8c959f"
_MOST_POINTS = 400
_LAYOUT: Mapping[str, Any] = {
    "template": "plotly_white",
    "height": 280,
    "font": {"size": 12},
    "margin": {"l": 58, "r": 16, "t": 34, "b": 34},
    "hovermode": "x unified",
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    "modebar": {"remove": ["lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d"]},
}


def _times(moments: Sequence[float]) -> list[datetime]:
    return [datetime.fromtimestamp(at, UTC).replace(tzinfo=None) for at in moments]


def _line(name: str, points: Sequence[tuple[float, float]], colour: str, dash: str, **style: str) -> go.Scatter:
    times, values = _times([at for at, _ in points]), [value for _, value in points]
    return go.Scatter(x=times, y=values, name=name, line_color=colour, line_dash=dash, line_width=2, **style)


def throughput_figure(paces: Sequence[Pace]) -> go.Figure:
    """Records per minute over time; thinned out, but the newest always kept."""
    paces = paces[:: -max(1, -(-len(paces) // _MOST_POINTS))][::-1]
    style = {"mode": "lines+markers" if len(paces) < 3 else "lines", "hovertemplate": "%{y:,.0f}/min"}
    published = _line("published", [(p.at, p.published) for p in paces], _BLUE, "solid", **style)
    enriched = _line("enriched", [(p.at, p.enriched) for p in paces], _GREEN, "dot", **style)
    figure = go.Figure([published, enriched])
    most = max((max(p.published, p.enriched) for p in paces), default=0.0)
    figure.update_layout(
        **_LAYOUT,
        # Where next to nothing goes, the axis would count fractions of a record.
        yaxis={"title": {"text": "records per minute"}, "range": [0, max(4.0, most * 1.1)], "tickformat": ",d"},
        xaxis={"type": "date", "title": {"text": "UTC"}, "range": _span(paces)},
    )
    return figure


def _span(paces: Sequence[Pace]) -> list[datetime] | None:
    """At least a minute: a single observation would make an axis of milliseconds."""
    if not paces:
        return None
    return _times([min(paces[0].at, paces[-1].at - 60), paces[-1].at])


def tokens_figure(
    seen: Sequence[tuple[float, int]], forecast: Sequence[tuple[float, int]], *, needed: int | None
) -> go.Figure:
    """The tokens observed while the page is open, and their forecast if none is spent."""
    if len(forecast) == 1:
        # A full bucket stays as it is; a single point would be no line.
        forecast = [*forecast, (forecast[0][0] + 3_600, forecast[0][1])]
    style = {"mode": "lines", "line_shape": "hv", "hovertemplate": "%{y:,d} tokens"}
    observed = [_line("observed", seen, _GREEN, "solid", **style)] if len(seen) > 1 else []
    figure = go.Figure([*observed, _line("forecast, if none is spent", forecast, _BLUE, "dot", **style)])
    figure.update_layout(
        **{**_LAYOUT, "height": 240},
        showlegend=True,
        yaxis={"title": {"text": "tokens"}, "rangemode": "tozero", "tickformat": ",d"},
        xaxis={"type": "date", "title": {"text": "UTC"}},
    )
    if needed is not None:
        figure.add_hline(y=needed, line={"color": _GREY, "dash": "dash", "width": 1}, annotation_text=f"{needed:,}")
    return figure


def ages_figure(ages: Mapping[str, Sequence[int]]) -> go.Figure:
    """A bar per marketplace, divided by the age of its offers."""
    markets = list(ages)
    figure = go.Figure(
        [
            go.Bar(
                y=markets, x=[ages[m][bucket] for m in markets], name=name, orientation="h",
                marker={"color": _AGE_COLOURS[bucket]}, hovertemplate="%{x:,d}",
            )
            for bucket, name in enumerate(AGE_BUCKETS)
        ]
    )  # fmt: skip
    figure.update_layout(
        **{**_LAYOUT, "hovermode": "y unified", "margin": {"l": 40, "r": 16, "t": 60, "b": 40}},
        barmode="stack",
        legend_traceorder="normal",
        bargap=0.35,
        xaxis={"title": {"text": "offers"}, "tickformat": ",d"},
        yaxis={"autorange": "reversed"},
    )
    return figure
