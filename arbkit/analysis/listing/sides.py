"""The two listings of each found route compared: whether what is bought is what would be sold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from arbkit.analysis.listing.match import compare_pair
from arbkit.core.models import Offer, Opportunity


def compare_sides(
    found: Sequence[Opportunity], listings: Callable[[Sequence[str]], Iterable[Offer]]
) -> list[Opportunity]:
    """The routes with the verdict on their two listings; those of different goods are no opportunity.

    Args:
        found: priced routes.
        listings: whole offers of products, by their ASINs.
    """
    offers = {(o.asin, o.market): o for o in listings(sorted({route.asin for route in found}))}
    compared: list[Opportunity] = []
    for route in found:
        bought, sold = offers.get((route.asin, route.source)), offers.get((route.asin, route.target))
        if bought is None or sold is None:
            compared.append(route)
            continue
        match = compare_pair(bought, sold)
        status = "different" if match.verdict == "different" else route.status
        compared.append(replace(route, status=status, match={"verdict": match.verdict, "reasons": list(match.against)}))
    return compared
