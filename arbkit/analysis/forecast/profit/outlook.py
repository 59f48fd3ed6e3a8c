"""The outlook of routes out of offers and their histories: what forecasts of their profit are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from arbkit.analysis.forecast.price.past import BASIS_WORDS, Basis, PriceHistories, PricePast, past_of
from arbkit.analysis.forecast.profit.assumptions import PROFIT_ASSUMPTIONS
from arbkit.analysis.forecast.profit.distribution import SOLD_WITHIN_DAYS, RouteOutlook
from arbkit.analysis.forecast.profit.margins import RoutesToday
from arbkit.analysis.forecast.sales.evidence import evidence_of
from arbkit.analysis.forecast.sales.forecast import NOTHING_SEEN
from arbkit.analysis.forecast.sales.rate import estimate_rate
from arbkit.analysis.forecast.sales.timing import sold_probability
from arbkit.analysis.offers import prepare_offers
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Offer
from arbkit.profit import Profile, Rates, Tables
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.reason_codes import join_messages

UNPRICED_GLITCH = "unknown: today's price is a fraction of its own average"
_CHUNK = 4_096


def route_outlook(
    offers: Sequence[Offer],
    histories: Mapping[str, History],
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    now: float,
    wanted: Sequence[tuple[str, str, str]] | None = None,
) -> RouteOutlook:
    """What the profit of routes between these offers is forecast from.

    Args:
        offers: all offers of each product.
        histories: by the id of the offer; what they say of a time after ``now`` is not read.
        profile: the seller.
        tables: fee tables; those of ``on`` and of the days after it.
        rates: exchange rates; those of ``on``.
        on: the day on which it is bought.
        now: Unix seconds.
        wanted: ASIN, source and target of each route; None: every one; those that are not offered on both are left out.
    """
    prepared = prepare_offers(offers, now=now)
    pairs = None if wanted is None else sorted({(source, target) for _, source, target in wanted})
    today = RoutesToday.of(prepared, profile, tables, rates, on=on, routes=pairs)
    rows = today.evaluation.rows(None if wanted is None else _mask(today, wanted))
    margins = today.margins(rows, lead_days=PROFIT_ASSUMPTIONS.timing.lead_days)
    sources, targets = (np.array([pair[side] for pair in today.evaluation.routes], object) for side in (0, 1))
    asin = today.evaluation.selling.asins[rows[1]]
    row_of = {(offer.asin, offer.market): row for row, offer in enumerate(offers)}
    pairs_sold = zip(asin, targets[rows[0]], strict=True)
    sold_row = np.array([row_of[one] for one in pairs_sold], np.int64)
    needed, position = np.unique(sold_row, return_inverse=True)
    chosen = [offers[row] for row in needed]
    past = _price_pasts(chosen, histories, now)
    glitch = prepared["price_glitch"].to_numpy(bool)[needed]
    unknown = _unknown(today, rows, past.basis[position], glitch[position])
    sold = sold_within(chosen, histories, now=now)[position]
    unknown[(unknown == "") & np.isnan(sold[:, 0])] = NOTHING_SEEN
    names = asin, sources[rows[0]], targets[rows[0]]
    return RouteOutlook(*names, today.sell_prices(rows), margins, past.take(position), sold, unknown)


def sold_within(offers: Sequence[Offer], histories: Mapping[str, History], *, now: float) -> Floats:
    """The chance to have sold one unit within each of :data:`SOLD_WITHIN_DAYS` on the listing; NaN unknown."""
    found = np.empty((len(offers), len(SOLD_WITHIN_DAYS)))
    for start in range(0, len(offers), _CHUNK):
        part = slice(start, start + _CHUNK)
        sales, share = evidence_of(offers[part], histories, now=now)
        rate = estimate_rate(sales)
        for column, days in enumerate(SOLD_WITHIN_DAYS):
            chance = sold_probability(rate, share, 1, max(days, 1e-6))
            found[part, column] = chance if days else np.where(np.isnan(chance), np.nan, 0.0)
    return np.maximum.accumulate(found, axis=1)


def _mask(today: RoutesToday, wanted: Sequence[tuple[str, str, str]]) -> Mask:
    evaluation = today.evaluation
    route = {pair: number for number, pair in enumerate(evaluation.routes)}
    product = pd.Index(evaluation.selling.asins)
    mask = np.zeros(evaluation.profit.shape, bool)
    columns = product.get_indexer(pd.Index([asin for asin, _, _ in wanted], dtype=object))
    numbers = np.array([route[source, target] for _, source, target in wanted], np.int64)
    mask[numbers[columns >= 0], columns[columns >= 0]] = True
    return mask


def _price_pasts(offers: Sequence[Offer], histories: Mapping[str, History], now: float) -> PricePast:
    """The past of each offer's price; a typical product's where no history was ever recorded."""
    held = [histories.get(one.id) or History(one.asin, one.market, 1, one.currency, {}) for one in offers]
    rows = np.arange(len(held))
    recorded = PriceHistories.of(held)
    past = past_of(recorded, rows, np.full(len(rows), to_minutes(now)))
    unrecorded = recorded.new.first() < 0
    known_price = np.array([one.price_minor or one.new_minor or np.nan for one in offers], np.float64)
    typical = unrecorded & (known_price > 0)
    basis = np.where(typical, Basis.TYPICAL, past.basis)
    return replace(past, price=np.where(typical, known_price, past.price), basis=basis)


def _unknown(today: RoutesToday, rows: tuple[Ints, Ints], basis: Ints, glitch: Mask) -> Objects:
    """Why each route cannot be forecast; empty where it can."""
    found = np.full(len(basis), "", object)
    for one in (Basis.NO_PRICE, Basis.GLITCH):
        found[basis == one] = BASIS_WORDS[one]
    found[glitch] = UNPRICED_GLITCH
    unpriced = np.isnan(today.evaluation.profit[rows])
    if unpriced.any():
        mask = np.zeros(today.evaluation.profit.shape, bool)
        mask[rows[0][unpriced], rows[1][unpriced]] = True
        frame = today.evaluation.frame(mask)
        keys = zip(frame["asin"], frame["source"], frame["target"], strict=True)
        reasons = dict(zip(keys, map(join_messages, frame["unknown"]), strict=True))
        asins, routes = today.evaluation.selling.asins, today.evaluation.routes
        for row in np.flatnonzero(unpriced):
            found[row] = reasons[(asins[rows[1][row]], *routes[rows[0][row]])]
    return found
