"""The figures of sales, profits and rankings, on simulated markets with known truth; of sales on real ones, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, median

from arbkit.analysis.backtest.purchases.gathering import PurchaseEvidence
from arbkit.analysis.backtest.purchases.judging import judge_sales
from arbkit.profit import Profile, load_rates, load_tables
from tests.benchmarks import profit_forecast, sales_forecast
from tests.benchmarks.profit_forecast import Ranking
from tests.figures.extent import Extent
from tests.figures.lines import NO_GOAL, Line, chance_lines, held, line
from tests.price_forecast.histories import histories_file, read_products
from tests.simulated_market.histories import DailyHistory, read_histories, real_file
from tests.simulated_market.market import KINDS

__all__ = ["profit_lines", "real_sales_lines", "sales_lines"]

_UNSEEN_PART = 0.9
"""Of the seeds on which the ranking has to win."""
_SPOT, _SAME_MONEY, _ONE_UNIT = "spot profit", "the same money in each", "one unit of each, whatever it costs"


def _markets() -> list[tuple[str, Sequence[DailyHistory] | None]]:
    path = real_file()
    real = [] if path is None else [("blocks of real histories", read_histories(path))]
    return [*real, ("fitted processes", None)]


def sales_lines(extent: Extent) -> Iterator[Line]:
    """Sold in 30 days: the chances on each kind of market."""
    for name, histories in _markets():
        scores = sales_forecast.simulated_scores(
            histories, seeds=extent.sales_seeds, products=extent.products, units_sold=(1,), horizons=(30,)
        )
        for one in scores:
            what = f"sold in 30 days, {name}, {one.market}"
            yield from chance_lines(what, one.score, has_goal=one.market == "as_it_was")


def real_sales_lines() -> Iterator[Line]:
    """Sold in 30 days by the rank drops of real histories, thinned by a share."""
    path = histories_file()
    if path is None:
        yield line("sold in 30 days, real histories", "left out: ARBKIT_REAL_DATA does not lead to them")
        return
    evidence = PurchaseEvidence(Profile(name="reseller"), load_tables(), load_rates())
    evidence.add(read_products(path))
    for sold in judge_sales(evidence).horizons:
        what = f"sold in {sold.days} days, real histories, {sold.chances.products} products"
        yield from chance_lines(what, sold.chances.score, has_goal=True)


def profit_lines(extent: Extent) -> Iterator[Line]:
    """Chances of a profit on each kind of market, and what rankings earned on seeds that nothing was chosen on."""
    for name, histories in _markets():
        for number, seeds in enumerate(extent.profit_seeds):
            kinds = KINDS if number == 0 else KINDS[:1]
            for found in profit_forecast.simulated_scores(
                histories, seeds=seeds, products=extent.products, kinds=kinds
            ):
                has_goal = found.market == "as_it_was"
                what = f"{name}, {found.market}, seeds {seeds.start} to {seeds.stop - 1}"
                yield from chance_lines(f"P(profit), {what}", found.every, has_goal=has_goal)
                yield from chance_lines(f"P(profit), shown a profit, {what}", found.shown, has_goal=has_goal)
                for ranking in found.rankings:
                    if ranking.other == _SPOT and ranking.measure in (_SAME_MONEY, _ONE_UNIT):
                        is_held = has_goal and ranking.measure == _SAME_MONEY
                        yield from _ranking_lines(f"top 20 over spot profit, {what}", ranking, is_held=is_held)


def _ranking_lines(what: str, ranking: Ranking, *, is_held: bool) -> Iterator[Line]:
    seeds = len(ranking.seeds)
    lost = f", not on {', '.join(map(str, ranking.lost))}" if ranking.lost else ""
    measured = f"median {median(ranking.ratios):.2f}, more on {ranking.won} of {seeds}{lost}"
    name, least = f"{what}, {ranking.measure}", _UNSEEN_PART * seeds
    numbers = median(ranking.ratios), float(ranking.won)
    if is_held:
        yield held(name, measured, f"on at least {least:g} of {seeds}", ranking.won >= least, *numbers)
        expected = fmean(ranking.chances)
        yield line("    were the forecast exactly right, chance to win a seed", f"{expected:.2f}", expected)
    else:
        yield Line(name, measured, "", NO_GOAL, numbers)
    by_seed = " ".join(f"{seed}: {ratio:.2f}" for seed, ratio in zip(ranking.seeds, ranking.ratios, strict=True))
    yield line("    by seed", by_seed, *ranking.ratios)
