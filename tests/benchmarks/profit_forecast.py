"""How well profit is forecast: on simulated markets with known truth, by chances and by rankings, and how fast.

    python -m tests.benchmarks.profit_forecast --json scores.json

The seeds are others than those that anything was chosen on. What the reseller does is written in
tests/profit_forecast/reseller.py. With ARBKIT_REAL_DATA the markets are drawn from blocks of the real histories beside
it, else from the processes fitted to them.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median

import numpy as np

from arbkit.analysis.backtest.probability_scores import ProbabilityScore, score_probabilities
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.profit.distribution import ProfitForecasts, forecast_profits
from arbkit.analysis.forecast.profit.outlook import route_outlook
from arbkit.core.models import Offer
from arbkit.profit import load_rates, load_tables
from arbkit.profit.fees.arrays import Floats, Ints, Mask
from tests.benchmarks.measuring import Report, run_alone, taken
from tests.profit_forecast.reseller import NOW, ON, PROFILE, Bought, buy, offers_on_sale
from tests.simulated_market.histories import DailyHistory, read_histories, real_file
from tests.simulated_market.market import KINDS, Kind, simulate

__all__ = ["run"]

SEEDS = range(300, 310)
_PRODUCTS = 500
_TOP = 20
_SCORING_SEED = 18
_ENOUGH_SEEDS = 9
_DRAWN_OUTCOMES = 200
_MANY, _FEW = 100_000, 20_000
_CALIBRATION, _SKILL = "at most 0.05", "at least 10 %"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Realised profit of the top 20 by expected profit per day of capital over that by ``other``, by seed.

    ``measure`` says how it is counted; ``ratios`` are above 1 where the forecast's ranking earned more, and
    ``chances`` how likely that was by the forecast itself, were it right: twenty purchases turn out by chance, too.
    """

    market: str
    other: str
    measure: str
    seeds: list[int]
    ratios: list[float]
    chances: list[float]

    @property
    def won(self) -> int:
        return sum(ratio > 1 for ratio in self.ratios)

    @property
    def lost(self) -> list[int]:
        """The seeds on which the other earned as much or more."""
        return [seed for seed, ratio in zip(self.seeds, self.ratios, strict=True) if ratio <= 1]


@dataclass(frozen=True, slots=True)
class Scored:
    """What one kind of market says: the chances of all routes, of those that show a profit today, and rankings.

    ``covered`` is the part of outcomes from P10 to P90, ``above_p50`` that above the median.
    """

    market: str
    every: ProbabilityScore
    shown: ProbabilityScore
    covered: float
    above_p50: float
    rankings: list[Ranking]

    def to_dict(self) -> dict[str, object]:
        return {
            "market": self.market, "all_routes": self.every.model_dump(), "spot_profit": self.shown.model_dump(),
            "covered": self.covered, "above_p50": self.above_p50,
            "rankings": [{**asdict(one), "won": one.won, "lost": one.lost} for one in self.rankings],
        }  # fmt: skip


def simulated_scores(
    histories: Sequence[DailyHistory] | None,
    *,
    seeds: Sequence[int] = SEEDS,
    products: int = _PRODUCTS,
    kinds: Sequence[Kind] = KINDS,
) -> list[Scored]:
    """The scores on each kind of market, the products of all seeds together; ``histories`` as of ``simulate``."""
    return [
        _scored(kind, seeds, [buy(simulate(seed, products, kind, histories), seed) for seed in seeds]) for kind in kinds
    ]


def _scored(kind: str, seeds: Sequence[int], bought: Sequence[Bought]) -> Scored:
    chances = np.concatenate([one.forecasts.chance[one.known()] for one in bought])
    realised = np.concatenate([one.realised[one.known()] for one in bought])
    shown = np.concatenate([one.spot_profit[one.known()] > 0 for one in bought])
    low, middle, high = (
        np.concatenate([getattr(one.forecasts, name)[one.known()] for one in bought]) for name in ("p10", "p50", "p90")
    )
    each = _score(chances, realised > 0), _score(chances[shown], realised[shown] > 0)
    covered = float(((realised >= low) & (realised <= high)).mean())
    return Scored(
        kind, *each, round(covered, 4), round(float((realised > middle).mean()), 4), _rankings(kind, seeds, bought)
    )


def _score(chances: Floats, happened: Mask) -> ProbabilityScore:
    return score_probabilities(chances, happened, np.arange(len(chances)), seed=_SCORING_SEED)


def _rankings(kind: str, seeds: Sequence[int], bought: Sequence[Bought]) -> list[Ranking]:
    ratios: dict[tuple[str, str], list[float]] = {(other, name): [] for other in _OTHERS for name in _MEASURES}
    chances = {names: list[float]() for names in ratios}
    for one in bought:
        by_forecast = _top(one, one.forecasts.pct_a_day)
        for other, score in _OTHERS.items():
            rows = _top(one, score(one))
            for name, measure in _MEASURES.items():
                ratios[other, name].append(round(measure(one, by_forecast) / measure(one, rows), 3))
                chances[other, name].append(round(_chance_to_win(one, by_forecast, rows, measure), 3))
    return [Ranking(kind, *names, [*seeds], found, chances[names]) for names, found in ratios.items()]


