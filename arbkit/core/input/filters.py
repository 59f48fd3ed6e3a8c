"""Which opportunities and products: the filters of store, API, notebook, dashboard, commands and detection.

Each field has one name and one unit everywhere; shorter names and those of arbkit 0.1 are :data:`ALIASES`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from arbkit.core.errors import UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.validation import Request
from arbkit.core.marketplaces import MarketCode
from arbkit.core.offers.categories import names_of_category

OpportunitySort = Literal[
    "profit", "roi", "margin", "spread", "confidence", "age", "title", "buy_price", "sell_price", "route"
]
ProductSort = Literal["updated", "title", "profit", "margin", "price", "asin"]
FilterValue = str | float | bool | None

ALIASES = {
    "all": "all_routes",
    "amazon": "amazon_sells",
    "confidence": "min_confidence",
    "marketplace": "market",
    "max_age": "max_age_hours",
    "min_margin_pct": "min_margin",
    "min_roi_pct": "min_roi",
    "source_marketplace": "source",
    "target_marketplace": "target",
}
"""Other name of a field → its name. Taken wherever the field is."""


def _asin(value: str) -> str:
    try:
        return parse_asin(value)
    except UsageError as error:
        raise ValueError(error.why) from error


Asin = Annotated[str, AfterValidator(_asin)]
"""A field of a pydantic model that takes an ASIN in any case, or the address of its page."""


def _filter(title: str, description: str, unit: str, *, ge: float | None = None, le: float | None = None) -> Any:
    return Field(None, ge=ge, le=le, title=title, description=description, json_schema_extra={"unit": unit})


class Filter(Request):
    """Base of requests whose fields go by the names of :data:`ALIASES` too."""

    @model_validator(mode="before")
    @classmethod
    def _canonical_names(cls, given: Any) -> Any:
        """The fields under their names, whichever they were given by."""
        if not isinstance(given, dict) or ALIASES.keys().isdisjoint(given):
            return given
        named: dict[str, Any] = {}
        for name, value in given.items():
            canonical = cls.canonical(name)
            if canonical in named:
                raise ValueError(f"{name} and {canonical} are one filter: give one of them")
            named[canonical] = value
        return named

    @classmethod
    def canonical(cls, name: str) -> str:
        """The field that goes by this name; the name itself where none does."""
        canonical = ALIASES.get(name, name)
        return canonical if canonical in cls.model_fields and name not in cls.model_fields else name

    def filters(self) -> dict[str, FilterValue]:
        """The filters that are set, by name."""
        # Only filters have a title; what subclasses add to them has none.
        values = {name: getattr(self, name) for name, field in type(self).model_fields.items() if field.title}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def category_names(self) -> tuple[str, ...]:
        """The names that the category which is asked for has on any marketplace; () where any category will do."""
        category: str | None = getattr(self, "category", None)
        return names_of_category(category) if category else ()


_CATEGORY = "this category, by arbkit's id (toys) or its name on any marketplace, and under all of its names"
_WORDS = "words of title, brand, EAN or ASIN, or how they begin, whatever the case and accents"


class OpportunityFilter(Filter):
    """Which opportunities; a field that is None asks for any. Bounds are inclusive."""

    q: str | None = _filter("Search", _WORDS, "text")
    asin: Asin | None = _filter("ASIN", "this product", "ASIN")
    brand: str | None = _filter("Brand", "exactly this brand", "text")
    category: str | None = _filter("Category", _CATEGORY, "category")
    source: MarketCode | None = _filter("Buy on", "marketplace to buy on", "marketplace")
    target: MarketCode | None = _filter("Sell on", "marketplace to sell on", "marketplace")
    min_profit: float | None = _filter(
        "Profit",
        "least profit of one unit after every fee and tax, in the profile's home currency",
        "home currency",
        ge=-1_000_000,
        le=1_000_000,
    )
    min_roi: float | None = _filter(
        "ROI", "least return, in percent of what is invested", "percent", ge=-1_000, le=1_000_000
    )
    min_margin: float | None = _filter(
        "Margin", "least margin, in percent of the revenue without VAT", "percent", ge=-100_000, le=1_000
    )
    min_confidence: float | None = _filter("Confidence", "least confidence, from 0 to 1", "0 to 1", ge=0, le=1)
    max_age_hours: float | None = _filter(
        "Data age", "greatest age of the older of the two prices, in hours", "hours", ge=0, le=100_000
    )
    amazon_sells: bool | None = _filter(
        "Amazon sells",
        "whether Amazon itself offers it where it would be sold; false leaves out also the unknown",
        "true or false",
    )

    all_routes: bool | None = _filter(
        "All routes",
        "true: also routes that are no opportunity, because the size of their package is open or the listings differ",
        "true or false",
    )


class ProductFilter(Filter):
    """Which products; a field that is None asks for any."""

    q: str | None = _filter("Search", _WORDS, "text")
    market: MarketCode | None = _filter("Offered on", "marketplace that it is offered on", "marketplace")
    category: str | None = _filter("Category", _CATEGORY, "category")
    max_price: float | None = _filter(
        "Price",
        "greatest price on market (which it needs), VAT included, in its currency",
        "currency of market",
        ge=0,
        le=1_000_000_000,
    )
    min_margin: float | None = _filter(
        "Margin",
        "least margin of its best opportunity, in percent of the revenue without VAT",
        "percent",
        ge=-100_000,
        le=1_000,
    )

    @property
    def max_price_minor(self) -> int | None:
        """``max_price`` in whole cents or pence, rounded down."""
        # 19.99 is a little less than 1999 hundredths in binary.
        return None if self.max_price is None else math.floor(round(100 * self.max_price, 6))


class OpportunitiesRequest(OpportunityFilter):
    """The first ``limit`` opportunities of a filter, in one order."""

    sort_by: OpportunitySort = Field("profit", description=f"one of {', '.join(get_args(OpportunitySort))}")
    descending: bool = Field(True, description="the greatest first")
    limit: int = Field(1000, ge=1, description="most rows")


class ProductsRequest(ProductFilter):
    """The first ``limit`` products of a filter, in one order."""

    sort_by: ProductSort = Field("updated", description=f"one of {', '.join(get_args(ProductSort))}")
    descending: bool = Field(True, description="the greatest first")
    limit: int = Field(1000, ge=1, description="most rows")
