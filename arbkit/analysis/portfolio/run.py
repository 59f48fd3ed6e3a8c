"""A plan of purchases out of the opportunities of a store; where nothing can be planned, one line says why."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from pydantic import JsonValue

from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.portfolio.candidates import Candidates
from arbkit.analysis.portfolio.forecasting import candidates_of
from arbkit.analysis.portfolio.parameters import PortfolioParameters
from arbkit.analysis.portfolio.plan import describe
from arbkit.analysis.portfolio.problem import Problem
from arbkit.analysis.portfolio.results import Portfolio
from arbkit.analysis.portfolio.solver import solve
from arbkit.analysis.track_record.run import recalibration_in_force
from arbkit.core.models import Opportunity
from arbkit.core.results import FoundReport, JsonObject, as_json
from arbkit.core.settings import Settings
from arbkit.profit import load_profile
from arbkit.store import Store, open_store
from arbkit.store.iteration import offers_of_many, take
from arbkit.store.queries import OpportunityQuery

MOST_CANDIDATES = 5_000
"""Opportunities that are planned with: those of the highest profit at today's prices."""
NO_BUDGET = "the budget is 0: there is nothing to spend"
NO_OPPORTUNITY = "there are no opportunities to buy: run arbkit detect, or let arbkit up find some"


@dataclass(frozen=True, slots=True)
class PortfolioReport(FoundReport[PortfolioParameters, Portfolio]):
    """The content of a portfolio's report."""

    def summary(self) -> dict[str, JsonValue]:
        """The figures that the list of runs shows."""
        if self.found is None:
            return {"lines": 0}
        return {"lines": len(self.found.lines), "expected_profit": self.found.expected_profit}

    def results(self) -> JsonObject:
        """The plan."""
        return {"portfolio": as_json(self.found)}


def run(
    settings: Settings, parameters: PortfolioParameters | None = None, *, run_id: str, now: float | None = None
) -> PortfolioReport:
    """Plan purchases of what the last detection found; ``now`` in Unix seconds.

    Raises:
        StoreError: the store cannot be read.
        ConfigError: the seller profile cannot be used.
    """
    parameters = parameters or PortfolioParameters()
    now = time.time() if now is None else now
    currency = load_profile(settings.profile_path, settings.profile_name).currency
    with open_store(settings) as store:
        demo = not store.holds_real_products()
        routes = _detected(store, parameters)
        found: Portfolio | str = NO_BUDGET if not parameters.budget else NO_OPPORTUNITY
        if parameters.budget and routes:
            inputs = Inputs.load(settings, datetime.fromtimestamp(now, UTC).date())
            inputs = replace(inputs, recalibration=recalibration_in_force(settings, store))
            found = plan(*_candidates(store, routes, inputs, parameters, now), parameters, currency)
    if isinstance(found, str):
        return PortfolioReport(run_id, now, parameters, demo, None, found)
    return PortfolioReport(run_id, now, parameters, demo, found, None)


def plan(
    candidates: Candidates, routes: list[Opportunity], parameters: PortfolioParameters, currency: str
) -> Portfolio | str:
    """The plan, or why there is none in one line; ``routes`` are those of the candidates, in their order.

    Raises:
        RuntimeError: the solver failed.
    """
    reasons = candidates.why_not()
    usable = np.array([reason is None for reason in reasons], bool)
    if not usable.any():
        counts = Counter(reason for reason in reasons if reason)
        said = "; ".join(f"{reason} ({number})" for reason, number in counts.most_common(3))
        return f"none of {len(reasons)} opportunities can be planned with: {said}"
    problem = Problem(candidates, parameters)
    if not problem.units:
        return (
            f"none of {int(usable.sum())} opportunities is expected to leave a profit once it is sold: nothing to buy"
        )
    solution = solve(problem)
    if not solution.bought.any():
        return _nothing_fits(problem, currency)
    return describe(problem, solution, routes, currency)


def _nothing_fits(problem: Problem, currency: str) -> str:
    """Why no unit is bought: what the cheapest one costs beside what the limits leave."""
    asked, cheapest = problem.parameters, float(problem.cash.min())
    shares = {"product": asked.product_pct, "brand": asked.brand_pct, "market": asked.market_pct}
    limit, percent = min(shares.items(), key=lambda one: one[1])
    most = asked.budget * percent / 100
    if cheapest > most:
        return (
            f"no unit fits the limits: the cheapest costs {cheapest:.2f} {currency}, and {percent:g} % of the budget "
            f"for one {limit} are {most:.2f} {currency}"
        )
    return (
        f"no purchase within the limits is expected to earn more than its order and box cost: {asked.budget:.2f} "
        f"{currency} of budget, at least {asked.min_order:.2f} an order, {problem.most_loss:.2f} of loss in the worst "
        "tenth of outcomes"
    )


def _detected(store: Store, parameters: PortfolioParameters) -> list[Opportunity]:
    found: list[Opportunity] = []
    for source in parameters.markets or (None,):
        found += take(store.opportunities, OpportunityQuery(source=source, sort="profit", limit=1), MOST_CANDIDATES)[0]
    return sorted(found, key=lambda one: -one.profit)[:MOST_CANDIDATES]


def _candidates(
    store: Store, routes: list[Opportunity], inputs: Inputs, parameters: PortfolioParameters, now: float
) -> tuple[Candidates, list[Opportunity]]:
    asins = list(dict.fromkeys(one.asin for one in routes))
    offers = offers_of_many(store, asins)
    return candidates_of(routes, offers, inputs, units=parameters.most_units, now=now)
