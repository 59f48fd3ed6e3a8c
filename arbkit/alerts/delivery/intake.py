"""From the topic into the store: every alert with the channels that it goes to, or why it goes to none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from arbkit.alerts.alert import Alert
from arbkit.alerts.delivery.plan import RULE_OF_VERSION_1, DeliveryPlan
from arbkit.core.errors import BadRecordError, UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.marketplaces import market
from arbkit.pipeline.decode import DAMAGED
from arbkit.store import Store
from arbkit.store.alerts import AlertRecord, Delivery
from arbkit.stream import Message
from arbkit.stream.dead_letters import attempts, is_damaged

NO_CHANNEL = "no channel is set up for it in alerts.toml"


@dataclass(slots=True)
class Intake:
    """What a batch of messages holds: alerts, the ids of those that were dead letters, and what is none, and why."""

    records: list[AlertRecord] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list)
    rejected: list[tuple[Message, str]] = field(default_factory=list)


def read_messages(messages: Iterable[Message], plan: DeliveryPlan, *, now: float) -> Intake:
    """The alerts of these messages, to be delivered as the plan says; ``now`` in Unix seconds."""
    taken = Intake()
    for message in messages:
        try:
            alert = _read(message)
        except BadRecordError as error:
            taken.rejected.append((message, str(error)))
            continue
        taken.records.append(record_of(alert, plan, now=now))
        if attempts(message.headers):
            taken.replayed.append(alert.id)
    return taken


def keep(store: Store, taken: Intake) -> None:
    """Keep the alerts of a batch; what failed on a channel and was sent back from the dead letters waits again.

    Raises:
        StoreError: not all is kept; it may be tried again.
    """
    store.add_alerts(taken.records)
    if taken.replayed:
        store.put_alerts([revived for record in store.alerts_of(taken.replayed) if (revived := _revived(record))])


def record_of(alert: Alert, plan: DeliveryPlan, *, now: float) -> AlertRecord:
    """The alert as the store keeps it, received at ``now`` (Unix seconds)."""
    deliveries: Sequence[Delivery] = ()
    why = None
    if alert.type == "data_problem":
        why = f"suspicious data: {alert.why}"
    elif names := plan.channels_of(alert.rule):
        deliveries = [_delivery(alert, name, plan, now) for name in names]
    else:
        why = NO_CHANNEL
    return AlertRecord(
        id=alert.id,
        asin=alert.asin,
        type=alert.type,
        rule=alert.rule,
        at=alert.at,
        expires_at=alert.expires_at,
        priority=alert.priority,
        document=alert.to_dict(),
        received_at=now,
        deliveries=tuple(deliveries),
        why=why,
        demo=alert.opportunity.demo,
        profit_per_day=alert.opportunity.expected_profit_per_day_pct,
    )


def _delivery(alert: Alert, channel: str, plan: DeliveryPlan, now: float) -> Delivery:
    if plan.is_muted(alert.rule, now):
        return Delivery(channel=channel, status="muted", at=now, why="its rule is muted")
    if alert.expires_at <= now:
        return Delivery(channel=channel, status="expired", at=now, why="had expired when it was read")
    return Delivery(channel=channel)


def _revived(record: AlertRecord) -> AlertRecord | None:
    if not any(one.status == "failed" for one in record.deliveries):
        return None
    again = [Delivery(channel=d.channel) if d.status == "failed" else d for d in record.deliveries]
    return replace(record, deliveries=tuple(again))


def _read(message: Message) -> Alert:
    """The alert of a message.

    Raises:
        BadRecordError: it is none that could be sent.
    """
    if is_damaged(message):
        raise BadRecordError(DAMAGED)
    try:
        row = orjson.loads(message.value)
    except orjson.JSONDecodeError:
        raise BadRecordError("is not JSON", field="alert") from None
    if not isinstance(row, dict):
        raise BadRecordError("is no object", field="alert")
    alert = Alert.from_dict(_of_version_1(row) if row.get("v") == 1 else row)
    try:
        if parse_asin(alert.asin) != alert.asin or {alert.source, alert.target} - {
            market(alert.source).code,
            market(alert.target).code,
        }:
            raise BadRecordError("names no route as arbkit writes them", field="alert", value=alert.route)
    except UsageError as error:
        raise BadRecordError(error.why, field=error.field, value=error.value) from None
    return alert


def _of_version_1(row: dict[str, Any]) -> dict[str, Any]:
    """An alert of arbkit 0.1, which announced every new opportunity, as one of today."""
    route = row.get("opportunity")
    route = route if isinstance(route, dict) else {}
    # It knew no ranges, warnings and much else.
    unknown = dict.fromkeys(("profit_low", "profit_high", "match", "input_vat", "rank", "rank_drops30", "sellers",
                             "max_buy", "amazon_sells"))  # fmt: skip
    return {
        **row,
        "v": 2,
        "type": "new_opportunity",
        "rule": RULE_OF_VERSION_1,
        "why": "an opportunity that was none before",
        "source": route.get("source"),
        "target": route.get("target"),
        "opportunity": {"status": "opportunity", "warnings": [], "demo": False, **unknown, **route},
    }
