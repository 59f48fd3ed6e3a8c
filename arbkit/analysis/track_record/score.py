"""How good the scored forecasts were: coverage, pinball loss, Brier score, by horizon and version. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from arbkit.analysis.backtest.probability_scores import score_probabilities
from arbkit.analysis.backtest.scores import ProductMeans, above_median, is_covered, pinball
from arbkit.analysis.track_record.parameters import PARAMETERS
from arbkit.analysis.track_record.results import HorizonRecord, MonthRecord, TrackRecord
from arbkit.analysis.track_record.scored import Scored
from arbkit.core.forecasts.record import ForecastRecord
from arbkit.profit.fees.arrays import Floats, Mask

SEED = 18


def track_record(
    records: Iterable[ForecastRecord], months: Sequence[MonthRecord], *, at: float, demo: bool
) -> tuple[TrackRecord, Scored]:
    """The score of all that is kept, as of a time in Unix seconds, and what is known of each as arrays."""
    waiting, not_known, first_on = 0, Counter[str](), None
    next_at: float | None = None

    def counted() -> Iterable[ForecastRecord]:
        nonlocal waiting, next_at, first_on
        for record in records:
            first_on = record.made_on if first_on is None else min(first_on, record.made_on)
            if record.unknown is not None:
                not_known[record.unknown] += 1
            elif record.scored_at is None:
                waiting += 1
                if record.ends_at > at:
                    next_at = record.ends_at if next_at is None else min(next_at, record.ends_at)
            else:
                yield record

    scored = Scored.of(counted())
    scoring = PARAMETERS.scoring
    found = TrackRecord(
        at=at, demo=demo, first_on=first_on, waiting=waiting, next_at=next_at, scored=len(scored),
        not_known=dict(not_known.most_common()), least_forecasts=scoring.least_forecasts,
        least_products=scoring.least_products, horizons=_horizons(scored, None),
        versions=[one for version in sorted(set(scored.version)) for one in _horizons(scored, version)],
        months=list(months), recalibration=None,
    )  # fmt: skip
    return found, scored


def _horizons(scored: Scored, version: str | None) -> list[HorizonRecord]:
    some = scored if version is None else scored.take(scored.version == version)
    return [_horizon(some.take(some.horizon == days), int(days), version) for days in np.unique(some.horizon)]


def _horizon(scored: Scored, horizon_days: int, version: str | None) -> HorizonRecord:
    means = ProductMeans(scored.listing, scored.group, seed=SEED)
    loss, unchanged = pinball(scored.then, scored.quantiles), pinball(scored.then, np.ones_like(scored.quantiles))
    least, products = PARAMETERS.scoring, scored.products
    return HorizonRecord(
        horizon_days=horizon_days,
        version=version,
        forecasts=len(scored),
        products=products,
        is_enough=len(scored) >= least.least_forecasts and products >= least.least_products,
        covered_pct=means.mean(_percent(is_covered(scored.then, scored.quantiles))),
        above_median_pct=means.mean(_percent(above_median(scored.then, scored.quantiles))),
        pinball=means.mean(loss),
        pinball_unchanged=means.mean(unchanged),
        loss_ratio=means.ratio(loss, unchanged),
        profit=score_probabilities(scored.above_zero, scored.is_profit, scored.group, seed=SEED),
        shown_chance=score_probabilities(scored.profit, scored.is_profit, scored.group, seed=SEED),
    )


def _percent(values: Floats | Mask) -> Floats:
    return 100 * np.asarray(values, np.float64)
