"""The alert: what the topic ``arbitrage.alerts`` carries, one message each, keyed by ASIN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import orjson
from pydantic import Field, JsonValue, ValidationError

from arbkit.core.errors import BadRecordError
from arbkit.core.input.faults import first_fault
from arbkit.core.results import JsonObject, OpportunityOut, Result
from arbkit.store import Notice
from arbkit.store.alerts import rank
from arbkit.stream import ALERTS_TOPIC

AlertType = Literal[
    "new_opportunity", "price_drop", "margin_increase", "target_price", "amazon_out_of_stock", "ended", "data_problem"
]
_VERSION = 2


class Alert(Result):
    """One announcement. Times in Unix seconds.

    ``id`` stays the same however often the alert is made and published. One of ``data_problem`` is about figures that
    were held back: it is shown, and never sent as an opportunity.
    """

    id: str
    type: AlertType
    at: float
    expires_at: float = Field(description="when it says nothing any more")
    asin: str
    source: str = Field(description="marketplace it is bought on")
    target: str = Field(description="marketplace it is sold on")
    rule: str = Field(description="name of the rule in alerts.toml")
    why: str = Field(description="one sentence with the figures")
    priority: float = Field(
        description="the low end of profit weighted by confidence: what goes first of those without a forecast"
    )
    opportunity: OpportunityOut = Field(description="the route as of the alert; of an ended one as it was last")

    @property
    def rank(self) -> tuple[float, float]:
        """What goes first, the greatest: expected profit per day of capital, where that is unknown the priority."""
        return rank(self.opportunity.expected_profit_per_day_pct, self.priority)

    @property
    def route(self) -> str:
        """``asin:source:target``."""
        return f"{self.asin}:{self.source}:{self.target}"

    def to_dict(self) -> JsonObject:
        """The message, as JSON can hold it."""
        return {"v": _VERSION, **self.model_dump(mode="json", exclude_unset=True)}

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> Self:
        """The alert of a message; fields that only a newer arbkit knows are left out.

        Raises:
            BadRecordError: it is none, or one of another version.
        """
        if row.get("v") != _VERSION:
            raise BadRecordError(f"is not of version {_VERSION}", field="v", value=row.get("v"), remedy="Update arbkit")
        known: dict[str, Any] = {name: row[name] for name in cls.model_fields if name in row}
        if isinstance(route := known.get("opportunity"), Mapping):
            known["opportunity"] = {name: route[name] for name in OpportunityOut.model_fields if name in route}
        try:
            return cls.model_validate(known)
        except ValidationError as error:
            field, why, value = first_fault(error)
            raise BadRecordError(why, field=field or "alert", value=value) from None

    def notice(self) -> Notice:
        """The record that announces it, for the outbox."""
        return Notice(self.id, ALERTS_TOPIC, self.asin, orjson.dumps(self.to_dict()))


def read_alert(value: bytes) -> Alert | None:
    """The alert of a message's bytes; None for one of the first version, which had no rules and is sent to nobody.

    Raises:
        BadRecordError: it is no alert.
    """
    try:
        row = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise BadRecordError("is not JSON", field="alert") from error
    if not isinstance(row, dict):
        raise BadRecordError("is no object", field="alert")
    return None if row.get("v") == 1 else Alert.from_dict(row)
