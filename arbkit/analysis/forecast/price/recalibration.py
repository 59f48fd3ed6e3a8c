"""What forecasts of the price are widened by, as far as earlier ones turned out too narrow or too wide."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from arbkit.core.results import Result
from arbkit.profit.fees.arrays import Floats


class Widening(Result):
    """By what moves of a price within some days are multiplied, as logarithms, so that the 80 % band covers as much.

    ``factor`` with its interval by bootstrap over products; it is ``applied`` only where that does not hold 1.
    """

    horizon_days: int
    factor: float
    low: float
    high: float
    applied: bool
    forecasts: int
    products: int


class Recalibration(Result):
    """What was learnt of scored forecasts of one price model, and goes into every forecast of it from then on."""

    made_on: str = Field(description="day in UTC")
    made_at: float = Field(description="Unix seconds")
    model: str = Field(description="version of the price model whose forecasts were scored")
    forecasts: int
    products: int
    widenings: list[Widening]

    @property
    def is_applied(self) -> bool:
        """Whether it changes any forecast."""
        return any(one.applied for one in self.widenings)

    @property
    def name(self) -> str:
        """What every forecast says of it."""
        return f"recalibrated {self.made_on} from {self.forecasts} forecasts"

    def factor(self, horizon_days: Floats | float) -> Floats:
        """The factor at each horizon: on a line over the logarithm of the days, level beyond."""
        days = [one.horizon_days for one in self.widenings]
        factors = [one.factor if one.applied else 1.0 for one in self.widenings]
        return np.interp(np.log(horizon_days), np.log(days), factors)
