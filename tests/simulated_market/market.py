"""A simulated market: products as a data provider shows them up to one day, and what truly comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from tests.simulated_market.demand import Rivals, fast_sellers, intensity, newcomer_units, rivals
from tests.simulated_market.histories import DAY_MIN, DailyHistory, Floats
from tests.simulated_market.parameters import ASSUMED
from tests.simulated_market.prices import Flags, PricePath, bootstrapped, parametric
from tests.simulated_market.ranks import RankPoints, badge, count_drops, looks, rank_paths, spread_over_day

Ints = npt.NDArray[np.int64]
Kind = Literal["as_it_was", "hidden_competitor", "changed_season"]
KINDS: tuple[Kind, ...] = ("as_it_was", "hidden_competitor", "changed_season")

PAST_DAYS = 180
FUTURE_DAYS = 90
_CATEGORIES = 3
_RECORDED = 0.7
"""Share of the products with a record of who held the buy box."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen of a product on the evening of day :data:`PAST_DAYS`; times in minutes from the first day.

    ``price`` is in minor units by day, −1 while nobody offers it; ``amazon`` whether Amazon does, by day. ``holder``
    is who held the buy box by day (0 nobody, 1 Amazon, others sellers), None where there is no record of it.
    ``badge`` is "bought in past month, at least", None where none is shown.
    """

    number: int
    category: int
    price: Ints
    amazon: Flags
    holder: Ints | None
    offers: int
    rank: RankPoints
    drops30: int
    drops90: int
    badge: int | None


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a product, by day from the first one of the past to the last one of the future."""

    expected: Floats
    """units a day that the listing would sell on average"""
    units: Ints
    """units that it sold"""
    share: Floats
    """a newcomer's share of them"""
    newcomer_units: Ints
    """units that a newcomer who offers it at the going price would sell"""
    price: Ints


@dataclass(frozen=True, slots=True)
class SimulatedProduct:
    """What is seen beside what is true."""

    observed: Observed
    truth: Truth

    def sold_within(self, days: int) -> int:
        """Units that a newcomer sells in the first ``days`` days of the future."""
        return int(self.truth.newcomer_units[PAST_DAYS : PAST_DAYS + days].sum())


def simulate(
    seed: int, products: int, kind: Kind = "as_it_was", histories: Sequence[DailyHistory] | None = None
) -> list[SimulatedProduct]:
    """A market of that many products, the same for the same arguments; the past is the same in all kinds.

    ``histories`` are real ones, whose blocks prices and weeks of demand are drawn from; None: the fitted processes of
    ``processes.toml``. Two kinds have a future that the past does not show: in ``hidden_competitor`` a seller whom
    nobody sees takes most of the newcomer's sales of every other product, in ``changed_season`` the demand of each
    category changes on the first day of the future.
    """
    rng, future = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    days = PAST_DAYS + FUTURE_DAYS
    fast = None if histories is None else fast_sellers(histories)
    scale = ASSUMED.rank_of_one_sale * np.exp(rng.normal(0, 0.5, _CATEGORIES))
    slope = rng.uniform(*ASSUMED.rank_slope, _CATEGORIES)
    seasons = rng.choice(ASSUMED.season_factors, _CATEGORIES)
    category = rng.integers(_CATEGORIES, size=products)
    paths = [parametric(days, rng) if histories is None else bootstrapped(histories, days, rng) for _ in category]
    base = ASSUMED.daily_units[0] * np.exp(rng.normal(0, ASSUMED.daily_units[1], products))
    expected = np.stack([intensity(path, fast, level, rng) for path, level in zip(paths, base, strict=True)])
    sellers = [rivals(path, rng) for path in paths]
    share = np.stack([one.newcomer_share for one in sellers])
    if kind == "changed_season":
        expected[:, PAST_DAYS:] *= seasons[category][:, None]
    if kind == "hidden_competitor":
        share[future.random(products) < 0.5, PAST_DAYS:] *= 1 - ASSUMED.competitor_share
    out = np.stack([path.out for path in paths])
    served = expected * ~out
    past = rng.poisson(served[:, :PAST_DAYS])
    units = np.hstack([past, future.poisson(served[:, PAST_DAYS:])])
    ranks = rank_paths(spread_over_day(past, rng), base, scale[category], slope[category], rng)
    prices = np.round(2_000 * np.exp(rng.normal(0, 0.7, products))[:, None] * np.exp([p.relative for p in paths]))
    prices = np.where(out, -1, prices).astype(np.int64)
    mine = [newcomer_units(*rows, future) for rows in zip(units, expected, share, out, strict=True)]
    seen = [
        _observed(number, int(category[number]), prices[number], paths[number], sellers[number], units[number], points)
        for number, points in enumerate(_seen_ranks(ranks, rng))
    ]
    shown = rng.random((2, products)) < np.array([ASSUMED.badge_shown, _RECORDED])[:, None]
    return [
        SimulatedProduct(
            replace(one, badge=one.badge if has_badge else None, holder=one.holder if has_record else None),
            Truth(expected[n], units[n], share[n], mine[n], prices[n]),
        )
        for n, (one, has_badge, has_record) in enumerate(zip(seen, *shown, strict=True))
    ]


def _seen_ranks(ranks: Floats, rng: np.random.Generator) -> list[RankPoints]:
    frequency = rng.choice(ASSUMED.looks_a_day, size=len(ranks), p=ASSUMED.look_chances)
    return [looks(one, a_day, rng) for one, a_day in zip(ranks, frequency, strict=True)]


def _observed(
    number: int, category: int, price: Ints, path: PricePath, sellers: Rivals, units: Ints, points: RankPoints
) -> Observed:
    end = PAST_DAYS * DAY_MIN
    drops30, drops90 = (count_drops(points, end - days * DAY_MIN, end) for days in (30, 90))
    return Observed(
        number=number, category=category, price=price[:PAST_DAYS], amazon=path.amazon[:PAST_DAYS],
        holder=sellers.holder[:PAST_DAYS], offers=sellers.offers + int(path.amazon[PAST_DAYS - 1]), rank=points,
        drops30=drops30, drops90=drops90, badge=badge(float(units[PAST_DAYS - 30 : PAST_DAYS].sum())),
    )  # fmt: skip
