"""The charts: where the money of a route goes, and what its product cost over time."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import plotly.graph_objects as go

from arbkit.analysis.price_history import PriceLine
from arbkit.core.formatting import number
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM
from arbkit.display.waterfall import PricedRoute, component_label

__all__ = [
    "LAYOUT",
    "MARKET_COLOURS",
    "RANGE_BUTTONS",
    "history_figure",
    "routes_figure",
    "waterfall_figure",
]

MARKET_COLOURS: Mapping[str, str] = {
    "DE": "#627cd9", "FR": "#773df2", "IT": "#f25700", "ES": "#8c5b3f", "UK": "#b22d7d",
}  # fmt: skip
"""Told apart by the colour-blind too (CIE76 at least 30 also where red, green or blue is not seen), and at least
3 to 1 against a white and a black page."""
RANGE_BUTTONS = [
    {"count": 1, "label": "1 month", "step": "month", "stepmode": "backward"},
    {"count": 3, "label": "3 months", "step": "month", "stepmode": "backward"},
    {"count": 1, "label": "1 year", "step": "year", "stepmode": "backward"},
    {"label": "all", "step": "all"},
]
LAYOUT: Mapping[str, Any] = {
    "template": "plotly_white",
    "height": 380,
    "font": {"size": 12},
    "hoverlabel": {"align": "left"},
    "modebar": {"remove": ["lasso2d", "select2d", "autoScale2d"]},
}


def waterfall_figure(opportunity: PricedRoute) -> go.Figure:
    """From the selling price to the profit, a bar per component; its rule, table, date and source on hover."""
    parts = opportunity.components
    labels = [component_label(p["name"]) + ("*" if p["assumed"] else "") for p in parts]
    figure = go.Figure(
        go.Waterfall(
            x=[*labels, "Profit"],
            y=[*(p["amount"] for p in parts), opportunity.profit],
            measure=["relative"] * len(parts) + ["total"],
            text=[*(number(p["amount"]) for p in parts), number(opportunity.profit)],
            textposition="outside",
            cliponaxis=False,
            hovertext=[*(_hover(p) for p in parts), "<b>Profit</b><br>the sum of all bars before it"],
            hovertemplate="%{hovertext}<extra></extra>",
            increasing={"marker": {"color": "#1a7f37"}},
            decreasing={"marker": {"color": "#cf222e"}},
            totals={"marker": {"color": "#1f6feb"}},
            connector={"line": {"color": "#8c959f", "width": 1}},
        )
    )
    note = " (* assumed)" if any(p["assumed"] for p in parts) else ""
    figure.update_layout(
        **LAYOUT,
        title={"text": f"From selling price to profit, {opportunity.currency}{note}"},
        yaxis={"title": {"text": opportunity.currency}},
        margin={"l": 60, "r": 20, "t": 50, "b": 90},
        showlegend=False,
    )
    return figure


def _hover(part: Mapping[str, Any]) -> str:
    since = f" (valid from {part['valid_from']})" if part["valid_from"] else ""
    lines = [f"<b>{escape(component_label(part['name']))}: {part['amount']:.2f} {escape(part['currency'])}</b>"]
    lines += _wrapped(f"Rule: {part['rule']}")
    if part["table"]:
        lines += _wrapped(f"Table: {part['table']}{since}")
    if part["source"]:
        lines += _wrapped(f"Source: {part['source']}")
    if part["assumed"]:
        lines.append("<i>assumed</i>")
    return "<br>".join(lines)


def _wrapped(text: str) -> list[str]:
    return [escape(line) for line in textwrap.wrap(text, 70, break_long_words=True)]


def history_figure(lines: Sequence[PriceLine], *, currency: str) -> go.Figure:
    """The product's price on every marketplace in one currency, in steps; gaps where nobody offered it."""
    figure = go.Figure(
        [
            go.Scatter(
                x=line.times,
                y=line.prices,
                name=f"{line.market} ({line.basis.replace('_', ' ')})",
                mode="lines",
                line={"shape": "hv", "width": 1.8, "color": MARKET_COLOURS[line.market]},
                connectgaps=False,
                hovertemplate=f"%{{y:.2f}} {currency}",
            )
            for line in lines
        ]
    )
    figure.update_layout(
        **LAYOUT,
        title={"text": f"Price on every marketplace, {currency}, VAT included"},
        yaxis={"title": {"text": currency}, "rangemode": "tozero"},
        xaxis={"type": "date", "rangeselector": {"buttons": RANGE_BUTTONS, "y": 1.02}},
        hovermode="x unified",
        legend={"orientation": "h", "y": -0.15},
        margin={"l": 60, "r": 20, "t": 70, "b": 60},
        annotations=_annotations(lines),
        shapes=_break_of_new(lines),
    )
    if not lines:
        figure.update_layout(xaxis={"visible": False, "rangeselector": {"visible": False}}, yaxis={"visible": False})
    return figure


def routes_figure(cells: Mapping[tuple[str, str], tuple[float | None, str]], *, title: str, currency: str) -> go.Figure:
    """A map of routes, bought down the side and sold along the top: amounts in ``currency``, green where money is left.

    ``cells``: (source, target) → the amount (None: grey) and what is said of it on hover.
    """
    codes = list(MARKET_COLOURS)
    found = [[cells.get((source, target), (None, "")) for target in codes] for source in codes]
    amounts = [[amount for amount, _ in row] for row in found]
    known = [abs(amount) for row in amounts for amount in row if amount is not None]
    words = [
        [f"<b>{s} → {t}</b><br>{'<br>'.join(_wrapped(text))}" for t, (_, text) in zip(codes, row, strict=True)]
        for s, row in zip(codes, found, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            x=codes,
            y=codes,
            z=amounts,
            text=[["" if a is None else f"{a:.2f}" for a in row] for row in amounts],
            texttemplate="%{text}",
            customdata=words,
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            colorscale=[[0, "#cf222e"], [0.5, "#ffffff"], [1, "#1a7f37"]],
            zmid=0,
            zmin=-max(known, default=1.0),
            zmax=max(known, default=1.0),
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": currency}},
        )
    )
    figure.update_layout(
        **LAYOUT,
        title={"text": escape(title)},
        xaxis={"title": {"text": "sold on"}, "side": "bottom", "showgrid": False},
        yaxis={"title": {"text": "bought on"}, "autorange": "reversed", "showgrid": False},
        margin={"l": 60, "r": 20, "t": 50, "b": 60},
        plot_bgcolor="#eaeef2",
    )
    return figure


def _annotations(lines: Sequence[PriceLine]) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = []
    if not lines:
        why = "No price history: Keepa's exports carry none, and nobody may have offered it."
        notes.append({"text": why, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False})
    for shape in _break_of_new(lines):
        text = "from here “new” includes shipping"
        notes.append(
            {"text": text, "x": shape["x0"], "yref": "paper", "y": 0.02, "showarrow": False, "xanchor": "right"}
        )
    return notes


def _break_of_new(lines: Sequence[PriceLine]) -> Sequence[dict[str, Any]]:
    """A mark where Keepa's “new” price changed its meaning, if a line of it spans that day."""
    at = datetime.fromtimestamp(NEW_INCLUDES_SHIPPING_FROM, UTC).replace(tzinfo=None)
    if not any(line.basis == "new" and line.times[0] < at < line.times[-1] for line in lines):
        return []
    line = {"color": "#8c959f", "dash": "dot", "width": 1}
    return [{"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line}]
