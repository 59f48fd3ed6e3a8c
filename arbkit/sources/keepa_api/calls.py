"""What can be asked of Keepa's API for tokens, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ProductCall:
    """The products of these ASINs (at most 100) on a marketplace; ``offers``: how many of each, 0 for none."""

    market: str
    asins: tuple[str, ...]
    buybox: bool = False
    offers: int = 0


@dataclass(frozen=True, slots=True)
class DealsCall:
    """The products whose NEW price fell last on a marketplace; ``category``: one root category, by Keepa's number."""

    market: str
    category: int | None = None
    page: int = 0


@dataclass(frozen=True, slots=True)
class BestSellersCall:
    """The best-selling products of a category on a marketplace."""

    market: str
    category: int


Call: TypeAlias = ProductCall | DealsCall | BestSellersCall
