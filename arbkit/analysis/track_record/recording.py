"""Forecasts of routes that are shown → what is kept of them, a sample of each day that no figure decides."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime
from operator import itemgetter

import numpy as np

from arbkit.analysis.forecast.price.model import PriceModel
from arbkit.analysis.forecast.profit.distribution import PRICE_RATIOS, RouteOutlook, forecast_profits
from arbkit.analysis.track_record.parameters import PARAMETERS
from arbkit.core.forecasts.record import ForecastRecord, draw_of, record_id
from arbkit.core.forecasts.store import ForecastStore
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Opportunity
from arbkit.profit.fees.arrays import Floats

_LEVELS = (0.1, 0.5, 0.9)
_MINOR = 100


def record_forecasts(
    store: ForecastStore, routes: Sequence[Opportunity], outlook: RouteOutlook, model: PriceModel
) -> list[ForecastRecord]:
    """Keep what is forecast of these routes, as far as they are among those that are kept of their day.

    Args:
        store: where it is kept.
        routes: that were stored, priced at one time.
        outlook: what their profit was forecast from; of other routes too.
        model: of the price.

    Returns:
        What was kept: of a route that is priced again, the first of the day stays.
    """
    found: list[ForecastRecord] = []
    for demo in (False, True):
        shown = [one for one in routes if one.demo == demo and one.forecast_unknown is None]
        # Mostly none is drawn: what each forecast was made from is looked up for those alone.
        drawn = _drawn(store, shown, demo=demo) if shown else []
        if drawn:
            keys = zip(outlook.asin, outlook.source, outlook.target, strict=True)
            row_of = {key: row for row, key in enumerate(keys)}
            rows = np.array([row_of[one.asin, one.source, one.target] for _, one in drawn], np.int64)
            first = drawn[0][1]
            made = forecast_records(
                outlook.take(rows), model, draws=[draw for draw, _ in drawn], demo=demo, made_at=first.evaluated_at,
                home_currency=first.currency,
            )  # fmt: skip
            store.add_forecasts(made, most_a_day=PARAMETERS.kept.most_a_day)
            found += made
    return found


def _drawn(store: ForecastStore, shown: Sequence[Opportunity], *, demo: bool) -> list[tuple[int, Opportunity]]:
    """Those of these routes that are to be kept of their day and are not yet, with their draws."""
    made_on = _day(shown[0].evaluated_at)
    draws = [(draw_of(one.asin, one.source, one.target, made_on), one) for one in shown]
    largest = store.largest_draw(made_on, demo=demo, most_a_day=PARAMETERS.kept.most_a_day)
    if largest is not None:
        draws = [(draw, one) for draw, one in draws if draw <= largest]
    least = heapq.nsmallest(PARAMETERS.kept.most_routes_a_day, draws, key=itemgetter(0))
    horizon = PARAMETERS.kept.horizon_days[0]
    names = {
        record_id(one.asin, one.source, one.target, made_on, horizon, demo=demo): (draw, one) for draw, one in least
    }
    kept = store.kept_forecasts(list(names)) if names else set()
    return [pair for name, pair in names.items() if name not in kept]


def forecast_records(
    outlook: RouteOutlook, model: PriceModel, *, draws: Sequence[int], demo: bool, made_at: float, home_currency: str
) -> list[ForecastRecord]:
    """What is kept of the forecast of these routes, one record a horizon and route."""
    whole = forecast_profits(outlook, model)
    price = outlook.past.price
    records: list[ForecastRecord] = []
    for horizon in PARAMETERS.kept.horizon_days:
        forecast = model.forecast(outlook.past, horizon)
        quantiles, widening = forecast.quantiles(_LEVELS), float(model.widening(horizon))
        profits = _profits(outlook, horizon)
        ratios = np.array([_break_even(one) for one in profits])
        _, at_most = forecast.chance_below(np.where(np.isfinite(ratios), ratios, 1.0) * price)
        above = np.where(np.isfinite(ratios), 1 - at_most, np.where(ratios < 0, 1.0, 0.0))
        for row, draw in enumerate(draws):
            low, middle, high = (round(float(one), 2) for one in quantiles[row])
            fall, same, _ = (round(100 * float(chance), 2) for chance in forecast.chances[row])
            records.append(
                ForecastRecord(
                    asin=outlook.asin[row], source=outlook.source[row], target=outlook.target[row], demo=demo,
                    made_on=_day(made_at), made_at=made_at, horizon_days=horizon,
                    currency=MARKETS[outlook.target[row]].currency, price=int(price[row]),
                    price_p10=low, price_p50=middle, price_p90=high, fall_pct=fall, same_pct=same,
                    home_currency=home_currency,
                    profits=tuple(zip(PRICE_RATIOS.tolist(), profits[row].round(2).tolist(), strict=True)),
                    break_even=_known(ratios[row] * outlook.sell_price[row] * _MINOR),
                    above_zero_pct=round(100 * float(above[row]), 1),
                    profit_chance_pct=round(100 * float(whole.chance[row]), 1),
                    profit_p10=round(float(whole.p10[row]), 2), profit_p50=round(float(whole.p50[row]), 2),
                    profit_p90=round(float(whole.p90[row]), 2),
                    sold_in_30_days_pct=_known(100 * whole.sold_in_30[row]),
                    model=model.fitted_version, widening=round(widening, 4), version=whole.version, draw=draw,
                )
            )  # fmt: skip
    return records


def _profits(outlook: RouteOutlook, horizon_days: int) -> Floats:
    """What a sale after this many days leaves at each of the price ratios, (n, ratios)."""
    margins = outlook.margins
    later = np.array([np.interp(horizon_days, margins.later_days, one) for one in margins.later])
    found: Floats = margins.profit + later[:, None]
    return found


def _break_even(profits: Floats) -> float:
    """The price ratio above which there is a profit; −∞ where there always is one, ∞ where there never is."""
    losses = np.flatnonzero(profits <= 0)
    if not len(losses):
        return -np.inf
    last = int(losses[-1])
    if last == len(profits) - 1:
        return np.inf
    low, high = profits[last], profits[last + 1]
    return float(PRICE_RATIOS[last] + (PRICE_RATIOS[last + 1] - PRICE_RATIOS[last]) * -low / (high - low))


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _known(value: float) -> float | None:
    return round(float(value), 1) if np.isfinite(value) else None
