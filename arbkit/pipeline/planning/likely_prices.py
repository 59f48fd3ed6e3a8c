"""Where a price may be once it has moved: where it was before, and where moves of all offers would take it. Pure."""

from __future__ import annotations

import numpy as np

from arbkit.pipeline.planning.book import PAST_LEVELS, Book, Floats, Ints
from arbkit.pipeline.planning.parameters import PlanningParameters


def likely_prices(book: Book, offers: Ints, known: PlanningParameters) -> tuple[Floats, Floats]:
    """Log prices and their weights (offers, points), given that the price moved by more than the tolerance.

    Of an offer that nobody offered: where it may come back. Weights are 0 where nothing was ever known.
    """
    new, past = book.new[offers], book.past[offers].astype(float)
    usual = past[:, PAST_LEVELS // 2]
    start = np.where(np.isnan(new), usual, new)
    points = np.concatenate([past, start[:, None] + np.array(known.moves)], axis=1)
    own = book.moves[offers] / (book.moves[offers] + known.own_past_weight)
    weights = np.empty(points.shape)
    weights[:, :PAST_LEVELS] = (own / PAST_LEVELS)[:, None]
    weights[:, PAST_LEVELS:] = ((1 - own) / len(known.moves))[:, None]
    far = np.isnan(new)[:, None] | (np.abs(points - new[:, None]) > known.tolerance)
    weights = np.where(far & ~np.isnan(points), weights, 0.0)
    total = weights.sum(axis=1, keepdims=True)
    return np.where(np.isnan(points), 0.0, points), weights / np.where(total > 0, total, 1.0)
