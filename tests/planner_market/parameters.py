"""What the simulated market of the planner's benchmark assumes, from ``parameters.toml``, which says why."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("parameters.toml")


@dataclass(frozen=True, slots=True)
class Assumed:
    """What ``parameters.toml`` holds."""

    no_gap_share: float
    gap_mean: float
    gap_changes_a_day: float
    level_sd: float
    level_most: float
    listed_share: float
    least_profit: float
    tolerance: float
    deals_tokens: int
    deals_page: int
    strangers: int
    shown_fall: float
    shown_share: float
    false_share: float
    deals_hours: float


@lru_cache(maxsize=1)
def load_assumed() -> Assumed:
    """The parameters of the file."""
    return Assumed(**tomllib.loads(_FILE.read_text("utf-8")))
