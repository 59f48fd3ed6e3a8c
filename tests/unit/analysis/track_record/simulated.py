"""Forecasts by the model that comes with arbkit, with outcomes of a market whose moves are as wide as is wanted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from arbkit.analysis.forecast.price.model import PriceModel
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.past import Basis, PricePast
from arbkit.core.forecasts.record import DAY_S, ForecastRecord
from tests.helpers.forecasts import MADE_AT, forecast


def past(count: int, seed: int) -> PricePast:
    """Products of all sorts, from calm to volatile, below and above what they cost before."""
    rng = np.random.default_rng(seed)
    changed = rng.beta(0.6, 3.0, count)
    low, high = -rng.gamma(1.5, 0.06, count), rng.gamma(1.5, 0.06, count)
    price, amazon = rng.integers(900, 9_000, count).astype(float), (rng.random(count) < 0.3).astype(float)
    basis = np.full(count, int(Basis.OWN))
    return PricePast(price, np.full(count, 90.0), changed, rng.random(count), low, high, amazon, basis)


def came_out(
    count: int, *, wider: float, seed: int, model: PriceModel | None = None, first: int = 0, made_on: str = "2026-09-21"
) -> list[ForecastRecord]:
    """One forecast of each of ``count`` products, 14 days ahead, where prices move ``wider`` times as far as forecast.

    ``model``: by which is forecast; None: the one that comes with arbkit, by which the market moves in any case.
    """
    truth, used = load_price_model(), model or load_price_model()
    origins = past(count, seed)
    moved = np.log(truth.forecast(origins, 14).samples(1, seed=seed)[:, 0] / origins.price) * wider
    then = np.rint(origins.price * np.exp(moved)).astype(int)
    found = used.forecast(origins, 14)
    quantiles, widening = found.quantiles((0.1, 0.5, 0.9)), float(used.widening(14))
    chance = 1 - found.chance_below(0.95 * origins.price)[1]
    records = []
    for row in range(count):
        low, middle, high = (round(float(one), 2) for one in quantiles[row])
        price = int(origins.price[row])
        record = forecast(
            f"B{first + row:09}", made_on=made_on, price=price, price_p10=low, price_p50=middle, price_p90=high,
            fall_pct=100 * float(found.chances[row, 0]), same_pct=100 * float(found.chances[row, 1]),
            above_zero_pct=100 * float(chance[row]), widening=widening, version=f"prices {used.version}",
            model=used.fitted_version,
        )  # fmt: skip
        records.append(
            replace(
                record, price_then=int(then[row]), profit_then=round(float(then[row]) / price - 0.95, 2),
                in_band=low <= float(then[row]) <= high, scored_at=MADE_AT + 15 * DAY_S,
            )
        )  # fmt: skip
    return records
