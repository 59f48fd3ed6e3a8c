"""Scenarios common to all routes: what each unit earns if the world takes this course."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arbkit.analysis.portfolio.parameters import DEFAULTS, Shocks
from arbkit.profit.fees.arrays import Floats

_CHUNK = 512
"""Routes at a time, so that memory does not grow with their number but for the results."""


def levels(
    targets: Sequence[str], categories: Sequence[str | None], count: int, shocks: Shocks = DEFAULTS.shocks
) -> Floats:
    """How well each route fares in each of ``count`` scenarios, from 0 (worst) to 1: (routes, count).

    Every route takes each of the levels (i + ½) / count once, so that its own distribution is kept. Routes to one
    marketplace, and of one category there, rise and fall together as far as ``shocks`` says; a route of an unknown
    category has a fortune of its own in its place.
    """
    rng = np.random.default_rng(shocks.seed)
    by_market = _common(targets, rng, count)
    pairs = [None if one is None else f"{target}/{one}" for target, one in zip(targets, categories, strict=True)]
    by_category = _common(pairs, rng, count)
    own = 1 - shocks.market_share - shocks.category_share
    fortune = np.sqrt(shocks.market_share) * by_market + np.sqrt(shocks.category_share) * by_category
    fortune += np.sqrt(own) * rng.normal(size=fortune.shape)
    return np.asarray((fortune.argsort(axis=1).argsort(axis=1) + 0.5) / count)


def _common(names: Sequence[str | None], rng: np.random.Generator, scenarios: int) -> Floats:
    """A row of draws for each name, the same for the same name; for None one of its own."""
    numbers: dict[str | int, int] = {}
    rows = [numbers.setdefault(at if name is None else name, len(numbers)) for at, name in enumerate(names)]
    return np.asarray(rng.normal(size=(len(numbers), scenarios))[rows])


def in_scenarios(samples: Floats, days: Floats, fortune: Floats) -> tuple[Floats, Floats]:
    """Profit and days of each unit of each route in each scenario, (routes, units, scenarios) both.

    A route's draws are sorted by what they leave of all its units together, and each scenario takes the one of its
    level: so every route keeps its own distribution, and the units of a route share one course of the world, in which
    a further unit never earns more than the one before.

    Args:
        samples: (routes, units, draws) profit of the kth unit; the same draw is the same course for all units.
        days: of that shape, days until its money is back.
        fortune: (routes, draws) levels from 0 to 1, each once, as of :func:`levels`.
    """
    count = samples.shape[2]
    profits, moved = np.empty_like(samples), np.empty_like(days)
    for start in range(0, len(samples), _CHUNK):
        part = slice(start, start + _CHUNK)
        order = samples[part].mean(axis=1).argsort(axis=1, kind="stable")
        chosen = np.take_along_axis(order, (fortune[part] * count).astype(np.int64), axis=1)[:, None, :]
        profits[part] = np.minimum.accumulate(np.take_along_axis(samples[part], chosen, axis=2), axis=1)
        moved[part] = np.take_along_axis(days[part], chosen, axis=2)
    return profits, moved
