"""What two histories of one product on one marketplace are together: every point that either has.

Of two points of one time the one with the greater value holds (an offer before "no offer", a known shipping before an
unknown one), so that it does not matter in which order histories come, how they are grouped, and how often.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

from arbkit.core.models import History, Series

_SELLERS = "buy_box_seller"
_UNKNOWN = -1

_Points = dict[int, tuple[int, int]]
"""Time → value and shipping."""


def merge_histories(a: History, b: History, *, ties: bool = True) -> History:
    """The history that both are together, of the greater version; without ``ties`` points of the first one hold."""
    everyone = sorted({*a.sellers, *b.sellers})
    number = {seller: position for position, seller in enumerate(everyone)}
    parts = [_with_sellers(one.series, [number[seller] for seller in one.sellers]) for one in (a, b)]
    series = {
        name: _joined([part[name] for part in parts if name in part], ties=ties)
        for name in dict.fromkeys(name for part in parts for name in part)
    }
    held = series[_SELLERS].values if _SELLERS in series else ()
    # As sources number them: by when each first held the buy box.
    order = list(dict.fromkeys([*held, *range(len(everyone))]))
    place = dict(zip(order, range(len(order)), strict=True))
    numbers = [place[position] for position in range(len(order))]
    sellers = tuple(everyone[position] for position in order)
    return History(a.asin, a.market, max(a.version, b.version), a.currency, _with_sellers(series, numbers), sellers)


def until(history: History, latest: int) -> History:
    """The history without points after ``latest`` (Keepa minutes); its version is at most that of its last point."""
    series = {name: _until(one, bisect_right(one.times, latest)) for name, one in history.series.items()}
    last = max((one.times[-1] for one in series.values() if one.times), default=0)
    return replace(history, series=series, version=min(history.version, last))


def _until(series: Series, count: int) -> Series:
    shipping = None if series.shipping is None else series.shipping[:count]
    return Series(series.times[:count], series.values[:count], shipping)


def _with_sellers(series: Mapping[str, Series], numbers: Sequence[int]) -> dict[str, Series]:
    """The series with other numbers for the sellers: ``numbers`` by the old ones."""
    found = dict(series)
    if _SELLERS in found:
        one = found[_SELLERS]
        found[_SELLERS] = Series(one.times, array("i", (numbers[value] for value in one.values)))
    return found


def _joined(parts: Sequence[Series], *, ties: bool) -> Series:
    """The points of one or two series in order of time."""
    if len(parts) == 1:
        return parts[0]
    shipped = any(part.shipping is not None for part in parts)
    # Mostly the one begins long before the other, and what lies before that is its alone.
    early, late = sorted(parts, key=lambda part: part.times[:1].tolist())
    alone = bisect_left(early.times, late.times[0]) if late.times and early.times else 0
    points: _Points = {}
    for part in parts:
        for at, value in _points(part, alone if part is early else 0):
            if at not in points or (ties and value > points[at]):
                points[at] = value
    times = sorted(points)
    head = _first(early, alone, shipped=shipped)
    return Series(
        head.times + array("i", times),
        head.values + array("i", (points[at][0] for at in times)),
        None if head.shipping is None else head.shipping + array("i", (points[at][1] for at in times)),
    )


def _first(series: Series, count: int, *, shipped: bool) -> Series:
    """The first points; with shipping, even if it is unknown, where that is wanted."""
    shipping = array("i", [_UNKNOWN]) * count if series.shipping is None else series.shipping[:count]
    return Series(series.times[:count], series.values[:count], shipping if shipped else None)


def _points(series: Series, start: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Time and (value, shipping) of each point from there on."""
    shipping: Iterable[int] = repeat(_UNKNOWN) if series.shipping is None else series.shipping[start:]
    return zip(series.times[start:], zip(series.values[start:], shipping, strict=False), strict=False)
