"""What a detector adds to the snapshot: written together every few seconds, so that pricing hardly waits for it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection

import pandas as pd

from arbkit.analysis.detector.pricing import PricedProducts
from arbkit.analysis.market.segment import segment_of
from arbkit.analysis.market.snapshot import MarketFiles
from arbkit.core.errors import ServiceError
from arbkit.core.models import ProductState

logger = logging.getLogger(__name__)

_EVERY_S = 5.0


class MarketChanges:
    """Products that were priced, until they are written. Where that fails they wait for the next sweep."""

    def __init__(self, files: MarketFiles) -> None:
        self._files = files
        self._waiting: list[tuple[Collection[ProductState], PricedProducts]] = []
        self._written_at = time.monotonic()

    def add(self, states: Collection[ProductState], priced: PricedProducts) -> None:
        """Take products as they were priced."""
        self._waiting.append((states, priced))

    def write_if_due(self) -> None:
        """Write what waits, unless that was done a moment ago."""
        if time.monotonic() - self._written_at >= _EVERY_S:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        waiting, self._waiting, self._written_at = self._waiting, [], time.monotonic()
        states, priced = _together(waiting)
        if priced.prepared is None:
            return
        try:
            self._files.append(segment_of(states, priced.prepared, priced.results))
        except ServiceError as error:
            logger.warning("the market's snapshot lacks %d changes until the next sweep: %s", len(waiting), error)


def _together(
    waiting: Collection[tuple[Collection[ProductState], PricedProducts]],
) -> tuple[list[ProductState], PricedProducts]:
    """All batches as one, each product as it was priced last."""
    last = {state.asin: number for number, (states, _) in enumerate(waiting) for state in states}
    frames, states, results = [], [], []
    for number, (some, priced) in enumerate(waiting):
        if priced.prepared is None:
            continue
        here = {state.asin for state in some if last[state.asin] == number}
        frames.append(priced.prepared[priced.prepared["asin"].isin(here)] if len(here) < len(some) else priced.prepared)
        states += [state for state in some if state.asin in here]
        results += [result for result in priced.results if result.asin in here]
    prepared = pd.concat(frames, ignore_index=True) if len(frames) > 1 else next(iter(frames), None)
    return states, PricedProducts(results, 0, Counter(), prepared=prepared)
