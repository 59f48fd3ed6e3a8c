"""The parameters of reports: typed, bounded and light to import, as they are checked before a run starts."""

from __future__ import annotations

from pydantic import Field

from arbkit.core.input.validation import Request


class MorningParameters(Request):
    """The parameters of a morning report."""

    top: int = Field(10, ge=1, le=200, description="maximum rows of each table")
    waterfalls: int = Field(3, ge=0, le=20, description="number of routes with a breakdown")
    min_change: float = Field(1.0, ge=0, description="minimum change of profit to report, in the home currency")
    min_change_pct: float = Field(10.0, ge=0, description="minimum change of profit or price to report, in percent")
    stale_hours: float = Field(24.0, gt=0, description="age from which an offer counts as stale, in hours")
    since: str | None = Field(None, description="earlier run to compare with (default: the last that succeeded)")
