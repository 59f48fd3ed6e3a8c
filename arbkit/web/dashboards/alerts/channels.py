"""The channels of ``alerts.toml``: where each goes, what it did last, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from arbkit.alerts.channels.channel_tables import BadChannel, Channel, WebhookAddress
from arbkit.alerts.delivery.plan import DeliveryPlan
from arbkit.core.formatting import age_words
from arbkit.store import Store
from arbkit.store.alerts import AlertRecord, Delivery, DeliveryStatus
from arbkit.store.queries import AlertQuery
from arbkit.web.dashboards.alerts.words import attempts_words

_LATEST = 100
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+]{0,19}(?=://)")
_LOOKED_AT: tuple[DeliveryStatus, ...] = ("sent", "failed", "pending")


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel as the page shows it; ``tone`` colours ``state``, ``limits`` say how often it sends, and when not."""

    name: str
    kind: str
    tone: str
    state: str
    limits: str
    last_sent: str
    last_error: str
    has_test: bool


@dataclass(slots=True)
class ChannelFacts:
    """What the latest alerts say of a channel: when it sent last (Unix seconds), and what failed last."""

    sent_at: float | None = None
    failed: Delivery | None = None
    """the last that it gave up"""
    failing: Delivery | None = None
    """one that is being tried again"""


def read_channel_facts(store: Store) -> dict[str, ChannelFacts]:
    """What the latest alerts of each outcome say of channels, by name.

    Raises:
        StoreError: the store cannot be read.
    """
    pages = (store.alerts(AlertQuery(status=status, limit=_LATEST)).items for status in _LOOKED_AT)
    return channel_facts(record for page in pages for record in page)


def read_sent(store: Store, channels: Iterable[str], *, since: float) -> dict[str, int]:
    """How many alerts each channel has sent since then (Unix seconds), by name.

    Raises:
        StoreError: the store cannot be read.
    """
    return {name: len(store.sent_alerts(name, since=since)) for name in channels}


def channel_facts(records: Iterable[AlertRecord]) -> dict[str, ChannelFacts]:
    """What these alerts say of channels, by name."""
    found: dict[str, ChannelFacts] = {}
    for one in (delivery for record in records for delivery in record.deliveries):
        facts = found.setdefault(one.channel, ChannelFacts())
        if one.status == "sent" and one.at is not None:
            facts.sent_at = max(one.at, facts.sent_at or one.at)
        elif one.status == "failed" and _is_later(one, facts.failed):
            facts.failed = one
        elif one.status == "pending" and one.attempts and one.why:
            facts.failing = one
    return found


def _is_later(one: Delivery, other: Delivery | None) -> bool:
    return other is None or (one.at or 0.0) > (other.at or 0.0)


def channel_rows(
    plan: DeliveryPlan, facts: Mapping[str, ChannelFacts], *, elsewhere: bool, now: float
) -> list[ChannelRow]:
    """A row for each channel, those with a mistake last.

    Args:
        plan: the channels in force.
        facts: what is known of each, by name.
        elsewhere: whether delivery runs with an environment of its own, so that a variable may be missing here alone.
        now: Unix seconds.
    """
    good = [_row(one, plan, facts.get(one.name, ChannelFacts()), now) for one in plan.channels.values()]
    return [*good, *(_bad_row(one, facts.get(one.name, ChannelFacts()), elsewhere, now) for one in plan.bad)]


def _row(channel: Channel, plan: DeliveryPlan, facts: ChannelFacts, now: float) -> ChannelRow:
    tone, state = "good", "works"
    if facts.failing is not None:
        tone, state = "warn", "fails, is tried again"
    elif channel.quiet is not None and channel.quiet.contains(now, plan.zone):
        tone, state = "quiet", f"quiet until {channel.quiet.end:%H:%M}"
    elif facts.sent_at is None and facts.failed is None:
        tone, state = "quiet", "has sent nothing yet"
    elif facts.failed is not None and (facts.failed.at or 0.0) > (facts.sent_at or 0.0):
        tone, state = "bad", "failed last"
    return ChannelRow(
        channel.name, _kind(channel), tone, state, _limits(channel), _sent(facts, now), _error(facts, now), True
    )


def _bad_row(bad: BadChannel, facts: ChannelFacts, elsewhere: bool, now: float) -> ChannelRow:
    name, sent = bad.name, _sent(facts, now)
    if bad.lacks_variable and elsewhere:
        state = f"its address is known to the dispatcher alone: `arbkit alerts test --channel {name}` there tries it"
        return ChannelRow(name, "address of the environment", "quiet", state, "", sent, _error(facts, now), False)
    return ChannelRow(name, "", "bad", f"{bad.error}. Its alerts wait", "", sent, _error(facts, now), False)


def _kind(channel: Channel) -> str:
    """What it is, without anything of its address that may be secret."""
    if isinstance(channel.address, WebhookAddress):
        return "signed webhook"
    scheme = _SCHEME.match(channel.address.url.get_secret_value())
    return f"{scheme[0].lower()}:// through apprise" if scheme else "apprise"


def _limits(channel: Channel) -> str:
    limits = []
    if channel.digest_s is not None:
        limits.append(f"one message in {age_words(channel.digest_s)}")
    if channel.per_hour is not None:
        limits.append(f"at most {channel.per_hour} an hour")
    if channel.quiet is not None:
        limits.append(f"quiet {channel.quiet.begin:%H:%M}-{channel.quiet.end:%H:%M}")
    return ", ".join(limits) or "each at once"


def _sent(facts: ChannelFacts, now: float) -> str:
    return "never lately" if facts.sent_at is None else f"{age_words(max(0.0, now - facts.sent_at))} ago"


def _error(facts: ChannelFacts, now: float) -> str:
    if facts.failing is not None:
        return f"{facts.failing.why} (after {attempts_words(facts.failing.attempts)})"
    if facts.failed is None:
        return "none"
    return f"{facts.failed.why} ({age_words(max(0.0, now - (facts.failed.at or now)))} ago)"
