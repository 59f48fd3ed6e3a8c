"""The parameters of the simulated processes: those fitted to real histories, and those assumed, each said which."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).with_name("processes.toml")
LEVELS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Levels of the quantiles in the file."""


@dataclass(frozen=True, slots=True)
class Processes:
    """What ``processes.toml`` holds, which says how each was fitted."""

    products: int
    change_chance: list[float]
    step: list[float]
    reversal_chance: float
    stock_out_chance: float
    stock_out_days: float
    amazon_ever: float
    amazon_always: float
    amazon_in_chance: float
    amazon_in_days: float
    rank_weeks_products: int
    rank_week_sd: float
    rank_week_correlation: float


@lru_cache(maxsize=1)
def load_processes() -> Processes:
    """The parameters of the file."""
    return Processes(**tomllib.loads(FILE.read_text("utf-8")))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What no public data says: chosen before any forecast was fitted, and never altered for one.

    A rank follows a score that each sale raises by one and that decays. The kernel was read off how the ranks of two
    slow sellers of the real histories climb after a single sale: 45,000 to 100,000 in 2 days, 212,000 in 8, 430,000
    in 73.
    """

    kernel_days: tuple[float, ...] = (1.1, 5.0, 60.0)
    kernel_weights: tuple[float, ...] = (0.75, 0.18, 0.07)
    rank_of_one_sale: float = 85_000.0
    """median over categories; log sd 0.5. Set so that 90 days of rank drops are about those of the real products of a
    rank: 39 at 68,000, 11 at 130,000, 3 at 256,000."""
    rank_slope: tuple[float, float] = (1.1, 1.9)
    """the score is rank to minus this power, by category"""
    rank_noise: float = 0.004
    daily_units: tuple[float, float] = (0.25, 1.5)
    """median and log sd of a listing's units a day"""
    elasticity: float = 1.5
    looks_a_day: tuple[float, ...] = (8.0, 4.0, 2.0, 0.5)
    look_chances: tuple[float, ...] = (0.45, 0.3, 0.15, 0.1)
    drop: float = 0.02
    """the least fall of a rank that counts"""
    rivals_mean: float = 2.5
    rival_weight_shape: float = 2.0
    idle_offers_mean: float = 1.0
    """offers that never hold the buy box: sent by the seller, or too expensive"""
    amazon_wins: float = 0.95
    alone_share: float = 0.7
    """of the potential buyers while nobody else offers it"""
    badge_steps: tuple[int, ...] = (50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000, 2_000, 3_000, 5_000, 10_000)
    badge_shown: float = 0.5
    """of the products that sell enough for a badge"""
    competitor_share: float = 0.65
    """of a newcomer's sales, in the market with a hidden competitor"""
    season_factors: tuple[float, float] = (0.4, 1.7)


ASSUMED = Assumptions()
