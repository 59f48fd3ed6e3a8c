"""Change points of many offers in one list, and the price processes of the demo market for all offers at once.

Times are hours from the beginning of the history. Memory is by the number of changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arbkit.sources.demo.prices import PriceProcess, price_process
from tests.planner_market.parameters import load_assumed

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
DAY = 24
_ROW = 1 << 20
"""More hours than any history has."""


@dataclass(frozen=True, slots=True)
class Points:
    """Change points: those of offer ``o`` are ``starts[o]:starts[o + 1]``, and its value before them ``first[o]``."""

    starts: Ints
    keys: Ints
    values: Floats
    first: Floats

    @classmethod
    def of(cls, offers: Ints, hours: Ints, values: Floats, first: Floats) -> Points:
        """The points in any order; of several in one hour the last one holds."""
        keys = offers * _ROW + hours
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
        starts = np.searchsorted(keys[last], np.arange(len(first) + 1) * _ROW)
        return cls(starts, keys[last], values[order][last], first)

    def at(self, offers: Ints, hours: Ints) -> Floats:
        """The value of each offer at its hour."""
        place = np.searchsorted(self.keys, offers * _ROW + hours, side="right") - 1
        if not len(self.keys):
            return self.first[offers]
        return np.where(place >= self.starts[offers], self.values[np.maximum(place, 0)], self.first[offers])

    def counts(self, offers: Ints, hours: Ints) -> Ints:
        """How many points each offer has up to its hour."""
        return np.asarray(np.searchsorted(self.keys, offers * _ROW + hours, side="right") - self.starts[offers])

    def grid(self, begin: int, end: int) -> npt.NDArray[np.float32]:
        """The values at each hour of a stretch: (offers, hours)."""
        count = len(self.first)
        found = np.full((count, end - begin), np.nan, np.float32)
        found[:, 0] = self.at(np.arange(count), np.full(count, begin))
        owner, hour = np.divmod(self.keys, _ROW)
        inside = (hour > begin) & (hour < end)
        # Where nothing changes the value of the hour before holds: each change is spread as the difference to it.
        row, column = owner[inside], hour[inside] - begin
        source = np.zeros(found.shape, np.int32)
        found[row, column] = self.values[inside]
        source[row, column] = column
        np.maximum.accumulate(source, axis=1, out=source)
        return np.asarray(np.take_along_axis(found, source, axis=1))

    def owners_hours(self) -> tuple[Ints, Ints]:
        """Of each point its offer and its hour."""
        owner, hour = np.divmod(self.keys, _ROW)
        return owner, hour


@dataclass(frozen=True, slots=True)
class PricePaths:
    """Log prices about their levels, the hours at which they left the band of what was known, and the true rates.

    ``departures`` has a point where a price is further than the tolerance from where the last such point was: what was
    known is wrong from then on. ``event_chance`` is the true chance of an event a day.
    """

    log: Points
    departures: Points
    event_chance: Floats


def price_paths(event_chance: Floats, hours: int, chance: np.random.Generator) -> PricePaths:
    """The paths of offers with these chances of an event a day, as ``price_path`` of the demo market makes them."""
    known, count = price_process(), len(event_chance)
    offers, times = _events(event_chance, hours, chance)
    first_of = np.searchsorted(offers, np.arange(count + 1))
    held = _Held(np.zeros(count), np.zeros(count), np.zeros(count, np.int64), np.zeros(count))
    points: list[tuple[Ints, Ints, Floats]] = []
    marks: list[tuple[Ints, Ints]] = []
    for number in range(int(np.diff(first_of).max(initial=0))):
        row = np.flatnonzero(np.diff(first_of) > number)
        time = times[first_of[row] + number]
        free = time >= held.until[row]
        for made in _step(row[free], time[free], held, known, chance):
            points.append(made)
            moved, hour, value = made
            left = np.abs(value - held.anchor[moved]) > load_assumed().tolerance
            held.anchor[moved[left]] = value[left]
            marks.append((moved[left], hour[left]))
    zero = np.zeros(count)
    every, when = (np.concatenate([made[n] for made in points]) for n in (0, 1))
    log = Points.of(every, when, np.concatenate([made[2] for made in points]), zero)
    owner, hour = (np.concatenate([mark[n] for mark in marks]) for n in range(2))
    return PricePaths(log, Points.of(owner, hour, np.zeros(len(owner)), zero), event_chance)


@dataclass(slots=True)
class _Held:
    """Where each offer is: its log price, its last small move, the end of its sale, the last price that was marked."""

    at: Floats
    last: Floats
    until: Ints
    anchor: Floats


def _events(event_chance: Floats, hours: int, chance: np.random.Generator) -> tuple[Ints, Ints]:
    """At most one event a day, at a random hour of it: offers and times, in order."""
    days = hours // DAY
    counts = chance.binomial(days, event_chance)
    offers = np.repeat(np.arange(len(counts)), counts)
    day = chance.integers(days, size=len(offers))
    keys = np.unique(offers * _ROW + day)
    offers, day = np.divmod(keys, _ROW)
    return offers, day * DAY + chance.integers(DAY, size=len(day))


def _step(
    row: Ints, time: Ints, held: _Held, known: PriceProcess, chance: np.random.Generator
) -> list[tuple[Ints, Ints, Floats]]:
    """The next event of each of these offers; what it leaves, and the end of a sale as an event of its own."""
    kinds, turns, undone, towards, signs, sizes, lengths = chance.random((7, len(row)))

    def drawn(name: str, of: Floats = sizes) -> Floats:
        return np.asarray(np.interp(of, known.levels, getattr(known, name)))

    at, last = held.at[row], held.last[row]
    sale = kinds < known.sale_share
    stays = ~sale & (kinds < known.sale_share + known.step_share)
    up = np.where(at != 0, (at < 0) == (towards < known.towards_chance), signs < 0.5)
    step = np.where(up, drawn("step_up"), -drawn("step_down"))
    turning = turns < known.turn_chance
    up = np.where(last != 0, (last < 0) == turning, signs < 0.5)
    small = np.where(up, drawn("small_up"), -drawn("small_down"))
    small = np.where(turning & (undone < known.undo_chance), -last, small)
    move = np.where(stays, step, small)
    low, high = known.band
    outside = (at + move < low) | (at + move > high)
    back = (at - move >= low) & (at - move <= high)
    move = np.where(outside, np.where(back, -move, 0.0), move)
    move[sale] = 0.0
    held.at[row] = at + move
    held.last[row] = np.where(sale | stays | (move == 0), last, move)
    ends = time + np.maximum(1, np.round(drawn("sale_days", lengths) * DAY)).astype(np.int64)
    held.until[row[sale]] = ends[sale]
    now = (row, time, np.where(sale, at - drawn("sale_depth"), at + move))
    return [now, (row[sale], ends[sale], at[sale])]


def fitted_event_chances(count: int, chance: np.random.Generator) -> Floats:
    """The chance of an event a day of each offer, as fitted."""
    known = price_process()
    return np.asarray(np.interp(chance.random(count), known.levels, known.event_chance))


def gap_paths(count: int, hours: int, chance: np.random.Generator) -> Points:
    """How far the buy box is above NEW, as a difference of log prices."""
    known = load_assumed()

    def drawn(number: int) -> Floats:
        none = chance.random(number) < known.no_gap_share
        return np.where(none, 0.0, chance.exponential(known.gap_mean, number))

    offers = np.repeat(np.arange(count), chance.poisson(known.gap_changes_a_day * hours / DAY, count))
    return Points.of(offers, chance.integers(1, hours, len(offers)), drawn(len(offers)), drawn(count))


def out_spells(count: int, hours: int, chance: np.random.Generator) -> tuple[Ints, Ints]:
    """Begin and end of the one spell in which nobody offers it (both past the end where there is none)."""
    known = price_process()
    begins, length = known.out_chance / DAY, known.out_days * DAY
    inside = chance.random(count) < begins * length / (1 + begins * length)
    begin = np.where(inside, 0, np.minimum(chance.geometric(begins, count), hours))
    return begin, np.minimum(begin + chance.geometric(1 / length, count), hours)
