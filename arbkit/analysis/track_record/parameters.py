"""How the record of forecasts is kept, scored and learnt from (``parameters.toml``), each with its reason."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from arbkit.core.files import shipped_table


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)


class Kept(_Part):
    """Which forecasts are kept, and for how long."""

    horizon_days: tuple[int, ...] = Field(min_length=1)
    most_routes_a_day: int = Field(ge=1)
    days: int = Field(ge=365)

    @property
    def most_a_day(self) -> int:
        """How many records of a day are kept."""
        return self.most_routes_a_day * len(self.horizon_days)


class Scoring(_Part):
    """When an outcome counts as not known, and how many make a score."""

    wait_days: float = Field(gt=0)
    least_forecasts: int = Field(ge=1)
    least_products: int = Field(ge=1)


class Recalibrating(_Part):
    """What a recalibration needs, and which factors it may find."""

    least_forecasts: int = Field(ge=1)
    least_products: int = Field(ge=1)
    covered: float = Field(gt=0, lt=1)
    least_factor: float = Field(gt=0, le=1)
    most_factor: float = Field(ge=1)
    step: float = Field(gt=0)
    interval: float = Field(gt=0, lt=1)
    renewed_after_days: float = Field(gt=0)


class TrackRecordParameters(BaseModel):
    """All of them, and the day on which they were set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    set_on: date
    kept: Kept
    scoring: Scoring
    recalibration: Recalibrating


PARAMETERS = shipped_table(TrackRecordParameters, "arbkit.analysis.track_record", "parameters.toml")
"""Those that come with arbkit."""
