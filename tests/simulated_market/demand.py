"""True sales of a listing by day, and the hidden share of them that a newcomer would make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.simulated_market.histories import DailyHistory, Floats
from tests.simulated_market.parameters import ASSUMED, load_processes
from tests.simulated_market.prices import Flags, PricePath

_WEEK = 7
_HOLDING_DAYS = 1.5
"""Mean time that a seller holds the buy box."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """Who holds the buy box on each day: 0 nobody, 1 Amazon, 2 and up the third-party sellers by FBA.

    ``offers`` counts also third-party offers that never hold it.
    """

    offers: int
    holder: np.ndarray
    newcomer_share: Floats
    """a newcomer's true share of the listing's sales, by day"""


def intensity(
    path: PricePath, histories: Sequence[DailyHistory] | None, base: float, rng: np.random.Generator
) -> Floats:
    """Expected units a day while somebody offers it: the product's own level, its weeks and its price."""
    days = len(path.relative)
    weeks = days // _WEEK + 2
    drift = _weeks(weeks, rng) if histories is None else _weeks_of(histories, weeks, rng)
    level = np.interp(np.arange(days), np.arange(weeks) * _WEEK, drift)
    price = path.relative - np.median(path.relative)
    return np.asarray(base * np.exp(level - ASSUMED.elasticity * price))


def _weeks(weeks: int, rng: np.random.Generator) -> Floats:
    known = load_processes()
    correlation = known.rank_week_correlation
    shocks = rng.normal(0, known.rank_week_sd * np.sqrt(1 - correlation**2), weeks)
    level = np.empty(weeks)
    level[0] = rng.normal(0, known.rank_week_sd)
    for week in range(1, weeks):
        level[week] = correlation * level[week - 1] + shocks[week]
    return level


def _weeks_of(histories: Sequence[DailyHistory], weeks: int, rng: np.random.Generator) -> Floats:
    """Blocks of the weekly ranks of real fast sellers: a rank half as high is about twice the demand."""
    found = np.empty(0)
    while len(found) < weeks:
        rank = histories[int(rng.integers(len(histories)))].rank
        rank = rank[~np.isnan(rank)]
        means = rank[: len(rank) // _WEEK * _WEEK].reshape(-1, _WEEK).mean(axis=1)
        found = np.append(found, means.mean() - means)
    return found[:weeks]


def fast_sellers(histories: Sequence[DailyHistory]) -> list[DailyHistory]:
    """Those whose rank shows demand, not when the last sale was."""
    ranked = [one for one in histories if (~np.isnan(one.rank)).sum() >= 4 * _WEEK]
    return [one for one in ranked if np.nanmedian(one.rank) < np.log(60_000)]


def rivals(path: PricePath, rng: np.random.Generator) -> Rivals:
    """Third-party sellers of unequal weight, with whom a newcomer of a weight like theirs shares the buy box."""
    days = len(path.out)
    sellers = int(rng.poisson(ASSUMED.rivals_mean)) + 1
    weights = rng.gamma(ASSUMED.rival_weight_shape, 1.0, sellers)
    mine = rng.gamma(ASSUMED.rival_weight_shape, 1.0)
    share = np.full(days, mine / (mine + weights.sum()))
    share[path.amazon] *= 1 - ASSUMED.amazon_wins
    share[path.out] = ASSUMED.alone_share
    changes = np.cumsum(rng.random(days) < 1 / _HOLDING_DAYS)
    drawn = rng.choice(sellers, size=int(changes[-1]) + 1, p=weights / weights.sum()) + 2
    holder = drawn[changes]
    holder[path.amazon & (rng.random(days) < ASSUMED.amazon_wins)] = 1
    holder[path.out] = 0
    return Rivals(sellers + int(rng.poisson(ASSUMED.idle_offers_mean)), holder, share)


def newcomer_units(
    units: np.ndarray, expected: Floats, share: Floats, out: Flags, rng: np.random.Generator
) -> np.ndarray:
    """Units a day that a newcomer sells: the listing's sales thinned by the share; alone, those that nobody served."""
    return np.where(out, rng.poisson(expected * share), rng.binomial(units, share))
