"""What the store holds of offers, as the planner takes it: log prices, and how often they moved in 90 days. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from arbkit.core.models import Offer, ProductState
from arbkit.pipeline.planning.book import PAST_LEVELS, Seen
from arbkit.pipeline.planning.parameters import PlanningParameters
from arbkit.pipeline.polling.request import Looks


def log_prices(offer: Offer) -> tuple[float, float]:
    """The logarithm of the lowest new price (else of the price used), and how far the buy box is above it.

    NaN where nobody offers it, and where the buy box is not known.
    """
    price = offer.new_minor or offer.price_minor
    if not price or price <= 0:
        return math.nan, math.nan
    gap = math.log(offer.buy_box_minor / price) if offer.buy_box_minor and offer.buy_box_minor > 0 else math.nan
    return math.log(price), gap


def seen_of(
    states: Sequence[ProductState],
    numbers: Mapping[str, int],
    markets: Sequence[str],
    looks: Looks,
    full_looks: Looks,
    known: PlanningParameters,
) -> Seen:
    """What is known of the offers of these products.

    Args:
        states: of the products.
        numbers: ASIN → the number of the product.
        markets: those that are watched, in the planner's order.
        looks: when the producer looked at each offer; one that it did not look at is as old as its price.
        full_looks: the same, with the buy box.
        known: the planner's parameters.
    """
    offers, rows = [], []
    for state in states:
        by_market = {offer.market: offer for offer in state.offers}
        for place, market in enumerate(markets):
            name = state.asin, market
            offer = by_market.get(market)
            if offer is None and name not in looks:
                continue
            offers.append(numbers[state.asin] * len(markets) + place)
            seen_at = looks.get(name, -math.inf if offer is None else float(offer.updated_at))
            rows.append((seen_at, *_figures(offer, name in full_looks, known)))
    table = np.array(rows, float).reshape(-1, 6 + PAST_LEVELS)
    at, new, gap, moves, gap_moves, days = table[:, :6].T
    return Seen(np.array(offers, np.int64), at, new, gap, moves, gap_moves, days, table[:, 6:])


def _figures(offer: Offer | None, is_full: bool, known: PlanningParameters) -> tuple[float, ...]:
    """Price, gap, moves of both, the days in which they were counted, and quantiles of its past."""
    if offer is None:
        return (math.nan, 0.0 if is_full else math.nan, 0.0, 0.0, 0.0, *[math.nan] * PAST_LEVELS)
    new, gap = log_prices(offer)
    days = float(offer.new_days90 or 0)
    moves = days * (offer.new_changed90_pct or 0.0) / 100
    # No history says how often the gap moves: it is taken to do so as all do.
    usual = known.gap_moves_a_day * days
    return new, 0.0 if math.isnan(gap) and is_full else gap, moves, usual, days, *_past(offer)


def _past(offer: Offer) -> list[float]:
    """Lowest, median and highest new price of 90 days, and what lies half-way between, as logarithms."""
    low, middle, high = offer.new_low90_minor, offer.new_median90_minor, offer.new_high90_minor
    if not low or not middle or not high or min(low, middle, high) <= 0:
        return [math.nan] * PAST_LEVELS
    ends = [math.log(each) for each in (low, middle, high)]
    found: list[float] = np.interp(np.linspace(0, 2, PAST_LEVELS), [0, 1, 2], ends).tolist()
    return found
