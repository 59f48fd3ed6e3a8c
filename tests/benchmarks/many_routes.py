"""A store with very many opportunities: invented figures as spread out as real ones, by the store's own writes."""

from __future__ import annotations

import random
from collections.abc import Iterator

from arbkit.core.marketplaces import MARKETS, market
from arbkit.core.models import Offer, Opportunity, Update
from arbkit.core.results import ComponentRow
from arbkit.store import Store
from arbkit.store.routes import ProductRoutes
from tests.helpers.factories import offer

__all__ = ["BRANDS", "CATEGORIES", "ROUTES_A_PRODUCT", "WORDS", "fill_routes"]

ROUTES_A_PRODUCT = 5
CATEGORIES = (
    "Toys & Games", "Electronics & Photo", "Kitchen & Home", "Books", "Beauty", "Automotive", "DIY & Tools",
    "Sports & Outdoors", "Office Products", "Baby Products", "Pet Supplies", "Video Games", "Garden", "Fashion",
)  # fmt: skip
BRANDS = 4_000
WORDS = (
    "lamp", "robot", "kettle", "blanket", "puzzle", "drill", "tent", "racket", "stapler", "pram", "leash", "console",
    "spade", "jacket", "mixer", "sensor", "cable", "charger", "bottle", "mirror", "camera", "speaker", "pillow",
)  # fmt: skip
_NEWEST = 1_760_000_000
_PRODUCTS_A_BATCH = 500
_LINES = (
    "sale_price", "output_vat", "referral_fee", "fulfilment_fee", "fuel_surcharge", "digital_services_fee", "storage",
    "refunds", "purchase_price", "input_vat", "freight", "other_costs",
)  # fmt: skip


def fill_routes(store: Store, opportunities: int, *, seed: int = 17) -> None:
    """Store that many opportunities, five a product, each document as large as detection makes it."""
    generation = store.generation("benchmark")
    products = range(opportunities // ROUTES_A_PRODUCT)
    for start in range(0, len(products), _PRODUCTS_A_BATCH):
        found = {asin: list(_routes(asin, seed)) for asin in map(_asin, products[start : start + _PRODUCTS_A_BATCH])}
        store.put([Update(_offer_of(asin, routes[0]), None) for asin, routes in found.items()])
        states = store.states(list(found))
        results = [ProductRoutes(a, states[a].change, _NEWEST, tuple(routes)) for a, routes in found.items()]
        store.put_routes(results, generation=generation)
    store.put_swept("benchmark")


def _asin(number: int) -> str:
    return f"B0{number:08}"


def _offer_of(asin: str, route: Opportunity) -> Offer:
    return offer(asin, route.source, title=route.title, brand=route.brand, category=route.category)


def _routes(asin: str, seed: int) -> Iterator[Opportunity]:
    """The routes of a product; figures of two decimals, so that some are equal."""
    chance = random.Random(f"{seed}:{asin}")
    title = f"{' '.join(chance.sample(WORDS, 4)).capitalize()} {asin[-6:]}, colour {chance.randrange(90)}, pack of 2"
    brand, category = f"Brand {int(BRANDS * chance.random() ** 2)}", chance.choice(CATEGORIES)
    pairs = [(source, target) for source in MARKETS for target in MARKETS if source != target]
    for source, target in chance.sample(pairs, ROUTES_A_PRODUCT):
        buy, profit = round(chance.lognormvariate(3.2, 0.8), 2), round(chance.lognormvariate(2.0, 0.9), 2)
        sell = round(1.4 * buy + 2 * profit, 2)
        yield Opportunity(
            asin=asin, source=source, target=target, title=title, brand=brand, category=category, buy_price=buy,
            buy_currency=market(source).currency, sell_price=sell, sell_currency=market(target).currency,
            price_basis={"buy": "buy_box", "sell": "buy_box"}, profit=profit, profit_low=profit, profit_high=profit,
            roi_pct=round(100 * profit / buy, 1), margin_pct=round(100 * profit / (sell / 1.19), 1),
            spread_pct=round(100 * (sell / buy - 1), 1), fees=round(0.3 * sell, 2), currency="EUR",
            fulfilment="fba-local", confidence=round(chance.uniform(0.3, 1), 2),
            confidence_reasons=("no 90-day average where it is sold", "the package is not known"),
            data_at=_NEWEST - chance.randrange(30 * 86_400), tables_version="2026-04-17", profile="benchmark",
            evaluated_at=_NEWEST + 100.0, source_url=market(source).url(asin), target_url=market(target).url(asin),
            amazon_sells=chance.choice((True, False, None)), components=tuple(_lines(profit)),
            rank=chance.randrange(1, 10**6),
            sellers=chance.randrange(1, 30), max_buy=round(0.9 * buy, 2), input_vat="net-intra-eu",
        )  # fmt: skip


def _lines(profit: float) -> Iterator[ComponentRow]:
    for name in _LINES:
        yield {
            "name": name, "amount": round(profit / len(_LINES), 2), "currency": "EUR",
            "rule": "15 % of the shop price",
            "table": "referral", "valid_from": "2026-02-01", "source": "Amazon's fee schedule", "assumed": False,
        }  # fmt: skip
