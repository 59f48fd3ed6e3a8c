"""What a detection can be asked: typed and bounded, and light to import: it is checked before a run starts."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field, field_validator

from arbkit.core.marketplaces import market

__all__ = ["DetectParameters"]


class DetectParameters(BaseModel):
    """What a detection may be told. Bounds are inclusive; ``on`` picks tables and rates of a day."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

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
