"""What the API takes and answers beside the shared results, and how stored records become JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import ClassVar, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.dataclasses import dataclass

from arbkit.analysis.forecast.profit.forecast import ProfitForecast
from arbkit.core.errors import UsageError
from arbkit.core.input.filters import (
    DEFAULT_OPPORTUNITY_SORT,
    OpportunityFilter,
    OpportunitySort,
    ProductFilter,
    ProductSort,
)
from arbkit.core.input.validation import Request
from arbkit.core.marketplaces import MARKETS
from arbkit.core.marketplaces import market as marketplace
from arbkit.core.models import Offer, Origin
from arbkit.core.offers.categories import category_id
from arbkit.core.offers.images import image_url
from arbkit.core.offers.product import Product
from arbkit.core.offers.watched import MAX_GROUPS
from arbkit.core.results import JsonObject, MarketPrice, OpportunityOut, ProductOut, Result, RouteTotals, RunOut
from arbkit.core.settings import Mode
from arbkit.display.export.csv_file import NotationName
from arbkit.profit.quote.request import QuoteRequest
from arbkit.store import Stats, Sums
from arbkit.store.fields import OPPORTUNITY_SORTS, PRODUCT_SORTS, order_named

T = TypeVar("T")
_ASCENDING = frozenset({"asin", "title", "route", "buy_price", "price", "days_to_sell"})
"""Orders in which people expect the least first; all others begin with the greatest."""
_ORDERS = ("asc", "desc")


class _Sorted(Request):
    orders: ClassVar[Mapping[str, str]]
    """Each order, and the field that it goes by."""

    order: Literal["asc", "desc"] | None = Field(None, description="default: what suits sort_by")

    @model_validator(mode="before")
    @classmethod
    def _split_order(cls, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """``margin_desc`` as ``margin`` in descending order, and ``margin_pct``, a field of an item, as ``margin``."""
        sort, _, order = str(given.get("sort_by", "")).rpartition("_")
        if not sort or order not in _ORDERS:
            named = order_named(str(given.get("sort_by", "")), cls.orders)
            return {**given, "sort_by": named} if named in cls.orders else given
        if given.get("order", order) != order:
            why = f"order={given['order']} contradicts sort_by={given['sort_by']}"
            raise ValueError(why) from UsageError(why, remedy=f"Give sort_by={sort} with order, or sort_by alone")
        return {**given, "sort_by": order_named(sort, cls.orders), "order": order}

    def descends(self, sort_by: str) -> bool:
        """Whether the greatest comes first."""
        return sort_by not in _ASCENDING if self.order is None else self.order == "desc"


class ArbitrageRequest(_Sorted, OpportunityFilter):
    """Query of ``GET /arbitrage``."""

    orders = OPPORTUNITY_SORTS
    limit: int = Field(50, ge=1, le=500, description="maximum number of items of a page")
    cursor: str | None = Field(None, description="from `next`")
    sort_by: OpportunitySort = Field(DEFAULT_OPPORTUNITY_SORT, description="also as margin_desc, profit_asc, …")
    components: bool = Field(False, description="every fee and tax too")
    verdict: bool = Field(False, description="what the rules of the verdict say of each: buy, watch or pass, and why")
    summary: bool = Field(True, description="false: without the summary, which takes as long as the page")


class ProductsRequest(_Sorted, ProductFilter):
    """Query of ``GET /products``."""

    orders = PRODUCT_SORTS
    page: int | None = Field(None, ge=1, le=1_000_000, description="number of the page, from 1; or give a cursor")
    page_size: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, description="from `next`: goes on also behind the 100,000th")
    sort_by: ProductSort = Field("updated", description="also as margin_desc, profit_asc, …")


class _Exported(_Sorted):
    format: Literal["ndjson", "csv"] = Field("ndjson", description="csv: the first row names columns and units")
    limit: int | None = Field(None, ge=1, le=100_000_000, description="maximum number of rows; default: all")
    notation: NotationName = Field("english", description="of a CSV; european: 1234,56, and semicolons between cells")


class ArbitrageExportRequest(_Exported, OpportunityFilter):
    """Query of ``GET /arbitrage/export``."""

    orders = OPPORTUNITY_SORTS
    sort_by: OpportunitySort = Field(DEFAULT_OPPORTUNITY_SORT, description="also as margin_desc, profit_asc, …")
    components: bool = Field(False, description="every fee and tax too; CSV has them always")


class ProductsExportRequest(_Exported, ProductFilter):
    """Query of ``GET /products/export``."""

    orders = PRODUCT_SORTS
    sort_by: ProductSort = Field("asin", description="also as margin_desc, profit_asc, …")


class ProfitRequest(QuoteRequest):
    """Query of ``GET /profit``: a route asked about by hand."""

    no_profile: bool = Field(False, description="the neutral seller, without costs of its own, in place of yours")


class WatchRequest(BaseModel):
    """Products to watch: ASINs, or addresses of their pages on Amazon; and what is said of each of them."""

    model_config = ConfigDict(extra="forbid")

    asin: str | None = None
    asins: list[str] = Field(default_factory=list, max_length=10_000)
    notes: str | None = Field(None, description="noted of each; absent: what was noted before stays")
    groups: list[str] = Field(
        default_factory=list, max_length=MAX_GROUPS, description="into which each is put, beside those it is in"
    )


class Listing(Result, Generic[T]):
    """A page of a list; ``next`` is the address of the page that follows, or null."""

    items: list[T]
    total: int = Field(description="on all pages")
    page: int
    page_size: int
    next: str | None


class Summary(Result):
    """What all opportunities of a filter come to, at one unit each; null where there are none."""

    count: int
    total_profit: float = Field(description="in currency")
    average_profit: float | None = Field(description="in currency")
    best_profit: float | None = Field(description="in currency")
    average_margin_pct: float | None = Field(description="profit in percent of the revenue without VAT")
    currency: str | None = Field(description="the profile's home currency")
    routes: dict[str, RouteTotals] = Field(description="by route, as IT:DE")


class OpportunityListing(Listing[OpportunityOut]):
    """A page of opportunities; ``summary`` is of all pages, and stands on the first: null on those that follow."""

    summary: Summary | None


HealthStatus = Literal["healthy", "degraded", "unhealthy", "unknown"]


class ServiceStatus(Result):
    """The state of one part of arbkit; ``unknown``: it never ran here, or runs elsewhere."""

    status: HealthStatus
    response_time_ms: float = Field(description="what asking it took")
    detail: str | None = Field(description="what is out of order or not up to date, in words")


class Health(Result):
    """Whether arbkit works, and on which prices."""

    status: Literal["healthy", "degraded", "unhealthy"]
    version: str
    timestamp: datetime
    mode: Mode
    services: dict[str, ServiceStatus] = Field(
        description="log, store, keepa (or the demo market) and services, by name"
    )


class Alive(Result):
    """One word of a service that answers."""

    status: Literal["alive", "ready"]


def _without_defaults(schema: JsonObject) -> None:
    """What a record leaves out is always there in its JSON, as null or empty."""
    for about in cast("dict[str, JsonObject]", schema["properties"]).values():
        about.pop("default", None)


_STORED = ConfigDict(
    extra="forbid", json_schema_extra=_without_defaults, json_schema_serialization_defaults_required=True
)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STORED)
class OfferOut(Offer):
    """What is known of a product on one marketplace now.

    Amounts named ``*_minor`` are whole cents or pence in ``currency``, times named ``*_at`` Unix seconds. Null is
    unknown; "no offer" is null with its time set.
    """

    version: int = Field(description="the source's last update, in Keepa minutes")
    origin: Origin = Field(alias="source", description="where the data came from")
    price: float | None = Field(description="price_minor in major units")
    demo: bool = Field()
    url: str


class ForecastOpportunityOut(OpportunityOut):
    """An opportunity with the forecast of its profit."""

    forecast: ProfitForecast | None = Field(
        None, description="where forecasts were asked for: what one unit bought today will leave; null: not offered now"
    )


class ProductDetail(ProductOut):
    """A product with its offers and its opportunities, the best first."""

    offers: list[OfferOut]
    opportunities: list[ForecastOpportunityOut]


class BadLine(Result):
    """A line of the watchlist that is no ASIN, and what to do about it."""

    line: int
    text: str
    why: str
    remedy: str | None


class WatchedProduct(Result):
    """A product on the watchlist; ``notes`` and ``groups`` as users typed them."""

    asin: str
    notes: str | None
    groups: list[str]
    added_at: float | None = Field(description="Unix seconds; null: nobody has seen it on the list yet")


class Watchlist(Listing[WatchedProduct]):
    """The whole watchlist; ``bad`` names its lines that are no ASINs."""

    bad: list[BadLine]


class WatchAdded(Result):
    """What was put on the watchlist, and how many products it has now."""

    added: list[str]
    total: int


class MarketFigures(Result):
    """What is known of one marketplace: profits at one unit each, in currency."""

    offers: int
    bought_on: int = Field(description="opportunities that are bought there")
    sold_on: int = Field(description="opportunities that are sold there")
    profit_bought_on: float
    profit_sold_on: float


class StatsOut(Result):
    """Head figures of the store; times in Unix seconds, null where there is none."""

    products: int
    offers: int
    opportunities: int
    total_profit: float = Field(description="of all opportunities at one unit each, in currency")
    currency: str | None
    demo_products: int
    markets: dict[str, int] = Field(description="offers by marketplace code")
    routes: dict[str, RouteTotals] = Field(description="by route, as IT:DE")
    categories: list[str]
    brands: list[str] = Field(description="those with the most opportunities")
    average_profit: float | None = Field(description="of an opportunity, in currency; null: there are none")
    average_margin_pct: float | None = Field(description="of all opportunities, in percent of the revenue without VAT")
    products_with_opportunities: int
    best_target: str | None = Field(description="marketplace that the most profit is made on; null: none")
    by_market: dict[str, MarketFigures] = Field(description="by marketplace code")
    oldest_at: int | None
    newest_at: int | None
    evaluated_at: float | None
    unpriced_products: int = Field(description="products that changed after they were priced")
    hidden_products: int = Field(description="products of the demo market that are not shown beside real ones")
    demo: bool = Field(description="whether any product is of the invented demo market")
    seller: str = Field(description="whose profit it is: home, VAT numbers, input VAT")


class CategoryOut(Result):
    """One category over all marketplaces."""

    id: str
    name: str = Field(description="in English")
    names: list[str] = Field(description="as marketplaces name it")


class CategoriesOut(Result):
    """All of arbkit's categories."""

    items: list[CategoryOut]
    total: int


