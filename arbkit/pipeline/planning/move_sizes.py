"""How far prices move: what looks have shown of it, drawn towards the shipped sizes. Pure."""

from __future__ import annotations

import numpy as np

from arbkit.pipeline.planning.book import Floats

_KEPT = 8_192
"""Moves that are kept: the newest ones."""
_EVERY = 64
"""New moves after which the sizes are worked out anew."""


class MoveSizes:
    """Points of equal weight for the moves between looks, of all offers together."""

    def __init__(self, shipped: tuple[float, ...], worth: float) -> None:
        """Those that are ``shipped``, worth as many moves as looks have to show before they weigh as much."""
        self.points = shipped
        self._shipped, self._worth = shipped, worth
        self._moves: Floats = np.zeros(0)
        self._new = 0

    def take(self, moves: Floats) -> bool:
        """Take moves of log prices, and say whether the sizes are others now."""
        self._moves = np.concatenate([self._moves, moves])[-_KEPT:]
        self._new += len(moves)
        if self._new < _EVERY:
            return False
        self._new = 0
        sizes = np.concatenate([self._moves, self._shipped])
        each = self._worth / len(self._shipped)
        weights = np.concatenate([np.ones(len(self._moves)), np.full(len(self._shipped), each)])
        order = np.argsort(sizes)
        sums = np.append(0.0, np.cumsum(weights[order]))
        moved = np.append(0.0, np.cumsum((weights * sizes)[order]))
        # Means of equal parts, not their middles: windows come of the far moves.
        ends = np.linspace(0.0, sums[-1], len(self._shipped) + 1)
        self.points = tuple((np.diff(np.interp(ends, sums, moved)) / np.diff(ends)).tolist())
        return True
