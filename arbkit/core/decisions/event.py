"""A decision, as it is kept: an event in the history of a product or a brand."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import JsonValue

from arbkit.core.errors import UsageError
from arbkit.core.results import DecisionStatus, JsonObject

STATUSES: tuple[DecisionStatus, ...] = get_args(DecisionStatus)
OPEN_STATUSES: tuple[DecisionStatus, ...] = ("new", "looked_at", "buy_list", "bought")
"""Those of the routes that somebody may still want to buy."""
STATUS_WORDS: Mapping[str, str] = {
    "new": "new", "looked_at": "looked at", "buy_list": "buy list", "bought": "bought", "dismissed": "dismissed",
    "blocked": "blocked brand",
}  # fmt: skip
NOTE_LENGTH = 2_000
"""Characters of a note."""
_BRAND = "brand:"
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def folded_brand(brand: str) -> str:
    """A brand as brands are compared: without regard to the case of the letters A to Z, as every store can."""
    return brand.strip().translate(_LOWER)


def brand_key(brand: str) -> str:
    """What the decisions on a brand are kept under."""
    return _BRAND + folded_brand(brand)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision on one route of a product, on all of them (``source`` and ``target`` None), or on a brand.

    ``key`` is the ASIN or that of the brand. ``version`` counts the decisions under it from 1: two people who saw the
    same one cannot both add the next. ``at`` is in Unix seconds.

    A dismissal holds before the day ``until`` and while a route's profit is below ``until_profit`` (in ``currency``),
    which is what it was (of a product: the best of its routes) and a rise of ``rise``; None: that does not end it.
    A purchase is of ``quantity`` units at ``price`` each, VAT included, in ``price_currency``, on ``bought_on``;
    ``forecast`` is what was expected of a unit then. ``cancels`` is the version of the purchase that did not happen
    after all, which the decision then repeats; its status is new.
    """

    key: str
    version: int
    status: DecisionStatus
    at: float
    asin: str | None = None
    brand: str | None = None
    source: str | None = None
    target: str | None = None
    title: str | None = None
    note: str = ""
    by: str = ""
    until: str | None = None
    rise: float | None = None
    until_profit: float | None = None
    currency: str | None = None
    quantity: int | None = None
    price: float | None = None
    price_currency: str | None = None
    bought_on: str | None = None
    cancels: int | None = None
    forecast: JsonObject | None = None
    demo: bool = False

    @property
    def id(self) -> str:
        """One of each version under a key."""
        return f"{self.key}:{self.version}"

    @property
    def route(self) -> str | None:
        """``asin:source:target``; None where it is not on one route."""
        return f"{self.asin}:{self.source}:{self.target}" if self.source else None

    @property
    def scope(self) -> str:
        """The route, or empty for all; of a cancellation one of its own: it is no decision on the route."""
        return self.route or "" if self.cancels is None else f"cancels:{self.cancels}"

    @property
    def words(self) -> str:
        """What was decided."""
        return STATUS_WORDS[self.status] if self.cancels is None else "purchase cancelled"

    @property
    def what(self) -> str:
        """What it is about, in words."""
        if self.brand is not None:
            return f"brand {self.brand}"
        return f"{self.asin} {self.source} → {self.target}" if self.source else f"{self.asin}, all routes"

    def to_dict(self) -> JsonObject:
        """The stored document."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> Decision:
        """The decision of a stored document, without what another arbkit keeps beside it.

        Raises:
            KeyError, TypeError: it is none.
        """
        fields: dict[str, Any] = {name: row[name] for name in cls.__slots__ if name in row}
        return cls(**fields)


class DecisionConflictError(UsageError):
    """Somebody else decided first; ``first`` is what they decided."""

    def __init__(self, first: Decision) -> None:
        self.first = first
        by = f" by {first.by}" if first.by else ""
        note = f", “{first.note[:80]}”" if first.note else ""
        why = f"was decided{by} meanwhile: {first.words} ({first.what}{note})"
        super().__init__(why, field="decision", remedy=f"Look at it, then decide again on version {first.version}")
