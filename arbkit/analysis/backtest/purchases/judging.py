"""Score purchases at past days: chances of a sale and of a profit, and what rankings earned. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import numpy as np

from arbkit.analysis.backtest.probability_scores import ProbabilityScore, score_probabilities
from arbkit.analysis.backtest.purchases.gathering import ProfitCases, PurchaseEvidence, SalesCases
from arbkit.analysis.backtest.purchases.results import (
    ChanceRow,
    ChanceScore,
    ProfitBacktest,
    RankingScore,
    SalesBacktest,
    SoldScore,
)
from arbkit.analysis.backtest.purchases.rules import RULES
from arbkit.analysis.forecast.sales.forecast import HORIZONS
from arbkit.core.formatting import count, counted, percent
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects

SEED = 18
SPOT = "spot profit"
RANKINGS: Mapping[str, Callable[[ProfitCases], Floats]] = {
    "expected profit per day of capital": lambda cases: cases.pct_a_day,
    "expected profit": lambda cases: cases.expected,
    SPOT: lambda cases: cases.spot,
    "spot ROI": lambda cases: cases.spot / cases.capital,
}
"""What the top is chosen by, the highest first."""


def judge_sales(evidence: PurchaseEvidence) -> SalesBacktest:
    """The scores of the chances to have sold, of each horizon for which any outcome is known."""
    cases = evidence.sales
    scores: list[SoldScore] = []
    for column, days in enumerate(HORIZONS):
        known = np.zeros(0, bool) if cases is None else ~np.isnan(cases.sold[:, column])
        if cases is not None and known.any():
            chance, sold = cases.chance[known, column], cases.sold[known, column] == 1
            found = _chances(cases, known, chance, sold, f"sold within {counted(days, 'day')}")
            scores.append(SoldScore(days=days, chances=found))
    return SalesBacktest(horizons=scores, not_scored=_sorted(evidence.sales_not_scored))


def judge_profits(evidence: PurchaseEvidence, currency: str) -> ProfitBacktest:
    """The scores of the chances of a profit, and what the top of each ranking earned; ``currency`` is the home one."""
    cases = evidence.profits
    not_scored = _sorted(evidence.profits_not_scored)
    if cases is None:
        return ProfitBacktest(
            currency=currency, chances=None, covered_pct=None, above_median_pct=None, days=0, top=RULES.ranking.top,
            rankings=[], rankings_verdict=_nothing_bought(0), not_scored=not_scored,
        )  # fmt: skip
    made = cases.realised > 0
    days = _days_to_rank(cases)
    rankings = _rankings(cases, days)
    return ProfitBacktest(
        currency=currency,
        chances=_chances(cases, np.ones(len(made), bool), cases.chance, made, "made a profit"),
        covered_pct=_percent((cases.realised >= cases.p10) & (cases.realised <= cases.p90)),
        above_median_pct=_percent(cases.realised > cases.p50),
        rankings_verdict=_ranked(rankings, len(days)),
        days=len(days),
        top=RULES.ranking.top,
        rankings=rankings,
        not_scored=not_scored,
    )


def _sorted(reasons: Counter[str]) -> dict[str, int]:
    return dict(reasons.most_common())


def _percent(happened: Mask) -> float:
    return round(100 * float(happened.mean()), 1)


def _chances(cases: SalesCases | ProfitCases, known: Mask, chance: Floats, happened: Mask, event: str) -> ChanceScore:
    product = np.unique(cases.product[known].astype(str), return_inverse=True)[1]
    score, products = score_probabilities(chance, happened, product, seed=SEED), len(np.unique(product))
    return ChanceScore(
        verdict=verdict_of(score, products, float(chance.mean()), event),
        products=products,
        said_pct=round(100 * float(chance.mean()), 1),
        score=score,
        markets=_rows(cases.market[known], product, chance, happened),
        categories=_rows(cases.category[known], product, chance, happened),
    )


def _rows(names: Objects, product: Ints, chance: Floats, happened: Mask) -> list[ChanceRow]:
    """A row for each name, the most frequent first; an empty name is none."""
    rows: list[ChanceRow] = []
    for name, purchases in Counter(names[names != ""].tolist()).most_common():
        here = names == name
        products = len(np.unique(product[here]))
        enough = products >= RULES.verdict.least_products
        score = score_probabilities(chance[here], happened[here], product[here], seed=SEED) if enough else None
        rows.append(
            ChanceRow(
                name=name,
                purchases=purchases,
                products=products,
                said_pct=round(100 * float(chance[here].mean()), 1),
                happened_pct=_percent(happened[here]),
                skill=None if score is None else score.brier_skill.value,
                calibration_error=None if score is None else score.calibration_error.value,
            )
        )
    return rows


def verdict_of(score: ProbabilityScore, products: int, said: float, event: str) -> str:
    """How good the chances of an event were, in one sentence; ``said`` is their mean."""
    rule, base = RULES.verdict, percent(100 * score.base_rate)
    came = f"{base} of {count(score.count)} purchases {event}, {percent(100 * said)} as forecast"
    if products < rule.least_products:
        return f"{came}: too few products ({count(products)}) to say how good that is."
    error, skill = score.calibration_error, score.brier_skill
    if error.low > rule.most_calibration_error:
        trust = "the chances are off, do not take them at their word"
    elif error.value <= rule.most_calibration_error:
        trust = "the chances can be taken at their word"
    else:
        trust = "the chances are roughly right"
    if skill.value < rule.least_skill:
        better = "which is hardly anything"
    elif skill.low > 0:
        better = "so they tell good purchases from bad ones"
    else:
        better = "which may be luck with so few products"
    return f"{came}: {trust}; they are {percent(100 * skill.value)} better than always saying {base}, {better}."


def _days_to_rank(cases: ProfitCases) -> list[Ints]:
    """The rows of each day on which there was enough to choose from."""
    found = [np.flatnonzero(cases.day == day) for day in np.unique(cases.day)]
    return [rows for rows in found if len(rows) >= RULES.ranking.least_routes]


def _rankings(cases: ProfitCases, days: Sequence[Ints]) -> list[RankingScore]:
    if not days:
        return []
    chosen = {name: [_top(rows, score(cases)) for rows in days] for name, score in RANKINGS.items()}
    returns = cases.realised / cases.capital
    earned = {name: [float(returns[rows].mean()) for rows in tops] for name, tops in chosen.items()}
    return [
        RankingScore(
            name=name,
            hit_rate_pct=round(100 * fmean(float((cases.realised[rows] > 0).mean()) for rows in tops), 1),
            return_pct=round(100 * fmean(earned[name]), 2),
            return_a_day_pct=round(100 * fmean(float((returns / cases.tied_up)[rows].mean()) for rows in tops), 3),
            profit=round(fmean(float(cases.realised[rows].sum()) for rows in tops), 2),
            days_ahead=sum(one > other for one, other in zip(earned[name], earned[SPOT], strict=True)),
        )
        for name, tops in chosen.items()
    ]


def _top(rows: Ints, score: Floats) -> Ints:
    return rows[np.argsort(-score[rows], kind="stable")[: RULES.ranking.top]]


def _ranked(rankings: Sequence[RankingScore], days: int) -> str:
    """Which ranking earned most, in one sentence."""
    if not rankings:
        return _nothing_bought(days)
    best = max(rankings, key=lambda one: one.return_a_day_pct)
    spot = next(one for one in rankings if one.name == SPOT)
    return (
        f"On {counted(days, 'day')} the top {RULES.ranking.top} by {best.name} earned most for each day that the money "
        f"was out: {best.return_a_day_pct:.2f} % a day, {spot.return_a_day_pct:.2f} % by {SPOT}."
    )


def _nothing_bought(days: int) -> str:
    return (
        f"Rankings cannot be compared ({counted(days, 'day')}): it takes days on which {RULES.ranking.least_routes} "
        "routes showed a profit, and what came of them is known."
    )
