"""The facts of an offer: the fields that only make sense together, and where and when each was true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, get_args

from arbkit.core.models import FieldValue, Offer, Origin

ORIGIN_RANKS: Mapping[str, int] = {"demo": 0, "export": 1, "raw": 2, "keepa": 3}
"""Origin → its rank: of two facts of the same time that of the higher one holds."""
NAMES = tuple(Offer.__slots__)
POSITION: Mapping[str, int] = {name: position for position, name in enumerate(NAMES)}
read_values = attrgetter(*NAMES)
"""The values of an offer in the order of :data:`NAMES`."""

DERIVED = (
    "price_minor", "price_basis", "price_at", "shipping_minor", "price_avg30_minor", "price_avg90_minor",
    "price_avg180_minor",
)  # fmt: skip
"""Fields that follow from those of the price that is used."""
HEADER = frozenset(
    {"asin", "market", "version", "origin", "fetched_at", "updated_at", "currency", "vat_class", "notes", "stamps"}
)  # fmt: skip
"""Fields of the offer as a whole."""


class Stamp(NamedTuple):
    """When a fact was true (Unix seconds), and who said so."""

    at: int
    origin: Origin


class Group(NamedTuple):
    """Fields that hold together, by position; the first of ``lead`` names the group.

    One of ``lead`` says whether anything is stated; ``at`` is the field that holds the time of the fact (None: that of
    the offer); a ``whole`` group that is complete holds against one that is not; Keepa's products say something about
    an ``always`` group also where they say nothing.
    """

    name: str
    all: tuple[int, ...]
    lead: tuple[int, ...]
    at: int | None = None
    whole: bool = False
    always: bool = False


def _group(*names: str, more: tuple[str, ...] = (), at: str = "", whole: bool = False, always: bool = False) -> Group:
    lead = tuple(POSITION[name] for name in names)
    rest = tuple(POSITION[name] for name in more)
    return Group(names[0], lead + rest, lead, POSITION[at] if at else None, whole, always)


def _averages(price: str) -> Group:
    return _group(*(f"{price}_avg{days}_minor" for days in (30, 90, 180)))


TOGETHER: tuple[Group, ...] = (
    _group("category", "category_path"),
    _group("buy_box_minor", "buy_box_at", more=("buy_box_shipping_minor",), at="buy_box_at"),
    _group("buy_box_seller", "buy_box_is_amazon", "buy_box_is_fba", at="buy_box_at"),
    _averages("buy_box"),
    _group("new_minor", "new_at", more=("new_shipping_minor",), at="new_at"),
    _averages("new"),
    _group("amazon_minor", "amazon_at", at="amazon_at"),
    _averages("amazon"),
    # Keepa's product says nothing of a coupon that has ended.
    _group("coupon_minor", "coupon_pct", always=True),
    _group("sales_rank", "sales_rank_at", at="sales_rank_at"),
    _group("offers_new", "offers_new_at", at="offers_new_at"),
    _group("offers_fba", "offers_fbm"),
    _group("length_mm", "width_mm", "height_mm", whole=True),
    _group("item_length_mm", "item_width_mm", "item_height_mm", whole=True),
    _group("keepa_fba_fee_minor", "keepa_fba_fee_at", at="keepa_fba_fee_at"),
    # Of one history at one time.
    _group(
        "new_days90", "new_changed90_pct", "new_below90_pct", "new_low90_minor", "new_high90_minor",
        "new_median90_minor", "rank_mean90", "rank_days90", "rank_looks90", "rank_falls90", "buy_box_holders90",
        "amazon_days90", "amazon_absent90_pct", "amazon_switches90", "sale_price_minor", "sale_price_sales",
    ),
)  # fmt: skip
_TAKEN = {position for group in TOGETHER for position in group.all}
ALONE = tuple(
    _group(f.name) for f in fields(Offer) if POSITION[f.name] not in _TAKEN and f.name not in HEADER | {*DERIVED}
)
"""The fields that stand alone, each as a group."""
GROUPS = TOGETHER + ALONE
_GROUP_OF = {NAMES[position]: index for index, group in enumerate(GROUPS) for position in group.all}
_UPDATED_AT, _ORIGIN, _STAMPS = (POSITION[name] for name in ("updated_at", "origin", "stamps"))
_KEEPA = frozenset({"keepa", "raw", "demo"})
_ORIGINS: Mapping[str, Origin] = {name: name for name in get_args(Origin)}


def group_name(field: str) -> str:
    """The name under which stamps have the fact that this field of an offer is part of.

    Raises:
        KeyError: it is no fact.
    """
    return GROUPS[_GROUP_OF[field]].name


def fact_stamp(offer: Offer, field: str) -> Stamp | None:
    """When and by whom a field of the offer was said; None if nobody has said anything about it.

    Raises:
        KeyError: it is no fact: part of the offer as a whole, or derived from the price that is used.
    """
    values = read_values(offer)
    return default_stamp(values, GROUPS[_GROUP_OF[field]]) if not offer.stamps else stamps_of(values)[_GROUP_OF[field]]


def stamps_of(values: Sequence[FieldValue]) -> list[Stamp | None]:
    """The stamp of each of :data:`GROUPS`; None where nothing is stated."""
    row: Sequence[Any] = values
    explicit = parsed_stamps(row[_STAMPS])
    if not explicit:
        return [default_stamp(values, group) for group in GROUPS]
    return [explicit.get(group.name) or default_stamp(values, group) for group in GROUPS]


def default_stamp(values: Sequence[FieldValue], group: Group) -> Stamp | None:
    """The stamp of a group that has none of its own in ``stamps``."""
    at = default_time(values, group)
    row: Sequence[Any] = values
    return None if at is None else Stamp(at, row[_ORIGIN])


def default_time(values: Sequence[FieldValue], group: Group) -> int | None:
    """The time of :func:`default_stamp`."""
    row: Sequence[Any] = values
    for position in group.lead:
        value = row[position]
        if value is not None and value != ():
            at: int | None = None if group.at is None else row[group.at]
            updated_at: int = row[_UPDATED_AT]
            return updated_at if at is None else at
    return int(row[_UPDATED_AT]) if group.always and row[_ORIGIN] in _KEEPA else None


def is_known(value: FieldValue) -> bool:
    """Whether a field has a value."""
    return value is not None and value != ()


def packed(name: str, stamp: Stamp) -> str:
    """A stamp as an offer holds it: ``field@time:origin``."""
    return f"{name}@{stamp.at}:{stamp.origin}"


@lru_cache(maxsize=4_096)
def parsed_stamps(stamps: tuple[str, ...]) -> Mapping[str, Stamp]:
    """The stamps that an offer holds, by group."""
    found = {}
    for text in stamps:
        name, _, rest = text.partition("@")
        at, _, origin = rest.partition(":")
        found[name] = Stamp(int(at), _ORIGINS[origin])
    return found
