"""The money at stake on an offer: what its routes would bring if its price were another one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from arbkit.pipeline.planning.book import Book, Floats, Ints, Mask
from arbkit.pipeline.planning.likely_prices import likely_prices
from arbkit.pipeline.planning.parameters import PlanningParameters

_HOURS = 24.0


class Profits(Protocol):
    """What routes leave: the value of a look, handed in by the service that knows the profit model."""

    @property
    def source(self) -> Ints:
        """The marketplace that each route buys on."""

    @property
    def target(self) -> Ints:
        """The marketplace that each route sells on."""

    def __call__(self, products: Ints, routes: Ints, buy: Floats, sell: Floats) -> Floats:
        """The profit at these log prices (all arrays broadcast), in the home currency; NaN where a route is closed."""


@dataclass(frozen=True, slots=True)
class Stakes:
    """By (product, marketplace): money to know of a move of its price, and of one of the gap of its buy box."""

    price: Floats
    gap: Floats


def stakes_of(
    book: Book, products: Ints, rates: tuple[Floats, Floats], profits: Profits, known: PlanningParameters
) -> Stakes:
    """What is at stake on each offer of these products; ``rates``: moves a day of their prices and gaps.

    To know a window to its end is worth its profit however long it is; of a price that moves more often than windows
    end, a look shows only a part of it.
    """
    markets = book.markets
    offers = (products[:, None] * markets + np.arange(markets)).ravel()
    points, weights = likely_prices(book, offers, known)
    shape = len(products), markets, -1
    points, weights = points.reshape(shape), weights.reshape(shape)
    price_rate, gap_rate = (one.reshape(shape[:2]) / _HOURS for one in rates)
    new, gap = book.new[offers].reshape(shape[:2]), book.gap[offers].reshape(shape[:2])
    source, target = profits.source, profits.target
    routes = np.arange(len(source))[None, :, None]
    number = products[:, None, None]
    buy, sell = new[:, source, None], (new + gap)[:, target, None]
    gaps = np.array(known.gaps)

    def pays_then(bought: Floats, sold: Floats) -> Floats:
        found = profits(number, routes, bought, sold)
        return np.where(found > known.least_profit, found, 0.0)

    by_source = pays_then(points[:, source], sell)
    by_target = pays_then(buy, points[:, target] + gap[:, target, None])
    by_gap = pays_then(buy, new[:, target, None] + gaps)
    far = np.abs(gaps - gap[:, target, None]) > known.tolerance
    gap_weights = far / np.maximum(1, far.sum(axis=2, keepdims=True))
    pays = pays_then(buy, sell)[:, :, 0] > 0
    sides = (
        (price_rate[:, source], weights[:, source], by_source),
        (price_rate[:, target], weights[:, target], by_target),
        (gap_rate[:, target], gap_weights, by_gap),
    )
    ends = _ends(pays, sides, 1 / (known.longest_window_days * _HOURS))
    price, of_gap = np.zeros((len(products), markets)), np.zeros((len(products), markets))
    at_source, at_target, at_gap = (
        (left * weight).sum(axis=2) * ends / np.maximum(ends, rate) for rate, weight, left in sides
    )
    for market in range(markets):
        price[:, market] = at_source[:, source == market].sum(axis=1) + at_target[:, target == market].sum(axis=1)
        of_gap[:, market] = at_gap[:, target == market].sum(axis=1)
    return Stakes(price, of_gap)


Side = tuple[Floats, Floats, Floats]
"""Of one side of each route: its moves an hour, the weights of where it may be then, and the profits there."""


def _ends(pays: Mask, sides: Sequence[Side], least: float) -> Floats:
    """The rate an hour at which the window of each route ends.

    A route that pays ends by moves after which it does not; one that does not pay yet, by half of all moves.
    """
    ends = np.full(pays.shape, least)
    for rate, weights, left in sides:
        closes = np.where(pays, (weights * (left <= 0)).sum(axis=2), 0.5)
        ends += rate * closes
    return ends
