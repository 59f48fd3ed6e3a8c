"""Parameters of reports: typed, with bounds, and light to load, for they are checked before anything starts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MorningParameters"]

_CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MorningParameters(BaseModel):
    """Parameters of a morning report."""

    model_config = _CONFIG

    top: int = Field(10, ge=1, le=200, description="maximum rows of each table")
    waterfalls: int = Field(3, ge=0, le=20, description="routes whose money is drawn line by line")
    min_change: float = Field(1.0, ge=0, description="minimum change of profit that counts, in the home currency")
    min_change_pct: float = Field(10.0, ge=0, description="minimum change of profit or of a price, in percent")
    stale_hours: float = Field(24.0, gt=0, description="age from which an offer counts as stale")
    since: str | None = Field(None, description="earlier run to compare with; empty: the last that succeeded")
