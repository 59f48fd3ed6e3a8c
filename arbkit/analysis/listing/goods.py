"""Which goods a listing is of, for a match: the facts of an offer, and whether it can be sent at all."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib import resources
from typing import Any

import orjson
from pydantic import JsonValue

from arbkit.analysis.listing.titles import normalize
from arbkit.core.models import Offer
from arbkit.core.results import WarningRow
from arbkit.profit.reason_codes import ReasonCode

_DATA = tomllib.loads(resources.files("arbkit.analysis.listing").joinpath("title_marks.toml").read_text("utf-8"))
_DIGITAL_TYPES, _DIGITAL_CATEGORIES = (frozenset(_DATA["digital"][name]) for name in ("types", "categories"))
_LONGEST_TYPE = 3
"""Words of the longest name of a digital type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The facts of an offer that say which goods it is of; names as in :class:`~arbkit.core.models.Offer`."""

    asin: str
    market: str
    title: str | None = None
    brand: str | None = None
    category: str | None = None
    product_group: str | None = None
    eans: tuple[str, ...] = ()
    image: str | None = None
    product_type: str | None = None
    binding: str | None = None
    parent_asin: str | None = None
    item_count: int | None = None
    package_quantity: int | None = None
    color: str | None = None
    size: str | None = None
    edition: str | None = None
    languages: tuple[str, ...] = ()
    adult: bool | None = None
    hazmat: bool | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    weight_g: int | None = None

    @classmethod
    def of_row(cls, row: Mapping[str, JsonValue]) -> Listing:
        """The listing of a row of a store's frame, where NaN is unknown and lists may be JSON text."""
        cells: dict[str, Any] = {name: _cell(name, row[name]) for name in LISTING_COLUMNS if name in row}
        return cls(**cells)


Goods = Offer | Listing
"""What is compared: a whole offer has all that a listing has."""
LISTING_COLUMNS = tuple(f.name for f in fields(Listing))
"""The fields of an offer that a match looks at."""
_LISTS = frozenset({"eans", "languages"})
_COUNTS = frozenset({"item_count", "package_quantity", "length_mm", "width_mm", "height_mm", "weight_g"})


def _cell(name: str, value: JsonValue) -> JsonValue | tuple[str, ...]:
    if name in _LISTS:
        parts = orjson.loads(value) if isinstance(value, str) and value.startswith("[") else value
        return tuple(map(str, parts)) if isinstance(parts, list | tuple) else ()
    if value is None or value != value:
        return None
    return int(value) if name in _COUNTS and isinstance(value, int | float) else value


def unsellable_reason(goods: Goods) -> ReasonCode | None:
    """Why this listing is of nothing that can be bought and sent; None: nothing says so."""
    if goods.product_type == "parent" or goods.parent_asin == goods.asin:
        return ReasonCode.PARENT_LISTING
    if goods.product_type in ("download", "ebook"):
        return ReasonCode.DIGITAL_GOODS
    types = (goods.binding, goods.product_group, goods.product_type)
    if any(_is_digital(text) for text in types if text) or (goods.category and _is_digital_shelf(goods.category)):
        return ReasonCode.DIGITAL_GOODS
    return ReasonCode.LISTING_UNAVAILABLE if goods.product_type == "unavailable" else None


def restrictions(goods: Goods) -> list[WarningRow]:
    """What a seller needs Amazon's leave for, where the listing says that it is such goods."""
    found: list[WarningRow] = []
    if goods.hazmat:
        found.append(
            {"code": "hazmat", "text": "dangerous goods: Amazon has to approve them before they are sent to FBA"}
        )
    if goods.adult:
        found.append({"code": "adult", "text": "adult goods: they are shown and advertised under rules of their own"})
    return found


@lru_cache(maxsize=1_024)
def _is_digital(text: str) -> bool:
    """Whether a binding or a type is one of digital goods."""
    words = re.findall(r"[a-z0-9]+", normalize(text))
    phrases = (" ".join(words[at : at + n]) for at in range(len(words)) for n in range(1, _LONGEST_TYPE + 1))
    return not _DIGITAL_TYPES.isdisjoint(phrases)


@lru_cache(maxsize=1_024)
def _is_digital_shelf(category: str) -> bool:
    return " ".join(re.findall(r"[a-z0-9]+", normalize(category))) in _DIGITAL_CATEGORIES
