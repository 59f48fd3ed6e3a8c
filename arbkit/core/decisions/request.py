"""What somebody wants to decide: checked before anything is looked up."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from arbkit.core.decisions.event import NOTE_LENGTH
from arbkit.core.errors import UsageError
from arbkit.core.input.filters import Asin
from arbkit.core.input.validation import Day, Request
from arbkit.core.marketplaces import MarketCode
from arbkit.core.results import DecisionStatus

_LONGEST_BRAND = 200
"""Characters; it is part of what the decision is kept under."""


def _fault(field: str, why: str, remedy: str) -> ValueError:
    error = ValueError(f"{field}: {why}")
    error.__cause__ = UsageError(why, field=field, remedy=remedy)
    return error


def _note(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if len(text) > NOTE_LENGTH:
        raise ValueError(f"has {len(text):,} characters, and a note takes {NOTE_LENGTH:,}")
    if any(not (char.isprintable() or char in "\n\t") for char in text):
        raise ValueError("is no plain text: it holds control characters")
    return text


class DecisionRequest(Request):
    """A decision on a product, on one of its routes (``source`` and ``target``), or on a brand."""

    status: DecisionStatus = Field(
        description="new (ends what was decided), looked_at, buy_list, bought, dismissed, or of a brand: blocked"
    )
    asin: Asin | None = Field(None, description="the product; or give a brand")
    brand: str | None = Field(
        None, min_length=1, max_length=_LONGEST_BRAND, description="a brand to block, or to end that"
    )
    source: MarketCode | None = Field(None, description="marketplace it is bought on; with target: only this route")
    target: MarketCode | None = Field(None, description="marketplace it is sold on")
    note: Annotated[str, AfterValidator(_note)] = Field(
        "", description=f"plain text of at most {NOTE_LENGTH:,} characters"
    )
    until: Day | None = Field(None, description="of a dismissal: the day on which it ends, as 2027-01-31 (UTC)")
    rise: float | None = Field(
        None, gt=0, le=1_000_000, description="of a dismissal: it ends when profit has risen by this, in home currency"
    )
    quantity: int | None = Field(None, ge=1, le=1_000_000, description="of a purchase: how many units")
    price: float | None = Field(None, ge=0, le=10_000_000, description="of a purchase: paid for one unit, VAT included")
    currency: str | None = Field(
        None, pattern="^[A-Z]{3}$", description="of a purchase: of the price; default: that of source"
    )
    bought_on: Day | None = Field(None, description="of a purchase: the day, as 2026-11-27; default: today (UTC)")
    cancels: int | None = Field(
        None, ge=1, description="of new: the version of one purchase that did not happen; all else stays"
    )
    seen: int | None = Field(
        None,
        ge=0,
        description="version of the last decision that was seen, 0 for none: refused if somebody has decided since; "
        "default: whatever there is",
    )

    @property
    def is_on_one_route(self) -> bool:
        """Whether it is on one route of a product."""
        return self.source is not None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """What belongs together."""
        if (self.asin is None) == (self.brand is None):
            raise _fault("asin", "names no product, or a product and a brand", "Give asin or brand")
        if (self.brand is None) == (self.status == "blocked") or (self.brand and self.status not in ("blocked", "new")):
            raise _fault(
                "status", "brands are blocked, and only they", "Give brand with blocked, or with new to end it"
            )
        if (self.source is None) != (self.target is None) or (self.source and self.brand):
            raise _fault("source", "a route has a source and a target", "Give both, or none for all routes")
        if self.source is not None and self.source == self.target:
            raise _fault("target", "is where it is bought", "Give two marketplaces")
        self._only("new", cancels=self.cancels)
        if self.cancels is not None and (self.brand or self.source):
            raise _fault("cancels", "names a purchase, which has its route", "Give asin and cancels alone")
        self._only("dismissed", until=self.until, rise=self.rise)
        bought = {"quantity": self.quantity, "price": self.price}
        self._only("bought", **bought, currency=self.currency, bought_on=self.bought_on)
        if self.status == "bought":
            missing = next((name for name, value in (*bought.items(), ("source", self.source)) if value is None), None)
            if missing is not None:
                raise _fault(missing, "is missing", "A purchase has source, target, units bought and the price of one")
        return self

    def _only(self, status: DecisionStatus, **given: date | float | str | None) -> None:
        name = next((name for name, value in given.items() if value is not None), None)
        if self.status != status and name is not None:
            raise _fault(name, f"belongs to {status}", f"Leave it out, or give status {status}")
