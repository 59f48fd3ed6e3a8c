"""Fit the parameters of sales forecasts: ``ARBKIT_REAL_DATA=… python -m tests.sales_forecast.fit``.

Curves are fitted to the rank drops of real products; what no real data says is chosen on simulated markets whose seeds
(:data:`TRAINING_SEEDS`) no score uses, or is a judgement, and each part of the file says which.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from string import Template

import numpy as np
import numpy.typing as npt

from arbkit.analysis.forecast.sales.evidence import evidence_of
from arbkit.analysis.forecast.sales.parameters import SalesParameters
from arbkit.analysis.forecast.sales.rate import estimate_rate
from arbkit.analysis.forecast.sales.timing import sold_probability
from arbkit.core.history.facts import with_history_facts
from arbkit.core.marketplaces import MARKETS
from arbkit.core.offers.categories import category_id
from arbkit.sources.keepa_api.product import parse_product
from tests.helpers.paths import ROOT
from tests.sales_forecast.adapter import NOW, offers_of
from tests.simulated_market.histories import read_histories, real_file
from tests.simulated_market.market import SimulatedProduct, simulate

Floats = npt.NDArray[np.float64]

FILE = ROOT / "arbkit/analysis/forecast/sales/parameters.toml"
TEMPLATE = Path(__file__).with_name("parameters.toml.in")
TRAINING_SEEDS = range(5)
_TRAINING_PRODUCTS = 500
_KNEE = 30_000.0
_TOP_SLOPE = 0.87
_CENTRE = math.log(100_000)
"""Curves are fitted about this rank, where level and slope hang together least."""
_QUARTER = 90.0


@dataclass(frozen=True, slots=True)
class Drops:
    """Real products: log of the mean and of the present rank, drops in 90 days, and whether each is of beauty."""

    mean_rank: Floats
    present_rank: Floats
    drops: Floats
    beauty: npt.NDArray[np.bool_]

    def of(self, rows: npt.NDArray[np.bool_]) -> Drops:
        return Drops(self.mean_rank[rows], self.present_rank[rows], self.drops[rows], self.beauty[rows])


@dataclass(frozen=True, slots=True)
class Curve:
    """A fitted curve, as the file has it."""

    intercept: float
    slope: float
    shape: float
    current_shape: float
    products: int


def read_drops(path: Path) -> Drops:
    """The products with a rank history of 90 days and a count of drops."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        raw = json.load(file)["products"]
    updates = [parse_product(one, MARKETS["DE"], origin="keepa", fetched_at=0.0) for one in raw]
    known = [u for u in updates if u is not None and u.offer.rank_drops90 is not None and u.offer.sales_rank]
    offers = [u.offer for u in with_history_facts(known)]
    # Each as of the day on which it was looked at: none of these ranks is too old then.
    rows = [evidence_of([offer], now=float(offer.updated_at))[0] for offer in offers]
    seen = np.array([bool(row.is_average[0]) for row in rows])
    made = Drops(
        np.log([row.rank[0] for row in rows]),
        np.log(np.array([offer.sales_rank for offer in offers], np.float64)),
        np.array([offer.rank_drops90 for offer in offers], np.float64),
        np.array([category_id(offer.category) == "beauty" for offer in offers]),
    )
    return made.of(seen)


def _log_likelihood(log_rank: Floats, drops: Floats, curve: tuple[float, float, float], most: float) -> float:
    """Of drops that are negative binomial about the curve, and of which no more than ``most`` are seen."""
    level, slope, shape = curve
    beyond = np.maximum(0, math.log(_KNEE) - log_rank)
    sold = _QUARTER * np.exp(level - slope * (log_rank + beyond - _CENTRE) + _TOP_SLOPE * beyond)
    mean = most * -np.expm1(-sold / most)
    constant = sum(math.lgamma(d + shape) - math.lgamma(shape) - math.lgamma(d + 1) for d in drops)
    return constant + float((shape * np.log(shape / (shape + mean)) + drops * np.log(mean / (shape + mean))).sum())


_LEVELS = np.arange(-4.0, 0.01, 0.1)
_SLOPES = np.arange(0.6, 2.41, 0.1)
_SHAPES = (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)


