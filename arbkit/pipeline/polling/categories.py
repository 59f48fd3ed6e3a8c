"""The root categories of the watchlist, numbered alike on all marketplaces, for pages of deals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arbkit.core.models import ProductState
from arbkit.pipeline.planning.book import Ints


class Categories:
    """A category has a number of its own and Keepa's root category on each marketplace; learned from offers."""

    def __init__(self, markets: Sequence[str]) -> None:
        self._markets = tuple(markets)
        self._number: dict[tuple[str, int], int] = {}
        self._root: dict[tuple[int, str], int] = {}
        self._of: dict[str, int] = {}
        self._count = 0

    def learn(self, states: Sequence[ProductState]) -> bool:
        """Take the categories of these products; whether that has changed any."""
        before = len(self._root), len(self._of)
        for state in states:
            roots = [(o.market, o.root_category_id) for o in state.offers if o.root_category_id is not None]
            if not roots:
                continue
            number = next((self._number[root] for root in roots if root in self._number), None)
            if number is None:
                number, self._count = self._count, self._count + 1
            for market, root in roots:
                # What stands in another category elsewhere is on the page of that one.
                if (market, root) not in self._number and (number, market) not in self._root:
                    self._number[market, root] = number
                    self._root[number, market] = root
            self._of[state.asin] = number
        return before != (len(self._root), len(self._of))

    def root(self, number: int, market: str) -> int:
        """Keepa's number of a category on a marketplace."""
        return self._root[number, market]

    def of_offers(self, asins: Sequence[str]) -> Ints:
        """The category of each offer, of shape (products, marketplaces); −1: none that a page could be asked of."""
        found = np.full((len(asins), len(self._markets)), -1, np.int64)
        for row, asin in enumerate(asins):
            if (number := self._of.get(asin)) is not None:
                found[row] = [number if (number, market) in self._root else -1 for market in self._markets]
        return found
