"""A product over time on every marketplace: prices in one currency, and below them rank, offers, sales, ratings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from arbkit.analysis.price_history import PriceLine
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, RATING_COUNT_FROZEN_FROM
from arbkit.display.charts import LAYOUT, MARKET_COLOURS, NEW_INCLUDES_SHIPPING, STYLES, naive_utc, spans

_PRICE_PX, _PANEL_PX, _GAP_PX, _EDGE_PX = 300, 110, 34, 130
_DASHES = {"buy_box": "solid", "new": "dash", "amazon": "dot"}
_CHANGES_OF_MEANING = {
    "new": (NEW_INCLUDES_SHIPPING_FROM, NEW_INCLUDES_SHIPPING),
    "reviews": (RATING_COUNT_FROZEN_FROM, "Keepa stopped updating this number here"),
}
"""Basis → when its series changed its meaning, and what is said there."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A quantity plotted below the prices: ``lines`` hold it in their ``prices``; ``reversed_log`` is for ranks."""

    name: str
    title: str
    lines: Sequence[PriceLine]
    reversed_log: bool = False


def product_figure(prices: Sequence[PriceLine], panels: Sequence[Panel], *, currency: str) -> go.Figure:
    """All panels over one time axis, each marketplace in one colour; gaps where the product was not offered.

    Prices are in ``currency``. Days on which a series changed its meaning are marked.
    """
    priced = [Panel("", f"Price, {currency}, VAT included", prices)] if prices else []
    shown = [*priced, *(panel for panel in panels if panel.lines)]
    if not shown:
        return _nothing()
    heights = [_PRICE_PX if panel.lines is prices else _PANEL_PX for panel in shown]
    traces: list[go.Scatter] = []
    axes: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    several = len({line.basis for line in prices}) > 1
    legend: set[str] = set()
    for number, (panel, domain) in enumerate(zip(shown, _domains(heights), strict=True), 1):
        suffix = str(number) if number > 1 else ""
        is_price, axis = panel.lines is prices, f"y{suffix}"
        style = "prices" if is_price else "ranks" if panel.reversed_log else "counts"
        axes[f"yaxis{suffix}"] = {**STYLES[style], "domain": domain}
        notes.append({**STYLES["heading"], "text": f"<b>{panel.title}</b>", "y": domain[1]})
        for line in panel.lines:
            name = f"{line.market} {line.basis.replace('_', ' ') if is_price else panel.name}"
            key = name if is_price and several else line.market
            dash = _DASHES.get(line.basis, "solid") if is_price and several else "solid"
            value = f"%{{y:,.2f}} {currency}" if is_price else "%{y:,.0f}"
            label = line.market if is_price and not several else name
            traces.append(_trace(line, label, axis, value, dash=dash, legend=key not in legend))
            legend |= {key, line.market}
        for basis, (at, text) in _CHANGES_OF_MEANING.items():
            if spans(panel.lines, basis, at):
                day = naive_utc(at)
                marks.append({**STYLES["mark"], "x0": day, "x1": day, "yref": f"{axis} domain"})
                notes.append({**STYLES["mark_note"], "text": text, "x": day, "y": domain[0]})
    whole = _whole(heights)
    selector = {"buttons": STYLES["range_buttons"], "y": 1 + 26 / whole, "yanchor": "bottom", "x": 0}
    layout = {
        **LAYOUT,
        **STYLES["product"],
        **axes,
        "height": whole + _EDGE_PX,
        "xaxis": {**STYLES["product_dates"], "rangeselector": selector},
        "legend": {"orientation": "h", "y": -28 / whole, "yanchor": "top"},
        "annotations": notes,
        "shapes": marks,
    }
    return go.Figure(traces, layout)


def _whole(heights: Sequence[int]) -> int:
    return sum(heights) + _GAP_PX * (len(heights) - 1)


def _domains(heights: Sequence[int]) -> list[tuple[float, float]]:
    """Vertical extents from top to bottom, as shares of the whole height."""
    whole = _whole(heights)
    top, domains = float(whole), []
    for height in heights:
        domains.append(((top - height) / whole, top / whole))
        top -= height + _GAP_PX
    return [(max(0.0, low), min(1.0, high)) for low, high in domains]


def _trace(line: PriceLine, name: str, axis: str, value: str, *, legend: bool, dash: str = "solid") -> go.Scatter:
    return go.Scatter(
        # Milliseconds take a fifth of the bytes that dates as text would.
        x=line.times.astype("datetime64[ms]").astype(np.int64).astype(np.float64),
        y=line.prices.astype(np.float32 if axis != "y" else np.float64),
        yaxis=axis,
        name=name,
        legendgroup=line.market,
        showlegend=legend,
        mode="lines",
        line={"shape": "hv", "width": 1.8, "color": MARKET_COLOURS[line.market], "dash": dash},
        connectgaps=False,
        hovertemplate=f"{value}<extra>{name}</extra>",
    )


def _nothing() -> go.Figure:
    why = "Nothing to plot: select a series above.<br>Keepa's exports have no price history, only its API does."
    hidden = {"visible": False}
    figure = go.Figure().update_layout(**{**LAYOUT, "height": 160}, xaxis=hidden, yaxis=hidden)
    return figure.add_annotation(STYLES["nothing"], text=why)
