"""What became of alerts, for people and scripts."""

from __future__ import annotations

from typing import get_args

from pydantic import Field

from arbkit.alerts.alert import AlertType
from arbkit.core.errors import StoreError, UsageError, did_you_mean
from arbkit.core.results import JsonObject, Result
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.alerts import AlertRecord, DeliveryStatus
from arbkit.store.queries import AlertQuery

TYPES: tuple[AlertType, ...] = get_args(AlertType)
"""Every type of alert."""


class DeliveryShown(Result):
    """What became of an alert on one channel; ``at`` (Unix seconds) is null while it waits."""

    channel: str
    status: DeliveryStatus
    attempts: int
    at: float | None
    why: str | None = Field(description="why it was not sent, or not yet")


class AlertShown(Result):
    """An alert with what became of it. Times in Unix seconds."""

    id: str
    type: str
    rule: str
    asin: str
    at: float
    expires_at: float
    received_at: float
    priority: float
    status: DeliveryStatus = Field(description="of all channels together: what still waits before what failed")
    why: str | None = Field(description="why it goes to no channel; null: it does, or did")
    deliveries: list[DeliveryShown]
    alert: JsonObject = Field(description="the alert as it is on the topic")


class AlertHistory(Result):
    """Alerts of a query, on one page."""

    items: list[AlertShown]
    total: int
    next: str | None = Field(description="cursor of the next page; null: there is none")


def check_type(word: str) -> AlertType:
    """The type of alerts of this name.

    Raises:
        UsageError: there is none; names the nearest, or all.
    """
    found = {str(one): one for one in TYPES}.get(word)
    if found is None:
        remedy = did_you_mean(word, TYPES, otherwise="Use one of")
        raise UsageError("no such type of alert", field="type", value=word, remedy=remedy)
    return found


def read_history(settings: Settings, query: AlertQuery) -> AlertHistory:
    """The alerts that a query finds; none where nothing has been stored yet.

    Raises:
        UsageError: the query contradicts itself, or its cursor is of another order.
        StoreError: the store cannot be read.
    """
    try:
        with open_store(settings, read_only=True) as store:
            page = store.alerts(query)
    except StoreError as error:
        if error.kind != "empty":
            raise
        return AlertHistory(items=[], total=0, next=None)
    return AlertHistory(items=[show(record) for record in page.items], total=page.total, next=page.next)


def show(record: AlertRecord) -> AlertShown:
    """A kept alert as people and scripts see it."""
    deliveries = [
        DeliveryShown(channel=d.channel, status=d.status, attempts=d.attempts, at=d.at, why=d.why)
        for d in record.deliveries
    ]
    return AlertShown(
        id=record.id,
        type=record.type,
        rule=record.rule,
        asin=record.asin,
        at=record.at,
        expires_at=record.expires_at,
        received_at=record.received_at,
        priority=record.priority,
        status=record.status,
        why=record.why,
        deliveries=deliveries,
        alert=dict(record.document),
    )
