"""How good plans of purchases are: time and proven gap of 5,000 candidates, and what plans earn on simulated markets.

    python -m tests.benchmarks.portfolio --json scores.json

The plan is compared with buying the top by profit and the top by ROI, with the same budget, on seeds that nothing was
chosen on. With ARBKIT_REAL_DATA the markets are drawn from blocks of the real histories beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np

from arbkit.analysis.portfolio.parameters import PortfolioParameters
from arbkit.analysis.portfolio.problem import Problem
from arbkit.analysis.portfolio.solver import Solution, solve
from tests.benchmarks.measuring import Report, run_alone
from tests.helpers.candidates import made
from tests.portfolio.purchases import RANKINGS, Shop
from tests.simulated_market.histories import read_histories, real_file
from tests.simulated_market.market import KINDS, Kind, simulate

__all__ = ["run"]

SEEDS = range(410, 420)
_PRODUCTS = 500
_CANDIDATES = 5_000
_BUDGETS = (2_000.0, 20_000.0)
_UNITS = 10


@dataclass(frozen=True, slots=True)
class Compared:
    """Euros earned with the budget on one kind of market, by seed: by the plan, and by each ranking.

    ``expected``, ``p10`` and ``p90`` are what the plan said of itself.
    """

    market: str
    budget: float
    plan: list[float]
    expected: list[float]
    p10: list[float]
    p90: list[float]
    rankings: dict[str, list[float]]

    @property
    def inside(self) -> int:
        """On how many seeds the plan earned from P10 to P90."""
        bands = zip(self.p10, self.plan, self.p90, strict=True)
        return sum(low <= plan <= high for low, plan, high in bands)

    def ratios(self, ranking: str) -> list[float]:
        """The plan over a ranking, by seed; above 1 the plan earned more."""
        return [
            plan / other if other > 0 else np.inf for plan, other in zip(self.plan, self.rankings[ranking], strict=True)
        ]

    def lost(self, ranking: str) -> list[int]:
        """The seeds on which a ranking earned as much or more."""
        pairs = zip(SEEDS, self.plan, self.rankings[ranking], strict=True)
        return [seed for seed, plan, other in pairs if plan <= other]


def compare(kind: Kind, budget: float) -> Compared:
    """The plan against each ranking, one unit of each product or as many as the limits allow."""
    path = real_file()
    histories = None if path is None else read_histories(path)
    asked = PortfolioParameters(budget=budget, most_units=_UNITS)
    plan, expected, p10, p90 = [], [], [], []
    rankings: dict[str, list[float]] = {}
    for seed in SEEDS:
        shop = Shop.open(simulate(seed, _PRODUCTS, kind, histories), seed, _UNITS)
        planned, outcomes = shop.planned(asked)
        others = {
            f"top by {name}, {words}": shop.ranked(score(shop), asked, most)
            for name, score in RANKINGS.items()
            for words, most in (("one of each", 1), ("as many as allowed", _UNITS))
        }
        earned = shop.earned([planned, *others.values()], asked)
        plan.append(round(earned[0], 2))
        expected.append(round(float(outcomes.mean()), 2))
        p10.append(round(float(np.quantile(outcomes, 0.1)), 2))
        p90.append(round(float(np.quantile(outcomes, 0.9)), 2))
        for name, amount in zip(others, earned[1:], strict=True):
            rankings.setdefault(name, []).append(round(amount, 2))
    return Compared(kind, budget, plan, expected, p10, p90, rankings)


def solve_candidates(budget: float, count: int = _CANDIDATES) -> tuple[Problem, Solution]:
    """The plan of a number of made-up candidates, ten units of each."""
    problem = Problem(made(count, units=_UNITS, draws=128), PortfolioParameters(budget=budget))
    return problem, solve(problem)


def _report_solver(report: Report, budget: float) -> dict[str, float]:
    problem, solution = solve_candidates(budget)
    report(f"{_CANDIDATES:,} candidates, {problem.units:,} units, budget {budget:,.0f}: time",
           f"{solution.seconds:.1f} s ({solution.status})", "at most 10 s")  # fmt: skip
    report(f"{_CANDIDATES:,} candidates, budget {budget:,.0f}: below the proven bound",
           f"{solution.gap_pct:.2f} %", "at most 1 %")  # fmt: skip
    return {"budget": budget, "seconds": solution.seconds, "gap_pct": solution.gap_pct}


def _report_compared(report: Report, found: Compared) -> None:
    what = f"{found.market}, {found.budget:,.0f} EUR"
    said = f"earned {median(found.plan):.0f}, least {min(found.plan):.0f}, expected {median(found.expected):.0f}"
    report(f"{what}: plan, median of {len(SEEDS)} seeds", said, "")
    report(f"{what}: earned from P10 to P90", f"{found.inside} of {len(SEEDS)}", "about 8")
    for name in found.rankings:
        lost = found.lost(name)
        where = f", not on {', '.join(map(str, lost))}" if lost else ""
        report(f"{what}: plan over {name}",
               f"median {median(found.ratios(name)):.2f}, more on {len(SEEDS) - len(lost)} of {len(SEEDS)}{where}; "
               f"the ranking's least {min(found.rankings[name]):.0f}",
               "")  # fmt: skip


def _report(report: Report, kinds: Sequence[Kind] = KINDS) -> dict[str, list[dict[str, object]]]:
    solved = [_report_solver(report, budget) for budget in _BUDGETS]
    compared = [compare(kind, _BUDGETS[0]) for kind in kinds]
    for one in compared:
        _report_compared(report, one)
    shown = [{"seeds": [*SEEDS], **asdict(one)} for one in compared]
    return {"solver": [dict(one) for one in solved], "markets": shown}


def run(report: Report) -> None:
    """Report time and gap of the solver, then what plans earned."""
    _report(report)


if __name__ == "__main__":
    run_alone(_report, __doc__, as_json=lambda found: found)
