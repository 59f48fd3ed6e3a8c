"""The canonical records that travel from sources to surfaces. Frozen; money always beside its currency.

Amounts named ``*_minor`` are whole cents or pence in the record's ``currency``. Times named ``*_at`` are
seconds since the Unix epoch (UTC). ``None`` is "unknown", never zero; "no offer" is ``None`` with the
field's ``*_at`` set, for then it is known that there is none.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, make_dataclass
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import JsonValue

from arbkit.core.offers.facts import Fact
from arbkit.core.results import ComponentRow, JsonObject, MatchRow, RouteStatus, ShareBasis, WarningRow, public_json

if TYPE_CHECKING:
    from arbkit.core.offers.history_codec import PackedHistory
    from arbkit.core.results import DecisionStatus

Origin = Literal["keepa", "demo", "export", "raw"]
"""Where data came from."""
FieldValue: TypeAlias = str | int | float | bool | tuple[str, ...] | None
"""What a field of an offer holds."""
PriceBasis = Literal["buy_box", "new", "amazon"]
ProductType = Literal["standard", "download", "ebook", "parent", "unavailable"]
"""What kind of listing it is: only ``standard`` ones are goods that can be bought and sent."""
RunStatus = Literal["running", "succeeded", "failed", "timed_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is known of one product on one marketplace now: the document of ``offers``.

    ``version`` is at least the source's own last update in Keepa minutes, and grows with every change that is stored.
    ``price_minor`` is the price arbkit calculates with, ``price_basis`` says which price it is, and
    ``shipping_minor`` what a buyer pays on top (None: the source does not say).
    """

    asin: str
    market: str
    version: int
    origin: Origin
    fetched_at: float
    updated_at: int
    currency: str
    title: str | None = None
    brand: str | None = None
    manufacturer: str | None = None
    category: str | None = None
    category_path: tuple[str, ...] = ()
    root_category_id: int | None = None
    product_group: str | None = None
    eans: tuple[str, ...] = ()
    image: str | None = None
    # which goods exactly
    product_type: ProductType | None = None
    binding: str | None = None
    parent_asin: str | None = None
    item_count: int | None = None
    color: str | None = None
    size: str | None = None
    edition: str | None = None
    languages: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    """the bullet points of the page"""
    adult: bool | None = None
    # prices
    price_minor: int | None = None
    price_basis: PriceBasis | None = None
    price_at: int | None = None
    shipping_minor: int | None = None
    buy_box_minor: int | None = None
    buy_box_at: int | None = None
    buy_box_shipping_minor: int | None = None
    buy_box_seller: str | None = None
    buy_box_is_amazon: bool | None = None
    buy_box_is_fba: bool | None = None
    buy_box_avg30_minor: int | None = None
    buy_box_avg90_minor: int | None = None
    buy_box_avg180_minor: int | None = None
    new_minor: int | None = None
    new_at: int | None = None
    new_shipping_minor: int | None = None
    new_avg30_minor: int | None = None
    new_avg90_minor: int | None = None
    new_avg180_minor: int | None = None
    amazon_minor: int | None = None
    amazon_at: int | None = None
    amazon_avg30_minor: int | None = None
    amazon_avg90_minor: int | None = None
    amazon_avg180_minor: int | None = None
    new_fba_minor: int | None = None
    list_minor: int | None = None
    price_avg30_minor: int | None = None
    price_avg90_minor: int | None = None
    price_avg180_minor: int | None = None
    coupon_minor: int | None = None
    coupon_pct: int | None = None
    # demand and competition
    sales_rank: int | None = None
    sales_rank_at: int | None = None
    rank_drops30: int | None = None
    rank_drops90: int | None = None
    monthly_sold: int | None = None
    offers_new: int | None = None
    offers_new_at: int | None = None
    offers_fba: int | None = None
    offers_fbm: int | None = None
    """offers of new goods that Amazon fulfils, and those that their sellers do"""
    out_of_stock90_pct: int | None = None
    amazon_buy_box90_pct: float | None = None
    rating: float | None = None
    reviews: int | None = None
    # what the history says of the last 90 days: HistoryFacts in arbkit/core/history says what each is
    new_days90: int | None = None
    new_changed90_pct: float | None = None
    new_below90_pct: float | None = None
    new_low90_minor: int | None = None
    new_high90_minor: int | None = None
    new_median90_minor: int | None = None
    rank_mean90: int | None = None
    rank_days90: float | None = None
    rank_looks90: int | None = None
    rank_falls90: int | None = None
    buy_box_holders90: float | None = None
    amazon_days90: float | None = None
    amazon_absent90_pct: float | None = None
    amazon_switches90: int | None = None
    sale_price_minor: int | None = None
    sale_price_sales: int | None = None
    # fee facts
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    weight_g: int | None = None
    volume_cm3: int | None = None
    """of the package, where an export states no sides"""
    item_length_mm: int | None = None
    item_width_mm: int | None = None
    item_height_mm: int | None = None
    item_weight_g: int | None = None
    """the goods themselves, without packing"""
    package_quantity: int | None = None
    hazmat: bool | None = None
    keepa_fba_fee_minor: int | None = None
    keepa_fba_fee_at: int | None = None
    keepa_referral_pct: float | None = None
    keepa_closing_fee_minor: int | None = None
    vat_class: str | None = None
    """the user's own word, which no source states"""
    notes: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    """``field@time:origin`` of facts that are of another time or origin than ``updated_at`` and ``origin``"""

    @property
    def id(self) -> str:
        """``asin:market``."""
        return f"{self.asin}:{self.market}"

    @property
    def demo(self) -> bool:
        """Whether this is an invented product of the demo market."""
        return self.origin == "demo"

    def to_dict(self) -> JsonObject:
        """The offer under the names of :data:`OFFER_WIRE_NAMES`: its document, and its JSON."""
        return dict(zip(_WIRE_NAMES, _read_fields(self), strict=True))

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> Offer:
        """The offer of a document; ``origin`` is there under its wire name."""
        # By position, a field takes a tenth of the time that it takes by name.
        if len(row) == len(_WIRE_NAMES) and row.keys() == _WIRE_SET:
            values: list[Any] = list(_read_document(row))
            for place in _TUPLE_PLACES:
                values[place] = tuple(values[place] or ())
            return cls.of_values(values)
        fields: dict[str, Any] = dict(row)
        for name in _OFFER_TUPLES & fields.keys():
            fields[name] = tuple(fields[name] or ())
        return new_offer(origin=fields.pop("source"), **fields)

    @staticmethod
    def of_values(values: Sequence[FieldValue]) -> Offer:
        """The offer of its values in the order of its fields."""
        draft: Any = _Draft(*values)
        draft.__class__ = Offer
        offer: Offer = draft
        return offer


