"""What both stores keep apart from documents: the fields that are filtered, sorted and typed."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Literal

from arbkit.core.input.filters import FIGURES_AT_LEAST, FIGURES_AT_MOST
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
FORECAST_FIELDS = (
    "profit_chance_pct", "profit_p10", "expected_profit", "expected_profit_per_day_pct", "sold_in_30_days_pct",
    "days_to_sell_p50",
)  # fmt: skip
"""Numbers of an opportunity that are unknown where no forecast was made."""
DEMAND_FIELDS = (
    "rank", "rank_drops30", "rank_drops90", "monthly_sold", "sellers", "amazon_share90_pct", "sell_position_pct",
)  # fmt: skip
"""Numbers of an opportunity that say how well it sells and against whom; each may be unknown."""
OPPORTUNITY_FIELDS = (
    "id", "asin", "source", "target", "title", "brand", "category", "profit", "roi_pct", "margin_pct", "spread_pct",
    "confidence", "data_at", "buy_price", "sell_price", "currency", "evaluated_at", "amazon_sells", "status",
    *FORECAST_FIELDS, *DEMAND_FIELDS,
)  # fmt: skip
"""What of an opportunity is filtered, sorted or summed by, beside its document."""
EXACT_FILTERS = ("status", "asin", "source", "target", "amazon_sells")
"""What of an ``OpportunityQuery`` must be equal, in the names of an opportunity; its category has several names."""
AT_LEAST = {**FIGURES_AT_LEAST, "min_data_at": "data_at"}
"""Lower bound of an ``OpportunityQuery`` → the field of an opportunity that must reach it."""
AT_MOST = FIGURES_AT_MOST
"""Upper bound of an ``OpportunityQuery`` → the field of an opportunity that may not exceed it."""
PRODUCT_SORTS = {
    "updated": "updated_at", "title": "title", "profit": "best_profit", "margin": "best_margin", "price": "price",
    "asin": "asin",
}  # fmt: skip
"""Order of a ``ProductQuery`` → the field that it goes by; ``price`` is that of one marketplace."""
SORTS_THEN_BY_PROFIT = {
    "profit_per_day": "expected_profit_per_day_pct", "expected_profit": "expected_profit",
    "chance": "profit_chance_pct", "p10": "profit_p10", "days_to_sell": "days_to_sell_p50", "rank": "rank",
    "drops30": "rank_drops30", "drops90": "rank_drops90", "monthly_sold": "monthly_sold", "sellers": "sellers",
    "amazon_share": "amazon_share90_pct", "price_position": "sell_position_pct",
}  # fmt: skip
"""Orders in which equal and unknown keys go by profit, before the id: many are unknown."""
OPPORTUNITY_SORTS = {
    "profit": "profit", "roi": "roi_pct", "margin": "margin_pct", "spread": "spread_pct", "confidence": "confidence",
    "age": "data_at", "title": "title", "buy_price": "buy_price", "sell_price": "sell_price", "route": "route",
    **SORTS_THEN_BY_PROFIT,
}  # fmt: skip
"""Order of an ``OpportunityQuery`` → the field that it goes by; ``route`` is source and target."""

RUN_SORTS = {"started": "started_at"}
"""Order of a ``RunQuery`` → the field that it goes by."""


def order_named(name: str, orders: Mapping[str, str]) -> str:
    """The one of some orders that goes by this name, or by the field of this name; the name itself where none does."""
    fields = {field: order for order, field in orders.items()}
    return name if name in orders else fields.get(name, name)


def is_number(name: str) -> bool:
    """Whether this field of an offer is a number, NaN where it is unknown."""
    return OFFER_KINDS[OFFER_WIRE_NAMES[name]] in ("bool", "float", "int")
