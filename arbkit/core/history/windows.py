"""The last points of a series of many listings, side by side in arrays. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.core.history.steps import DAY_MIN, WINDOW_DAYS, Floats, Ints, Mask, StepSeries
from arbkit.core.models import Series


@dataclass(frozen=True, slots=True)
class Windows:
    """The points of n listings that say what held in the 90 days up to each one's end; the first may be older.

    ``rows`` (points) is the listing of each point, ``times`` and ``ends`` (n) are in Keepa minutes.
    """

    rows: Ints
    times: Ints
    values: Ints
    ends: Ints

    @classmethod
    def of(cls, series: Sequence[Series | None], ends: Ints) -> Windows:
        """Those of these series; without points where one is None."""
        times, values, counts = array("i"), array("i"), []
        for one, end in zip(series, ends.tolist(), strict=True):
            if one is None:
                counts.append(0)
                continue
            last = bisect_right(one.times, end)
            first = max(bisect_right(one.times, end - WINDOW_DAYS * DAY_MIN, 0, last) - 1, 0)
            times += one.times[first:last]
            values += one.values[first:last]
            counts.append(last - first)
        rows = np.repeat(np.arange(len(counts)), counts)
        return cls(rows, np.array(times, np.int64), np.array(values, np.int64), ends)

    @property
    def begins(self) -> Ints:
        """When each listing's 90 days begin (Keepa minutes)."""
        return self.ends - WINDOW_DAYS * DAY_MIN

    def take(self, points: Mask) -> Windows:
        """Some of the points."""
        return Windows(self.rows[points], self.times[points], self.values[points], self.ends)

    def steps(self) -> StepSeries:
        """To be read at any time; values of zero and less are "no offer"."""
        return StepSeries.of_points(self.rows, self.times, self.values, len(self.ends))

    def lengths(self) -> Floats:
        """How many minutes of its listing's 90 days each value held."""
        follows = np.append(self.rows[1:] == self.rows[:-1], False)[: len(self.rows)]
        until = np.where(follows, np.append(self.times[1:], 0)[: len(self.rows)], self.ends[self.rows])
        return np.asarray(until - np.maximum(self.times, self.begins[self.rows]), np.float64)

    def sums(self, weights: Floats | Mask) -> Floats:
        """The sum over each listing's points, (n)."""
        return np.asarray(np.bincount(self.rows, weights, len(self.ends)), np.float64)
