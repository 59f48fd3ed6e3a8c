"""Which opportunities and products: the filters of store, API, notebook, dashboard, commands and detection.

Each field has one name and one unit everywhere; names of arbkit 0.1 are :data:`ALIASES`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from arbkit.core.errors import UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.validation import Request
from arbkit.core.marketplaces import MarketCode

OpportunitySort = Literal[
    "profit", "roi", "margin", "spread", "confidence", "age", "title", "buy_price", "sell_price", "route"
]
ProductSort = Literal["updated", "title", "profit", "margin", "asin"]
FilterValue = str | float | bool | None

ALIASES = {
    "amazon": "amazon_sells",
    "confidence": "min_confidence",
    "marketplace": "market",
    "max_age": "max_age_hours",
    "min_margin_pct": "min_margin",
    "min_roi_pct": "min_roi",
    "source_marketplace": "source",
    "target_marketplace": "target",
}
"""Earlier name of a field → its name. Taken wherever the field is."""


def _asin(value: str) -> str:
    try:
        return parse_asin(value)
    except UsageError as error:
        raise ValueError(error.why) from error


Asin = Annotated[str, AfterValidator(_asin)]
"""A field of a pydantic model that takes an ASIN in any case, or the address of its page."""


def _unit(name: str) -> dict[str, Any]:
    return {"unit": name}


class _Filter(Request):
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


class OpportunityFilter(_Filter):
    """Which opportunities; a field that is None asks for any. Bounds are inclusive."""

    q: str | None = Field(
        None,
        title="Search",
        description="words of title, brand, EAN or ASIN, whatever the case and accents",
        json_schema_extra=_unit("text"),
    )
    asin: Asin | None = Field(None, title="ASIN", description="this product", json_schema_extra=_unit("ASIN"))
    brand: str | None = Field(None, title="Brand", description="exactly this brand", json_schema_extra=_unit("text"))
    category: str | None = Field(
        None, title="Category", description="exactly this category", json_schema_extra=_unit("text")
    )
    source: MarketCode | None = Field(
        None, title="Buy on", description="marketplace to buy on", json_schema_extra=_unit("marketplace")
    )
    target: MarketCode | None = Field(
        None, title="Sell on", description="marketplace to sell on", json_schema_extra=_unit("marketplace")
    )
    min_profit: float | None = Field(
        None,
        ge=-1_000_000,
        le=1_000_000,
        title="Profit",
        description="least profit of one unit after every fee and tax, in the profile's home currency",
        json_schema_extra=_unit("home currency"),
    )
    min_roi: float | None = Field(
        None,
        ge=-1_000,
        le=1_000_000,
        title="ROI",
        description="least return, in percent of what is invested",
        json_schema_extra=_unit("percent"),
    )
    min_margin: float | None = Field(
        None,
        ge=-100_000,
        le=1_000,
        title="Margin",
        description="least margin, in percent of the revenue without VAT",
        json_schema_extra=_unit("percent"),
    )
    min_confidence: float | None = Field(
        None,
        ge=0,
        le=1,
        title="Confidence",
        description="least confidence, from 0 to 1",
        json_schema_extra=_unit("0 to 1"),
    )
    max_age_hours: float | None = Field(
        None,
        ge=0,
        le=100_000,
        title="Data age",
        description="greatest age of the older of the two prices, in hours",
        json_schema_extra=_unit("hours"),
    )
    amazon_sells: bool | None = Field(
        None,
        title="Amazon sells",
        description="whether Amazon itself offers it where it would be sold; false leaves out also the unknown",
        json_schema_extra=_unit("true or false"),
    )

    def filters(self) -> dict[str, FilterValue]:
        """The filters that are set, by name."""
        values = {name: getattr(self, name) for name in OpportunityFilter.model_fields}
        return {name: value for name, value in values.items() if value is not None}


class ProductFilter(_Filter):
    """Which products; a field that is None asks for any."""

    q: str | None = Field(
        None,
        title="Search",
        description="words of title, brand, EAN or ASIN, whatever the case and accents",
        json_schema_extra=_unit("text"),
    )
    market: MarketCode | None = Field(
        None,
        title="Offered on",
        description="marketplace that it is offered on",
        json_schema_extra=_unit("marketplace"),
    )
    category: str | None = Field(
        None, title="Category", description="exactly this category", json_schema_extra=_unit("text")
    )
    max_price: float | None = Field(
        None,
        ge=0,
        le=1_000_000_000,
        title="Price",
        description="greatest price on market (which it needs), VAT included, in its currency",
        json_schema_extra=_unit("currency of market"),
    )
    min_margin: float | None = Field(
        None,
        ge=-100_000,
        le=1_000,
        title="Margin",
        description="least margin of its best opportunity, in percent of the revenue without VAT",
        json_schema_extra=_unit("percent"),
    )

    @property
    def max_price_minor(self) -> int | None:
        """``max_price`` in whole cents or pence, rounded down."""
        # 19.99 is a little less than 1999 hundredths in binary.
        return None if self.max_price is None else math.floor(round(100 * self.max_price, 6))

    def filters(self) -> dict[str, FilterValue]:
        """The filters that are set, by name."""
        values = {name: getattr(self, name) for name in ProductFilter.model_fields}
        return {name: value for name, value in values.items() if value is not None}


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


def filter_table(model: type[OpportunityFilter] | type[ProductFilter]) -> str:
    """The fields of a filter as a table in Markdown: name, unit, meaning, bounds and earlier names."""
    lines = ["| field | unit | meaning | from | to | also |", "|---|---|---|---|---|---|"]
    earlier: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        earlier.setdefault(name, []).append(f"`{alias}`")
    for name, schema in model.model_json_schema()["properties"].items():
        kind = schema["anyOf"][0]
        low, high = (f"{kind[bound]:,.10g}" if bound in kind else "" for bound in ("minimum", "maximum"))
        also = ", ".join(earlier.get(name, ()))
        lines.append(f"| `{name}` | {schema['unit']} | {schema['description']} | {low} | {high} | {also} |")
    return "\n".join(lines) + "\n"
