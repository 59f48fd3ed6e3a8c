"""How purchases at past days are judged (``rules.toml``), each rule with its source."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from arbkit.core.files import shipped_table


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)


class PurchaseDays(_Part):
    """How many days apart purchases are, and how many of a listing there are at most."""

    every_days: int = Field(ge=1)
    most: int = Field(ge=1)


class SaleRule(_Part):
    """What of a history is a sale, how much of a time has to be watched, and how closely for how many sales."""

    rank_improves_within_days: int = Field(ge=1)
    least_watched_pct: float = Field(gt=0, le=100)
    most_between_looks: float = Field(gt=0)


class RankingRule(_Part):
    """How many of a day's routes are bought, and of how many at least."""

    top: int = Field(ge=1)
    least_routes: int = Field(ge=1)


class VerdictRule(_Part):
    """What a forecast of chances has to reach, and with how many products that can be said."""

    most_calibration_error: float = Field(gt=0)
    least_skill: float = Field(gt=0)
    least_products: int = Field(ge=2)


class PurchaseRules(BaseModel):
    """All of them, and the day on which they were looked at last."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checked_on: date
    days: PurchaseDays
    sale: SaleRule
    ranking: RankingRule
    verdict: VerdictRule


RULES = shipped_table(PurchaseRules, "arbkit.analysis.backtest.purchases", "rules.toml")
"""Those that come with arbkit."""
