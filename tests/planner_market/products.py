"""The products of the simulated market, and what each of their routes leaves as a straight line of its two prices.

The lines are those of the package's own profit model: all fees and taxes at the level of the prices, and how they move
with either price.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from arbkit.core.files import shipped_table
from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.evaluation import evaluate
from tests.planner_market.parameters import load_assumed
from tests.planner_market.paths import Floats, Ints, Mask

ROUTES = tuple(permutations(range(len(MARKET_CODES)), 2))
"""(source, target) as indices of marketplaces."""
SOURCE, TARGET = (np.array([route[side] for route in ROUTES]) for side in (0, 1))
_ON = date(2026, 8, 1)
_STEP = 0.1
"""How far prices are moved to see what profits do."""
_UK = {"UK": 0.86}
_BATCH = 8_192
_ALIKE = np.array([-1.16, -0.5, 0.0, 0.5, 1.16])
"""Levels of marketplaces where all products have the same: five quantiles of what they are drawn from."""


@dataclass(frozen=True, slots=True)
class Products:
    """Price levels (products, marketplaces) in shop currency, NaN where not listed, and the lines of the routes.

    A route leaves ``constant + by_sell × selling price − by_buy × buying price``; NaN where it is closed.
    """

    level: Floats
    category: Ints
    constant: Floats
    by_sell: Floats
    by_buy: Floats

    @property
    def listed(self) -> Mask:
        """Where a product is offered at all."""
        return ~np.isnan(self.level)

    def profit(self, products: Ints, routes: Ints, buy: Floats, sell: Floats) -> Floats:
        """What routes leave at these prices; NaN where a price is."""
        at = products, routes
        return np.asarray(self.constant[at] + self.by_sell[at] * sell - self.by_buy[at] * buy)


def draw_products(count: int, chance: np.random.Generator, *, alike: bool = False) -> Products:
    """Products as those of the demo market; ``alike``: all the same, so that nothing distinguishes them."""
    frame, level, category = _drawn(count, chance, alike)
    parts = [
        _lines(frame[n : n + _BATCH * len(MARKET_CODES)]) for n in range(0, len(frame), _BATCH * len(MARKET_CODES))
    ]
    constant, by_sell, by_buy = (np.concatenate([part[n] for part in parts]) for n in range(3))
    return Products(level, category, constant, by_sell, by_buy)


def _catalogue() -> dict[str, Any]:
    return shipped_table(dict[str, Any], "arbkit.sources.demo", "catalogue.toml")


def _drawn(count: int, chance: np.random.Generator, alike: bool) -> tuple[pd.DataFrame, Floats, Ints]:
    known, catalogue = load_assumed(), _catalogue()
    kinds = catalogue["categories"]
    category = np.zeros(count, np.int64) if alike else chance.integers(len(kinds), size=count)
    base = np.array([chance.uniform(*kinds[n]["price"]) for n in category])
    if alike:
        base[:] = np.mean(kinds[0]["price"])
    sizes = [kinds[n]["sizes"][0 if alike else chance.integers(len(kinds[n]["sizes"]))] for n in category]
    spread = np.minimum(known.level_most, chance.lognormal(0, known.level_sd, (count, len(MARKET_CODES))))
    if alike:
        spread[:] = np.exp(known.level_sd * chance.permutation(_ALIKE))
    listed = chance.random(spread.shape) < known.listed_share
    exchange = np.array([_UK.get(code, 1.0) for code in MARKET_CODES])
    level = np.where(listed | alike, base[:, None] * spread * exchange, np.nan)
    sides = np.array([catalogue["sizes"][name]["sides"] for name in sizes])
    grams = np.array([catalogue["sizes"][name]["grams"] for name in sizes])
    markets = len(MARKET_CODES)
    frame = pd.DataFrame(
        {
            "asin": np.repeat([f"B0{n:08}" for n in range(count)], markets),
            "market": np.tile(MARKET_CODES, count),
            "price": (base[:, None] * exchange).ravel(),
            "category": np.array([[kinds[n]["roots"][code] for code in MARKET_CODES] for n in category]).ravel(),
            "weight_g": np.repeat(grams, markets),
            "price_basis": "buy_box",
            "hazmat": False,
            "updated_at": 1.79e9,
        }
    )
    for place, name in enumerate(("length_mm", "width_mm", "height_mm")):
        frame[name] = np.repeat(sides[:, place], markets)
    return frame, level, category


def _lines(frame: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Constant and slopes of every route: arrays (products, routes). Lines hold whether a market is listed or not."""
    profile = Profile.neutral(customs={"duty_preset": "originating"})
    tables, rates = load_tables(), load_rates()

    def profits(buy: float, sell: float) -> Floats:
        bought, sold = (frame.assign(price_minor=100 * frame["price"] * factor) for factor in (buy, sell))
        routes = [(MARKET_CODES[s], MARKET_CODES[t]) for s, t in ROUTES]
        return evaluate(bought, profile, tables, rates, on=_ON, selling=sold, routes=routes).profit.T

    base = frame["price"].to_numpy().reshape(-1, len(MARKET_CODES))
    # The dear side is where windows are: selling prices above the level, buying prices below it.
    dear, cheap = 1 + _STEP, 1 - _STEP
    at = profits(cheap, dear)
    by_sell = (profits(cheap, dear + _STEP) - at) / (_STEP * base[:, TARGET])
    by_buy = (at - profits(cheap + _STEP, dear)) / (_STEP * base[:, SOURCE])
    constant = at - by_sell * dear * base[:, TARGET] + by_buy * cheap * base[:, SOURCE]
    return constant, by_sell, by_buy
