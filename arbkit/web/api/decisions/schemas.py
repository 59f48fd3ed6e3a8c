"""What the endpoints for decisions take and answer."""

from __future__ import annotations

from pydantic import ConfigDict, Field, JsonValue

from arbkit.core.decisions.request import DecisionRequest
from arbkit.core.results import DecisionStatus, Result


class DecisionBody(DecisionRequest):
    """What is decided about a product, one of its routes, or a brand."""

    # Words that are numbers come from command lines; in JSON they are a mistake.
    model_config = ConfigDict(strict=True)


class DecisionOut(Result):
    """A decision; times in Unix seconds, days in UTC. Null where it does not say."""

    key: str = Field(description="what it is kept under: the ASIN, or that of the brand")
    version: int = Field(description="counts the decisions of its key from 1: what a next one saw")
    status: DecisionStatus
    at: float
    asin: str | None
    brand: str | None
    source: str | None = Field(description="with target: on this route alone")
    target: str | None
    title: str | None
    note: str = Field(description="plain text, as somebody typed it")
    by: str = Field(description="the name of the key or of the user")
    until: str | None = Field(description="of a dismissal: it ends on this day")
    rise: float | None = Field(description="of a dismissal: it ends when profit has risen by this")
    until_profit: float | None = Field(description="of a dismissal: it ends at this profit, in currency")
    currency: str | None
    quantity: int | None = Field(description="of a purchase")
    price: float | None = Field(description="of a purchase: of one unit, VAT included, in price_currency")
    price_currency: str | None
    bought_on: str | None
    cancels: int | None = Field(description="the version of the purchase that did not happen after all")
    forecast: dict[str, JsonValue] | None = Field(description="of a purchase: what was expected of a unit then")
    demo: bool


class DecisionNow(DecisionOut):
    """A decision with what it comes to now."""

    status_now: DecisionStatus = Field(description="new where a dismissal has ended")
