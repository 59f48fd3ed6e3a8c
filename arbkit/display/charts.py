"""The charts: where the money of a route goes, its product's price history, a map of routes.

plotly reads texts as HTML: those that come from outside are escaped by the :class:`~markupsafe.Markup` they go into.
"""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup

from arbkit.analysis.price_history import PriceLine
from arbkit.core.formatting import money, number
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM
from arbkit.core.results import ComponentRow
from arbkit.display.labels import component_label
from arbkit.display.waterfall import ProfitableRoute

STYLES: Mapping[str, Any] = tomllib.loads(resources.files("arbkit.display").joinpath("figures.toml").read_text("utf-8"))
"""The parts of figures that do not depend on their data, as plotly takes them."""
MARKET_COLOURS: Mapping[str, str] = STYLES["market_colours"]
"""Marketplace → the colour of its lines."""
LAYOUT: Mapping[str, Any] = STYLES["all"]
"""The layout that all figures share."""
NEW_INCLUDES_SHIPPING = "from here “new” includes shipping"


def waterfall_figure(route: ProfitableRoute) -> go.Figure:
    """From the selling price to the profit, a bar per component; its rule, table, date and source on hover."""
    parts = route.components
    labels = [component_label(p["name"]) + ("*" if p["assumed"] else "") for p in parts]
    bars = go.Waterfall(
        STYLES["waterfall_bars"],
        x=[*labels, "Profit"],
        y=[*(p["amount"] for p in parts), route.profit],
        measure=["relative"] * len(parts) + ["total"],
        text=[*(number(p["amount"]) for p in parts), number(route.profit)],
        hovertext=[*(_hover(p) for p in parts), "<b>Profit</b><br>the sum of all bars before it"],
    )
    note = " (* assumed)" if any(p["assumed"] for p in parts) else ""
    title = f"From selling price to profit, {route.currency}{note}"
    return _figure(bars, "waterfall", title_text=title, yaxis_title_text=route.currency)


def _figure(traces: Any, style: str, **layout: Any) -> go.Figure:
    return go.Figure(traces).update_layout(**LAYOUT).update_layout(STYLES[style], **layout)


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
    traces = [
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
    title = f"Price on every marketplace, {currency}, VAT included"
    figure = _figure(traces, "history", title_text=title, yaxis_title_text=currency)
    figure.update_xaxes(rangeselector_buttons=STYLES["range_buttons"])
    if not lines:
        why = "No price history: Keepa's exports have none, or the product was never offered."
        figure.add_annotation(STYLES["nothing"], text=why)
        figure.update_layout(xaxis={"visible": False, "rangeselector": {"visible": False}}, yaxis={"visible": False})
    if spans(lines, "new", NEW_INCLUDES_SHIPPING_FROM):
        day = naive_utc(NEW_INCLUDES_SHIPPING_FROM)
        figure.add_shape(STYLES["mark"], x0=day, x1=day, yref="paper")
        figure.add_annotation(STYLES["mark_note"], x=day, y=0.02, text=NEW_INCLUDES_SHIPPING)
    return figure


def spans(lines: Sequence[PriceLine], basis: str, at: int) -> bool:
    """Whether a line of this basis has prices before and after a moment (Unix seconds)."""
    moment = np.datetime64(at, "s")
    return any(line.basis == basis and line.times[0] < moment < line.times[-1] for line in lines)


def naive_utc(at: int) -> datetime:
    """A Unix time in seconds as plotly takes it: UTC, without saying so."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


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
    most = max(known, default=1.0)
    heatmap = go.Heatmap(
        STYLES["routes_cells"],
        x=codes,
        y=codes,
        z=amounts,
        text=[["" if a is None else number(a) for a in row] for row in amounts],
        customdata=hover,
        zmin=-most,
        zmax=most,
        colorbar={"title": {"text": currency}},
    )
    return _figure(heatmap, "routes", title_text=str(Markup("{}").format(title)))


def _route_hover(source: str, target: str, text: str) -> str:
    return str(Markup("<br>").join([Markup("<b>{} → {}</b>").format(source, target), *_wrapped(text)]))
