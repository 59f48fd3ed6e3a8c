"""A product's document, composed from its offers: the same on every store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from arbkit.core.models import Offer, Opportunity, ProductState
from arbkit.core.offers.facts import Fact
from arbkit.core.offers.product import Product
from arbkit.core.results import StoredPrice

PRODUCT_SOURCE_FIELDS = (
    "asin", "market", "version", "source", "fetched_at", "updated_at", "currency", "title", "brand", "manufacturer",
    "category", "eans", "image", "price_minor", "price_basis", "price_at", "sales_rank",
)  # fmt: skip
"""The stored fields of offers that :func:`build_product` and :func:`search_text` read, or no offer can be without."""


def build_product(offers: Sequence[Offer]) -> Product:
    """One product from its offers on all marketplaces (at least one).

    Identity comes from the offers in order of freshness, each field from the first that has it; beside real offers
    invented ones say nothing. The version is the sum of the offers' versions: any offer that moves on moves the
    product on.
    """
    shown = [o for o in offers if not o.demo] or offers
    freshest = sorted(shown, key=lambda o: (-o.updated_at, o.market))
    return Product(
        asin=freshest[0].asin,
        version=sum(o.version for o in offers),
        demo=shown[0].demo,
        title=_first([o.title for o in freshest]),
        brand=_first([o.brand or o.manufacturer for o in freshest]),
        category=_first([o.category for o in freshest]),
        eans=tuple(sorted({ean for o in shown for ean in o.eans})),
        image=_first([o.image for o in freshest]),
        updated_at=freshest[0].updated_at,
        markets={o.market: _market(o) for o in sorted(shown, key=lambda o: o.market)},
    )


def search_text(product: Product, titles: Sequence[str | None]) -> str:
    """All that a search for the product may name: titles in every language, brand, EANs, ASIN."""
    parts = dict.fromkeys([*titles, product.brand, *product.eans, product.asin])
    return " ".join(part for part in parts if part)


def _first(values: Sequence[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _market(offer: Offer) -> StoredPrice:
    return {
        "price_minor": offer.price_minor,
        "currency": offer.currency,
        "price_basis": offer.price_basis,
        "price_at": offer.price_at,
        "updated_at": offer.updated_at,
        "sales_rank": offer.sales_rank,
    }


def without_invented(offers: Iterable[Offer]) -> list[Offer]:
    """The offers but those that the demo market invented for products that have real ones."""
    found = list(offers)
    real = {o.asin for o in found if not o.demo}
    return [o for o in found if not (o.demo and o.asin in real)]


def compose_states(
    changes: Mapping[str, int], offers: Iterable[Offer], facts: Iterable[Fact]
) -> dict[str, ProductState]:
    """States of the products with these changes (by ASIN), of all their offers and facts."""
    offers_of: defaultdict[str, list[Offer]] = defaultdict(list)
    facts_of: defaultdict[str, list[Fact]] = defaultdict(list)
    for offer in sorted(offers, key=lambda o: o.market):
        offers_of[offer.asin].append(offer)
    for fact in facts:
        facts_of[fact.asin].append(fact)
    return {
        asin: ProductState(asin, number, tuple(offers_of[asin]), tuple(facts_of[asin]))
        for asin, number in changes.items()
    }


def best_by_product(found: Sequence[Opportunity]) -> dict[str, Opportunity]:
    """The opportunity of each product that leaves most."""
    best: dict[str, Opportunity] = {}
    for o in found:
        if o.status == "opportunity" and (o.asin not in best or o.profit > best[o.asin].profit):
            best[o.asin] = o
    return best
