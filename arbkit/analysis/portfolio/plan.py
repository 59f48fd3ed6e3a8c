"""A solved plan in words and figures: why each line is in, what would be next, when money comes back. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.analysis.forecast.profit.distribution import drawn_chance
from arbkit.analysis.portfolio.parameters import DEFAULTS, PortfolioParameters
from arbkit.analysis.portfolio.problem import Problem, tail_size
from arbkit.analysis.portfolio.results import CashWeek, MarketOrder, NextBest, PlanLine, Portfolio
from arbkit.analysis.portfolio.solver import Solution
from arbkit.core.models import Opportunity
from arbkit.profit.fees.arrays import Ints

KEPT_OUT: Mapping[str, str] = {
    "product": "the limit per product",
    "brand": "the limit per brand",
    "market": "the limit of what is spent on one marketplace",
    "hazmat": "the limit of dangerous goods",
    "sales": "another route sells that unit",
    "min_order": "the least order on its marketplace",
    "risk": "the loss that the worst tenth of outcomes may make",
    "budget": "no money is left for it",
}
"""By kind of limit; the first that a unit would break is named."""
NOT_WORTH_IT = "its order or box would cost more than it earns"
WITHIN_GAP = "the search ended before it, within its gap"
_NEXT = 5
_MOST_WEEKS = 26


def describe(problem: Problem, solution: Solution, routes: Sequence[Opportunity], currency: str) -> Portfolio:
    """The plan; ``routes`` are those of the candidates, in their order."""
    plan = _Plan(problem, solution, routes)
    outcomes = problem.outcomes(solution.chosen)
    p10, p50, p90 = np.quantile(outcomes, (0.1, 0.5, 0.9)).tolist()
    weeks = list(plan.weeks())
    reasons = problem.candidates.why_not()
    return Portfolio(
        currency=currency,
        budget=problem.parameters.budget,
        candidates=sum(reason is None for reason in reasons),
        cash_out=_cents(plan.cash_out),
        expected_profit=_cents(solution.value),
        profit_p10=_cents(p10),
        profit_p50=_cents(p50),
        profit_p90=_cents(p90),
        chance_of_profit_pct=_percent(drawn_chance(outcomes > 0).item()),
        worst_tenth_loss=_cents(-float(outcomes[problem.worst_tenth(solution.chosen)].mean())),
        most_loss=_cents(problem.most_loss),
        best_possible=_cents(solution.bound),
        gap_pct=round(solution.gap_pct, 3),
        status=solution.status,
        seconds=round(solution.seconds, 2),
        per_100_more=_cents(100 * solution.budget_price),
        lines=plan.lines(),
        orders=list(plan.orders()),
        next_best=plan.next_best(),
        weeks=weeks,
        money_back_week=next((one.week for one in weeks[1:] if one.balance >= 0), None),
        unknown=dict(Counter(reason for reason in reasons if reason)),
        assumed=assumptions(problem.parameters, len(outcomes), currency),
    )


def assumptions(asked: PortfolioParameters, scenarios: int, currency: str) -> list[str]:
    """What a plan takes for granted, in sentences."""
    shocks = DEFAULTS.shocks
    return [
        f"an order costs {asked.order_cost:.2f} {currency}",
        f"a box of {asked.box_kg:g} kg costs {asked.box_cost:.2f} {currency}",
        f"goods of unknown weight weigh {DEFAULTS.costs.unknown_weight_kg:g} kg",
        f"{scenarios} scenarios; the worst tenth are {tail_size(scenarios)} of them",
        f"of what decides how a unit fares {100 * shocks.market_share:.0f} % is common to all that is sold on its "
        f"marketplace, {100 * shocks.category_share:.0f} % to its category there",
        "everything is bought at once, and each unit's VAT comes back with its sale",
    ]


@dataclass(frozen=True, slots=True)
class _Plan:
    problem: Problem
    solution: Solution
    routes: Sequence[Opportunity]

    @property
    def cash_out(self) -> float:
        fixed = self.solution.chosen[self.problem.units :] @ self.problem.fixed_costs
        return float(self.problem.cash[self.solution.bought].sum() + fixed)

    def lines(self) -> list[PlanLine]:
        bought = self.problem.route[self.solution.bought]
        made = [self._line(int(route)) for route in np.unique(bought)]
        return sorted(made, key=lambda line: (line.source, -line.expected_profit, line.asin, line.target))

    def _line(self, route: int) -> PlanLine:
        problem, candidates, found = self.problem, self.problem.candidates, self.routes[route]
        columns = np.flatnonzero(self.solution.bought & (problem.route == route))
        expected = problem.objective[columns]
        outcomes = problem.profits[columns].sum(axis=0)
        p10, p50, p90 = np.quantile(outcomes, (0.1, 0.5, 0.9)).tolist()
        units = problem.unit[columns]
        cash, days = float(candidates.cash[route]), float(candidates.days[route, units].mean())
        weight = float(candidates.weight_kg[route])
        return PlanLine(
            asin=found.asin, title=found.title, brand=found.brand, category=found.category,
            source=found.source, target=found.target, units=len(columns),
            buy_price=found.buy_price, buy_currency=found.buy_currency,
            unit_cash=_cents(cash), cash_out=_cents(cash * len(columns)),
            expected_profit=_cents(expected.sum()), first_unit_profit=_cents(expected[0]),
            last_unit_profit=_cents(expected[-1]),
            profit_p10=_cents(p10), profit_p50=_cents(p50), profit_p90=_cents(p90),
            chance_of_profit_pct=_percent(drawn_chance(outcomes > 0).item()),
            all_sold_pct=round(100 * float(candidates.sold[route, units[-1]]), 1), days=round(days, 1),
            weight_kg=weight if weight > 0 else None, hazmat=bool(candidates.hazmat[route]),
            why=self._why(route, columns, days),
            source_url=found.source_url, target_url=found.target_url,
        )  # fmt: skip

    def _why(self, route: int, columns: Ints, days: float) -> str:
        candidates = self.problem.candidates
        earned = self.problem.objective[columns].sum()
        said = f"earns {100 * earned / (candidates.cash[route] * len(columns)):.0f} % of its money in {days:.0f} days"
        unit = int(self.problem.unit[columns[-1]]) + 1
        following = np.flatnonzero((self.problem.route == route) & (self.problem.unit == unit))
        if len(following):
            added, reason = self.problem.objective[following[0]], self._kept_out(following[0])
            return f"{said}; one more would add {added:.2f}, but: {reason}"
        if unit >= min(self.problem.parameters.most_units, candidates.profits.shape[1]):
            return f"{said}; no more than {unit} of a product are bought"
        return f"{said}; one more is expected to lose money, as it would sell too late or not at all"

    def _kept_out(self, column: int) -> str:
        """What keeps a unit out that is not bought."""
        more = self.solution.bought.copy()
        more[column] = True
        chosen = self.problem.completed(more)
        broken = self.problem.broken(chosen)
        for kind, words in KEPT_OUT.items():
            if kind in broken:
                return words
        return WITHIN_GAP if chosen @ self.problem.objective > self.solution.value else NOT_WORTH_IT

    def orders(self) -> Iterator[MarketOrder]:
        problem, asked = self.problem, self.problem.parameters
        sources = np.array(problem.candidates.sources, object)[problem.route]
        boxes = self.solution.chosen[problem.units + len(problem.sources) :]
        for source in problem.sources:
            columns = np.flatnonzero(self.solution.bought & (sources == source))
            if not len(columns):
                continue
            number = sum(round(float(box)) for lane, box in zip(problem.lanes, boxes, strict=True) if lane[0] == source)
            fixed = asked.order_cost + number * asked.box_cost
            yield MarketOrder(
                source=source, lines=len(np.unique(problem.route[columns])), units=len(columns),
                cash_out=_cents(problem.cash[columns].sum()), order_cost=asked.order_cost,
                boxes=number, box_cost=_cents(number * asked.box_cost),
                expected_profit=_cents(problem.objective[columns].sum() - fixed),
            )  # fmt: skip

    def next_best(self) -> list[NextBest]:
        """Of each product and marketplace the next unit, those first that earn most of their money."""
        problem, candidates = self.problem, self.problem.candidates
        pairs = [(candidates.asins[route], candidates.targets[route]) for route in problem.route.tolist()]
        held = Counter(pair for pair, bought in zip(pairs, self.solution.bought.tolist(), strict=True) if bought)
        worth = problem.objective[: problem.units] / problem.cash
        seen: set[tuple[str, str]] = set()
        found: list[NextBest] = []
        for column in np.argsort(-worth, kind="stable").tolist():
            pair = pairs[column]
            if pair in seen or int(problem.unit[column]) != held[pair]:
                continue
            seen.add(pair)
            found.append(self._next(column))
            if len(found) == _NEXT:
                break
        return found

    def _next(self, column: int) -> NextBest:
        problem, route = self.problem, self.routes[self.problem.route[column]]
        return NextBest(
            asin=route.asin, title=route.title, source=route.source, target=route.target,
            unit=int(problem.unit[column]) + 1, unit_cash=_cents(problem.cash[column]),
            expected_profit=_cents(problem.objective[column]), kept_out_by=self._kept_out(column),
        )  # fmt: skip

    def weeks(self) -> Iterator[CashWeek]:
        """Expected money week by week until all of it is back, or :data:`_MOST_WEEKS`."""
        bought = self.solution.bought
        route, unit = self.problem.route[bought], self.problem.unit[bought]
        back = self.problem.cash[bought, None] + self.problem.profits[bought]
        week = np.minimum(np.ceil(self.problem.candidates.days[route, unit] / 7).astype(np.int64), _MOST_WEEKS)
        money = np.bincount(np.maximum(week, 1).ravel(), back.ravel(), minlength=1) / max(1, back.shape[1])
        balance = -self.cash_out
        yield CashWeek(week=0, cash_out=_cents(self.cash_out), cash_in=0.0, balance=_cents(balance))
        for number in range(1, len(money)):
            balance += float(money[number])
            yield CashWeek(week=number, cash_out=0.0, cash_in=_cents(money[number]), balance=_cents(balance))


def _cents(amount: float) -> float:
    return round(float(amount), 2) + 0.0


def _percent(chance: float) -> float:
    return round(100 * chance, 1)
