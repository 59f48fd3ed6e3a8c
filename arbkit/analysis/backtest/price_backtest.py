"""Judge forecasts of the selling price at past origins, by what came. Pure.

Products are parted into folds, three times anew; each is forecast by a model fitted to the other folds alone. Where
there are too few products for that, the model that comes with arbkit is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime

import numpy as np

from arbkit.analysis.backtest.baselines import POOLED
from arbkit.analysis.backtest.evidence import Evidence, groups_of
from arbkit.analysis.backtest.examples import examples_of
from arbkit.analysis.backtest.refits import (
    LEAST_PRODUCTS,
    REPEATS,
    Forecasts,
    Refit,
    forecast_refitted,
    forecast_with,
    pooled_returns,
    refit,
)
from arbkit.analysis.backtest.reliability import calibration_error, pit_shares, reliability_bins
from arbkit.analysis.backtest.results import ForecastScore, GroupScore, HorizonScore, PriceBacktest, Reliability
from arbkit.analysis.backtest.scores import ProductMeans, above_median, is_covered, pinball, pit
from arbkit.analysis.backtest.targets import targets_of
from arbkit.analysis.forecast.price.model_file import load_price_model, load_price_model_file
from arbkit.analysis.forecast.price.origins import PriceOrigins
from arbkit.analysis.forecast.price.weighting import listing_weights
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.keepa_time import to_unix
from arbkit.profit.fees.arrays import Floats, Mask

REFITTED, SHIPPED = "forecast, refitted", "forecast as shipped"
EVENT = "the price is at least today's"
SEED = 18
_LATER_PCT = 60
_LEAST_OF_GROUP = 10
"""Products of a category that is scored alone."""


@dataclass(frozen=True, slots=True)
class _Judging:
    """One horizon: its origins (once per repeat), their outcomes relative to the price, and how to average."""

    origins: PriceOrigins
    outcomes: Floats
    means: ProductMeans
    weights: Floats
    repeats: int

    @classmethod
    def of(cls, origins: PriceOrigins, column: int, repeats: int) -> _Judging:
        again = origins.take(np.tile(np.arange(len(origins)), repeats))
        means = ProductMeans(again.listing, again.product, seed=SEED)
        return cls(again, np.exp(again.returns[:, column]), means, listing_weights(again.listing), repeats)

    def score(self, name: str, quantiles: Floats, judged: Floats) -> ForecastScore:
        """``judged`` are the quantiles of the forecast that is judged."""
        loss = pinball(self.outcomes, quantiles)
        return ForecastScore(
            name=name,
            pinball=self.means.mean(loss),
            loss_of_judged=self.means.ratio(pinball(self.outcomes, judged), loss),
            covered_pct=self.means.mean(_percent(is_covered(self.outcomes, quantiles))),
            above_median_pct=self.means.mean(_percent(above_median(self.outcomes, quantiles))),
        )

    def group(self, name: str, rows: Mask, quantiles: Floats) -> GroupScore:
        return GroupScore(
            name=name,
            origins=round(int(rows.sum()) / self.repeats),
            products=len(np.unique(self.origins.product[rows])),
            pinball=self.means.mean(pinball(self.outcomes, quantiles), rows),
            covered_pct=self.means.mean(_percent(is_covered(self.outcomes, quantiles)), rows),
            above_median_pct=self.means.mean(_percent(above_median(self.outcomes, quantiles)), rows),
        )


def judge(evidence: Evidence, *, of_products: int) -> PriceBacktest:
    """Score every horizon of the evidence; ``of_products`` is how many products the store has."""
    horizons = evidence.judged.horizons
    refits = _refits(evidence, np.iinfo(np.int64).max)
    later = int(np.percentile(evidence.judged.at, _LATER_PCT))
    earlier_refits = _refits(evidence, later) if refits else []
    at = evidence.judged.at
    ends = (at[:, None] + np.array(horizons) * DAY_MIN)[~np.isnan(evidence.judged.returns)]
    shipped = load_price_model_file()
    return PriceBacktest(
        listings=len(np.unique(evidence.judged.listing)),
        products=len(np.unique(evidence.judged.product)),
        of_products=of_products,
        first_origin=_day(at.min()),
        last_outcome=_day(ends.max()),
        horizons=[
            _score_horizon(evidence, column, refits, earlier_refits, later)
            for column in range(len(horizons))
            if (~np.isnan(evidence.judged.returns[:, column])).any()
        ],
        examples=examples_of(evidence, lambda origins, column: _first(refits, origins, column)),
        not_scored=evidence.not_judged,
        model_version=shipped.version,
        model_fitted_to=f"{shipped.fitted_to.source}, until {shipped.fitted_to.until}",
        refitted=bool(refits),
        seed=SEED,
    )


def _first(refits: Sequence[Refit], origins: PriceOrigins, column: int) -> Forecasts:
    """The forecast by models that have not seen the product, where there are any; else by the shipped one."""
    if refits:
        return forecast_refitted(refits[0], origins, column)
    return forecast_with(load_price_model(), origins, column)


def _day(minutes: int) -> str:
    return f"{datetime.fromtimestamp(to_unix(int(minutes)), UTC):%Y-%m-%d}"


def _refits(evidence: Evidence, known_by: int) -> list[Refit]:
    """One refit per repeat, from what was known at a time (Keepa minutes); none where a fold has too little."""
    if len(np.unique(evidence.judged.product)) < LEAST_PRODUCTS:
        return []
    learnt, products = evidence.learnt.known_by(known_by), len(set(evidence.products))
    found = [refit(learnt, products, seed=SEED + repeat) for repeat in range(REPEATS)]
    known = [one for one in found if one is not None]
    return known if len(known) == REPEATS else []


def _score_horizon(
    evidence: Evidence, column: int, refits: Sequence[Refit], earlier_refits: Sequence[Refit], later: int
) -> HorizonScore:
    kept = ~np.isnan(evidence.judged.returns[:, column])
    origins = evidence.judged.take(kept)
    repeats = max(len(refits), 1)
    judging = _Judging.of(origins, column, repeats)
    quantiles = {name: np.tile(one[kept], (repeats, 1)) for name, one in evidence.baselines.items()}
    shipped = _repeated([forecast_with(load_price_model(), origins, column)] * repeats)
    forecasts = _repeated([forecast_refitted(one, origins, column) for one in refits]) if refits else shipped
    if refits:
        quantiles[POOLED] = np.concatenate([pooled_returns(origins, one.folds, column) for one in refits])
    scores = [judging.score(name, one, forecasts.quantiles) for name, one in quantiles.items()]
    best = min(scores, key=lambda score: score.pinball.value or 0.0)
    judged = REFITTED if refits else SHIPPED
    named = {judged: forecasts.quantiles, SHIPPED: shipped.quantiles}
    groups = [judging.group(n, rows, forecasts.quantiles) for n, rows in groups_of(judging.origins).items()]
    own = [judging.score(name, one, forecasts.quantiles) for name, one in named.items()]
    ratio = best.loss_of_judged
    weights = judging.weights
    return HorizonScore(
        horizon_days=origins.horizons[column],
        origins=len(origins),
        products=judging.means.products,
        unchanged_pct=judging.means.mean(_percent(np.abs(judging.outcomes - 1) < _SAME)),
        judged=judged,
        scores=[*own, *scores],
        best_baseline=best.name,
        loss_of_best_baseline=ratio,
        groups=groups,
        markets=_named_groups(judging, evidence.markets, forecasts, 1),
        categories=_named_groups(judging, evidence.categories, forecasts, _LEAST_OF_GROUP),
        reliability=_reliability(judging, forecasts),
        pit=pit_shares(pit(forecasts.below, forecasts.at_most, seed=SEED), weights),
        later_days=_later_days(origins, column, earlier_refits, later),
        later_than=_day(later) if earlier_refits else None,
        targets=targets_of(own[0], ratio, groups),
    )


_SAME = 1e-9


def _percent(values: Floats | Mask) -> Floats:
    return 100 * np.asarray(values, np.float64)


def _repeated(parts: Sequence[Forecasts]) -> Forecasts:
    return Forecasts(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Forecasts)))


def _named_groups(judging: _Judging, names: Sequence[str | None], forecasts: Forecasts, least: int) -> list[GroupScore]:
    """A score for each name of at least ``least`` products, the most frequent first."""
    of_origin = np.array([names[listing] or "" for listing in judging.origins.listing])
    counts = Counter(of_origin[of_origin != ""].tolist())
    groups = [judging.group(name, of_origin == name, forecasts.quantiles) for name, _ in counts.most_common()]
    return [group for group in groups if group.products >= least]


def _reliability(judging: _Judging, forecasts: Forecasts) -> Reliability:
    happened = judging.outcomes >= 1 - _SAME
    base = np.full(len(happened), happened @ judging.weights / judging.weights.sum())
    return Reliability(
        event=EVENT,
        bins=reliability_bins(forecasts.holds, happened, judging.weights, repeats=judging.repeats),
        brier=judging.means.mean((forecasts.holds - happened) ** 2),
        brier_of_base_rate=judging.means.mean((base - happened) ** 2),
        calibration_error=calibration_error(forecasts.holds, happened, judging.weights),
    )


def _later_days(origins: PriceOrigins, column: int, refits: Sequence[Refit], later: int) -> GroupScore | None:
    """The origins after a time, by models that knew other products until then."""
    after = origins.take(origins.at > later)
    if not refits or not len(after):
        return None
    judging = _Judging.of(after, column, len(refits))
    forecasts = _repeated([forecast_refitted(one, after, column) for one in refits])
    everyone = np.ones(len(judging.outcomes), bool)
    return judging.group("later days", everyone, forecasts.quantiles)