class RunDetail(RunOut):
    """A run with what it found."""

    result: dict[str, JsonValue] | None = Field(description="the report's own result; null while there is none")


def stats_json(stats: Stats, seller: str) -> JsonObject:
    """The figures of the store in the shape of :class:`StatsOut`; ``seller``: whose profit they state."""
    by_market = {
        code: _market_figures(code, stats) for code in MARKETS if stats.markets.get(code) or _routes_of(code, stats)
    }
    sold = {code: figures["profit_sold_on"] for code, figures in by_market.items() if figures["sold_on"]}
    derived: JsonObject = {
        "average_profit": round(stats.total_profit / stats.opportunities, 2) if stats.opportunities else None,
        "best_target": max(sold, key=sold.__getitem__, default=None),
        # mypy takes no dictionary of numbers for a JSON object.
        "by_market": cast("JsonObject", by_market),
    }
    return {**asdict(stats), **derived, "demo": stats.demo_products > 0, "seller": seller}


def _routes_of(code: str, stats: Stats) -> list[tuple[str, RouteTotals]]:
    """The routes that a marketplace is part of, each with the side that it is on."""
    sides = (("bought_on", 0), ("sold_on", 1))
    return [(name, t) for route, t in stats.routes.items() for name, side in sides if route.split(":")[side] == code]


