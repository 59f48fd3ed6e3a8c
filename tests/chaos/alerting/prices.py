"""Products whose selling price comes and goes: what each is sold for in each round, as records of the raw topic.

A product is bought on IT for the same price all the time. What it is sold for on DE follows from seed, product and
round, and ends in the number of the round: a figure of an alert says which round it is of.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import orjson

from arbkit.core.keepa_time import to_minutes
from arbkit.core.marketplaces import MARKETS
from arbkit.sources.envelope import envelope
from arbkit.stream import Record

__all__ = ["MOST_ROUNDS", "Prices"]

MOST_ROUNDS = 99
"""They are the cents of a price."""
_BUY = 4_000
_GONE = (4_500, 5_000)
"""In cents: losses."""
_THIN = 5_700
"""A profit of 2 EUR, which no rule asks for."""
_BETWEEN = 6_500
"""About 8 EUR of profit: too little to begin, enough to go on."""
_PAYING = (7_200, 9_500)
"""About 12 and 28 EUR of profit."""
_APART_MINUTES = 10
_BEGAN_MINUTES_AGO = 1_200


@dataclass(frozen=True, slots=True)
class Prices:
    """The records of ``products`` products; ``base`` is when their first prices were, in Keepa's minutes."""

    seed: int
    products: int
    base: int = field(default_factory=lambda: to_minutes(time.time()) - _BEGAN_MINUTES_AGO)

    def bought(self) -> list[Record]:
        """What each product is bought for, before the first round."""
        return [self._record(n, "IT", _BUY, 0) for n in range(self.products)]

    def round(self, number: int) -> list[Record]:
        """One record for each product of this round (the first is 1), in a random order."""
        order = list(range(self.products))
        Random(f"{self.seed}:{number}").shuffle(order)
        return [self._record(n, "DE", self._sold(n, number), number) for n in order]

    def _sold(self, product: int, number: int) -> int:
        *_, level = self._levels(product, number)
        return level + number

    def _levels(self, product: int, upto: int) -> Iterator[int]:
        """What it is sold for in each round: three times in four the other way than before."""
        rng = Random(f"{self.seed}/{product}")
        pays = False
        for _ in range(upto):
            turns, low = rng.random() < 0.75, rng.random() < 0.7
            pays = pays != turns
            if turns or rng.random() < 0.5:
                yield (_PAYING if pays else _GONE)[not low]
            else:
                yield _BETWEEN if pays or low else _THIN

    def _record(self, product: int, market: str, price: int, number: int) -> Record:
        asin = f"B{product:09d}"
        version = self.base + _APART_MINUTES * number
        csv: list[list[int] | None] = [None] * 34
        csv[1] = [version, price]
        message = envelope(
            asin=asin, market=market, origin="raw", fetched_at="2026-01-01T00:00:00Z", run_id="chaos",
            product={
                "asin": asin, "domainId": MARKETS[market].keepa_domain, "title": f"Chaos {asin} <b>& co</b>",
                "brand": "Chaos", "lastUpdate": version, "csv": csv, "packageWeight": 400, "packageLength": 200,
                "packageWidth": 100, "packageHeight": 50, "categoryTree": [{"catId": 1, "name": "Toys & Games"}],
            },
        )  # fmt: skip
        return Record(asin, orjson.dumps(message))
