"""What each report may be told: typed, with bounds, and light to load, for they are checked before anything starts."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field, field_validator

from arbkit.core.marketplaces import market

__all__ = ["DetectParameters", "MorningParameters"]

_CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DetectParameters(BaseModel):
    """What a detection may be told. Bounds are inclusive; ``on`` picks tables and rates of a day."""

    model_config = _CONFIG

    sources: tuple[str, ...] = Field((), description="marketplaces to buy on; empty: all")
    targets: tuple[str, ...] = Field((), description="marketplaces to sell on; empty: all")
    min_profit: float = Field(0.01, description="least profit, in the profile's home currency")
    min_roi: float | None = Field(None, description="least return on investment, in percent")
    min_margin: float | None = Field(None, description="least margin on net revenue, in percent")
    max_age_hours: float | None = Field(None, gt=0, description="oldest data that counts")
    on: date | None = Field(None, description="day of fee tables, VAT and exchange rates; empty: today")

    @field_validator("sources", "targets")
    @classmethod
    def _known(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(market(code).code for code in codes)


class MorningParameters(BaseModel):
    """What a morning report may be told."""

    model_config = _CONFIG

    top: int = Field(10, ge=1, le=200, description="most rows of each table")
    waterfalls: int = Field(3, ge=0, le=20, description="routes whose money is drawn line by line")
    min_change: float = Field(1.0, ge=0, description="least change of profit that counts, in the home currency")
    min_change_pct: float = Field(10.0, ge=0, description="least change of profit or of a price, in percent")
    stale_hours: float = Field(24.0, gt=0, description="age from which an offer counts as stale")
    since: str | None = Field(None, description="earlier run to compare with; empty: the last that succeeded")
