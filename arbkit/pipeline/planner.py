"""What to poll next: the only module that decides it.

A fair order: what was never looked at first, then the oldest look. Products go in blocks of one request, each
block through all markets before the next block begins, so that the first routes are complete early.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import inf

MAX_ASINS = 100
"""Products in one request (Keepa API documentation, "Request Products")."""

Looks = Mapping[tuple[str, str], float]
"""(ASIN, market) → when it was last looked at, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Request:
    """Look at these products (at most :data:`MAX_ASINS`) on this market now."""

    market: str
    asins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is due for ``seconds``; infinite if there is nothing to watch."""

    seconds: float


def plan(asins: Sequence[str], markets: Sequence[str], looks: Looks, *, now: float, interval: float) -> Request | Idle:
    """The next request for a watchlist, or how long nothing is due.

    A product is due on a market ``interval`` seconds after the last look there.
    """
    earliest = inf
    due: list[tuple[float, int, int, int]] = []
    for m, market in enumerate(markets):
        for a, asin in enumerate(asins):
            at = looks.get((asin, market), -inf)
            # A look from the future means that the clock was set back: waiting for it could take years.
            if now - at >= interval or at > now:
                due.append((min(at, now), a // MAX_ASINS, m, a))
            else:
                earliest = min(earliest, at + interval)
    if not due:
        return Idle(earliest - now)
    chosen = min(due)[2]
    first = nsmallest(MAX_ASINS, (item for item in due if item[2] == chosen))
    return Request(markets[chosen], tuple(asins[item[3]] for item in first))