_OFFER_TUPLES = frozenset(f.name for f in fields(Offer) if f.default == ())
OFFER_WIRE_NAMES: Mapping[str, str] = {f.name: "source" if f.name == "origin" else f.name for f in fields(Offer)}
"""Field of :class:`Offer` → its name in documents, columns and JSON, where ``source`` says where data came from."""
_WIRE_NAMES = tuple(OFFER_WIRE_NAMES.values())
_WIRE_SET = frozenset(_WIRE_NAMES)
_TUPLE_PLACES = [place for place, name in enumerate(_WIRE_NAMES) if name in _OFFER_TUPLES]
_read_document = itemgetter(*_WIRE_NAMES)
_read_fields = attrgetter(*OFFER_WIRE_NAMES)
_Draft = make_dataclass(
    "_Draft",
    [(f.name, Any, *(() if f.default is MISSING else (field(default=f.default),))) for f in fields(Offer)],
    slots=True,
)
"""Just like an offer, but not frozen: a frozen one takes ten times as long to make, and a batch makes thousands."""

if TYPE_CHECKING:
    new_offer = Offer
else:

    def new_offer(**values):
        """The offer with these fields, as its own constructor makes it, but faster."""
        draft = _Draft(**values)
        draft.__class__ = Offer
        return draft


@dataclass(frozen=True, slots=True)
class Series:
    """Change points of one quantity: ``times`` in Keepa minutes, rising, ``values`` in the source's unit.

    A value holds until the next change point; −1 is "no offer". ``shipping`` stands beside buy box values
    only (−1 is "unknown").
    """

    times: array[int]
    values: array[int]
    shipping: array[int] | None = None


@dataclass(frozen=True, slots=True)
class History:
    """All series of one product on one marketplace: the document of ``history``.

    Names: ``amazon, new, used, sales_rank, list, new_fba, offers_new, buy_box, rating, reviews,
    monthly_sold, buy_box_seller`` (values there index ``sellers``). Money in minor units of ``currency``.
    """

    asin: str
    market: str
    version: int
    currency: str
    series: Mapping[str, Series]
    sellers: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """``asin:market``."""
        return f"{self.asin}:{self.market}"


