"""A product over all its marketplaces, as the store composes it from offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from arbkit.core.results import BestRoute, StoredPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product over all marketplaces: the document of ``products``, composed by the store from offers."""

    asin: str
    version: int
    demo: bool
    title: str | None
    brand: str | None
    category: str | None
    eans: tuple[str, ...]
    image: str | None
    updated_at: int
    markets: Mapping[str, StoredPrice]
    """code → ``{price_minor, currency, price_basis, price_at, updated_at, sales_rank}``"""
    best: BestRoute | None = None
    """the best opportunity: ``{source, target, profit, roi_pct, margin_pct, currency}``"""
    first_seen: int | None = field(default=None, compare=False)
    """when the store first held it, in Unix seconds; None where that was before it noted such times"""
