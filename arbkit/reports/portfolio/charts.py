"""The figure of a portfolio: when its money comes back."""

from __future__ import annotations

import plotly.graph_objects as go

from arbkit.analysis.portfolio.results import Portfolio
from arbkit.display.charts import LAYOUT, STYLES


def cash_figure(found: Portfolio) -> go.Figure:
    """Expected money in by week, and the balance of all weeks until then."""
    style, weeks = STYLES["cash_weeks"], [one.week for one in found.weeks]
    figure = go.Figure(
        [
            go.Bar(style["money"], x=weeks, y=[one.cash_in - one.cash_out for one in found.weeks]),
            go.Scatter(style["balance"], x=weeks, y=[one.balance for one in found.weeks]),
        ]
    )
    title = f"Money of the plan by week, expected, {found.currency}"
    return figure.update_layout(**LAYOUT).update_layout(style["layout"], title_text=title)
