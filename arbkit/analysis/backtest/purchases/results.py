"""What a backtest of purchases found: whether units sold in time, and what they earned."""

from __future__ import annotations

from pydantic import Field

from arbkit.analysis.backtest.probability_scores import ProbabilityScore
from arbkit.core.results import Result


class ChanceRow(Result):
    """How good chances were of some of the purchases: on a marketplace, or of a category.

    ``said_pct`` is their mean, ``happened_pct`` how often it came true. ``skill`` and ``calibration_error`` are None of
    fewer products than it takes to say something.
    """

    name: str
    purchases: int
    products: int
    said_pct: float
    happened_pct: float
    skill: float | None
    calibration_error: float | None


class ChanceScore(Result):
    """How good chances were of all purchases, and of those of each marketplace and category."""

    verdict: str = Field(description="in one sentence")
    products: int
    said_pct: float = Field(description="mean of the chances")
    score: ProbabilityScore
    markets: list[ChanceRow]
    categories: list[ChanceRow]


class SoldScore(Result):
    """The chances to have sold one unit within a number of days on the listing."""

    days: int
    chances: ChanceScore


class SalesBacktest(Result):
    """Forecasts of sales against what rank and offers showed. ``not_scored``: reason → purchases."""

    horizons: list[SoldScore]
    not_scored: dict[str, int]


class RankingScore(Result):
    """What the top of one ranking earned, a mean over the days on which it was bought.

    ``hit_rate_pct`` is the share of purchases that made a profit; ``return_pct`` the profit in percent of the capital,
    the same money in each; ``return_a_day_pct`` the same by day until the money was back; ``profit`` that of one unit
    of each. ``days_ahead`` counts the days on which it returned more than the ranking by spot profit.
    """

    name: str
    hit_rate_pct: float
    return_pct: float
    return_a_day_pct: float
    profit: float
    days_ahead: int


class ProfitBacktest(Result):
    """Forecasts of profit on routes that showed one, against what came. ``not_scored``: reason → purchases.

    ``days`` are those of ``rankings``: with enough routes to choose from. Home currency.
    """

    currency: str
    chances: ChanceScore | None
    covered_pct: float | None = Field(description="share of outcomes from P10 to P90")
    above_median_pct: float | None
    rankings_verdict: str
    days: int
    top: int
    rankings: list[RankingScore]
    not_scored: dict[str, int]
