"""The demo market's ``/deal``: products cheaper now than on average, as Keepa lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arbkit.core.marketplaces import Market
from arbkit.sources.demo.market import asins, path, product
from arbkit.sources.demo.wire import SERIES, Clock, average, root_category

__all__ = ["COST", "PAGE", "deals"]

PAGE = 150
COST = 5
_DAYS = (1, 7, 30, 90)
"""Keepa's four intervals; ``dateRange`` is a place in them."""
_KINDS = {0: "amazon", 1: "new", 10: "new_fba", 18: "buy_box"}


def deals(selection: Mapping[str, Any], market: Market, clock: Clock, *, now: float, seed: int) -> dict[str, Any]:
    """The answer's ``deals`` object, the greatest drop first.

    Raises:
        ValueError: the selection names a price type, interval, page or range that there is not.
    """
    kind = selection.get("priceTypes", [1])
    kind = kind[0] if isinstance(kind, list) and kind else kind
    interval, page = selection.get("dateRange", 1), selection.get("page", 0)
    low, high = selection.get("deltaPercentRange") or (1, 100)
    if kind not in _KINDS or interval not in range(len(_DAYS)) or not isinstance(page, int) or page < 0:
        raise ValueError("priceTypes takes one of 0, 1, 10, 18; dateRange 0 to 3; page counts from 0")
    found = [_deal(asin, market, clock, now=now, seed=seed) for asin in asins()]
    fit = [d for d in found if d is not None and low <= d["deltaPercent"][interval][kind] <= high]
    fit.sort(key=lambda d: -d["deltaPercent"][interval][kind])
    return {"dr": fit[page * PAGE : (page + 1) * PAGE], "categoryIds": [], "categoryNames": [], "categoryCount": []}


def _deal(asin: str, market: Market, clock: Clock, *, now: float, seed: int) -> dict[str, Any] | None:
    known = product(asin, seed)
    if known is None or market.code not in known.levels:
        return None
    moves = path(asin, market.code, seed)
    step = min(clock.step(now), len(moves.new) - 1)
    times = clock.times(step)
    current = [-1] * SERIES
    averages, delta, percent = ([[0] * SERIES for _ in _DAYS] for _ in range(3))
    for place, name in _KINDS.items():
        series = getattr(moves, name)
        current[place] = price = int(series[step])
        for interval, days in enumerate(_DAYS):
            mean = round(average(series, step, days))
            if price <= 0 or mean <= 0:
                continue
            averages[interval][place] = mean
            delta[interval][place] = mean - price
            percent[interval][place] = round(100 * (mean - price) / mean)
    return {
        "asin": asin,
        "title": known.titles[market.code],
        "rootCat": root_category(known),
        "current": current,
        "avg": averages,
        "delta": delta,
        "deltaPercent": percent,
        "lastUpdate": int(times[-1]),
        "creationDate": int(times[-1]),
    }