def _market_figures(code: str, stats: Stats) -> dict[str, float]:
    figures = {"offers": stats.markets.get(code, 0), "bought_on": 0, "sold_on": 0}
    profits = {"profit_bought_on": 0.0, "profit_sold_on": 0.0}
    for side, totals in _routes_of(code, stats):
        figures[side] += totals["count"]
        profits[f"profit_{side}"] += totals["total_profit"]
    return {**figures, **{name: round(profit, 2) for name, profit in profits.items()}}


def summary_json(sums: Sums, currency: str | None) -> JsonObject:
    """Sums in the shape of :class:`Summary`."""
    names = ("count", "total_profit", "average_profit", "best_profit", "average_margin_pct")
    # mypy takes no TypedDict for a JSON object.
    routes = cast("JsonObject", sums.routes)
    return {**{name: getattr(sums, name) for name in names}, "currency": currency, "routes": routes}


def product_json(product: Product) -> JsonObject:
    """A product in the shape of :class:`~arbkit.core.results.ProductOut`."""
    markets: dict[str, MarketPrice] = {
        code: {"price": _major(shown["price_minor"]), **shown, "url": marketplace(code).url(product.asin)}
        for code, shown in product.markets.items()
    }
    made: JsonObject = {
        "category_id": category_id(product.category),
        "image_url": image_url(product.image),
        "created_at": product.first_seen,
        # mypy takes no TypedDict for a JSON object.
        "markets": cast("JsonObject", markets),
    }
    return {name: made[name] if name in made else getattr(product, name) for name in ProductOut.model_fields}


def offer_json(offer: Offer) -> JsonObject:
    """An offer in the shape of :class:`OfferOut`."""
    url = marketplace(offer.market).url(offer.asin)
    return {**offer.to_dict(), "price": _major(offer.price_minor), "demo": offer.demo, "url": url}


def _major(minor: int | None) -> float | None:
    return None if minor is None else minor / 100
