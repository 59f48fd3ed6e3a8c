"""What every door answers with: the API, ``--json``, notebooks and reports share these models.

Field names and units are those of the public JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, with_config
from typing_extensions import TypedDict

from arbkit.core.offers.categories import category_id

JsonObject = dict[str, JsonValue]
"""A JSON object as plain Python: what is sent, before it is bytes."""

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""What can be written as JSON."""

Progress = Callable[[int, int], None]
"""Called with how much of long work is done, and how much there is; 0 where nobody knows."""
Asked = TypeVar("Asked", bound=BaseModel)
Found = TypeVar("Found")


class ComponentRow(TypedDict):
    """A :class:`Component` as it is stored and computed in bulk: a plain dictionary of the same fields."""

    name: str
    amount: float | None
    currency: str
    rule: str
    table: str | None
    valid_from: str | None
    source: str | None
    assumed: bool


_CLOSED = ConfigDict(extra="forbid")


class Result(BaseModel):
    """Base of all results: closed and immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class FoundReport(Generic[Asked, Found]):
    """The content of a report that looks for one result; without anything ``found`` it says ``why_not``."""

    run_id: str
    at: float
    parameters: Asked
    demo: bool
    found: Found | None
    why_not: str | None

    def to_dict(self) -> JsonObject:
        """The document of ``result.json``."""
        asked = {"parameters": self.parameters.model_dump(mode="json"), "why_not": self.why_not}
        return {"run_id": self.run_id, "at": self.at, "demo": self.demo, **asked, **self.results()}

    def results(self) -> JsonObject:
        """What was found, by name; null where nothing was."""
        raise NotImplementedError


def as_json(found: BaseModel | None) -> JsonValue:
    """A result as it is written as JSON; null for none."""
    return None if found is None else found.model_dump(mode="json")


class Component(Result):
    """One line of a route's money: a signed amount (costs negative), to the cent, and the rule it comes from.

    ``amount`` is None where it is unknown; ``valid_from`` is the ISO day the table began; ``assumed`` marks a
    figure that rests on a guess. The amounts of a route add up to its profit.
    """

    name: str
    amount: float | None
    currency: str
    rule: str
    table: str | None
    valid_from: str | None
    source: str | None
    assumed: bool


class PriceBases(Result):
    """Which prices a route was priced from, as ``buy_box`` or ``new, 90-day average``."""

    buy: str | None
    sell: str | None


RouteStatus = Literal["opportunity", "needs_size", "different", "loss"]
"""What a priced route is: an opportunity, or why it is none although its figures may leave money."""
DecisionStatus = Literal["new", "looked_at", "buy_list", "bought", "dismissed", "blocked"]
"""What was decided; ``new`` ends what was decided before, and ``blocked`` is said of a brand alone."""
ShareBasis = Literal["buy_box", "in_stock"]
"""What Amazon's share of 90 days is one of: the time that somebody held the buy box, or all of it."""
MatchVerdict = Literal["same", "doubtful", "different", "unknown"]


class WarningRow(TypedDict):
    """One thing that speaks against a route: its code, and the words for it."""

    code: str
    text: str


class MatchRow(TypedDict):
    """Whether the two listings are the same goods, and what says so."""

    verdict: MatchVerdict
    reasons: list[str]


class RouteDecision(Result):
    """What holds of a route now, by the last decision about it."""

    status: DecisionStatus = Field("new", description="new also where a dismissal has ended")
    note: str = Field("", description="plain text, as somebody typed it")
    at: float | None = Field(None, description="when it was decided, Unix seconds; null: nobody has decided anything")


class RouteVerdict(Result):
    """What the rules of ``verdict.toml`` say of a route, as its page says it."""

    verdict: Literal["buy", "watch", "pass"] | None = Field(description="null: the rules cannot be used")
    sentence: str = Field(description="what to do, up to which price, and the facts that decide")


