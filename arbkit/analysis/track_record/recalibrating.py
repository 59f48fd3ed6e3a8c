"""By what the price band has to be widened to cover what it says, from forecasts that were scored. Pure.

A conformal factor: the least by which the moves of a band (as logarithms) are multiplied so that it covers as many
outcomes as it is to, each product's once. Prices that stay as they are have no distance to be widened by: they count as
covered to the part of their chance that lies between the 10 and 90 % levels, so that a right model is left alone.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from arbkit.analysis.backtest.scores import DRAWS
from arbkit.analysis.forecast.price.recalibration import Recalibration, Widening
from arbkit.analysis.track_record.parameters import PARAMETERS
from arbkit.analysis.track_record.score import SEED
from arbkit.analysis.track_record.scored import Scored
from arbkit.profit.fees.arrays import Floats

_LEVELS = (0.1, 0.9)
_SAME_LOG = 1e-6


def recalibrate(scored: Scored, *, model: str, at: float) -> Recalibration | None:
    """What is learnt of the forecasts of this price model; None where there are too few of every horizon."""
    needed = PARAMETERS.recalibration
    own = scored.take(scored.model == model)
    widenings: list[Widening] = []
    used = np.zeros(len(own), bool)
    for days in np.unique(own.horizon):
        rows = own.horizon == days
        of_horizon = own.take(rows)
        if len(of_horizon) >= needed.least_forecasts and of_horizon.products >= needed.least_products:
            widenings.append(_widening(of_horizon, int(days)))
            used |= rows
    if not widenings:
        return None
    return Recalibration(
        made_on=f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}", made_at=at, model=model, forecasts=int(used.sum()),
        products=own.take(used).products, widenings=widenings,
    )  # fmt: skip


def _widening(scored: Scored, horizon_days: int) -> Widening:
    chosen = PARAMETERS.recalibration
    factors = np.arange(chosen.least_factor, chosen.most_factor + chosen.step / 2, chosen.step)
    listings = np.unique(scored.listing, return_inverse=True)[1]
    groups = np.unique(scored.group, return_inverse=True)[1]
    weight = 1 / np.bincount(listings)[listings]
    count = int(groups.max()) + 1
    covered, total = np.zeros((count, len(factors))), np.zeros(count)
    np.add.at(covered, groups, weight[:, None] * _covered(scored, factors))
    np.add.at(total, groups, weight)
    # One more product might lie anywhere.
    needed = min(1.0, chosen.covered * (1 + 1 / scored.products))
    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), DRAWS)
    drawn = _least(draws @ covered / (draws @ total)[:, None], factors, needed)
    tail = 100 * (1 - chosen.interval) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    found = _least((covered.sum(0) / total.sum())[None], factors, needed)[0]
    return Widening(
        horizon_days=horizon_days, factor=_rounded(found), low=_rounded(low), high=_rounded(high),
        applied=bool(low > 1 + chosen.step / 2 or high < 1 - chosen.step / 2), forecasts=len(scored),
        products=scored.products,
    )  # fmt: skip


def _covered(scored: Scored, factors: Floats) -> Floats:
    """To what part each outcome is covered by its band times each factor, (n, factors)."""
    then = np.log(scored.then)
    low, high = (np.log(scored.quantiles[:, column]) / scored.widening for column in (0, 2))
    inside = (factors * low[:, None] < then[:, None]) & (then[:, None] < factors * high[:, None])
    # The levels between which an unchanged price lies.
    start, end = scored.fall, scored.fall + scored.same
    within = np.clip(np.minimum(end, _LEVELS[1]) - np.maximum(start, _LEVELS[0]), 0.0, None)
    part = np.divide(within, scored.same, out=np.zeros_like(within), where=scored.same > 0)
    return np.where((np.abs(then) < _SAME_LOG)[:, None], part[:, None], inside)


def _least(covered: Floats, factors: Floats, needed: float) -> Floats:
    """The least factor of each row that covers enough; the greatest where none does."""
    enough = covered >= needed
    return np.asarray(np.where(enough.any(1), factors[enough.argmax(1)], factors[-1]))


def _rounded(value: float) -> float:
    return round(float(value), 2)