@dataclass(frozen=True, slots=True)
class Update:
    """One product on one marketplace as the consumer hands it over; ``history`` None: keep the old one.

    ``stated`` are the fields that the source says something about, also where that is "none"; None: those that the
    offer has a value for.
    """

    offer: Offer
    history: History | PackedHistory | None
    stated: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ProductState:
    """All that is known of a product as of one change: its offers on all marketplaces, and what users said of it.

    ``change`` is greater after every change of the product, whatever it was; 0 where no arbkit has counted yet.
    """

    asin: str
    change: int
    offers: tuple[Offer, ...]
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity:
    """One evaluated route, in the names and units of the public JSON.

    ``profit``, ``fees`` and every component are in ``currency`` (the profile's home currency) and rounded
    to the cent; ``buy_price`` and ``sell_price`` are shop prices in their marketplaces' currencies.
    """

    asin: str
    title: str | None
    brand: str | None
    category: str | None
    source: str
    target: str
    buy_price: float
    buy_currency: str
    sell_price: float
    sell_currency: str
    price_basis: Mapping[str, str]
    profit: float
    roi_pct: float
    margin_pct: float
    spread_pct: float
    fees: float
    currency: str
    fulfilment: str
    confidence: float
    confidence_reasons: tuple[str, ...]
    data_at: int
    tables_version: str
    profile: str
    evaluated_at: float
    source_url: str
    target_url: str
    demo: bool = False
    amazon_sells: bool | None = None
    """whether Amazon itself offers the product where it would be sold"""
    status: RouteStatus = "opportunity"
    profit_low: float | None = None
    profit_high: float | None = None
    """with the most expensive and the cheapest package that the product may have"""
    warnings: tuple[WarningRow, ...] = ()
    match: MatchRow | None = None
    input_vat: str | None = None
    rank: int | None = None
    rank_drops30: int | None = None
    sellers: int | None = None
    max_buy: float | None = None
    rank_drops90: int | None = None
    monthly_sold: int | None = None
    sellers_fba: int | None = None
    sellers_fbm: int | None = None
    amazon_share90_pct: float | None = None
    amazon_share_basis: ShareBasis | None = None
    sell_avg90: float | None = None
    sell_position_pct: float | None = None
    break_even: float | None = None
    eans: tuple[str, ...] = ()
    profit_chance_pct: float | None = None
    profit_p1: float | None = None
    profit_p10: float | None = None
    profit_p50: float | None = None
    profit_p90: float | None = None
    expected_profit: float | None = None
    expected_profit_per_day_pct: float | None = None
    sold_in_30_days_pct: float | None = None
    days_to_sell_p50: float | None = None
    forecast_version: str | None = None
    forecast_unknown: str | None = None
    decision: DecisionStatus = "new"
    """what was decided about it, as a store that is asked says, with note and time; no part of what is stored"""
    decision_note: str = ""
    decision_at: float | None = None
    components: tuple[ComponentRow, ...] = ()
    run_id: str = ""

    @property
    def id(self) -> str:
        """``asin:source:target``."""
        return f"{self.asin}:{self.source}:{self.target}"

    def to_dict(self) -> JsonObject:
        """The stored document."""
        return {name: getattr(self, name) for name in self.__slots__ if not name.startswith("decision")}

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> Opportunity:
        """The opportunity of a stored document."""
        # arbkit 0.1 knew no ranges.
        fields: dict[str, Any] = {"profit_low": row["profit"], "profit_high": row["profit"], **row}
        fields["confidence_reasons"] = tuple(fields["confidence_reasons"])
        for name in ("components", "warnings", "eans"):
            fields[name] = tuple(fields.get(name) or ())
        return cls(**fields)

    def public(self, *, now: float, components: bool = False) -> JsonObject:
        """In the shape of :class:`~arbkit.core.results.OpportunityOut`, ``data_age_s`` to ``now`` (Unix seconds)."""
        shown = public_json(self.to_dict(), now=now, components=components)
        return {**shown, "decision": {"status": self.decision, "note": self.decision_note, "at": self.decision_at}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a report: the document of ``runs``."""

    run_id: str
    report: str
    status: RunStatus
    started_at: float
    finished_at: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    output: str | None = None
    error: str | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> JsonObject:
        """The stored document, in the shape of :class:`~arbkit.core.results.RunOut`."""
        return asdict(self)
