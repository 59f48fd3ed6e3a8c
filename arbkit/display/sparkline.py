"""The price of 90 days as a line that is small enough for a sentence, drawn without a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from arbkit.analysis.price_history import price_line
from arbkit.core.formatting import money
from arbkit.core.models import History, Offer
from arbkit.display.html import render
from arbkit.profit.exchange_rates import Rates

DAYS = 90
_WIDTH, _HEIGHT, _MARGIN = 160, 32, 2
_MOST = 400
"""Points of a line: more would not be seen."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """One marketplace's price of the last 90 days, in its own currency: drawn, and in words."""

    market: str
    svg: Markup
    words: str


def sparkline(history: History, offer: Offer, rates: Rates, *, now: float) -> Sparkline | None:
    """The line of the series that the offer's price is of, until ``now`` (Unix s); None where it had no price since."""
    line = price_line(history, offer, "priced", history.currency, rates, most=_MOST)
    if line is None:
        return None
    times = line.times.astype("datetime64[s]").astype(np.float64)
    start = now - DAYS * 86_400
    # The price of the first day is the last one before it.
    first = max(0, int(np.searchsorted(times, start, side="right")) - 1)
    at, prices = np.clip(times[first:], start, now), line.prices[first:]
    known = prices[~np.isnan(prices)]
    if not len(known) or times[-1] < start:
        return None
    low, high = float(known.min()), float(known.max())
    across = (at - start) / (DAYS * 86_400) * (_WIDTH - 2 * _MARGIN) + _MARGIN
    room = _HEIGHT - 2 * _MARGIN
    down = _HEIGHT / 2 + 0 * prices if high == low else _MARGIN + (high - prices) / (high - low) * room
    last = "not offered now" if np.isnan(prices[-1]) else f"now {money(float(prices[-1]), history.currency)}"
    words = f"{money(low, history.currency)} to {money(high, history.currency)}, {last}"
    label = f"{history.market}, price of {DAYS} days: {words}"
    svg = render(
        "sparkline.html.j2", width=_WIDTH, height=_HEIGHT, path=_path(zip(across, down, strict=True)), label=label
    )
    return Sparkline(history.market, svg, words)


def sparklines(
    histories: Iterable[History], offers: Mapping[str, Offer], rates: Rates, *, now: float
) -> dict[str, Sparkline]:
    """The line of each marketplace (by its code) that has one."""
    found = (sparkline(h, offers[h.market], rates, now=now) for h in histories if h.market in offers)
    return {line.market: line for line in found if line is not None}


def _path(points: Iterable[tuple[float, float]]) -> str:
    """Steps: a price holds until the next one, and nothing is drawn while there is none."""
    parts, held = [], np.nan
    for x, y in points:
        if not np.isnan(held):
            parts.append(f"H{x:.1f}")
        if not np.isnan(y):
            if np.isnan(held):
                parts.append(f"M{x:.1f} {y:.1f}")
            elif y != held:
                parts.append(f"V{y:.1f}")
        held = y
    return "".join(parts)
