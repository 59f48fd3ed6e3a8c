"""The price of a listing some days from now, as a distribution: it falls, stays the same or rises, and how far.

How likely each is, and how far a move goes, depends on the listing's past (:mod:`.past`) and on the days until
then; how moves scatter around that is the same for all. Nothing is read here: :mod:`.model_file` has the model
that comes with arbkit. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from arbkit.analysis.forecast.price.past import Basis, PricePast
from arbkit.analysis.forecast.price.recalibration import Recalibration
from arbkit.profit.fees.arrays import Floats, Ints, SmallFloats

MOST_DAYS = 90
"""The longest horizon: beyond it there were too few pasts to learn from."""
SPREAD_LEVELS = np.linspace(0.0, 1.0, 41)
"""The levels of :attr:`MoveModel.spread`."""
_BAND_LOG = 0.3
_REFERENCE_DAYS = 30.0
_MOST_LOG = 2.0
_SAME_LOG = 1e-9
_LEAST = 1e-6
_LEAST_32, _MOST_32 = np.float32(_LEAST), np.float32(_MOST_LOG)
FALL, SAME, RISE = range(3)
DIRECTION_FACTORS = ("constant", "activity", "below", "horizon", "amazon")
SIZE_FACTORS = ("constant", "activity", "low", "high", "horizon")


def factors(past: PricePast, horizon_days: Floats | float, names: Sequence[str]) -> Floats:
    """The figures of each origin that a part of the model weighs, (n, names)."""
    changes = past.changed * np.maximum(past.days - 1, 0)
    columns = {
        "constant": np.ones(len(past)),
        # As if ten more days and half a change had been seen: a short quiet past is no proof of rest.
        "activity": np.sqrt((changes + 0.5) / (np.maximum(past.days - 1, 0) + 10)),
        "below": past.below,
        "low": np.maximum(past.low, -_BAND_LOG),
        "high": np.minimum(past.high, _BAND_LOG),
        "amazon": past.amazon,
        "horizon": np.broadcast_to(np.log(np.asarray(horizon_days) / _REFERENCE_DAYS), len(past)),
    }
    return np.column_stack([columns[name] for name in names])


@dataclass(frozen=True, slots=True)
class MoveModel:
    """How a price moves: weights of the factors, and the scatter of sizes.

    ``direction`` (3, direction factors): scores of fall, same and rise, whose softmax are the chances. ``size``
    (2, size factors): the middle of log |log return| of a fall and of a rise; ``spread`` (2, 41): quantiles of what is
    added to it.
    """

    direction: Floats
    size: Floats
    spread: Floats

    def chances(self, past: PricePast, horizon_days: Floats | float) -> Floats:
        """The chances of fall, same and rise, (n, 3)."""
        scores = factors(past, horizon_days, DIRECTION_FACTORS) @ self.direction.T
        powers = np.exp(scores - scores.max(1, keepdims=True))
        chances: Floats = powers / powers.sum(1, keepdims=True)
        return chances

    def sizes(self, past: PricePast, horizon_days: Floats | float) -> Floats:
        """The middle of log |log return| of a fall and of a rise, (n, 2)."""
        middles: Floats = factors(past, horizon_days, SIZE_FACTORS) @ self.size.T
        return middles


@dataclass(frozen=True, slots=True)
class PriceModel:
    """One model for listings with a past of their own, one for those of which little is known.

    ``version`` names what it was fitted to, with the ``recalibration`` by which moves are widened (None: by none), and
    goes into every forecast.
    """

    own: MoveModel
    typical: MoveModel
    version: str
    recalibration: Recalibration | None = None

    @property
    def fitted_version(self) -> str:
        """What it was fitted to, without its recalibration."""
        return self.version if self.recalibration is None else self.recalibration.model

    def recalibrated(self, found: Recalibration | None) -> PriceModel:
        """The same with a recalibration; as it is where that is None, changes nothing or is of another model."""
        if found is None or not found.is_applied or found.model != self.version:
            return self
        return replace(self, version=f"{self.version}, {found.name}", recalibration=found)

    def widening(self, horizon_days: Floats | SmallFloats | float) -> Floats:
        """The factor by which moves within these days are widened; 1 without a recalibration."""
        days = np.asarray(horizon_days, np.float64)
        return np.ones_like(days) if self.recalibration is None else self.recalibration.factor(days)

    def moves(self, past: PricePast, days: SmallFloats, levels: Floats) -> SmallFloats:
        """The logarithm of each listing's price over today's in each draw, (n, draws), each after its own days.

        ``levels`` (draws) are the chances that are not exceeded. A listing whose price is unknown is moved as a typical
        one. Within rounding the same as :meth:`forecast` at these days and levels, at a tenth of the time.
        """
        is_own = (past.basis == Basis.OWN)[:, None]
        # At the reference the factor of the horizon is 0; from there on all is linear in it.
        scores, middles = (
            np.where(is_own, *(factors(past, _REFERENCE_DAYS, names) @ getattr(one, part).T for one in self._both))
            for part, names in (("direction", DIRECTION_FACTORS), ("size", SIZE_FACTORS))
        )
        horizon = np.log(days / np.float32(_REFERENCE_DAYS))
        rows = np.where(is_own[:, 0], 0, 1)
        turn, grow = self._slopes
        beside_same = (scores - scores[:, [SAME]]).astype(np.float32), (turn - turn[:, [SAME]])[rows]
        fall, rise = (np.exp(beside_same[0][:, [way]] + beside_same[1][:, [way]] * horizon) for way in (FALL, RISE))
        total = 1 + fall + rise
        fall, rise = fall / total, rise / total
        level = levels.astype(np.float32)[None]
        falls, rises = level < fall, level > 1 - rise
        far = np.where(falls, 1 - level / np.maximum(fall, _LEAST_32), (level - 1 + rise) / np.maximum(rise, _LEAST_32))
        place = np.clip(far, 0, 1) * (len(SPREAD_LEVELS) - 1)
        step = np.minimum(place.astype(np.int32), len(SPREAD_LEVELS) - 2)
        at = step + np.where(falls, 0, len(SPREAD_LEVELS)) + (2 * len(SPREAD_LEVELS) * rows)[:, None]
        spread, rest = self._spreads
        middle = np.where(falls, *((middles[:, [side]] + grow[rows][:, [side]] * horizon) for side in (0, 1)))
        size = np.minimum(np.exp(middle.astype(np.float32) + spread[at] + (place - step) * rest[at]), _MOST_32)
        moved = np.where(falls, -size, np.where(rises, size, np.float32(0)))
        return moved if self.recalibration is None else moved * self.widening(days.astype(float)).astype(np.float32)

    @property
    def _both(self) -> tuple[MoveModel, MoveModel]:
        return self.own, self.typical

    @property
    def _slopes(self) -> tuple[SmallFloats, SmallFloats]:
        """What the logarithm of the horizon adds to scores (2, 3) and middles (2, 2), of own pasts and typical ones."""
        turn = [one.direction[:, DIRECTION_FACTORS.index("horizon")] for one in self._both]
        grow = [one.size[:, SIZE_FACTORS.index("horizon")] for one in self._both]
        return np.array(turn, np.float32), np.array(grow, np.float32)

    @property
    def _spreads(self) -> tuple[SmallFloats, SmallFloats]:
        """The spreads of own and typical, falls and rises, one after the other, and the way to the next entry."""
        spread = np.concatenate([one.spread for one in self._both])
        return spread.ravel().astype(np.float32), np.diff(spread, axis=1, append=0).ravel().astype(np.float32)

    def forecast(self, past: PricePast, horizon_days: Floats | float) -> PriceForecast:
        """The distribution of each listing's price a number of days (one, or one per listing) after its origin.

        Raises:
            ValueError: it is not from 1 to :data:`MOST_DAYS`.
        """
        if not np.all((np.asarray(horizon_days) >= 1) & (np.asarray(horizon_days) <= MOST_DAYS)):
            raise ValueError(f"a horizon must be from 1 to {MOST_DAYS} days")
        has_own = (past.basis == Basis.OWN)[:, None]
        chances = np.where(has_own, self.own.chances(past, horizon_days), self.typical.chances(past, horizon_days))
        sizes = np.where(has_own, self.own.sizes(past, horizon_days), self.typical.sizes(past, horizon_days))
        known = np.isin(past.basis, (Basis.OWN, Basis.TYPICAL))
        price = np.where(known, past.price, np.nan)
        widening = np.broadcast_to(self.widening(horizon_days), len(past))
        return PriceForecast(price, past.basis, np.where(known[:, None], chances, np.nan), sizes, widening, self)


@dataclass(frozen=True, slots=True)
class PriceForecast:
    """A distribution of a price for each listing; all NaN where it is unknown, and ``basis`` says why.

    ``price`` is today's (minor units), ``chances`` (n, 3) are those that it falls, stays the same and rises.
    """

    price: Floats
    basis: Ints
    chances: Floats
    sizes: Floats = field(repr=False)
    widening: Floats = field(repr=False)
    model: PriceModel = field(repr=False)

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Prices (minor units) that are not exceeded with these chances, (n, levels)."""
        return self.at_levels(np.broadcast_to(np.asarray(levels, float), (len(self.price), len(levels))))

    def samples(self, count: int, *, seed: int) -> Floats:
        """Prices (minor units) drawn from each listing's distribution, (n, count)."""
        return self.at_levels(np.random.default_rng(seed).random((len(self.price), count)))

    def at_levels(self, levels: Floats) -> Floats:
        """The price (minor units) that is not exceeded with each of these chances, (n, k)."""
        fall, same, rise = (self.chances[:, [column]] for column in range(3))
        down = self._size(FALL, 1 - levels / np.maximum(fall, _LEAST))
        up = self._size(RISE, (levels - fall - same) / np.maximum(rise, _LEAST))
        moved = np.where(levels < fall, -down, np.where(levels > fall + same, up, 0.0))
        prices: Floats = self.price[:, None] * np.exp(moved * self.widening[:, None])
        return prices

    def chance_below(self, prices: Floats) -> tuple[Floats, Floats]:
        """The chance of less than each of these prices (minor units, one a listing), and of at most it."""
        with np.errstate(invalid="ignore"):
            moved = np.log(prices / self.price) / self.widening
        fall, same, rise = self.chances.T
        is_lower, is_higher = moved < -_SAME_LOG, moved > _SAME_LOG
        beyond = 1 - self._level(FALL, moved)
        below = np.where(
            is_lower, fall * beyond, np.where(is_higher, fall + same + rise * self._level(RISE, moved), fall)
        )
        at_most = np.where(is_lower | is_higher, below, fall + same)
        unknown = np.isnan(moved)
        return np.where(unknown, np.nan, below), np.where(unknown, np.nan, at_most)

    def _size(self, direction: int, levels: Floats) -> Floats:
        """How far a move in this direction goes that is not exceeded with these chances, as |log return|."""
        side = 0 if direction == FALL else 1
        is_own = (self.basis == Basis.OWN)[:, None]
        levels = np.clip(levels, 0.0, 1.0)
        own, typical = (np.interp(levels, SPREAD_LEVELS, m.spread[side]) for m in (self.model.own, self.model.typical))
        size = np.exp(self.sizes[:, [side]] + np.where(is_own, own, typical))
        capped: Floats = np.minimum(size, _MOST_LOG)
        return capped

    def _level(self, direction: int, moved: Floats) -> Floats:
        """The chance that a move in this direction goes less far than this."""
        side = 0 if direction == FALL else 1
        added = np.log(np.maximum(np.abs(moved), _LEAST)) - self.sizes[:, side]
        own, typical = (np.interp(added, m.spread[side], SPREAD_LEVELS) for m in (self.model.own, self.model.typical))
        return np.where(self.basis == Basis.OWN, own, typical)