class OpportunityOut(Result):
    """A profitable route: one unit bought on ``source`` and sold on ``target``.

    ``profit``, ``fees`` and the components are in ``currency``, the seller's home currency; prices are shop prices,
    VAT included, in the currencies beside them. Percents are percents: 20 is 20 %.
    """

    asin: str
    title: str | None
    brand: str | None
    category: str | None
    category_id: str | None = Field(description="one for all languages, as toys; null: none of arbkit's")
    source: str = Field(description="marketplace it is bought on")
    target: str = Field(description="marketplace it is sold on")
    buy_price: float
    buy_currency: str
    sell_price: float
    sell_currency: str
    price_basis: PriceBases
    profit: float = Field(description="after every fee and tax; where the package is a range, with the likely one")
    profit_low: float | None = Field(description="with the most expensive package; null: unknown")
    profit_high: float | None = Field(description="with the cheapest package; null: unknown")
    status: RouteStatus = Field(description="opportunity, or why it is none")
    roi_pct: float = Field(description="profit in percent of what is invested")
    margin_pct: float = Field(description="profit in percent of the revenue without VAT")
    spread_pct: float = Field(description="selling price above buying price, in percent")
    fees: float = Field(description="all fees of Amazon together")
    currency: str
    fulfilment: str = Field(description="the most profitable fulfilment method")
    confidence: float = Field(ge=0, le=1, description="how far the figures can be trusted")
    confidence_reasons: list[str] = Field(description="what lowered the confidence")
    warnings: list[WarningRow] = Field(description="empty: no warnings")
    match: MatchRow | None = Field(description="whether the two listings are the same goods; null: not compared")
    input_vat: str | None = Field(description="how the VAT of the purchase stands")
    rank: int | None = Field(description="sales rank on target")
    rank_drops30: int | None = Field(description="drops of the rank on target in 30 days: each is one sale or several")
    sellers: int | None = Field(description="offers of new goods on target")
    max_buy: float | None = Field(description="max cost for the profile's target ROI, in buy_currency")
    rank_drops90: int | None = Field(None, description="drops of the rank on target in 90 days")
    monthly_sold: int | None = Field(
        None, description="units sold on target in a month, at least: Amazon's badge; null: it shows none, as mostly"
    )
    sellers_fba: int | None = Field(None, description="offers of new goods on target that Amazon fulfils")
    sellers_fbm: int | None = Field(None, description="offers of new goods on target that their sellers fulfil")
    amazon_share90_pct: float | None = Field(
        None, description="Amazon's own share of 90 days on target, as amazon_share_basis says; null: no record of it"
    )
    amazon_share_basis: ShareBasis | None = Field(
        None, description="buy_box: of the time that somebody held the buy box; in_stock: of the days, those it sold on"
    )
    sell_avg90: float | None = Field(
        None, description="90-day average of the price on target whose price of now is used, in sell_currency"
    )
    sell_position_pct: float | None = Field(
        None, description="price of now on target above its 90-day average, in percent; below it where negative"
    )
    break_even: float | None = Field(
        None, description="selling price at which the profit is 0, in sell_currency; null: not within what was priced"
    )
    eans: list[str] = Field([], description="EANs and UPCs of the listing on target, else of that on source")
    profit_chance_pct: float | None = Field(None, description="probability of a profit above zero once it is sold")
    profit_p1: float | None = Field(None, description="the worst plausible profit: less with a probability of 1 %")
    profit_p10: float | None = Field(None, description="less with a probability of 10 %")
    profit_p50: float | None = Field(None, description="less with a probability of 50 %")
    profit_p90: float | None = Field(None, description="less with a probability of 90 %")
    expected_profit: float | None = Field(None, description="mean of the profit once it is sold")
    expected_profit_per_day_pct: float | None = Field(
        None, description="by day, in percent of the capital that is tied up"
    )
    sold_in_30_days_pct: float | None = Field(
        None, description="probability to have sold it within 30 days on the listing"
    )
    days_to_sell_p50: float | None = Field(None, description="sold by then with a probability of 50 %")
    forecast_version: str | None = Field(
        None, description="models and assumptions of the forecast; null: none was made"
    )
    forecast_unknown: str | None = Field(
        None, description="why the forecast is null; null: it is there, or none was made yet"
    )
    decision: RouteDecision = Field(
        default_factory=lambda: RouteDecision(),
        description="what was decided about it, on the route, its product or its brand",
    )
    data_age_s: int = Field(description="age of the older of the two prices, in seconds")
    tables_version: str
    profile: str = Field(description="name of the seller profile")
    evaluated_at: float = Field(description="Unix seconds")
    source_url: str
    target_url: str
    demo: bool = Field(description="whether it is of the invented demo market")
    amazon_sells: bool | None = Field(description="whether Amazon itself offers it on target; null: nobody looked")
    components: list[Component] | None = Field(None, description="where they were asked for: every fee and tax")
    verdict: RouteVerdict | None = Field(None, description="in exports, and where it was asked for: buy, watch or pass")


