"""Alerts as a store keeps them: each with what became of it on every channel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

from pydantic import JsonValue

from arbkit.core.results import JsonObject

DeliveryStatus: TypeAlias = Literal["pending", "sent", "failed", "expired", "held", "muted"]
_FIRST_OF: tuple[DeliveryStatus, ...] = ("pending", "failed", "sent", "held", "muted", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of an alert on one channel; ``at`` (Unix seconds) is when that was decided, None while it waits.

    ``attempts`` counts the messages that were tried; ``why`` says why it was not sent, or not yet.
    """

    channel: str
    status: DeliveryStatus = "pending"
    attempts: int = 0
    at: float | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """An alert with its deliveries: the document of ``alerts``. Times in Unix seconds.

    ``document`` is the alert as it is on the topic. ``profit_per_day`` is the expected profit in percent of the capital
    (None: unknown): what goes first is chosen by that, and then by ``priority``. ``received_at`` is when the dispatcher
    read it, ``asked_at`` when it asked for a fresh look before sending; ``why`` says why there are no deliveries.
    """

    id: str
    asin: str
    type: str
    rule: str
    at: float
    expires_at: float
    priority: float
    document: JsonObject
    received_at: float
    deliveries: tuple[Delivery, ...] = ()
    asked_at: float | None = None
    why: str | None = None
    demo: bool = False
    profit_per_day: float | None = None

    @property
    def rank(self) -> tuple[float, float]:
        """What goes first, the greatest; see :func:`rank`."""
        return rank(self.profit_per_day, self.priority)

    @property
    def status(self) -> DeliveryStatus:
        """What became of it on all channels together: ``pending`` before ``failed`` before ``sent`` before the rest."""
        found = {delivery.status for delivery in self.deliveries}
        return next((status for status in _FIRST_OF if status in found), "held")

    def delivery(self, channel: str) -> Delivery | None:
        """What became of it on this channel; None where it does not go there."""
        return next((one for one in self.deliveries if one.channel == channel), None)

    def with_delivery(self, changed: Delivery) -> AlertRecord:
        """The same with this in place of what became of it on that channel."""
        rest = (changed if one.channel == changed.channel else one for one in self.deliveries)
        return replace(self, deliveries=tuple(rest))

    def to_dict(self) -> JsonObject:
        """The stored document."""
        shown: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return {**shown, "deliveries": [asdict(one) for one in self.deliveries]}

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> AlertRecord:
        """The record of a stored document."""
        fields: dict[str, Any] = dict(row)
        fields["deliveries"] = tuple(Delivery(**one) for one in fields["deliveries"])
        return cls(**fields)


def rank(profit_per_day: float | None, priority: float) -> tuple[float, float]:
    """What goes first, the greatest: the most profit per day of capital; those of which it is unknown, by priority."""
    return (-math.inf if profit_per_day is None else profit_per_day, priority)


@dataclass(frozen=True, slots=True)
class SentAlert:
    """That an alert of this rule was sent at ``at`` (Unix seconds); those of one message have the same time."""

    rule: str
    at: float
