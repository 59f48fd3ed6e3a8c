"""Histories as people read them: times in Unix seconds, money in major units, and no more points than are wanted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arbkit.core.keepa_time import to_minutes, to_unix
from arbkit.core.models import History
from arbkit.core.offers.history_codec import NO_OFFER

_MONEY = ("amazon", "new", "used", "list", "new_fba", "buy_box")
_SELLER = "buy_box_seller"
UNITS: Mapping[str, str] = {
    **dict.fromkeys(_MONEY, "currency"), "sales_rank": "rank", "offers_new": "offers", "rating": "stars",
    "reviews": "reviews", "monthly_sold": "units a month", _SELLER: "seller",
}  # fmt: skip
"""Series of a :class:`~arbkit.core.models.History` → the unit of its values; ``currency``: that of its marketplace."""
_PARTS = {**dict.fromkeys(_MONEY, 100), "rating": 10}
"""What a stored value is divided by; rating: Keepa counts in tenths of a star."""
LEAST_POINTS = 10
"""With fewer nothing could be seen of a series."""


@dataclass(frozen=True, slots=True)
class Points:
    """Change points of a series: a value holds until the next; None is "no offer".

    ``times`` are Unix seconds, rising; ``shipping`` is there beside a buy box only (None in it: unknown). ``total`` is
    how many there are in the stretch of time, of which these are all, or the extremes.
    """

    times: Sequence[int]
    values: Sequence[float | str | None]
    shipping: Sequence[float | None] | None
    total: int


def points_of(history: History, name: str, *, start: float | None, end: float | None, most: int) -> Points:
    """The points of a series from ``start`` to ``end`` (Unix seconds; None: its own), at most ``most`` of them.

    What held at ``start`` is the first of them. Of more than ``most`` the first and the last are kept and, of stretches
    of as many points each, the lowest and the highest.
    """
    series = history.series[name]
    first = 0 if start is None else bisect_left(series.times, _minute_from(start))
    last = len(series.times) if end is None else bisect_right(series.times, to_minutes(end))
    before = start is not None and first > 0 and (first == len(series.times) or to_unix(series.times[first]) > start)
    places = range(first - 1 if before else first, last)
    kept = _thinned(series.values, places, most)
    times = [to_unix(series.times[place]) for place in kept]
    if before and times and start is not None:
        times[0] = int(start)
    shipping = None if series.shipping is None else [_major(series.shipping[place]) for place in kept]
    return Points(times, [_value(history, name, series.values[place]) for place in kept], shipping, len(places))


def _minute_from(start: float) -> int:
    """The first Keepa minute that is not before this time."""
    minute = to_minutes(start)
    return minute if to_unix(minute) >= start else minute + 1


def _thinned(values: Sequence[int], places: range, most: int) -> Sequence[int]:
    if len(places) <= most:
        return places
    stretches = (most - 2) // 2
    kept = {places[0], places[-1]}
    for number in range(stretches):
        here = places[number * len(places) // stretches : (number + 1) * len(places) // stretches]
        kept |= {min(here, key=values.__getitem__), max(here, key=values.__getitem__)}
    return sorted(kept)


def _value(history: History, name: str, value: int) -> float | str | None:
    if value == NO_OFFER:
        return None
    if name == _SELLER:
        return history.sellers[value] if value < len(history.sellers) else None
    parts = _PARTS.get(name)
    return value if parts is None else value / parts


def _major(minor: int) -> float | None:
    return None if minor == NO_OFFER else minor / 100
