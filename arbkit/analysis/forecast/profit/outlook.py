"""The outlook of routes out of offers: what forecasts of their profit are made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from arbkit.analysis.forecast.price.past import BASIS_WORDS, Basis, past_of_offers
from arbkit.analysis.forecast.profit.assumptions import lead_days_of
from arbkit.analysis.forecast.profit.distribution import SOLD_WITHIN_DAYS, RouteOutlook
from arbkit.analysis.forecast.profit.margins import RoutesToday
from arbkit.analysis.forecast.sales.evidence import evidence_of
from arbkit.analysis.forecast.sales.forecast import NOTHING_SEEN
from arbkit.analysis.forecast.sales.rate import estimate_rate
from arbkit.analysis.forecast.sales.timing import days_to_sell, sold_probability
from arbkit.analysis.offers import prepare_offers
from arbkit.core.models import Offer
from arbkit.profit import Profile, Rates, Tables
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.offer_costs import OfferCosts
from arbkit.profit.reason_codes import join_messages

UNPRICED_GLITCH = "today's price is a fraction of its own average"
NO_LATER_COSTS = "what it costs to store and send it in the coming months is not known"
_CHUNK = 4_096


class CostedOffers(NamedTuple):
    """Offers as :func:`~arbkit.analysis.offers.prepare_offers` makes them, row by row, and what buying them costs."""

    prepared: pd.DataFrame
    buying: OfferCosts


def route_outlook(
    offers: Sequence[Offer],
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    now: float,
    wanted: Sequence[tuple[str, str, str]] | None = None,
    known: CostedOffers | None = None,
) -> RouteOutlook:
    """What the profit of routes between these offers is forecast from.

    Args:
        offers: all offers of each product.
        profile: the seller.
        tables: fee tables; those of ``on`` and of the days after it.
        rates: exchange rates; those of ``on``.
        on: the day on which it is bought.
        now: Unix seconds, to which the age of facts counts.
        wanted: ASIN, source and target of each route; None: every one; those that are not offered on both are left out.
        known: what was found when these offers were priced before; None: they were not.
    """
    prepared, buying = known or (prepare_offers(offers, now=now), None)
    today = RoutesToday.of(prepared, profile, tables, rates, on=on, wanted=wanted, buying=buying)
    lead_days = lead_days_of(profile)
    margins = today.margins(lead_days=lead_days)
    pairs = np.array(today.evaluation.routes, object).reshape(-1, 2)[today.route]
    sources, targets = pairs[:, 0], pairs[:, 1]
    asin = today.evaluation.selling.asins[today.position]
    row_of = {(offer.asin, offer.market): row for row, offer in enumerate(offers)}
    listing = np.array([row_of[one] for one in zip(asin, targets, strict=True)], np.int64)
    needed, position = np.unique(listing, return_inverse=True)
    chosen = [offers[row] for row in needed]
    past = past_of_offers(chosen, now=now)
    glitch = prepared["price_glitch"].to_numpy(bool)[needed]
    unknown = _unknown(today, past.basis[position], glitch[position])
    sold, days_to_half = (found[position] for found in one_unit_sold(chosen, now=now))
    unknown[(unknown == "") & np.isnan(sold[:, 0])] = NOTHING_SEEN
    unknown[(unknown == "") & np.isnan(margins.later).any(axis=1)] = NO_LATER_COSTS
    names = asin, sources, targets
    prices = today.sell_prices(), margins
    return RouteOutlook(*names, *prices, listing, past.take(position), sold, days_to_half, unknown, lead_days)


def one_unit_sold(offers: Sequence[Offer], *, now: float) -> tuple[Floats, Floats]:
    """The chance to have sold one unit within each of :data:`SOLD_WITHIN_DAYS` on each listing; when it is one half.

    NaN unknown; infinite: not within what can be said.
    """
    sold, days_to_half = np.empty((len(offers), len(SOLD_WITHIN_DAYS))), np.empty(len(offers))
    for start in range(0, len(offers), _CHUNK):
        part = slice(start, start + _CHUNK)
        sales, share = evidence_of(offers[part], now=now)
        rate = estimate_rate(sales)
        for column, days in enumerate(SOLD_WITHIN_DAYS):
            chance = sold_probability(rate, share, 1, max(days, 1e-6))
            sold[part, column] = chance if days else np.where(np.isnan(chance), np.nan, 0.0)
        days_to_half[part] = days_to_sell(rate, share, 1, 0.5)
    return np.maximum.accumulate(sold, axis=1), days_to_half


def _unknown(today: RoutesToday, basis: Ints, glitch: Mask) -> Objects:
    """Why each route cannot be forecast; empty where it can."""
    found = np.full(len(basis), "", object)
    for one in (Basis.NO_PRICE, Basis.GLITCH):
        found[basis == one] = BASIS_WORDS[one]
    found[glitch] = UNPRICED_GLITCH
    unpriced = np.flatnonzero(np.isnan(today.evaluation.profit[today.rows]))
    if len(unpriced):
        mask = np.zeros(today.evaluation.profit.shape, bool)
        mask[today.route[unpriced], today.position[unpriced]] = True
        columns = today.evaluation.columns(today.evaluation.rows(mask))
        keys = zip(*(columns[name].tolist() for name in ("asin", "source", "target")), strict=True)
        reasons = dict(zip(keys, map(join_messages, columns["unknown"].tolist()), strict=True))
        asins, routes = today.evaluation.selling.asins, today.evaluation.routes
        for row in unpriced:
            found[row] = reasons[(asins[today.position[row]], *routes[today.route[row]])]
    return found
