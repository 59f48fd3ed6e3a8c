"""The demo market's ``/bestsellers``: a root category's products by how they sell now."""

from __future__ import annotations

from typing import TypedDict

from arbkit.core.marketplaces import Market
from arbkit.sources.demo.market import asins, path, product
from arbkit.sources.demo.wire import Clock, root_category

COST = 50


class BestSellersList(TypedDict):
    """A list in Keepa's words, the best-selling product first."""

    domainId: int
    lastUpdate: int
    categoryId: int
    asinList: list[str]


def best_sellers(category: int, market: Market, clock: Clock, *, now: float, seed: int) -> BestSellersList | None:
    """The answer's ``bestSellersList``; None for a category that the demo market has not."""
    ranks: dict[str, int] = {}
    step = clock.step(now)
    for asin in asins():
        known = product(asin, seed)
        if known is not None and market.code in known.levels and root_category(known) == category:
            rank = path(asin, market.code, seed).rank
            ranks[asin] = int(rank[min(step, len(rank) - 1)])
    if not ranks:
        return None
    return {
        "domainId": market.keepa_domain,
        "lastUpdate": int(now),
        "categoryId": category,
        "asinList": sorted(ranks, key=lambda asin: (ranks[asin], asin)),
    }
