"""A product over time on every marketplace: prices in one currency, and below them rank, offers, sales, ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import plotly.graph_objects as go

from arbkit.analysis.price_history import PriceLine
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, RATING_COUNT_FROZEN_FROM
from arbkit.display.charts import LAYOUT, MARKET_COLOURS, RANGE_BUTTONS

_PRICE_PX, _PANEL_PX, _GAP_PX, _EDGE_PX = 300, 110, 34, 130
_DASHES = {"buy_box": "solid", "new": "dash", "amazon": "dot"}
_GREY = "#8c959f"


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
    panels = [p for p in panels if p.lines]
    heights = ([_PRICE_PX] if prices else []) + [_PANEL_PX] * len(panels)
    if not heights:
        return _nothing()
    domains = _domains(heights)
    traces: list[go.Scatter] = []
    layout: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    axis = 0
    several = len({line.basis for line in prices}) > 1
    legend: set[str] = set()
    if prices:
        axis = 1
        layout["yaxis"] = {"domain": domains[0], "tickformat": ",~r", "nticks": 7}
        notes.append(_heading(f"Price, {currency}, VAT included", domains[0]))
        for line in prices:
            name = f"{line.market} {line.basis.replace('_', ' ')}" if several else line.market
            dash = _DASHES.get(line.basis, "solid") if several else "solid"
            traces.append(_trace(line, name, "y", f"%{{y:,.2f}} {currency}", dash=dash, legend=name not in legend))
            legend.add(name)
        if _spans(prices, "new", NEW_INCLUDES_SHIPPING_FROM):
            marks.append(_mark(NEW_INCLUDES_SHIPPING_FROM, "y"))
            notes.append(_mark_note(NEW_INCLUDES_SHIPPING_FROM, "from here “new” includes shipping", domains[0]))
    in_legend = {line.market for line in prices}
    for panel, domain in zip(panels, domains[axis:], strict=True):
        axis += 1
        name = "y" if axis == 1 else f"y{axis}"
        key = "yaxis" if axis == 1 else f"yaxis{axis}"
        layout[key] = {"domain": domain, "tickformat": ",~s", "nticks": 4}
        layout[key] |= {"type": "log", "autorange": "reversed"} if panel.reversed_log else {"rangemode": "tozero"}
        notes.append(_heading(panel.title, domain))
        for line in panel.lines:
            label = f"{line.market} {panel.name}"
            traces.append(_trace(line, label, name, "%{y:,.0f}", legend=line.market not in in_legend))
            in_legend.add(line.market)
        if _spans(panel.lines, "reviews", RATING_COUNT_FROZEN_FROM):
            marks.append(_mark(RATING_COUNT_FROZEN_FROM, name))
            notes.append(_mark_note(RATING_COUNT_FROZEN_FROM, "Keepa stopped updating this number here", domain))
    layout |= dict(
        LAYOUT,
        # The page brings its own colours; plotly's templates are slow to copy.
        template={"layout": {}},
        height=_whole(heights) + _EDGE_PX,
        xaxis={
            "type": "date",
            "anchor": "free",
            "position": 0,
            "rangeselector": {"buttons": RANGE_BUTTONS, "y": 1 + 26 / _whole(heights), "yanchor": "bottom", "x": 0},
            "spikethickness": 1,
            "spikecolor": _GREY,
            "spikedash": "dot",
        },
        hovermode="x unified",
        hoversubplots="axis",
        legend={"orientation": "h", "y": -28 / _whole(heights), "yanchor": "top"},
        margin={"l": 52, "r": 12, "t": 66, "b": 64},
        annotations=notes,
        shapes=marks,
    )
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


def _heading(text: str, domain: tuple[float, float]) -> dict[str, Any]:
    return {
        "text": f"<b>{text}</b>", "xref": "paper", "yref": "paper", "x": 0, "y": domain[1], "showarrow": False,
        "xanchor": "left", "yanchor": "bottom",
    }  # fmt: skip


def _spans(lines: Sequence[PriceLine], basis: str, at: int) -> bool:
    moment = np.datetime64(at, "s")
    return any(line.basis == basis and line.times[0] < moment < line.times[-1] for line in lines)


def _mark(at: int, axis: str) -> dict[str, Any]:
    line = {"color": _GREY, "dash": "dot", "width": 1.5}
    return {
        "type": "line", "x0": _day(at), "x1": _day(at), "xref": "x", "yref": f"{axis} domain", "y0": 0, "y1": 1,
        "line": line,
    }  # fmt: skip


def _mark_note(at: int, text: str, domain: tuple[float, float]) -> dict[str, Any]:
    return {
        "text": text, "x": _day(at), "yref": "paper", "y": domain[0], "showarrow": False, "xanchor": "right",
        "yanchor": "bottom", "font": {"size": 11},
    }  # fmt: skip


def _day(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def _nothing() -> go.Figure:
    figure = go.Figure()
    why = "Nothing to plot: select a series above.<br>Keepa's exports have no price history, only its API does."
    note: Mapping[str, Any] = {"text": why, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    hidden = {"visible": False}
    figure.update_layout(**{**LAYOUT, "height": 160}, annotations=[note], xaxis=hidden, yaxis=hidden)
    return figure
