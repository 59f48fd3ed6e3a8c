"""Candidates out of opportunities: what each further unit of a route will earn, by the forecasts of price and sales."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.recalibration import Recalibration
from arbkit.analysis.forecast.profit.assumptions import PROFIT_ASSUMPTIONS
from arbkit.analysis.forecast.profit.distribution import SOLD_WITHIN_DAYS, RouteOutlook, forecast_profits
from arbkit.analysis.forecast.profit.outlook import route_outlook
from arbkit.analysis.forecast.sales.evidence import evidence_of
from arbkit.analysis.forecast.sales.rate import SalesRate, estimate_rate
from arbkit.analysis.forecast.sales.share import ShareEvidence
from arbkit.analysis.forecast.sales.timing import sold_probability
from arbkit.analysis.portfolio.candidates import Candidates
from arbkit.analysis.portfolio.scenarios import in_scenarios, levels
from arbkit.core.models import Offer, Opportunity
from arbkit.core.offers.categories import category_id
from arbkit.profit.fees.arrays import Floats, Ints

SoldWithin = Callable[[int, Ints], Floats]
"""Unit (from 1) and rows of routes → (rows, days) the chance to have sold that many units within each time."""


def candidates_of(
    routes: Sequence[Opportunity], offers: Sequence[Offer], inputs: Inputs, *, units: int, now: float
) -> tuple[Candidates, list[Opportunity]]:
    """The candidates, and the opportunity of each in the same order; those without their offers are left out.

    Args:
        routes: what was detected.
        offers: all offers of its products.
        inputs: what they are priced and forecast with, as of the day in UTC on which it is bought.
        units: how many units of each are forecast.
        now: when it is bought, Unix seconds.
    """
    of_pair = {(offer.asin, offer.market): offer for offer in offers}
    known = {
        (one.asin, one.source, one.target): one
        for one in routes
        if (one.asin, one.source) in of_pair and (one.asin, one.target) in of_pair
    }
    priced_with = inputs.profile, inputs.tables, inputs.rates
    outlook = route_outlook(offers, *priced_with, on=inputs.on, now=now, wanted=list(known))
    names = list(zip(outlook.asin.tolist(), outlook.source.tolist(), outlook.target.tolist(), strict=True))
    found = [known[name] for name in names]
    sold_within = sales_of([of_pair[asin, target] for asin, _, target in names], now)
    samples, days, sold = further_units(outlook, sold_within, units, inputs.recalibration)
    fortune = levels([one.target for one in found], [category_id(one.category) for one in found], samples.shape[2])
    profits, days = in_scenarios(samples, days, fortune)
    weights: dict[str, float] = {}
    hazmat: set[str] = set()
    for offer in offers:
        weights[offer.asin] = max(weights.get(offer.asin, 0.0), (offer.weight_g or 0) / 1_000)
        hazmat |= {offer.asin} if offer.hazmat else set()
    made = Candidates(
        asins=[one.asin for one in found],
        brands=[" ".join(one.brand.casefold().split()) or None if one.brand else None for one in found],
        sources=[one.source for one in found],
        targets=[one.target for one in found],
        cash=outlook.margins.capital,
        weight_kg=np.array([weights[one.asin] or np.nan for one in found], np.float64),
        hazmat=np.array([one.asin in hazmat for one in found], bool),
        profits=profits,
        days=days,
        sold=sold,
        unknown=[str(reason) or None for reason in outlook.unknown],
    )
    return made, found


def further_units(
    outlook: RouteOutlook, sold_within: SoldWithin, units: int, recalibration: Recalibration | None = None
) -> tuple[Floats, Floats, Floats]:
    """Profits (routes, units, draws), days until money is back (same shape) and chances to be sold (routes, units).

    A unit behind one that is expected to lose money is not forecast: it counts as a loss of all that it costs.
    """
    model, timing = load_price_model().recalibrated(recalibration), PROFIT_ASSUMPTIONS.timing
    first = forecast_profits(outlook, model)
    shape = len(outlook), units, first.samples.shape[1]
    samples = np.broadcast_to(-outlook.margins.capital[:, None, None], shape).copy()
    days = np.full(shape, PROFIT_ASSUMPTIONS.unsold.horizon_days + timing.payout_days)
    sold = np.zeros(shape[:2])
    rows, forecast = np.arange(len(outlook)), first
    for unit in range(units):
        if unit:
            worth = np.nan_to_num(samples[rows, unit - 1].mean(axis=1), nan=-1.0) > 0
            rows = rows[worth]
            if not len(rows):
                break
            chances = sold_within(unit + 1, rows)
            forecast = forecast_profits(replace(outlook.take(rows), sold=chances), model)
        else:
            chances = outlook.sold
        samples[rows, unit], days[rows, unit] = forecast.samples, forecast.days + timing.payout_days
        sold[rows, unit] = chances[:, -1]
    samples[np.isnan(first.samples).any(axis=1)] = np.nan
    return samples, days, sold


def sales_of(offers: Sequence[Offer], now: float) -> SoldWithin:
    """The chances to sell on these offers, a row each, as of ``now`` (Unix seconds)."""
    sales, share = evidence_of(offers, now=now)
    rate = estimate_rate(sales)

    def sold_within(unit: int, rows: Ints) -> Floats:
        picked = SalesRate(rate.mean[rows], rate.shape[rows])
        beside = ShareEvidence(**{name: getattr(share, name)[rows] for name in ShareEvidence.__slots__})
        within = [sold_probability(picked, beside, unit, max(days, 1e-6)) for days in SOLD_WITHIN_DAYS.tolist()]
        return np.maximum.accumulate(np.column_stack(within), axis=1)

    return sold_within
