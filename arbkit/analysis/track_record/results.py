"""How well arbkit has forecast so far: what page, report, API, notebook and command show."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from arbkit.analysis.backtest.probability_scores import ProbabilityScore
from arbkit.analysis.backtest.scores import Interval
from arbkit.analysis.forecast.price.recalibration import Recalibration
from arbkit.core.results import Result


class HorizonRecord(Result):
    """How forecasts of one horizon came out; ``version`` None: of all versions together.

    Each listing counts once, and intervals are 95 % by bootstrap over products. Too few to say (``is_enough`` false):
    the figures are there, and prove nothing.
    """

    horizon_days: int
    version: str | None
    forecasts: int
    products: int
    is_enough: bool
    covered_pct: Interval = Field(description="share of prices within the band of 10 to 90 %, edges included")
    above_median_pct: Interval = Field(description="share of prices above the median, equal ones half")
    pinball: Interval = Field(description="mean loss of the quantiles at 10, 50 and 90 %, relative to the price then")
    pinball_unchanged: Interval = Field(description='the same of "the price stays as it is"')
    loss_ratio: Interval = Field(description="the first over the second: below 1 is better than that")
    profit: ProbabilityScore = Field(
        description="the chance that the price at the horizon leaves a profit, against whether it did"
    )
    shown_chance: ProbabilityScore = Field(
        description="the same event by the chance that was shown, which is over time of sale, package and exchange rate"
    )


class MonthRecord(Result):
    """What is left of the single forecasts of a month long ago."""

    month: str
    horizon_days: int
    forecasts: int
    known: int
    covered: int
    brier: float = Field(description="sum over known outcomes")


class TrackRecord(Result):
    """How forecasts that were shown came out, up to ``at`` (Unix seconds)."""

    at: float
    demo: bool = Field(description="of the demo market: there are no real products")
    first_on: str | None = Field(description="day of the first forecast that is kept")
    waiting: int = Field(description="forecasts whose horizon has not ended, or whose outcome is not known yet")
    next_at: float | None = Field(description="when the next horizon ends")
    scored: int
    not_known: dict[str, int] = Field(description="reason → forecasts whose outcome will never be known")
    least_forecasts: int = Field(description="fewer are too few to say how good they are")
    least_products: int
    horizons: list[HorizonRecord]
    versions: list[HorizonRecord]
    months: list[MonthRecord]
    recalibration: Recalibration | None


def headline_of(found: TrackRecord | None) -> str:
    """How forecasts came out, in a few sentences; None: nothing was scored yet."""
    if found is None:
        return "No forecast was scored yet: `arbkit up` does it once a day, `arbkit forecasts score` now."
    if not found.scored:
        when = "" if found.next_at is None else f", the first on {_day(found.next_at)}"
        waiting = (
            f"{found.waiting:,} wait until their horizon ends{when}"
            if found.waiting
            else "each is kept with the opportunity that it is of, and compared once its days are over"
        )
        return f"No forecast has come out yet: {waiting}."
    return f"{found.scored:,} forecasts have come out. {' '.join(map(_sentence, found.horizons))}"


def words_of_chance(found: TrackRecord | None, chance: float) -> str:
    """How arbkit's own forecasts with a chance of profit like this one (in percent) came out after the longest time."""
    last = max(found.horizons, key=lambda one: one.horizon_days, default=None) if found else None
    if found is None or last is None:
        return "No forecast of arbkit's own has ended yet"
    alike = last.shown_chance.bins[min(int(chance // 10), len(last.shown_chance.bins) - 1)]
    kind = f"with a chance of {100 * alike.low:.0f} to {100 * alike.high:.0f} %"
    if alike.happened is None:
        return f"None {kind} has ended yet, of others {last.forecasts:,}"
    few = "" if alike.count >= found.least_forecasts else ", too few to say"
    left = f"{100 * alike.happened:.0f} % left a profit at the price {last.horizon_days} days later"
    return f"Of {alike.count:,} {kind}, {left}{few}"


def recalibration_words(found: Recalibration | None, *, is_on: bool) -> str:
    """What forecasts are widened by, and how to change that."""
    if found is None:
        return "Their ranges are not widened: too few forecasts have come out to learn from."
    factors = [
        f"{one.factor:g} after {one.horizon_days} days ({one.low:g} to {one.high:g})"
        f"{'' if one.applied else ', not applied: it may as well be 1'}"
        for one in found.widenings
    ]
    said = f"On {found.made_on} {found.forecasts:,} forecasts said to widen price moves by {'; '.join(factors)}."
    if not found.is_applied:
        return f"{said} So forecasts are as the model makes them."
    if not is_on:
        return f"{said} It is switched off: `ARBKIT_RECALIBRATE=1` applies it."
    return f"{said} Every forecast since then names it in its version; `ARBKIT_RECALIBRATE=0` switches it off."


def _sentence(one: HorizonRecord) -> str:
    of = f"After {one.horizon_days} days ({one.forecasts:,} of {one.products:,} products)"
    if not one.is_enough:
        return f"{of}: too few to say."
    covered, brier = one.covered_pct, one.profit.brier
    return (
        f"{of}: {covered.value:.0f} % of prices within the 80 % band ({covered.low:.0f} to {covered.high:.0f}), "
        f"Brier score of a profit {brier.value:.3f}."
    )


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
