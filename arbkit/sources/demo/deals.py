"""The demo market's ``/deal``: products cheaper now than on average, as Keepa lists them."""

from __future__ import annotations

from typing import TypedDict

from arbkit.core.marketplaces import Market
from arbkit.sources.demo.market import asins, path, product
from arbkit.sources.demo.wire import SERIES, Clock, average, last_change, root_category
from arbkit.sources.raw_types import RawProduct

PAGE = 150
COST = 5
_DAYS = (1, 7, 30, 90)
"""Keepa's four intervals in days; ``dateRange`` is an index into them."""
_LATEST = 1
_KINDS = {0: "amazon", 1: "new", 10: "new_fba", 18: "buy_box"}


class Deal(TypedDict):
    """One product in Keepa's words; the tables are one row an interval, one column a price type."""

    asin: str
    title: str
    rootCat: int
    current: list[int]
    avg: list[list[int]]
    delta: list[list[int]]
    deltaPercent: list[list[int]]
    currentSince: list[int]
    lastUpdate: int
    creationDate: int


class Deals(TypedDict):
    """A page of deals."""

    dr: list[Deal]
    categoryIds: list[int]
    categoryNames: list[str]
    categoryCount: list[int]


def deals(selection: RawProduct, market: Market, clock: Clock, *, now: float, seed: int) -> Deals:
    """The answer's ``deals`` object, the greatest drop first, or with ``sortType`` 1 the latest.

    Raises:
        ValueError: the selection names a price type, interval, page or range that does not exist.
    """
    kind = selection.get("priceTypes", [1])
    kind = kind[0] if isinstance(kind, list) and kind else kind
    interval, page = selection.get("dateRange", 1), selection.get("page", 0)
    low, high = selection.get("deltaPercentRange") or (1, 100)
    if kind not in _KINDS or interval not in range(len(_DAYS)) or not isinstance(page, int) or page < 0:
        raise ValueError("priceTypes takes one of 0, 1, 10, 18; dateRange 0 to 3; page counts from 0")
    roots = selection.get("includeCategories") or ()
    found = [_deal(asin, market, clock, now=now, seed=seed) for asin in asins()]
    fit = [d for d in found if d is not None and low <= d["deltaPercent"][interval][kind] <= high]
    fit = [d for d in fit if not roots or d["rootCat"] in roots]
    fit.sort(key=lambda d: -d["deltaPercent"][interval][kind])
    if selection.get("sortType") == _LATEST:
        fit.sort(key=lambda d: -d["currentSince"][kind])
    return {"dr": fit[page * PAGE : (page + 1) * PAGE], "categoryIds": [], "categoryNames": [], "categoryCount": []}


def _deal(asin: str, market: Market, clock: Clock, *, now: float, seed: int) -> Deal | None:
    known = product(asin, seed)
    if known is None or market.code not in known.levels:
        return None
    moves = path(asin, market.code, seed)
    step = min(clock.step(now), len(moves.new) - 1)
    times = clock.times(step)
    current, since = [-1] * SERIES, [0] * SERIES
    averages, delta, percent = ([[0] * SERIES for _ in _DAYS] for _ in range(3))
    for kind, name in _KINDS.items():
        series = getattr(moves, name)
        current[kind] = price = int(series[step])
        since[kind] = last_change(times[: step + 1], series[: step + 1])
        for interval, days in enumerate(_DAYS):
            mean = round(average(series, step, days))
            if price <= 0 or mean <= 0:
                continue
            averages[interval][kind] = mean
            delta[interval][kind] = mean - price
            percent[interval][kind] = round(100 * (mean - price) / mean)
    return {
        "asin": asin,
        "title": known.titles[market.code],
        "rootCat": root_category(known),
        "current": current,
        "avg": averages,
        "delta": delta,
        "deltaPercent": percent,
        "currentSince": since,
        "lastUpdate": int(times[-1]),
        "creationDate": int(times[-1]),
    }