def fit_curve(data: Drops, most: float) -> Curve:
    """The likeliest curve, and the spread about it by the mean rank and by the present one alone."""

    def likeliest(ranks: Floats, levels: Sequence[float], slopes: Sequence[float]) -> tuple[float, float, float]:
        choices = itertools.product(levels, slopes, _SHAPES)
        return max(choices, key=lambda curve: _log_likelihood(ranks, data.drops, curve, most))

    level, slope, shape = likeliest(data.mean_rank, list(_LEVELS), list(_SLOPES))
    _, _, current = likeliest(data.present_rank, [level], [slope])
    return Curve(
        round(float(level + slope * _CENTRE), 2), round(float(slope), 2), shape, min(current, shape), len(data.drops)
    )


def fit_looks(data: Drops) -> float:
    """Looks a day with which the drops of the fast sellers are likeliest."""

    def likelihood(looks: float) -> float:
        curve = fit_curve(data, looks * _QUARTER)
        level = curve.intercept - curve.slope * _CENTRE
        return _log_likelihood(data.mean_rank, data.drops, (level, curve.slope, curve.shape), looks * _QUARTER)

    return max((1.5, 2.0, 2.5, 3.0, 4.0, 6.0), key=likelihood)


def fit_any_rank(data: Drops, most: float) -> tuple[float, float]:
    """Mean and shape of the rates of all products, whatever their rank."""
    flat = np.full(len(data.drops), _CENTRE)
    choices = itertools.product(_LEVELS + 2, (0.0,), _SHAPES)
    level, _, shape = max(choices, key=lambda curve: _log_likelihood(flat, data.drops, curve, most))
    return round(math.exp(level), 2), shape


@lru_cache(maxsize=1)
def _training_markets(path: Path) -> list[list[SimulatedProduct]]:
    """Markets of fitted processes, and of blocks of real histories."""
    kinds = (None, read_histories(path))
    return [simulate(seed, _TRAINING_PRODUCTS, histories=kind) for kind in kinds for seed in TRAINING_SEEDS]


def log_score(parameters: SalesParameters, path: Path) -> float:
    """Mean log score of P(sold one unit) and P(sold three) in 30 and 60 days on the training markets."""
    scores = []
    for products in _training_markets(path):
        sales, share = evidence_of(offers_of(products), now=NOW, parameters=parameters)
        rate = estimate_rate(sales, parameters)
        for units, days in itertools.product((1, 3), (30, 60)):
            chance = np.clip(sold_probability(rate, share, units, days, parameters), 1e-6, 1 - 1e-6)
            sold = np.array([product.sold_within(days) >= units for product in products])
            scores.append(-np.log(np.where(sold, chance, 1 - chance)).mean())
    return float(np.mean(scores))


def fit_simulated(parameters: SalesParameters, path: Path) -> dict[str, float]:
    """Weight of earlier days and shape of a seller's weight with the best log score."""

    def changed(weight: float, shape: float) -> SalesParameters:
        drops = parameters.drops.model_copy(update={"earlier_weight": weight})
        share = parameters.share.model_copy(update={"seller_shape": shape})
        return parameters.model_copy(update={"drops": drops, "share": share})

    choices = itertools.product((0.25, 0.5, 0.75), (1.5, 2.0, 3.0, 4.0, 6.0))
    best = min(choices, key=lambda choice: log_score(changed(*choice), path))
    return dict(zip(("weight", "seller_shape"), best, strict=True))


def main() -> int:
    """Write the file; the exit code."""
    path = real_file()
    if path is None:
        sys.stderr.write("set ARBKIT_REAL_DATA: the real histories are in the folder histories beside it\n")
        return 2
    data = read_drops(path)
    looks = fit_looks(data)
    beauty, other = (fit_curve(data.of(rows), looks * _QUARTER) for rows in (data.beauty, ~data.beauty))
    mean, shape = fit_any_rank(data, looks * _QUARTER)
    values = {
        **{f"beauty_{name}": value for name, value in asdict(beauty).items()},
        **{f"other_{name}": value for name, value in asdict(other).items()},
        "looks": looks, "products": len(data.drops), "mean": mean, "shape": shape, "knee": _KNEE, "top": _TOP_SLOPE,
    }  # fmt: skip
    text = Template(TEMPLATE.read_text("utf-8"))
    draft = text.substitute(values, weight=0.5, seller_shape=2.0)
    chosen = fit_simulated(SalesParameters.model_validate(tomllib.loads(draft)), path)
    FILE.write_text(text.substitute(values, **chosen), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
