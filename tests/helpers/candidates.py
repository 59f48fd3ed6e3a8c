"""Made-up candidates of a plan: prices, chances and profits as real ones have them."""

from __future__ import annotations

import numpy as np

from arbkit.analysis.portfolio.candidates import Candidates
from arbkit.analysis.portfolio.scenarios import in_scenarios, levels
from arbkit.core.marketplaces import MARKET_CODES
from arbkit.core.models import Opportunity
from tests.helpers.factories import opportunity


def made(routes: int, *, seed: int = 0, units: int = 10, draws: int = 20) -> Candidates:
    """Two routes a product, five marketplaces, twelve categories; a third of them earns something."""
    rng = np.random.default_rng(seed)
    source = rng.integers(len(MARKET_CODES), size=routes)
    target = (source + rng.integers(1, len(MARKET_CODES), size=routes)) % len(MARKET_CODES)
    cash = np.round(8 + 25 * np.exp(rng.normal(0, 0.8, routes)), 2)
    if_sold = cash[:, None] * (rng.normal(0.12, 0.15, routes)[:, None] + 0.2 * rng.normal(size=(routes, draws)))
    if_unsold = -cash * rng.uniform(0.2, 0.6, routes)
    weeks = np.exp(rng.normal(1, 1, routes))[:, None, None] * rng.gamma(1.5, size=(routes, units, draws)).cumsum(axis=1)
    is_sold = weeks < 11
    samples = np.where(is_sold, if_sold[:, None, :], np.minimum(if_unsold[:, None], if_sold)[:, None, :])
    targets = [MARKET_CODES[code] for code in target]
    fortune = levels(targets, [f"category {one}" for one in rng.integers(12, size=routes)], draws)
    profits, days = in_scenarios(samples, 28 + 7 * np.minimum(weeks, 11), fortune)
    return Candidates(
        asins=[f"B{one // 2:09d}" for one in range(routes)],
        brands=[f"brand {one}" if one else None for one in rng.integers(max(2, routes // 6), size=routes)],
        sources=[MARKET_CODES[code] for code in source],
        targets=targets,
        cash=cash,
        weight_kg=np.round(rng.gamma(2, 0.5, routes) + 0.05, 2),
        hazmat=rng.random(routes) < 0.05,
        profits=profits,
        days=days,
        sold=is_sold.mean(axis=2),
    )


def opportunities(candidates: Candidates, **fields: str) -> list[Opportunity]:
    """An opportunity for each of them."""
    routes = zip(candidates.asins, candidates.sources, candidates.targets, strict=True)
    return [opportunity(*route, **fields) for route in routes]
