"""What a forecast of the price has to reach. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from arbkit.analysis.backtest.results import ForecastScore, GroupScore, Target, TargetState
from arbkit.analysis.backtest.scores import Interval

COVERED_PCT = (77.0, 83.0)
COVERED_IN_GROUP_PCT = (74.0, 86.0)
ABOVE_PCT = (45.0, 55.0)
MOST_OF_BASELINE = 0.95
WIDEST_PCT = 12.0
"""The widest interval that shows anything: ± 6 points."""


def targets_of(score: ForecastScore, ratio: Interval, groups: Sequence[GroupScore]) -> list[Target]:
    """The targets of a forecast: its score, its loss over that of the best baseline, and its groups."""
    return [
        _share("outcomes in the 80 % band", COVERED_PCT, score.covered_pct),
        _share("outcomes above the median", ABOVE_PCT, score.above_median_pct),
        Target(
            name="pinball loss over that of the best baseline",
            wanted=f"at most {MOST_OF_BASELINE:g}",
            measured=ratio,
            state="reached" if ratio.value is not None and ratio.value <= MOST_OF_BASELINE else "missed",
        ),
        *(_share(f"in the band, {group.name}", COVERED_IN_GROUP_PCT, group.covered_pct) for group in groups),
    ]


def _share(name: str, limits: tuple[float, float], measured: Interval) -> Target:
    low, high = limits
    return Target(name=name, wanted=f"{low:g} to {high:g} %", measured=measured, state=_state(limits, measured))


def _state(limits: tuple[float, float], measured: Interval) -> TargetState:
    if measured.low is None or measured.high is None:
        return "too few products"
    if measured.low > limits[1] or measured.high < limits[0]:
        return "missed"
    return "reached" if measured.high - measured.low <= WIDEST_PCT else "too few products"
