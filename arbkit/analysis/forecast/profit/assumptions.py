"""What a forecast of profit takes for granted (``assumptions.toml``), each with its source."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from arbkit.core.files import shipped_table
from arbkit.profit import Profile


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)


class Timing(_Part):
    """Days from buying until the unit is on sale, and from the sale until it is paid out."""

    lead_days: float = Field(ge=1)
    payout_days: float = Field(ge=0)


class Unsold(_Part):
    """When a unit is given up, in days since it was bought, and for how much less than the market price it goes."""

    horizon_days: float = Field(ge=2, le=90)
    sold_off_below_pct: float = Field(ge=0, le=100)


class ExchangeRate(_Part):
    """How far an exchange rate strays within 90 days: the standard deviation of its logarithm."""

    log_sd_90_days: float = Field(ge=0)


class PackageLevels(_Part):
    """The levels of the smallest, the likely and the largest package in a range."""

    levels: tuple[float, float, float]


class ProfitAssumptions(BaseModel):
    """All of them, and the day on which they were looked at last."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fitted_on: date
    timing: Timing
    unsold: Unsold
    exchange_rate: ExchangeRate
    package: PackageLevels

    @property
    def version(self) -> str:
        """What a forecast says that it rests on."""
        return f"assumptions of {self.fitted_on}"


PROFIT_ASSUMPTIONS = shipped_table(ProfitAssumptions, "arbkit.analysis.forecast.profit", "assumptions.toml")
"""Those that come with arbkit."""


def lead_days_of(profile: Profile) -> float:
    """Days from buying until the unit is on sale, as the seller says, else as is assumed for everyone."""
    return PROFIT_ASSUMPTIONS.timing.lead_days if profile.lead_days is None else profile.lead_days
