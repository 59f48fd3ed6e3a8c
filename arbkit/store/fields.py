"""What both stores keep apart from documents: the fields that are filtered, sorted and typed."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Literal

from arbkit.core.models import OFFER_WIRE_NAMES, Offer

Kind = Literal["bool", "float", "int", "texts", "text"]


def _kind(hint: type) -> Kind:
    options = {hint, *typing.get_args(hint)}
    numbers: Mapping[type, Kind] = {bool: "bool", float: "float", int: "int"}
    other: Kind = "texts" if typing.get_origin(hint) is tuple else "text"
    return next((kind for number, kind in numbers.items() if number in options), other)


OFFER_KINDS: Mapping[str, Kind] = {
    OFFER_WIRE_NAMES[name]: _kind(hint) for name, hint in typing.get_type_hints(Offer).items()
}
"""Field of an offer, under its wire name → what it holds where it is known."""
BEST_FIELDS = ("source", "target", "profit", "roi_pct", "margin_pct", "currency")
"""What a product's document says of its best opportunity."""
OPPORTUNITY_FIELDS = (
    "id", "asin", "source", "target", "title", "brand", "category", "profit", "roi_pct", "margin_pct", "spread_pct",
    "confidence", "data_at", "buy_price", "sell_price", "currency", "evaluated_at", "amazon_sells", "status",
)  # fmt: skip
"""What of an opportunity is filtered, sorted or summed by, beside its document."""
EXACT_FILTERS = ("status", "asin", "source", "target", "brand", "amazon_sells")
"""What of an ``OpportunityQuery`` must be equal, in the names of an opportunity; its category has several names."""
RANGE_FILTERS = {
    "min_profit": "profit", "min_roi": "roi_pct", "min_margin": "margin_pct", "min_confidence": "confidence",
    "min_data_at": "data_at",
}  # fmt: skip
"""Lower bound of an ``OpportunityQuery`` → the field of an opportunity that must reach it."""
PRODUCT_SORTS = {
    "updated": "updated_at", "title": "title", "profit": "best_profit", "margin": "best_margin", "price": "price",
    "asin": "asin",
}  # fmt: skip
"""Order of a ``ProductQuery`` → the field that it goes by; ``price`` is that of one marketplace."""
OPPORTUNITY_SORTS = {
    "profit": "profit", "roi": "roi_pct", "margin": "margin_pct", "spread": "spread_pct", "confidence": "confidence",
    "age": "data_at", "title": "title", "buy_price": "buy_price", "sell_price": "sell_price", "route": "route",
}  # fmt: skip
"""Order of an ``OpportunityQuery`` → the field that it goes by; ``route`` is source and target."""


RUN_SORTS = {"started": "started_at"}
"""Order of a ``RunQuery`` → the field that it goes by."""


def is_number(name: str) -> bool:
    """Whether this field of an offer is a number, NaN where it is unknown."""
    return OFFER_KINDS[OFFER_WIRE_NAMES[name]] in ("bool", "float", "int")
