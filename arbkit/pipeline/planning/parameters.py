"""The planner's parameters, from ``parameters.toml``, which says where each comes from."""

from __future__ import annotations

from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field

from arbkit.core.files import shipped_table


class PlanningParameters(BaseModel):
    """What ``parameters.toml`` holds: times in days, prices as logarithms, amounts in the home currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tolerance: float = Field(gt=0)
    least_profit: float
    moves: tuple[float, ...]
    gaps: tuple[float, ...]
    moves_worth: float = Field(gt=0)
    moves_a_day: float = Field(gt=0)
    prior_days: float = Field(gt=0)
    gap_moves_a_day: float = Field(gt=0)
    returns_a_day: float = Field(gt=0)
    own_past_weight: float = Field(gt=0)
    longest_window_days: float = Field(gt=0)
    oldest_days: float = Field(gt=0)
    oldest_share: float = Field(gt=0, le=1)
    plenty_share: float = Field(gt=0, le=1)
    plenty_days: float = Field(gt=0)
    watched_weight: float = Field(ge=1)
    unknown_sale: float = Field(ge=0, le=1)
    deals_true: float = Field(gt=0, lt=1)
    deals_looks: float = Field(gt=0)


@lru_cache(maxsize=1)
def planning_parameters() -> PlanningParameters:
    """The parameters that are shipped."""
    return shipped_table(PlanningParameters, "arbkit.pipeline.planning", "parameters.toml")
