"""What discovery asks of the rest of arbkit: what is watched, in which categories, and what came of products."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from arbkit.core.settings import Settings
from arbkit.pipeline.discovery.by_hand import GROUP
from arbkit.pipeline.discovery.rules import Outcome
from arbkit.pipeline.watchlist.editing import add, remove
from arbkit.pipeline.watchlist.reading import load_if_any
from arbkit.store import open_store

_SAMPLE = 1_000
"""Products of the list by which its categories are known."""


class Knowledge(Protocol):
    """What a scout has to know, and what it has others do."""

    def watched(self) -> Collection[str]:
        """The products on the watchlist."""
        ...

    def categories(self) -> Mapping[str, Sequence[int]]:
        """Marketplace → Keepa's numbers of its root categories, those of most watched products first."""
        ...

    def outcomes(self, found_at: Mapping[str, float]) -> Mapping[str, Outcome]:
        """ASIN → what came of it since then (Unix s), of those of which anything came."""
        ...

    def watch(self, asins: Sequence[str]) -> None:
        """Put products on the watchlist."""
        ...

    def unwatch(self, asins: Sequence[str]) -> None:
        """Take products off the watchlist."""
        ...


class StoreKnowledge:
    """What the store knows. Every method raises ``StoreError`` where it cannot be asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def watched(self) -> Collection[str]:
        """The products on the watchlist."""
        with open_store(self._settings, read_only=True) as store:
            return frozenset(load_if_any(self._settings, store).asins)

    def categories(self) -> Mapping[str, Sequence[int]]:
        """Marketplace → Keepa's numbers of its root categories, those of most watched products first."""
        counts: dict[str, Counter[int]] = {}
        with open_store(self._settings, read_only=True) as store:
            for offer in store.offers(load_if_any(self._settings, store).asins[:_SAMPLE]):
                if offer.root_category_id:
                    counts.setdefault(offer.market, Counter())[offer.root_category_id] += 1
        return {market: [number for number, _ in count.most_common()] for market, count in counts.items()}

    def outcomes(self, found_at: Mapping[str, float]) -> Mapping[str, Outcome]:
        """ASIN → what came of it since then (Unix s), of those of which anything came."""
        found: dict[str, Outcome] = {}
        with open_store(self._settings, read_only=True) as store:
            for window in store.windows(list(found_at)):
                last_at = time.time() if window.ended_at is None else window.ended_at
                if last_at < found_at[window.asin]:
                    continue
                before = found.get(window.asin, Outcome(0, 0.0))
                found[window.asin] = Outcome(before.opportunities + 1, max(before.last_at, last_at))
        return found

    def watch(self, asins: Sequence[str]) -> None:
        """Put products on the watchlist, in a group of their own."""
        with open_store(self._settings) as store:
            add(self._settings, store, asins, groups=[GROUP])

    def unwatch(self, asins: Sequence[str]) -> None:
        """Take products off the watchlist."""
        with open_store(self._settings) as store:
            remove(self._settings, store, asins)
