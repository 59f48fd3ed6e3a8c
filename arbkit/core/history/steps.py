"""Change points of many listings in one array, to be read at any number of times at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arbkit.core.models import Series

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
DAY_MIN = 1_440
"""Minutes of a day, in which Keepa counts."""
WINDOW_DAYS = 90
"""How far back the figures of a history look."""
_ROW = 1 << 32
"""Further apart than any two times of a series."""


@dataclass(frozen=True, slots=True)
class StepSeries:
    """One quantity of many listings: a value holds until the listing's next change point; NaN is "no offer".

    ``keys`` are row × 2³² + time (Keepa minutes), rising; the points of row ``r`` are
    ``values[starts[r]:starts[r + 1]]``.
    """

    starts: Ints
    keys: Ints
    values: Floats

    @classmethod
    def of(cls, series: Sequence[Series | None]) -> StepSeries:
        """A row for each series, without points where it is None; values of zero and less are "no offer"."""
        lengths = [0 if one is None else len(one.times) for one in series]
        held = [one for one in series if one is not None]
        times = np.concatenate([np.empty(0, np.int64), *(np.asarray(one.times, np.int64) for one in held)])
        values = np.concatenate([np.empty(0, np.int64), *(np.asarray(one.values, np.int64) for one in held)])
        return cls.of_points(np.repeat(np.arange(len(series)), lengths), times, values, len(series))

    @classmethod
    def of_points(cls, rows: Ints, times: Ints, values: Ints, count: int) -> StepSeries:
        """``count`` rows out of points in the order of rows and times; values of zero and less are "no offer"."""
        starts = np.append(0, np.cumsum(np.bincount(rows, minlength=count)))
        return cls(starts, rows * _ROW + times, np.where(values > 0, values, np.nan))

    def first(self) -> Ints:
        """The time of each row's first point (Keepa minutes); −1 without points."""
        return self._times(self.starts[:-1])

    def last(self) -> Ints:
        """The time of each row's last point (Keepa minutes); −1 without points."""
        return self._times(self.starts[1:] - 1)

    def at(self, rows: Ints, times: Ints) -> Floats:
        """The value that held in each of these rows at each of these times; NaN before a row's first point.

        ``rows`` and ``times`` (Keepa minutes) of shapes that broadcast; so is the result.
        """
        rows, times = np.broadcast_arrays(rows, times)
        found = np.searchsorted(self.keys, rows * _ROW + np.maximum(times, 0), side="right") - 1
        known = found >= self.starts[rows]
        values = np.full(rows.shape, np.nan)
        values[known] = self.values[found[known]]
        return values

    def _times(self, positions: Ints) -> Ints:
        times = np.full(len(positions), -1, np.int64)
        held = np.diff(self.starts) > 0
        times[held] = self.keys[positions[held]] % _ROW
        return times
