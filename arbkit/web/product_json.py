"""Products and offers as the API shows them: prices as numbers of their currency, links to Amazon."""

from __future__ import annotations

from typing import Any

from arbkit.core.marketplaces import market as marketplace
from arbkit.core.models import Offer, Product

__all__ = ["offer_view", "product_view"]


def product_view(product: Product) -> dict[str, Any]:
    """A product with its price on each marketplace, in that marketplace's currency."""
    markets = {
        code: {"price": _major(shown.get("price_minor")), **shown, "url": marketplace(code).url(product.asin)}
        for code, shown in product.markets.items()
    }
    return {
        "asin": product.asin,
        "title": product.title,
        "brand": product.brand,
        "category": product.category,
        "eans": product.eans,
        "image": product.image,
        "updated_at": product.updated_at,
        "demo": product.demo,
        "markets": markets,
        "best": product.best,
    }


def offer_view(offer: Offer) -> dict[str, Any]:
    """An offer with its price in its currency and the address of its page."""
    url = marketplace(offer.market).url(offer.asin)
    return {**offer.to_dict(), "price": _major(offer.price_minor), "demo": offer.demo, "url": url}


def _major(minor: int | None) -> float | None:
    return None if minor is None else minor / 100
