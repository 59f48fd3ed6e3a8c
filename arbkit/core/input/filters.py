"""Which opportunities and products: the filters of store, API, notebook, dashboard, commands and detection.

Each field has one name and one unit everywhere; shorter names and those of arbkit 0.1 are :data:`ALIASES`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from arbkit.core.decisions.event import OPEN_STATUSES, STATUSES
from arbkit.core.errors import UsageError, did_you_mean
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.validation import Request
from arbkit.core.marketplaces import MarketCode
from arbkit.core.offers.categories import names_of_category
from arbkit.core.results import DecisionStatus

OpportunitySort = Literal[
    "profit_per_day", "expected_profit", "chance", "p10", "days_to_sell",
    "profit", "roi", "margin", "spread", "confidence", "age", "title", "buy_price", "sell_price", "route",
    "rank", "drops30", "drops90", "monthly_sold", "sellers", "amazon_share", "price_position",
]  # fmt: skip
DEFAULT_OPPORTUNITY_SORT: OpportunitySort = "profit_per_day"
"""What earns most with the capital first; what has no forecast comes last, by profit."""
ProductSort = Literal["updated", "title", "profit", "margin", "price", "asin"]
FilterValue = str | float | bool | tuple[str, ...] | None

ALIASES = {
    "all": "all_routes",
    "amazon": "amazon_sells",
    "confidence": "min_confidence",
    "marketplace": "market",
    "max_age": "max_age_hours",
    "min_chance_pct": "min_chance",
    "min_margin_pct": "min_margin",
    "min_profit_per_day_pct": "min_profit_per_day",
    "min_roi_pct": "min_roi",
    "source_marketplace": "source",
    "target_marketplace": "target",
}
"""Other name of a field → its name. Taken wherever the field is."""

FORECAST_AT_LEAST = {
    "min_chance": "profit_chance_pct", "min_expected_profit": "expected_profit",
    "min_profit_per_day": "expected_profit_per_day_pct", "min_p10": "profit_p10",
    "min_sold_in_30_days": "sold_in_30_days_pct",
}  # fmt: skip
"""Lower bound of a forecast → the field of an opportunity that must reach it; one that is unknown reaches none."""
FORECAST_AT_MOST = {"max_days_to_sell": "days_to_sell_p50"}
"""Upper bound of a forecast → the field of an opportunity that may not exceed it; one that is unknown meets none."""
FIGURES_AT_LEAST = {
    "min_profit": "profit", "min_roi": "roi_pct", "min_margin": "margin_pct", "min_confidence": "confidence",
    **FORECAST_AT_LEAST, "min_drops30": "rank_drops30", "min_drops90": "rank_drops90",
    "min_monthly_sold": "monthly_sold", "min_buy_price": "buy_price",
}  # fmt: skip
"""Lower bound of a filter → the field of an opportunity that must reach it."""
FIGURES_AT_MOST = {
    **FORECAST_AT_MOST, "max_rank": "rank", "max_sellers": "sellers", "max_amazon_share": "amazon_share90_pct",
    "max_price_position": "sell_position_pct", "max_buy_price": "buy_price",
}  # fmt: skip
"""Upper bound of a filter → the field of an opportunity that may not exceed it; one that is unknown meets none."""


def _asin(value: str) -> str:
    try:
        return parse_asin(value)
    except UsageError as error:
        raise ValueError(error.why) from error


Asin = Annotated[str, AfterValidator(_asin)]
"""A field of a pydantic model that takes an ASIN in any case, or the address of its page."""


OPEN, ALL = "open", "all"
"""What a filter of statuses says for all but the dismissed and the blocked, and for any."""


def parse_statuses(value: str) -> str:
    """Statuses in one order, each once, or the word that stands for several.

    Raises:
        ValueError: one is none.
    """
    given = [part.strip().lower().replace(" ", "_").replace("-", "_") for part in value.split(",")]
    wrong = [part for part in given if part not in (*STATUSES, OPEN, ALL)]
    if wrong:
        why = f"{wrong[0]!r} is no status"
        raise ValueError(why) from UsageError(
            why, remedy=did_you_mean(wrong[0], [*STATUSES, OPEN, ALL], otherwise="It takes")
        )
    return next((one for one in (ALL, OPEN) if one in given), ",".join(one for one in STATUSES if one in given))


def parts_of(text: str) -> tuple[str, ...]:
    """What stands between the commas of a list that somebody typed."""
    return tuple(part for one in text.split(",") if (part := one.strip()))


Statuses = Annotated[str, AfterValidator(parse_statuses)]
"""A field of a pydantic model that takes statuses, separated by commas."""


CATEGORIES_BETWEEN = "|"
"""What stands between categories in one text: their names hold commas."""


def parse_categories(*texts: str) -> tuple[str, ...] | None:
    """Categories, each once, of one text or of several; None where there is none."""
    parts = (part.strip() for text in texts for part in text.split(CATEGORIES_BETWEEN))
    return tuple(dict.fromkeys(part for part in parts if part)) or None


def _categories(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        return value
    return parse_categories(*texts)


Categories = Annotated[tuple[str, ...] | None, BeforeValidator(_categories)]
"""A field of a pydantic model that takes one category or several."""


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
        """The names that the categories which are asked for have on any marketplace; () where any will do."""
        asked: tuple[str, ...] = getattr(self, "category", None) or ()
        return tuple(dict.fromkeys(name for one in asked for name in names_of_category(one)))


_CATEGORY = (
    "one of these categories, each by arbkit's id (toys) or its name on any marketplace, and under all of its names"
)
_WORDS = "words of title, brand, EAN or ASIN, or how they begin, whatever the case and accents"


_LONGEST_LIST = 1_000
"""Characters of a list: a store compares with each name in it."""


class OpportunityFilter(Filter):
    """Which opportunities; a field that is None asks for any. Bounds are inclusive; no unknown figure meets one."""

    q: str | None = _filter("Search", _WORDS, "text")
    asin: Asin | None = _filter("ASIN", "this product", "ASIN")
    brand: str | None = _filter("Brand", "words of the brand or parts of them, whatever the case and accents", "text")
    exclude_brands: Annotated[str, Field(max_length=_LONGEST_LIST)] | None = _filter(
        "Without brands",
        "brands to leave out, separated by commas, each by words of it or parts of them as in brand; what has no brand "
        "stays",
        "brands",
    )
    category: Categories = _filter("Category", _CATEGORY, "category")
    source: MarketCode | None = _filter("Buy on", "marketplace to buy on", "marketplace")
    target: MarketCode | None = _filter("Sell on", "marketplace to sell on", "marketplace")
    min_profit: float | None = _filter(
        "Profit",
        "minimum profit of one unit after every fee and tax, in the profile's home currency",
        "home currency",
        ge=-1_000_000,
        le=1_000_000,
    )
    min_roi: float | None = _filter(
        "ROI", "minimum return, in percent of what is invested", "percent", ge=-1_000, le=1_000_000
    )
    min_margin: float | None = _filter(
        "Margin", "minimum margin, in percent of the revenue without VAT", "percent", ge=-100_000, le=1_000
    )
    min_confidence: float | None = _filter("Confidence", "minimum confidence, from 0 to 1", "0 to 1", ge=0, le=1)
    min_chance: float | None = _filter(
        "Chance of profit",
        "minimum probability of a profit above zero once it is sold, in percent",
        "percent",
        ge=0,
        le=100,
    )
    min_expected_profit: float | None = _filter(
        "Expected profit",
        "minimum mean of the profit of one unit once it is sold, in the profile's home currency",
        "home currency",
        ge=-1_000_000,
        le=1_000_000,
    )
    min_profit_per_day: float | None = _filter(
        "Profit per day",
        "minimum expected profit by day, in percent of the capital that is tied up",
        "percent a day",
        ge=-100_000,
        le=100_000,
    )
    min_p10: float | None = _filter(
        "P10 of profit",
        "minimum profit that is missed with a probability of 10 % only, in the profile's home currency",
        "home currency",
        ge=-1_000_000,
        le=1_000_000,
    )
    max_days_to_sell: float | None = _filter(
        "Days to sell", "maximum days in which it is sold with a probability of 50 %", "days", ge=0, le=100_000
    )
    min_sold_in_30_days: float | None = _filter(
        "Sold in 30 days", "minimum probability to have sold it within 30 days, in percent", "percent", ge=0, le=100
    )
    max_rank: float | None = _filter("Sales rank", "maximum sales rank on target", "rank", ge=1, le=1_000_000_000)
    min_drops30: float | None = _filter(
        "Rank drops, 30 days", "minimum drops of the rank on target in 30 days", "drops", ge=0, le=100_000
    )
    min_drops90: float | None = _filter(
        "Rank drops, 90 days", "minimum drops of the rank on target in 90 days", "drops", ge=0, le=100_000
    )
    min_monthly_sold: float | None = _filter(
        "Sold a month", "minimum units sold a month by Amazon's badge on target", "units", ge=0, le=10_000_000
    )
    max_sellers: float | None = _filter("Sellers", "maximum offers of new goods on target", "offers", ge=0, le=100_000)
    max_amazon_share: float | None = _filter(
        "Amazon's share", "maximum share of Amazon itself of 90 days on target, in percent", "percent", ge=0, le=100
    )
    max_price_position: float | None = _filter(
        "Price position",
        "maximum of the price of now on target above its 90-day average, in percent; below it where negative",
        "percent",
        ge=-100,
        le=100_000,
    )
    min_buy_price: float | None = _filter(
        "Buying price", "minimum buying price, in the currency of source", "currency of source", ge=0, le=1_000_000
    )
    max_buy_price: float | None = _filter(
        "Buying price", "maximum buying price, in the currency of source", "currency of source", ge=0, le=1_000_000
    )
    max_age_hours: float | None = _filter(
        "Data age", "maximum age of the older of the two prices, in hours", "hours", ge=0, le=100_000
    )
    amazon_sells: bool | None = _filter(
        "Amazon sells",
        "whether Amazon itself offers it where it would be sold; false leaves out also the unknown",
        "true or false",
    )

    decision: Statuses | None = _filter(
        "Status",
        "routes with one of these statuses, separated by commas: new, looked_at, buy_list, bought, dismissed, blocked; "
        "open: all but dismissed and blocked; all: any",
        "statuses",
    )
    all_routes: bool | None = _filter(
        "All routes",
        "true: also routes that are no opportunity, because the size of their package is open or the listings differ",
        "true or false",
    )

    @property
    def excluded_brands(self) -> tuple[str, ...]:
        """The brands that are left out, as they were typed."""
        return parts_of(self.exclude_brands or "")

    @property
    def statuses(self) -> frozenset[DecisionStatus] | None:
        """The statuses that are asked for; None: any."""
        if self.decision in (None, ALL):
            return None
        if self.decision == OPEN:
            return frozenset(OPEN_STATUSES)
        return frozenset(one for one in STATUSES if one in str(self.decision).split(","))


class ProductFilter(Filter):
    """Which products; a field that is None asks for any."""

    q: str | None = _filter("Search", _WORDS, "text")
    market: MarketCode | None = _filter("Offered on", "marketplace that it is offered on", "marketplace")
    category: Categories = _filter("Category", _CATEGORY, "category")
    max_price: float | None = _filter(
        "Price",
        "maximum price on market (which it needs), VAT included, in its currency",
        "currency of market",
        ge=0,
        le=1_000_000_000,
    )
    min_margin: float | None = _filter(
        "Margin",
        "minimum margin of its best opportunity, in percent of the revenue without VAT",
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

    sort_by: OpportunitySort = Field(
        DEFAULT_OPPORTUNITY_SORT, description=f"one of {', '.join(get_args(OpportunitySort))}"
    )
    descending: bool = Field(True, description="the highest first")
    limit: int = Field(1000, ge=1, description="maximum number of rows")


class ProductsRequest(ProductFilter):
    """The first ``limit`` products of a filter, in one order."""

    sort_by: ProductSort = Field("updated", description=f"one of {', '.join(get_args(ProductSort))}")
    descending: bool = Field(True, description="the highest first")
    limit: int = Field(1000, ge=1, description="maximum number of rows")
