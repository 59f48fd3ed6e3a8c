"""The parameters of a detection: typed, bounded and light to import, as they are checked before a run starts."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field, field_validator

from arbkit.core.marketplaces import market

__all__ = ["DetectParameters"]


class DetectParameters(BaseModel):
    """The parameters of a detection. Limits are inclusive; ``on`` selects the tables and rates of a date."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    sources: tuple[str, ...] = Field((), description="marketplace to buy on (default: all)")
    targets: tuple[str, ...] = Field((), description="marketplace to sell on (default: all)")
    min_profit: float = Field(0.01, description="minimum profit, in the profile's home currency")
    min_roi: float | None = Field(None, description="minimum return on investment, in percent")
    min_margin: float | None = Field(None, description="minimum margin on net revenue, in percent")
    max_age_hours: float | None = Field(None, gt=0, description="maximum age of the data, in hours")
    on: date | None = Field(None, description="date of fees, VAT and rates, as 2026-08-01 (default: today)")

    @field_validator("sources", "targets")
    @classmethod
    def _known(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(market(code).code for code in codes)
