"""Which of the alerts that wait for a channel go now, and in which messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

from arbkit.alerts.channels.channel_tables import Channel
from arbkit.alerts.channels.quiet_hours import start_of_day
from arbkit.alerts.delivery.plan import DeliveryPlan
from arbkit.store.alerts import AlertRecord, SentAlert

MOST_IN_DIGEST = 50
_DIGEST = "digest"
_HOUR_S = 3_600.0


def messages_left(channel: Channel, sent: Iterable[SentAlert], in_flight: int, *, now: float) -> int | None:
    """How many messages a channel may still send in this hour, beside those that it is sending; None: any number."""
    if channel.per_hour is None:
        return None
    # Those of one message have one time. What is ahead of the clock was sent before that was set back.
    return max(0, channel.per_hour - in_flight - len({one.at for one in sent if now - _HOUR_S < one.at <= now}))


def alerts_left(
    plan: DeliveryPlan, sent: Iterable[SentAlert], in_flight: Iterable[str], *, now: float
) -> dict[str, int]:
    """Rule → how many of its alerts a channel may still send today, of the rules that limit it.

    Args:
        plan: with the rules.
        sent: what the channel has sent.
        in_flight: the rules of what it is sending.
        now: Unix seconds.
    """
    began = start_of_day(now, plan.zone)
    used = Counter(one.rule for one in sent if began <= one.at <= now) + Counter(in_flight)
    limits = {name: rule.per_day for name, rule in plan.rules.items()}
    return {name: max(0, most - used[name]) for name, most in limits.items() if most is not None}


def within_limits(waiting: Sequence[AlertRecord], left: Mapping[str, int]) -> list[AlertRecord]:
    """Those that the daily limits of their rules let go, the first ones first."""
    remaining, taken = dict(left), []
    for record in waiting:
        if remaining.get(record.rule, 1) > 0:
            taken.append(record)
            if record.rule in remaining:
                remaining[record.rule] -= 1
    return taken


def digest_wait_s(channel: Channel, waiting: Sequence[AlertRecord], last_digest_at: float, *, now: float) -> float:
    """Seconds until the digest of these is due; 0 where it is, or the channel has none.

    One begins with the first alert that waits, and comes no sooner after another than its time.
    """
    if channel.digest_s is None or not waiting:
        return 0.0
    began = max(min(record.received_at for record in waiting), last_digest_at)
    passed = now - began
    # A clock that was set back must not keep it waiting.
    return channel.digest_s - passed if 0 <= passed < channel.digest_s else 0.0


def message_of(channel: Channel, record: AlertRecord, zone: ZoneInfo) -> str:
    """What the alerts have in common that go in one message: a digest, the quiet hours in which they came, a product.

    One that failed before goes alone: it may be what the channel refuses, and is to take no other with it.
    """
    if channel.digest_s is not None:
        return _DIGEST
    if channel.quiet is not None and channel.quiet.contains(record.received_at, zone):
        return _DIGEST
    delivery = record.delivery(channel.name)
    return f"alert {record.id}" if delivery is not None and delivery.attempts else f"product {record.asin}"


def grouped(channel: Channel, ready: Iterable[AlertRecord], zone: ZoneInfo) -> list[list[AlertRecord]]:
    """These alerts by message, in each the best first; a digest comes before the others."""
    by_message: dict[str, list[AlertRecord]] = {_DIGEST: []}
    for record in ready:
        by_message.setdefault(message_of(channel, record, zone), []).append(record)
    together = (sorted(records, key=lambda record: record.rank, reverse=True) for records in by_message.values())
    return [records[at : at + MOST_IN_DIGEST] for records in together for at in range(0, len(records), MOST_IN_DIGEST)]


def kind_of(record: AlertRecord) -> tuple[str, ...]:
    """What an alert has in common with a newer one that says the same again: route, rule and type."""
    route = (record.document.get("source"), record.document.get("target"))
    return (record.asin, *map(str, route), record.rule, record.type)


def newest_of(records: Iterable[AlertRecord]) -> dict[tuple[str, ...], AlertRecord]:
    """The newest alert of each kind, as :func:`kind_of` tells them apart."""
    return {kind_of(record): record for record in sorted(records, key=lambda record: record.at)}
