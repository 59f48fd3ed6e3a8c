"""A plain round of the watchlist: each product once on each marketplace, in its order."""

from __future__ import annotations

from collections.abc import Container, Sequence

from arbkit.pipeline.polling.request import MAX_ASINS, Request


def next_of_round(asins: Sequence[str], markets: Sequence[str], looked: Container[tuple[str, str]]) -> Request | None:
    """The next request of a round in which ``looked`` have been looked at; None: it is complete.

    Products go in blocks of one request, each block through all markets before the next begins, so that the first
    routes are complete early.
    """
    for start in range(0, len(asins), MAX_ASINS):
        for market in markets:
            left = tuple(asin for asin in asins[start : start + MAX_ASINS] if (asin, market) not in looked)
            if left:
                return Request(market, left)
    return None
