"""What a backtest found: the document of its ``result.json``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from arbkit.analysis.backtest.scores import Interval
from arbkit.core.results import Result


class ForecastScore(Result):
    """How well one way to forecast did, over the same origins as all others."""

    name: str
    pinball: Interval = Field(description="mean loss of the quantiles at 10, 50 and 90 %, relative to today's price")
    covered_pct: Interval = Field(description="share of outcomes within the band of 10 to 90 %, edges included")
    above_median_pct: Interval = Field(description="share of outcomes above the median, equal ones half")
    loss_of_judged: Interval = Field(description="the judged forecast's pinball loss over this one's")


class GroupScore(Result):
    """How well the judged forecast did over some of the origins."""

    name: str
    origins: int
    products: int
    pinball: Interval
    covered_pct: Interval
    above_median_pct: Interval


class ReliabilityBin(Result):
    """The origins whose forecast chance lies between two bounds: what was forecast on average, and what came."""

    low: float
    high: float
    count: int
    forecast: float | None
    happened: float | None


class Reliability(Result):
    """How well the chance that the price is at least today's did, against always saying the same chance."""

    event: str
    bins: list[ReliabilityBin]
    brier: Interval
    brier_of_base_rate: Interval
    calibration_error: float = Field(description="mean distance of what was forecast and what came, over the bins")


TargetState = Literal["reached", "missed", "too few products"]


class Target(Result):
    """What a forecast has to reach. Too few products: the interval overlaps the limits, but is wider than ±6 points."""

    name: str
    wanted: str
    measured: Interval
    state: TargetState


class HorizonScore(Result):
    """Everything about one horizon. ``judged`` names the forecast that groups, reliability and targets are of."""

    horizon_days: int
    origins: int
    products: int
    unchanged_pct: Interval
    judged: str
    scores: list[ForecastScore]
    best_baseline: str
    loss_of_best_baseline: Interval = Field(description="the judged forecast's pinball loss over the best baseline's")
    groups: list[GroupScore]
    markets: list[GroupScore]
    categories: list[GroupScore]
    reliability: Reliability
    pit: list[float] = Field(description="share of outcomes in each tenth of their forecast, by chance; 0.1 is right")
    later_days: GroupScore | None = Field(description="fitted to what was known at a day, judged on the days after it")
    later_than: str | None
    targets: list[Target]


class ExampleOutcome(Result):
    """What was forecast of a price some days later, and what it was then; minor units."""

    days: int
    p10: float
    p50: float
    p90: float
    not_lower_pct: float = Field(description="chance that the price is at least that of the forecast's day")
    outcome: float


class Example(Result):
    """One forecast as it would have been made, beside what came, to be looked at.

    ``prices`` are those of each day from ``first_day`` on (minor units, null where nobody offered it).
    """

    asin: str
    market: str
    currency: str
    day: str
    first_day: str
    prices: list[float | None]
    outcomes: list[ExampleOutcome]


class PriceBacktest(Result):
    """A backtest of price forecasts. ``not_scored``: reason → origins at which there was nothing to judge."""

    listings: int
    products: int
    of_products: int = Field(description="products that the store has")
    first_origin: str
    last_outcome: str
    horizons: list[HorizonScore]
    examples: list[Example] = Field(description="drawn by the hash of the product, whatever came of it")
    not_scored: dict[str, int]
    model_version: str = Field(description="of the model that comes with arbkit")
    model_fitted_to: str
    refitted: bool = Field(description="whether there were enough products to fit a model to some and judge the rest")
    seed: int
