"""What an independent reader finds in bytes for one product on one marketplace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CURRENCY = {"DE": "EUR", "FR": "EUR", "IT": "EUR", "ES": "EUR", "UK": "GBP"}
HOSTS = {"amazon.de": "DE", "amazon.fr": "FR", "amazon.it": "IT", "amazon.es": "ES", "amazon.co.uk": "UK"}
DOMAINS = {2: "UK", 3: "DE", 4: "FR", 8: "IT", 9: "ES"}
KEEPA_EPOCH = 21_564_000 * 60
"""1 January 2011 in Unix seconds: where Keepa's clock begins, and what an undated offer has for a date."""
Id = tuple[str, str]
"""ASIN and marketplace."""


@dataclass(frozen=True)
class Held:
    """One statement of the bytes.

    A price has every amount in cents that it may be read as; one that cannot be known is absent. ``at`` are the Unix
    seconds that its date may be. ``codes`` are EANs without their first zeros. ``plain`` says that nothing about it is
    doubtful, so it may not be lost without a word.
    """

    asin: str
    market: str
    at: frozenset[int]
    prices: Mapping[str, frozenset[int]]
    price_at: frozenset[int]
    codes: frozenset[str] = frozenset()
    plain: bool = True

    @property
    def id(self) -> Id:
        return self.asin, self.market

    @property
    def currency(self) -> str:
        return CURRENCY[self.market]


@dataclass
class Reading:
    """Everything that a file, an answer or a message holds."""

    held: list[Held] = field(default_factory=list)

    def of(self, wanted: Id) -> list[Held]:
        return [each for each in self.held if each.id == wanted]
