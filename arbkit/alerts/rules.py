"""A rule of alerts: of which routes what is announced, and with which thresholds."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from arbkit.core.errors import UsageError
from arbkit.core.input.filters import FIGURES_AT_LEAST, FIGURES_AT_MOST, Asin
from arbkit.core.input.validation import Request
from arbkit.core.marketplaces import MarketCode, market
from arbkit.core.models import Opportunity
from arbkit.core.offers.categories import category_id
from arbkit.core.results import OpportunityOut
from arbkit.store.search_text import matches_brand

Occasion = Literal["new_opportunity", "price_drop", "margin_increase", "target_price", "amazon_out_of_stock", "ended"]
"""What a rule may announce; suspicious data are held back as ``data_problem`` by every rule."""
OCCASIONS: tuple[Occasion, ...] = (
    "new_opportunity", "target_price", "price_drop", "margin_increase", "amazon_out_of_stock", "ended",
)  # fmt: skip
"""All of them; of several at once the first names the alert."""
_BOUNDS = {name: figure for name, figure in (FIGURES_AT_LEAST | FIGURES_AT_MOST).items() if name != "min_profit"}
"""The filters that are conditions too, each with the figure it is about. Of the profit a rule takes the low end."""
_CLEARS_AT_SHARE = 0.8
"""Of ``fires_at``: where a rule clears that does not say."""


def _route(value: str) -> str:
    source, colon, target = value.partition(":")
    try:
        codes = market(source).code, market(target).code
    except UsageError as error:
        if not colon:
            raise ValueError("not a route") from UsageError("not a route", remedy="Write it as IT:DE")
        raise ValueError(str(error)) from error
    if codes[0] == codes[1]:
        raise ValueError("not a route") from UsageError("a route to itself", remedy="Write it as IT:DE")
    return ":".join(codes)


class Recheck(Request):
    """When a candidate is looked at once more before it is sent, and what happens if nobody has looked in time."""

    max_age_minutes: float = Field(gt=0, description="age of its prices above which it is looked at once more")
    wait_minutes: float = Field(15, gt=0, le=1440, description="how long the alert waits for that look")
    then: Literal["send", "hold"] = Field("send", description="what happens to it if nobody has looked by then")


class Rule(Request):
    """A ``[[rule]]`` of alerts.toml. A limit that is left out does not limit. Money in the profile's home currency."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="name of the rule")
    on: tuple[Occasion, ...] = Field(
        ("new_opportunity", "price_drop", "margin_increase", "target_price", "amazon_out_of_stock"),
        min_length=1,
        description="what is announced",
    )
    min_profit: float | None = Field(None, description="minimum profit of one unit, at the low end of its range")
    min_roi: float | None = Field(None, description="minimum return, in percent of what is invested")
    min_confidence: float | None = Field(None, ge=0, le=1, description="minimum confidence, from 0 to 1")
    min_chance: float | None = Field(
        None, ge=0, le=100, description="minimum probability of a profit above zero once it is sold, in percent"
    )
    min_expected_profit: float | None = Field(
        None, description="minimum mean of the profit of one unit once it is sold"
    )
    min_profit_per_day: float | None = Field(
        None, description="minimum expected profit by day, in percent of the capital that is tied up"
    )
    min_p10: float | None = Field(None, description="minimum profit that is missed with a probability of 10 % only")
    max_days_to_sell: float | None = Field(
        None, ge=0, description="maximum days in which it is sold with a probability of 50 %"
    )
    min_sold_in_30_days: float | None = Field(
        None, ge=0, le=100, description="minimum probability to have sold it within 30 days, in percent"
    )
    min_margin: float | None = Field(None, description="minimum margin, in percent of the revenue without VAT")
    max_rank: float | None = Field(None, ge=1, description="maximum sales rank where it is sold")
    min_drops30: float | None = Field(None, ge=0, description="minimum drops of that rank in 30 days")
    min_drops90: float | None = Field(None, ge=0, description="minimum drops of that rank in 90 days")
    min_monthly_sold: float | None = Field(None, ge=0, description="minimum units sold a month by Amazon's badge")
    max_sellers: float | None = Field(None, ge=0, description="maximum offers of new goods where it is sold")
    max_amazon_share: float | None = Field(
        None, ge=0, le=100, description="maximum share of Amazon itself of 90 days where it is sold, in percent"
    )
    max_price_position: float | None = Field(
        None, ge=-100, description="maximum of the selling price of now above its 90-day average, in percent"
    )
    min_buy_price: float | None = Field(None, ge=0, description="minimum buying price, in the currency of source")
    max_buy_price: float | None = Field(None, ge=0, description="maximum buying price, in the currency of source")
    routes: tuple[Annotated[str, AfterValidator(_route)], ...] = Field((), description="only these, as IT:DE")
    categories: tuple[str, ...] = Field(
        (), description="only these, each by arbkit's id (toys) or its name on any marketplace, in any case"
    )
    brands: tuple[str, ...] = Field((), description="only these, in any case")
    exclude_brands: tuple[str, ...] = Field(
        (), description="none of these, each by words of it or parts of them, whatever the case and accents"
    )
    groups: tuple[str, ...] = Field((), description="only products of these groups of the watchlist")
    asins: tuple[Asin, ...] = Field((), description="only these products")
    target_price: dict[MarketCode, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="buying price that is waited for, by marketplace and in its currency"
    )
    fires_at: float | None = Field(None, description="low end of profit from which on a route is news")
    clears_at: float | None = Field(None, description="low end of profit below which it may become news again")
    price_drop_pct: float = Field(10, gt=0, le=100, description="fall of the buying price that is announced, percent")
    profit_rise_pct: float = Field(25, gt=0, description="rise of the low end of profit that is announced, percent")
    cool_down_hours: float = Field(24, ge=0, le=8760, description="minimum time between two of a kind on a route")
    per_day: int | None = Field(None, ge=1, description="maximum number of alerts sent in a day, the best first")
    recheck: Recheck | None = Field(None, description="whether a candidate is looked at once more before it is sent")
    channels: tuple[str, ...] | None = Field(None, description="channels that it goes to; left out: all")
    muted_until: datetime | None = Field(None, description="silent until then")

    @field_validator("muted_until", mode="before")
    @classmethod
    def _is_time(cls, value: Any) -> Any:
        if value is not None and not isinstance(value, datetime):
            raise ValueError("no time") from UsageError("not a time", remedy="Write 2026-12-01T08:00:00")
        return value

    @model_validator(mode="after")
    def _clears_below(self) -> Rule:
        if self.clears_at is not None and self.clears_at > self.least_profit:
            raise ValueError("clears_at must not be above fires_at and min_profit")
        if "target_price" in self.model_fields_set and not self.target_price:
            raise ValueError("target_price names no marketplace")
        return self

    @property
    def least_profit(self) -> float:
        """The low end of profit from which on it announces anything; minus infinity: any."""
        stated = [bound for bound in (self.min_profit, self.fires_at) if bound is not None]
        return max(stated, default=float("-inf"))

    @property
    def clears_below(self) -> float:
        """The low end of profit below which a route counts as ended."""
        if self.clears_at is not None:
            return self.clears_at
        least = self.least_profit
        return least * _CLEARS_AT_SHARE if least > 0 else least

    def selects(self, route: Opportunity, groups: frozenset[str]) -> bool:
        """Whether it is about this route at all, whatever its figures; ``groups`` are those of the product."""
        return (
            (not self.routes or f"{route.source}:{route.target}" in self.routes)
            and (not self.asins or route.asin in self.asins)
            and _among(_category_key(route.category), map(_category_key, self.categories))
            and _among(_name_key(route.brand), map(_name_key, self.brands))
            and not matches_brand(route.brand, *self.exclude_brands)
            and (not self.groups or not groups.isdisjoint(self.groups))
        )

    def is_met(self, route: Opportunity) -> bool:
        """Whether the figures of an opportunity reach its thresholds."""
        return low_end(route) >= self.least_profit and all(
            _reaches(route, name, bound) for name, bound in self.figure_bounds()
        )

    def lacking(self, route: Opportunity) -> list[str]:
        """The bounds that an opportunity would have to meet yet, where all of them are about unknown figures."""
        unknown = [name for name, _ in self.figure_bounds() if _figure(route, name) is None]
        return unknown if self.model_copy(update=dict.fromkeys(unknown)).is_met(route) else []

    def figure_bounds(self) -> list[tuple[str, float]]:
        """The bounds that it sets beside that of the profit, by name."""
        bounds = ((name, getattr(self, name)) for name in _BOUNDS)
        return [(name, bound) for name, bound in bounds if bound is not None]

    @property
    def meets_everything(self) -> bool:
        """Whether every opportunity that begins is announced: it has no threshold and no selection."""
        thresholds = (self.min_profit, self.fires_at)
        chosen = (self.routes, self.categories, self.brands, self.exclude_brands, self.groups, self.asins)
        limits = any(bound is not None for bound in thresholds) or any(chosen) or bool(self.figure_bounds())
        return not limits and "new_opportunity" in self.on

    def missing_channels(self, known: Collection[str]) -> list[str]:
        """The channels that it names and that are not among these."""
        return [name for name in self.channels or () if name not in known]

    def is_muted(self, now: float) -> bool:
        """Whether it is silent at ``now`` (Unix seconds)."""
        return self.muted_until is not None and now < self.muted_until.timestamp()


def low_end(route: Opportunity | OpportunityOut) -> float:
    """The profit of a route with the most expensive package that the product may have."""
    return route.profit if route.profit_low is None else route.profit_low


def _figure(route: Opportunity, name: str) -> float | None:
    """The figure that a bound is about; None: unknown."""
    figure: float | None = getattr(route, _BOUNDS[name])
    return figure


def _reaches(route: Opportunity, name: str, bound: float) -> bool:
    figure = _figure(route, name)
    return figure is not None and (figure >= bound if name in FIGURES_AT_LEAST else figure <= bound)


def _among(key: str, wanted: Iterable[str]) -> bool:
    """Whether a key is one of those wanted; none wanted: any will do."""
    keys = frozenset(wanted)
    return not keys or key in keys


def _name_key(name: str | None) -> str:
    return (name or "").casefold()


def _category_key(name: str | None) -> str:
    """One for all names of a category: a product is stored under its name on one marketplace."""
    return category_id(name) or _name_key(name)
