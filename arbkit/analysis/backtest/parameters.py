"""The parameters of a backtest: typed, bounded and light to import, as they are checked before a run starts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from arbkit.core.input.validation import Request
from arbkit.core.marketplaces import MarketCode


class BacktestParameters(Request):
    """What a backtest of price forecasts is over."""

    horizon_days: tuple[Annotated[int, Field(ge=1, le=90)], ...] = Field(
        (14, 30), min_length=1, max_length=10, description="days from the forecast to its outcome, 1 to 90"
    )
    markets: tuple[MarketCode, ...] = Field((), description="marketplace to judge on (default: all)")

    def horizons(self) -> tuple[int, ...]:
        """Each horizon once, the shortest first."""
        return tuple(sorted(set(self.horizon_days)))
