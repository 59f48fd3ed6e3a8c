"""A forecast that was shown, as it is kept until its horizon has ended, and then with what came."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from arbkit.core.results import JsonObject

DAY_S = 86_400.0
_DRAW_BYTES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRecord:
    """What was forecast of one route for one horizon, and what came.

    Prices named ``price*`` are the new price where it would be sold, in minor units of ``currency``; profits are in
    ``home_currency``. ``made_at`` and ``scored_at`` are Unix seconds, ``made_on`` is the day in UTC.

    ``price_p10`` to ``price_p90`` are of the price at the horizon, ``fall_pct`` and ``same_pct`` the chances that it is
    lower than and equal to ``price``. ``profits`` says what a sale on the day of the horizon leaves by the price then,
    as pairs (price over ``price``, profit), rising, a line between them and level beyond; ``break_even`` is the selling
    price (minor units) at which that is zero, None: it has one sign at all of them. ``above_zero_pct`` is the chance
    that the price at the horizon leaves a profit; ``profit_*`` and ``sold_in_30_days_pct`` are of the whole forecast,
    over time of sale, package and exchange rate. ``model`` names the price model, ``widening`` is the factor by which
    a recalibration had widened its moves, and ``version`` is that of the whole forecast.

    ``draw`` decides whether the route is among those that are kept of its day. Until it is scored (``scored_at``
    None) nothing is known of the outcome; afterwards ``price_then``, ``profit_then`` and ``in_band`` are, or
    ``unknown`` says why not.
    """

    asin: str
    source: str
    target: str
    demo: bool
    made_on: str
    made_at: float
    horizon_days: int
    currency: str
    price: int
    price_p10: float
    price_p50: float
    price_p90: float
    fall_pct: float
    same_pct: float
    home_currency: str
    profits: tuple[tuple[float, float], ...]
    break_even: float | None
    above_zero_pct: float
    profit_chance_pct: float
    profit_p10: float
    profit_p50: float
    profit_p90: float
    sold_in_30_days_pct: float | None
    model: str
    widening: float
    version: str
    draw: int
    price_then: int | None = None
    profit_then: float | None = None
    in_band: bool | None = None
    scored_at: float | None = None
    unknown: str | None = None

    @property
    def id(self) -> str:
        """Of a route, a day and a horizon, marked if it is of the demo market."""
        return record_id(self.asin, self.source, self.target, self.made_on, self.horizon_days, demo=self.demo)

    @property
    def ends_at(self) -> float:
        """When its horizon ends, in Unix seconds."""
        return self.made_at + self.horizon_days * DAY_S

    def to_dict(self) -> JsonObject:
        """The stored document."""
        shown: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return {**shown, "profits": [list(pair) for pair in self.profits]}

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> ForecastRecord:
        """The record of a stored document, without what another arbkit keeps beside it.

        Raises:
            KeyError, TypeError: it is none.
        """
        fields: dict[str, Any] = {name: row[name] for name in cls.__slots__ if name in row}
        return cls(**{**fields, "profits": tuple((ratio, profit) for ratio, profit in fields["profits"])})


def record_id(asin: str, source: str, target: str, made_on: str, horizon_days: int, *, demo: bool) -> str:
    """The id under which the forecast of a route is kept."""
    own = f"{asin}:{source}:{target}:{made_on}:{horizon_days}"
    return f"demo:{own}" if demo else own


def draw_of(asin: str, source: str, target: str, made_on: str) -> int:
    """A number that is as good as drawn for a route on a day, and always the same: the least of a day are kept."""
    name = f"{made_on}:{asin}:{source}:{target}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=_DRAW_BYTES).digest(), "big")
