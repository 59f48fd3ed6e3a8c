"""The charts: where the money of a route goes, its product's price history, a map of routes.

plotly reads texts as HTML: those that come from outside are escaped by the :class:`~markupsafe.Markup` they go into.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from arbkit.analysis.price_history import PriceLine
from arbkit.core.formatting import money, number
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM
from arbkit.core.results import ComponentRow
from arbkit.display.labels import component_label
from arbkit.display.waterfall import PricedRoute

MARKET_COLOURS: Mapping[str, str] = {
    "DE": "#627cd9", "FR": "#773df2", "IT": "#f25700", "ES": "#8c5b3f", "UK": "#b22d7d",
}  # fmt: skip
"""Distinguishable by the colour-blind too (CIE76 difference of at least 30, also without red, green or blue), with a
contrast of at least 3 to 1 against a white and a black page."""
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


def waterfall_figure(route: PricedRoute) -> go.Figure:
    """From the selling price to the profit, a bar per component; its rule, table, date and source on hover."""
    parts = route.components
    labels = [component_label(p["name"]) + ("*" if p["assumed"] else "") for p in parts]
    figure = go.Figure(
        go.Waterfall(
            x=[*labels, "Profit"],
            y=[*(p["amount"] for p in parts), route.profit],
            measure=["relative"] * len(parts) + ["total"],
            text=[*(number(p["amount"]) for p in parts), number(route.profit)],
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
        title={"text": f"From selling price to profit, {route.currency}{note}"},
        yaxis={"title": {"text": route.currency}},
        margin={"l": 60, "r": 20, "t": 50, "b": 90},
        showlegend=False,
    )
    return figure


def _hover(part: ComponentRow) -> str:
    since = f" (valid from {part['valid_from']})" if part["valid_from"] else ""
    heading = Markup("<b>{}: {}</b>").format(component_label(part["name"]), money(part["amount"], part["currency"]))
    lines: list[str] = [heading, *_wrapped(f"Rule: {part['rule']}")]
    if part["table"]:
        lines += _wrapped(f"Table: {part['table']}{since}")
    if part["source"]:
        lines += _wrapped(f"Source: {part['source']}")
    if part["assumed"]:
        lines.append(Markup("<i>assumed</i>"))
    return str(Markup("<br>").join(lines))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 70, break_long_words=True)


def history_figure(lines: Sequence[PriceLine], *, currency: str) -> go.Figure:
    """A product's price on every marketplace in ``currency``, VAT included, in steps; gaps where it was not offered."""
    figure = go.Figure(
        [
            go.Scatter(
                x=line.times,
                y=line.prices,
                name=f"{line.market} ({line.basis.replace('_', ' ')})",
                mode="lines",
                line={"shape": "hv", "width": 1.8, "color": MARKET_COLOURS[line.market]},
                connectgaps=False,
                hovertemplate=f"%{{y:,.2f}} {currency}",
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
    """A map of routes, bought in rows and sold in columns: amounts in ``currency``, green where there is a profit.

    ``cells``: (source, target) → the amount (None: grey) and the text on hover.
    """
    codes = list(MARKET_COLOURS)
    grid = [[cells.get((source, target), (None, "")) for target in codes] for source in codes]
    amounts = [[amount for amount, _ in row] for row in grid]
    known = [abs(amount) for row in amounts for amount in row if amount is not None]
    hover = [
        [_route_hover(source, target, text) for target, (_, text) in zip(codes, row, strict=True)]
        for source, row in zip(codes, grid, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            x=codes,
            y=codes,
            z=amounts,
            text=[["" if a is None else number(a) for a in row] for row in amounts],
            texttemplate="%{text}",
            customdata=hover,
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
        title={"text": str(Markup("{}").format(title))},
        xaxis={"title": {"text": "sold on"}, "side": "bottom", "showgrid": False},
        yaxis={"title": {"text": "bought on"}, "autorange": "reversed", "showgrid": False},
        margin={"l": 60, "r": 20, "t": 50, "b": 60},
        plot_bgcolor="#eaeef2",
    )
    return figure


def _route_hover(source: str, target: str, text: str) -> str:
    return str(Markup("<br>").join([Markup("<b>{} → {}</b>").format(source, target), *_wrapped(text)]))


def _annotations(lines: Sequence[PriceLine]) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = []
    if not lines:
        why = "No price history: Keepa's exports have none, or the product was never offered."
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