def _chance_to_win(bought: Bought, rows: Ints, others: Ints, measure: Callable[[Bought, Ints], float]) -> float:
    """How often these rows earn more than the others where each route turns out as one of its forecast's draws."""
    found, routes = bought.forecasts, np.arange(len(bought.realised))
    rng = np.random.default_rng(_SCORING_SEED)
    won = 0
    for _ in range(_DRAWN_OUTCOMES):
        drawn = rng.integers(found.samples.shape[1], size=len(routes))
        came = replace(
            bought,
            realised=found.samples[routes, drawn].astype(float),
            sold_days=found.days[routes, drawn].astype(float),
        )
        won += measure(came, rows) > measure(came, others)
    return won / _DRAWN_OUTCOMES


def _top(bought: Bought, score: Floats) -> Ints:
    """The rows of the twenty highest scores among routes that show a profit today."""
    rows = np.flatnonzero(bought.known() & (bought.spot_profit > 0))
    return rows[np.argsort(-score[rows], kind="stable")[:_TOP]]


def _same_money(bought: Bought, rows: Ints) -> float:
    return float((bought.realised[rows] / bought.forecasts.capital[rows]).sum())


def _by_day(bought: Bought, rows: Ints) -> float:
    return float((bought.realised[rows] / bought.forecasts.capital[rows] / bought.tied_up[rows]).sum())


def _one_unit(bought: Bought, rows: Ints) -> float:
    return float(bought.realised[rows].sum())


_OTHERS: dict[str, Callable[[Bought], Floats]] = {
    "spot profit": lambda one: one.spot_profit,
    "spot profit by capital": lambda one: one.spot_profit / one.forecasts.capital,
}
_MEASURES = {
    "the same money in each": _same_money,
    "the same money in each, by day until it is back": _by_day,
    "one unit of each, whatever it costs": _one_unit,
}


def many_offers(count: int) -> tuple[list[Offer], list[tuple[str, str, str]]]:
    """Offers of a market under ever new ASINs, and the routes between them, one by product."""
    offers = offers_on_sale(simulate(SEEDS[0], _PRODUCTS), SEEDS[0])
    made = [
        replace(one, asin=f"B{number:03d}{one.asin[4:]}") for number in range(count // len(offers)) for one in offers
    ]
    return made, [(one.asin, "IT", "DE") for one in made if one.market == "DE"]


def forecast_offers(offers: Sequence[Offer], wanted: Sequence[tuple[str, str, str]]) -> ProfitForecasts:
    """Price, sales and profit of every wanted route, from offers as a store gives them."""
    outlook = route_outlook(offers, PROFILE, load_tables(), load_rates(), on=ON, now=NOW, wanted=wanted)
    return forecast_profits(outlook, load_price_model())


def peak_memory(count: int) -> int:
    """Bytes that a forecast of this many offers takes beside them."""
    offers, wanted = many_offers(count)
    tracemalloc.start()
    forecast_offers(offers, wanted)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _report(report: Report) -> list[Scored]:
    path = real_file()
    found = simulated_scores(None if path is None else read_histories(path))
    for scored in found:
        _report_market(scored, report, held=scored.market == "as_it_was")
    offers, wanted = many_offers(_MANY)
    took = taken(lambda: forecast_offers(offers, wanted))
    report(f"{_MANY:,} offers, {len(wanted):,} routes: price, sales and profit",
           f"{took.clock:.1f} s, {took.processor:.1f} s of processor", "at most 30 s")  # fmt: skip
    few, many = peak_memory(_FEW), peak_memory(2 * _FEW) / 2
    report(f"memory per offer, {2 * _FEW:,} / {_FEW:,} offers", f"{many / few:.2f} ×", "about 1 ×, or less")
    return found


def _report_market(scored: Scored, report: Report, *, held: bool) -> None:
    for said, score in (("all routes", scored.every), ("with a profit today", scored.shown)):
        name = f"{scored.market}: P(profit > 0), {said}, n {score.count}"
        error, skill = score.calibration_error, score.brier_skill
        report(f"{name}: base rate", f"{score.base_rate:.3f}", "")
        report(f"{name}: calibration error", f"{error.value:.3f} ({error.low:.3f} to {error.high:.3f})",
               _CALIBRATION if held else "")  # fmt: skip
        report(f"{name}: Brier {score.brier.value:.3f}, skill",
               f"{skill.value:.3f} ({skill.low:.3f} to {skill.high:.3f})",
               _SKILL if held else "")  # fmt: skip
        for number, one in enumerate(score.bins if held else ()):
            text = "–" if one.forecast is None else f"said {one.forecast:.2f}, came true {one.happened:.2f}"
            report(f"  {number / 10:.1f} to {(number + 1) / 10:.1f}: {one.count}", text, "")
    report(f"{scored.market}: from P10 to P90, above P50", f"{scored.covered:.2f}, {scored.above_p50:.2f}", "")
    for ranking in scored.rankings:
        lost = f", not on {', '.join(map(str, ranking.lost))}" if ranking.lost else ""
        is_target = held and (ranking.other, ranking.measure) == (next(iter(_OTHERS)), next(iter(_MEASURES)))
        report(f"{scored.market}: top {_TOP} over those by {ranking.other}, {ranking.measure}",
               f"median {median(ranking.ratios):.2f}, more on {ranking.won} of {len(ranking.seeds)}{lost}",
               f"at least {_ENOUGH_SEEDS} of {len(ranking.seeds)}" if is_target else "")  # fmt: skip


def run(report: Report) -> None:
    """Report the scores of every market, the rankings, and what many offers take."""
    _report(report)


if __name__ == "__main__":
    run_alone(_report, __doc__, as_json=lambda found: [scored.to_dict() for scored in found])
