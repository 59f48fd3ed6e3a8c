"""How well sales are forecast: on simulated markets with known truth, on real rank drops, and how fast.

    python -m tests.benchmarks.sales_forecast --json scores.json

The seeds are others than those that parameters were chosen on. With ARBKIT_REAL_DATA the markets are drawn from blocks
of the real histories beside it, else from the processes fitted to them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from arbkit.analysis.backtest.probability_scores import Figure, ProbabilityScore, score_probabilities
from arbkit.analysis.forecast.sales.evidence import evidence_of
from arbkit.analysis.forecast.sales.forecast import forecast_sales
from arbkit.analysis.forecast.sales.rate import estimate_rate
from arbkit.analysis.forecast.sales.timing import coming_shape, fewer_than, sold_probability
from arbkit.core.history.facts import history_facts
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import History
from arbkit.sources.keepa_api.product import parse_product
from tests.benchmarks.measuring import Report, Taken, run_alone, skip, taken
from tests.sales_forecast.adapter import NOW, offers_of
from tests.simulated_market.histories import DailyHistory, read_histories, real_file
from tests.simulated_market.market import KINDS, SimulatedProduct, simulate

__all__ = ["run"]

SEEDS = range(100, 108)
_PRODUCTS = 500
_HORIZONS = (30, 60, 90)
_UNITS = (1, 3)
_REAL_UNITS = (1, 3, 10)
"""Of more sales than these drops miss many."""
_SCORING_SEED = 18
_OFFERS = 100_000
_CALIBRATION = "at most 0.05"
_SKILL = "at least 10 %"
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class SoldScore:
    """Scores of one question: how probable it is to sell a number of units in that time."""

    market: str
    units: int
    days: int
    score: ProbabilityScore

    def to_dict(self) -> dict[str, object]:
        return {"market": self.market, "units": self.units, "days": self.days, **self.score.model_dump()}


def simulated_scores(
    histories: Sequence[DailyHistory] | None,
    *,
    seeds: Sequence[int] = SEEDS,
    products: int = _PRODUCTS,
    units_sold: Sequence[int] = _UNITS,
    horizons: Sequence[int] = _HORIZONS,
) -> Iterator[SoldScore]:
    """Scores on each kind of market, the products of all seeds together; ``histories`` as of ``simulate``."""
    for kind in KINDS:
        markets = [simulate(seed, products, kind, histories) for seed in seeds]
        for units in units_sold:
            for days in horizons:
                chances = np.concatenate([_chances(market, units, days) for market in markets])
                sold = np.array([product.sold_within(days) >= units for market in markets for product in market])
                score = score_probabilities(chances, sold, np.arange(len(sold)), seed=_SCORING_SEED)
                yield SoldScore(kind, units, days, score)


def _chances(market: Sequence[SimulatedProduct], units: int, days: int) -> npt.NDArray[np.float64]:
    sales, share = evidence_of(offers_of(market), now=NOW)
    return sold_probability(estimate_rate(sales), share, units, days)


def real_scores(path: Path) -> Iterator[SoldScore]:
    """Rank drops of the last 30 days of real products, forecast by what was known before them.

    A drop stands for a sale, and the whole listing for the seller: who sold what is nowhere known. The curves were
    fitted to the drops of the same products, the 30 days included.
    """
    with gzip.open(path, "rt", encoding="utf-8") as file:
        raw = json.load(file)["products"]
    updates = [parse_product(one, MARKETS["DE"], origin="keepa", fetched_at=0.0) for one in raw]
    chances: dict[int, list[float]] = {units: [] for units in _REAL_UNITS}
    drops = []
    for update in updates:
        if update is None or update.offer.rank_drops90 is None or not isinstance(update.history, History):
            continue
        before = update.offer.updated_at - 30 * _DAY_S
        (facts,) = history_facts([update.history], [before])
        sales, _ = evidence_of([replace(update.offer, **facts._asdict())], now=before)
        # Keepa's counts are those of the end: those of the 60 days before are their difference.
        later = update.offer.rank_drops30 or 0
        sales.drops[:], sales.days[:] = max(0, update.offer.rank_drops90 - later), 60.0
        sales.looks[:] = np.maximum(2 * sales.drops, 120.0)
        if not sales.is_average[0]:
            continue
        rate = estimate_rate(sales)
        for units in _REAL_UNITS:
            chances[units].append(float(1 - fewer_than(units, coming_shape(rate), rate.mean * 30)[0]))
        drops.append(later)
    for units in _REAL_UNITS:
        happened = np.array(drops) >= units
        score = score_probabilities(np.array(chances[units]), happened, np.arange(len(drops)), seed=_SCORING_SEED)
        yield SoldScore("real rank drops", units, 30, score)


def forecast_time() -> Taken:
    """What forecasting 100,000 offers takes."""
    many = offers_of(simulate(SEEDS[0], _PRODUCTS)) * (_OFFERS // _PRODUCTS)
    return taken(lambda: forecast_sales(many, now=NOW))


def _words(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _rows(scored: SoldScore, report: Report) -> None:
    score = scored.score
    name = f"{scored.market}: {scored.units} sold in {scored.days} days, n {score.count}"
    held = scored.market == "as_it_was" and (scored.units, scored.days) == (1, 30)
    report(f"{name}: calibration error", _words(score.calibration_error), _CALIBRATION if held else "")
    report(f"{name}: Brier {score.brier.value:.3f}, skill", _words(score.brier_skill), _SKILL if held else "")
    if held:
        for number, one in enumerate(score.bins):
            said = "–" if one.forecast is None else f"said {one.forecast:.2f}, sold {one.happened:.2f}"
            report(f"  {number / 10:.1f} to {(number + 1) / 10:.1f}: {one.count}", said, "")


def run(report: Report) -> None:
    """Report the scores of every market, and the time of many offers."""
    _report(report)


def _report(report: Report) -> list[SoldScore]:
    path = real_file()
    found = []
    for scored in simulated_scores(None if path is None else read_histories(path)):
        found.append(scored)
        _rows(scored, report)
    if path is None:
        skip("real rank drops", "there is no folder histories beside ARBKIT_REAL_DATA")
    else:
        for scored in real_scores(path):
            found.append(scored)
            _rows(scored, report)
    took = forecast_time()
    report("100,000 offers forecast", f"{took.clock:.1f} s, {took.processor:.1f} s of processor", "at most 30 s")
    return found


if __name__ == "__main__":
    run_alone(_report, __doc__, as_json=lambda found: [scored.to_dict() for scored in found])
