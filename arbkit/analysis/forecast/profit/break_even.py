"""The selling price at which a route leaves nothing, out of its profits at other prices. Pure."""

from __future__ import annotations

import numpy as np

from arbkit.analysis.forecast.profit.distribution import PRICE_RATIOS
from arbkit.profit.fees.arrays import Floats, Ints

_CENTS = 0.03
"""Fees are whole cents: what bends a line by less is their rounding."""
_SEGMENTS = len(PRICE_RATIOS) - 1


def break_even_prices(profits: Floats, spot: Floats, *, price: Floats, profit: Floats) -> Floats:
    """The price nearest to the one that routes sell at where the sign of their profit changes; NaN where none is known.

    Between two prices a profit is a line, or two of them that meet, as where the least fee ends. Where it jumps there,
    as at the threshold of a fee, nobody knows at which price.

    Args:
        profits: (n, price ratios) in the home currency, at :data:`PRICE_RATIOS` of ``spot``.
        spot: today's prices, in the currency of their marketplace, as the answer is.
        price: what the routes are sold at, by the seller's basis.
        profit: what they leave then. Costs that ``profits`` lack are the difference: they go by no price.
    """
    ratio = price / spot
    at = np.clip(np.searchsorted(PRICE_RATIOS, ratio, "right") - 1, 0, _SEGMENTS - 1)
    rows = np.arange(len(profits))
    share = (ratio - PRICE_RATIOS[at]) / (PRICE_RATIOS[at + 1] - PRICE_RATIOS[at])
    there = profits[rows, at] * (1 - share) + profits[rows, at + 1] * share
    known = profits + (profit - there)[:, None]
    segment = _crossing(known, ratio, profit)
    found = np.full(len(profits), np.nan)
    crossed = np.flatnonzero(segment >= 0)
    found[crossed] = _root(known[crossed], segment[crossed]) * spot[crossed]
    return np.round(found, 2)


def _crossing(profits: Floats, ratio: Floats, profit: Floats) -> Ints:
    """The segment nearest to each ratio at whose end the profit is no loss any more; -1: none."""
    rises = (profits[:, :-1] < 0) & (profits[:, 1:] >= 0)
    below = rises & (PRICE_RATIOS[:-1] < ratio[:, None])
    above = rises & (PRICE_RATIOS[1:] >= ratio[:, None])
    down = np.where(below.any(axis=1), _SEGMENTS - 1 - np.argmax(below[:, ::-1], axis=1), -1)
    up = np.where(above.any(axis=1), np.argmax(above, axis=1), -1)
    return np.asarray(np.where(profit >= 0, down, up))


def _root(profits: Floats, segment: Ints) -> Floats:
    """Where in its segment each profit is zero, as a ratio."""
    rows, last = np.arange(len(profits)), _SEGMENTS - 1
    slopes = np.diff(profits) / np.diff(PRICE_RATIOS)
    begin, end = PRICE_RATIOS[segment], PRICE_RATIOS[segment + 1]
    low, high = profits[rows, segment], profits[rows, segment + 1]
    chord = slopes[rows, segment]
    before = np.where(segment > 0, slopes[rows, segment - 1], np.nan)
    after = np.where(segment < last, slopes[rows, np.minimum(segment + 1, last)], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        straight = np.fmin(np.abs(chord - before), np.abs(chord - after)) * (end - begin) <= _CENTS
        bend = (high - low + before * begin - after * end) / (before - after)
        is_left = low + before * (bend - begin) >= 0
        bent = np.where(is_left, begin - low / before, end - high / after)
        bent[~((bend >= begin) & (bend <= end))] = np.nan
        return np.where(straight, begin - low / chord, bent)
