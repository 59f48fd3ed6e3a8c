"""One line for each figure that forecasts have to reach: what was measured, the goal, and whether it is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from arbkit.analysis.backtest.probability_scores import Figure, ProbabilityScore
from arbkit.analysis.backtest.results import ReliabilityBin
from arbkit.analysis.backtest.scores import Interval

__all__ = ["NO_GOAL", "Line", "State", "bin_lines", "chance_lines", "held", "line", "state_within"]

State = Literal["reached", "missed", "too few products", "no goal"]
NO_GOAL: State = "no goal"
MOST_CALIBRATION_ERROR, LEAST_SKILL = 0.05, 0.10
WIDEST = 0.12
"""The widest interval that shows anything: ± 6 points."""


@dataclass(frozen=True, slots=True)
class Line:
    """A figure: its name, what was measured in words and in numbers (with its interval where it has one)."""

    name: str
    measured: str
    goal: str
    state: State
    values: Sequence[float | None] = field(default_factory=tuple)


def line(name: str, measured: str, *values: float | None) -> Line:
    """A figure without a goal."""
    return Line(name, measured, "", NO_GOAL, values)


def held(name: str, measured: str, goal: str, reached: bool, *values: float | None) -> Line:
    """A figure with a goal that it reaches or misses."""
    return Line(name, measured, goal, "reached" if reached else "missed", values)


def state_within(figure: Figure | Interval, low: float, high: float) -> State:
    """Whether the interval of a figure is narrow enough to show anything, and overlaps what is wanted.

    The calibration error of a few outcomes is too high by chance, so that their interval may miss the figure itself.
    """
    if figure.low is None or figure.high is None or figure.high - figure.low > WIDEST:
        return "too few products"
    return "missed" if figure.low > high or figure.high < low else "reached"


def words(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def chance_lines(name: str, score: ProbabilityScore, *, has_goal: bool) -> list[Line]:
    """Calibration error and Brier score of some chances, and with a goal their ten bins."""
    error, skill = score.calibration_error, score.brier_skill
    numbers = [(one.value, one.low, one.high) for one in (error, skill)]
    what = f"{name}, n {score.count:,}, base rate {score.base_rate:.2f}"
    if not has_goal:
        return [
            line(f"{what}: calibration error", words(error), *numbers[0]),
            line(f"{what}: Brier better than the base rate by", words(skill), *numbers[1]),
        ]
    goals = f"at most {MOST_CALIBRATION_ERROR:g}", f"at least {LEAST_SKILL:g}"
    states = state_within(error, 0, MOST_CALIBRATION_ERROR), state_within(skill, LEAST_SKILL, 1)
    return [
        Line(f"{what}: calibration error", words(error), goals[0], states[0], numbers[0]),
        Line(f"{what}: Brier better than the base rate by", words(skill), goals[1], states[1], numbers[1]),
        *bin_lines(score.bins),
    ]


def bin_lines(bins: Sequence[ReliabilityBin]) -> list[Line]:
    """A line for each bin: how many, what was forecast, what came."""
    return [
        line(
            f"    {one.low:.1f} to {one.high:.1f}: {one.count:,}",
            "–" if one.forecast is None else f"forecast {one.forecast:.2f}, came true {one.happened:.2f}",
            one.count,
            one.forecast,
            one.happened,
        )
        for one in bins
    ]
