"""The forecasts of the routes that are stored: made where they are priced, from the same offers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.profit.break_even import break_even_prices
from arbkit.analysis.forecast.profit.distribution import RouteOutlook, forecast_profits
from arbkit.analysis.forecast.profit.forecast import rounded_figures
from arbkit.analysis.forecast.profit.outlook import CostedOffers, route_outlook
from arbkit.analysis.forecast.sales.forecast import rounded_days
from arbkit.analysis.routes import ForecastFields
from arbkit.core.marketplaces import MARKET_CODES
from arbkit.core.models import Offer
from arbkit.profit.evaluation import Evaluation
from arbkit.profit.fees.arrays import Mask


def forecast_fields(
    evaluation: Evaluation, wanted: Mask, offers: Sequence[Offer], prepared: pd.DataFrame, inputs: Inputs, *, now: float
) -> tuple[Mapping[tuple[str, str, str], ForecastFields], RouteOutlook | None]:
    """What an opportunity says of its forecast, by ASIN, source and target, and what that is made from.

    The figures are those of ``forecast_routes``.

    Args:
        evaluation: of these offers.
        wanted: the routes, of shape (routes, products).
        offers: all offers of each product, with what users typed in.
        prepared: the same, row by row, of :func:`~arbkit.analysis.offers.prepare_offers`.
        inputs: what they were priced with.
        now: Unix seconds, to which the age of facts counts.
    """
    route, product = np.nonzero(wanted)
    if not len(route):
        return {}, None
    asins = evaluation.selling.asins[product].tolist()
    keys = [(asin, *evaluation.routes[number]) for asin, number in zip(asins, route.tolist(), strict=True)]
    outlook = route_outlook(
        offers, inputs.profile, inputs.tables, inputs.rates, on=inputs.on, now=now, wanted=keys,
        known=CostedOffers(prepared, evaluation.buying),
    )  # fmt: skip
    found = forecast_profits(outlook, load_price_model().recalibrated(inputs.recalibration))
    places = dict(zip(keys, zip(route.tolist(), product.tolist(), strict=True), strict=True))
    named = list(zip(found.asin.tolist(), found.source.tolist(), found.target.tolist(), strict=True))
    columns = {
        "break_even": _break_even(evaluation, [places[name] for name in named], outlook),
        **rounded_figures(found),
        "days_to_sell_p50": [rounded_days(days) for days in found.days_to_sell.tolist()],
        "forecast_version": [found.version] * len(found),
        "forecast_unknown": [reason or None for reason in found.unknown.tolist()],
    }
    rows = zip(*columns.values(), strict=True)
    return {key: dict(zip(columns, row, strict=True)) for key, row in zip(named, rows, strict=True)}, outlook


def _break_even(evaluation: Evaluation, places: Sequence[tuple[int, int]], outlook: RouteOutlook) -> list[float | None]:
    """The selling price at which each route leaves nothing; ``places``: its route and product in the evaluation."""
    route, product = np.array(places, np.int64).reshape(-1, 2).T
    market = np.array([MARKET_CODES.index(target) for _, target in evaluation.routes], np.int64)[route]
    price, profit = evaluation.selling.sell_price[market, product], evaluation.profit[route, product]
    found = break_even_prices(outlook.margins.profit, outlook.sell_price, price=price, profit=profit)
    return [None if math.isnan(one) else one for one in found.tolist()]
