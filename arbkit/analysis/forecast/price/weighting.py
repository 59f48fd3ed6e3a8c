"""Weights with which each listing counts once, however long it was watched. Pure."""

from __future__ import annotations

import numpy as np

from arbkit.profit.fees.arrays import Floats, Ints


def listing_weights(listings: Ints) -> Floats:
    """For each entry one over the number of entries of its listing."""
    _, position, counts = np.unique(listings, return_inverse=True, return_counts=True)
    weights: Floats = 1 / counts[position]
    return weights


def weighted_quantiles(values: Floats, weights: Floats, levels: Floats) -> Floats:
    """Quantiles of values (at least one) with weights, linear between the middles of their steps."""
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    found: Floats = np.interp(levels, (ends - weights[order] / 2) / ends[-1], values[order])
    return found
