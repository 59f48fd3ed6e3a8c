"""What two histories of one product on one marketplace are together: every point that either has.

Of two points of one time the one with the greater value holds (an offer before "no offer", a known shipping before an
unknown one), so that it does not matter in which order histories come, how they are grouped, and how often.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

from arbkit.core.models import History, Series

_SELLERS = "buy_box_seller"
_UNKNOWN = -1

_Points = dict[int, tuple[int, int]]
"""Time → value and shipping."""


def merge_histories(a: History, b: History, *, ties: bool = True) -> History:
    """The history that both are together, of the greater version; without ``ties`` points of the first one hold.

    A history that goes on from where the other one ends, as most do, is that history as it is.
    """
    version = max(a.version, b.version)
    for longer, shorter in ((a, b), (b, a)):
        if _goes_on(longer, shorter):
            return longer if longer.version == version else replace(longer, version=version)
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
    sellers = tuple(everyone[position] for position in order)
    ordered = {name: series[name] for name in sorted(series)}
    return History(
        a.asin, a.market, version, a.currency, _with_sellers(ordered, [place[i] for i in range(len(order))]), sellers
    )


def _goes_on(longer: History, shorter: History) -> bool:
    """Whether each series of the one begins with that of the other."""
    if longer.sellers[: len(shorter.sellers)] != shorter.sellers or not shorter.series.keys() <= longer.series.keys():
        return False
    return all(_begins_with(longer.series[name], one) for name, one in shorter.series.items())


def _begins_with(longer: Series, shorter: Series) -> bool:
    count = len(shorter.times)
    if (longer.shipping is None) != (shorter.shipping is None):
        return False
    pairs = [(longer.times, shorter.times), (longer.values, shorter.values)]
    if longer.shipping is not None and shorter.shipping is not None:
        pairs.append((longer.shipping, shorter.shipping))
    return all(one[:count] == other for one, other in pairs)


def _with_sellers(series: Mapping[str, Series], numbers: Sequence[int]) -> dict[str, Series]:
    """The series with other numbers for the sellers: ``numbers`` by the old ones."""
    found = dict(series)
    if _SELLERS in found:
        one = found[_SELLERS]
        found[_SELLERS] = Series(one.times, array("i", (numbers[value] for value in one.values)))
    return found


def _joined(parts: Sequence[Series], *, ties: bool) -> Series:
    """The points of all parts in order of time."""
    points: _Points = {}
    for part in parts:
        for at, value in _points(part):
            if at not in points or (ties and value > points[at]):
                points[at] = value
    times = sorted(points)
    shipped = any(part.shipping is not None for part in parts)
    return Series(
        array("i", times),
        array("i", (points[at][0] for at in times)),
        array("i", (points[at][1] for at in times)) if shipped else None,
    )


def _points(series: Series) -> Iterator[tuple[int, tuple[int, int]]]:
    shipping: Iterable[int] = repeat(_UNKNOWN) if series.shipping is None else series.shipping
    return zip(series.times, zip(series.values, shipping, strict=False), strict=False)
