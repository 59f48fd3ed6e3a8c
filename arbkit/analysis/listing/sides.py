"""The two listings of each route compared: whether what is bought is what would be sold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from arbkit.analysis.listing.contradictions import Side
from arbkit.analysis.listing.match import Match, compare
from arbkit.core.models import Offer

Listings = Callable[[Sequence[str]], Iterable[Offer]]
"""Whole offers of products, by their ASINs."""


def compare_sides(routes: Iterable[tuple[str, str, str]], listings: Listings | None) -> list[Match | None]:
    """The verdict on the two listings of each route (ASIN, source, target); None where they are not compared."""
    wanted = list(routes)
    if listings is None:
        return [None] * len(wanted)
    offers = {(o.asin, o.market): o for o in listings(sorted({asin for asin, _, _ in wanted}))}
    sides: dict[tuple[str, str], Side] = {}

    def side(asin: str, market: str) -> Side | None:
        key = asin, market
        if key not in sides and key in offers:
            sides[key] = Side.of(offers[key])
        return sides.get(key)

    pairs = [(side(asin, source), side(asin, target)) for asin, source, target in wanted]
    return [None if bought is None or sold is None else compare(bought, sold) for bought, sold in pairs]