def public_json(document: JsonObject, *, now: float, components: bool) -> JsonObject:
    """What a stored opportunity is as JSON of :class:`OpportunityOut`; its data's age counts to ``now`` (Unix s)."""
    stored: Mapping[str, Any] = document
    shown = {name: value for name, value in stored.items() if name not in ("data_at", "run_id", "components")}
    shown["category_id"] = category_id(stored["category"])
    shown["data_age_s"] = max(0, round(now - stored["data_at"]))
    shown["price_basis"] = dict(stored["price_basis"])
    shown["confidence_reasons"] = list(stored["confidence_reasons"])
    shown["warnings"] = [dict(warning) for warning in stored["warnings"]]
    shown["eans"] = list(stored["eans"])
    return {**shown, "components": [dict(part) for part in stored["components"]]} if components else shown


class StoredPrice(TypedDict):
    """What a product's document holds of its price on one marketplace."""

    price_minor: Annotated[int | None, Field(description="price in whole cents or pence")]
    currency: str
    price_basis: str | None
    price_at: int | None
    updated_at: int
    sales_rank: int | None


@with_config(_CLOSED)
class MarketPrice(StoredPrice):
    """A product's price on one marketplace; null is unknown. Times in Unix seconds."""

    price: Annotated[float | None, Field(description="shop price in currency, VAT included")]
    url: str


@with_config(_CLOSED)
class BestRoute(TypedDict):
    """A product's most profitable opportunity."""

    source: str
    target: str
    profit: float
    roi_pct: float
    margin_pct: float
    currency: str


class ProductOut(Result):
    """A product over all marketplaces."""

    asin: str
    title: str | None
    brand: str | None
    category: str | None
    category_id: str | None = Field(description="one for all languages, as toys; null: none of arbkit's")
    eans: list[str]
    image: str | None = Field(description="name of its picture at Amazon")
    image_url: str | None = Field(description="https address of its picture, 500 pixels wide")
    updated_at: int = Field(description="the latest of its offers, Unix seconds")
    first_seen: int | None = Field(
        description="when the store first held it, Unix seconds; null where that was before it noted such times"
    )
    created_at: int | None = Field(description="the same as first_seen")
    demo: bool
    markets: dict[str, MarketPrice] = Field(description="by marketplace code")
    best: BestRoute | None


class RunOut(Result):
    """One run of a report. Times in Unix seconds."""

    run_id: str
    report: str
    status: Literal["running", "succeeded", "failed", "timed_out"]
    started_at: float
    finished_at: float | None
    parameters: dict[str, JsonValue]
    output: str | None = Field(description="folder with its files; over HTTP within ARBKIT_HOME")
    error: str | None
    summary: dict[str, JsonValue] = Field(description="the few figures that a list of runs shows")


@with_config(_CLOSED)
class RouteTotals(TypedDict):
    """The opportunities of one route together; profits at one unit each."""

    count: int
    best_profit: float
    total_profit: float


class Fault(Result):
    """One thing that is wrong with a request."""

    field: str
    value: JsonValue = Field(description="as it was given, shortened")
    why: str


class Problem(Result):
    """An error (RFC 9457, ``application/problem+json``)."""

    type: str = Field(description="urn:arbkit:problem:… or about:blank, where the status says it all")
    title: str
    status: int
    detail: str
    errors: list[Fault] | None = Field(None, description="for bad input: each thing that is wrong")
