"""Products → their routes that may leave money: the one way, for a sweep of the store and for the stream."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from arbkit.analysis.detector.forecasting import forecast_fields
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.forecast.profit.distribution import RouteOutlook
from arbkit.analysis.offers import moment_of, offers_frame, prepare_offers, typed_offers, with_facts
from arbkit.analysis.routes import price_routes
from arbkit.core.models import Offer, Opportunity, ProductState
from arbkit.profit.reason_codes import Reason
from arbkit.store.routes import ProductRoutes

LEAST_STORED = 0.01
"""What a route has to leave to be stored, with the cheapest package that the product may have."""


@dataclass(frozen=True, slots=True)
class PricedProducts:
    """The outcome of some products: ``results`` are to be stored, ``routes`` were offered, ``unknown`` says why not.

    ``losses`` are routes that are never stored: they leave less than :data:`LEAST_STORED`. ``outlook`` is what the
    profit of routes was forecast from; None: it was not. ``prepared`` are the offers as they were priced.
    """

    results: Sequence[ProductRoutes]
    routes: int
    unknown: Counter[Reason]
    losses: Sequence[Opportunity] = ()
    outlook: RouteOutlook | None = None
    prepared: pd.DataFrame | None = None

    @property
    def found(self) -> list[Opportunity]:
        """All routes that were priced and kept."""
        return [*(route for result in self.results for route in result.routes), *self.losses]


def price_products(
    states: Collection[ProductState],
    inputs: Inputs,
    *,
    now: float | None = None,
    run_id: str = "",
    least: float = LEAST_STORED,
) -> PricedProducts:
    """Price every route of these products.

    Args:
        states: all that is known of each.
        inputs: what they are priced with.
        now: Unix seconds, to which ages count; None: the present. On another day than that of the inputs it is its end.
        run_id: of the sweep; empty for the stream.
        least: profit from which on a route is kept.
    """
    now = time.time() if now is None else now
    moment = moment_of(inputs.on, now=now)
    offers = [offer for state in states for offer in state.offers]
    if not offers:
        return PricedProducts([_result(state, ()) for state in states], 0, Counter())
    facts = [fact for state in states for fact in state.facts]
    prepared = prepare_offers(with_facts(offers_frame(offers), facts), now=moment)
    prices = price_routes(prepared, inputs.profile, inputs.tables, inputs.rates, on=inputs.on)
    kept = np.round(prices.profit_range[1], 2) >= min(least, LEAST_STORED)
    offers_of = {state.asin: state.offers for state in states}

    def listings(asins: Sequence[str]) -> list[Offer]:
        return [offer for asin in asins for offer in offers_of[asin]]

    stored_routes = np.round(prices.profit_range[1], 2) >= LEAST_STORED
    typed = typed_offers(offers, facts) if facts else offers
    forecasts, outlook = forecast_fields(prices.evaluation, stored_routes, typed, prepared, inputs, now=moment)
    routes = prices.opportunities(
        kept, now=moment, evaluated_at=now, run_id=run_id, listings=listings, forecasts=forecasts
    )
    stored: dict[str, list[Opportunity]] = {state.asin: [] for state in states}
    losses = []
    for route in routes:
        if (route.profit if route.profit_high is None else route.profit_high) >= LEAST_STORED:
            stored[route.asin].append(route)
        else:
            losses.append(route)
    evaluation = prices.evaluation
    results = [_result(state, stored[state.asin]) for state in states]
    unknown = Counter(evaluation.unknown_counts())
    return PricedProducts(results, int(evaluation.listed_on_both.sum()), unknown, losses, outlook, prepared)


def _result(state: ProductState, routes: Sequence[Opportunity]) -> ProductRoutes:
    as_of = max((offer.updated_at for offer in state.offers), default=0)
    return ProductRoutes(state.asin, state.change, as_of, tuple(routes))
