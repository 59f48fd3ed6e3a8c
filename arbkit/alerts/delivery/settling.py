"""What becomes of the alerts that wait for a channel before any is sent: expired, muted, held, or as it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from arbkit.alerts.alert import Alert
from arbkit.alerts.channels.channel_tables import Channel
from arbkit.alerts.channels.message import Shown
from arbkit.alerts.delivery.plan import DeliveryPlan
from arbkit.alerts.delivery.recheck import (
    Verdict,
    after_look,
    as_stored,
    ask_for_looks,
    needs_look,
    not_looked_at,
    stored_route,
)
from arbkit.alerts.delivery.selection import MOST_IN_DIGEST, kind_of, message_of
from arbkit.core.errors import BadRecordError
from arbkit.core.offers.looks import Look
from arbkit.core.settings import Settings
from arbkit.store import Store
from arbkit.store.alerts import AlertRecord, Delivery, DeliveryStatus
from arbkit.store.queries import AlertQuery

_DELAYED_S = 600.0
"""After how long an alert is sent with the figures that are stored now, if they still make it one."""


@dataclass(frozen=True, slots=True)
class Ready:
    """An alert that may go, and as what it is shown."""

    record: AlertRecord
    shown: Shown


@dataclass(slots=True)
class Settled:
    """``ready`` may go, ``changed`` are to be kept as they are now, and ``decided`` is what became of some."""

    ready: list[Ready] = field(default_factory=list)
    changed: list[AlertRecord] = field(default_factory=list)
    decided: list[DeliveryStatus] = field(default_factory=list)


@dataclass
class Settling:
    """What it is settled with: the ``channel`` that they wait for, and the Unix time ``now``.

    ``newest`` has the newest of each kind of all that waits for the channel, also of what it is sending now.
    """

    settings: Settings
    store: Store
    plan: DeliveryPlan
    channel: Channel
    now: float
    newest: Mapping[tuple[str, ...], AlertRecord] = field(default_factory=dict)

    @cached_property
    def looks(self) -> list[Look]:
        """All looks of the store, read once."""
        return self.store.looks()


def settle(waiting: Iterable[AlertRecord], by: Settling, *, messages: int) -> Settled:
    """What becomes of these now, until as many ``messages`` may go; what is in none of its lists goes on waiting.

    An alert that another of its message goes with is one of that message, however far behind it waits.

    Raises:
        StoreError: the store cannot be used.
    """
    found, sizes = Settled(), Counter[str]()
    for record in waiting:
        message = message_of(by.channel, record, by.plan.zone)
        if sizes[message] >= MOST_IN_DIGEST or (message not in sizes and len(sizes) >= messages):
            continue
        if record.expires_at <= by.now:
            _decide(record, "expired", "expired before it could be sent", by, found)
        elif by.plan.is_muted(record.rule, by.now):
            _decide(record, "muted", "its rule is muted", by, found)
        elif (alert := _alert_of(record)) is None:
            _decide(record, "held", "this version of arbkit cannot read it", by, found)
        elif _is_superseded(record, by):
            _decide(record, "held", "a newer alert of the same route, rule and type goes in its place", by, found)
        elif _is_ready(record, alert, by, found):
            sizes[message] += 1
    return found


def _is_superseded(record: AlertRecord, by: Settling) -> bool:
    """Whether a newer alert says the same again, which waits too or went while this one had to wait."""
    newest = by.newest.get(kind_of(record), record)
    if newest.at > record.at:
        return True
    before = record.delivery(by.channel.name)
    if not (before is not None and before.attempts) and not _is_delayed(record, by.now):
        return False
    later = by.store.alerts(AlertQuery(asin=record.asin, rule=record.rule, type=record.type, since=record.at)).items
    return any(
        one.at > record.at
        and kind_of(one) == kind_of(record)
        and (delivery := one.delivery(by.channel.name)) is not None
        and delivery.status == "sent"
        for one in later
    )


def _is_delayed(record: AlertRecord, now: float) -> bool:
    # A clock that was set back says nothing of how long it has waited.
    return not 0 <= now - record.received_at < _DELAYED_S


def _alert_of(record: AlertRecord) -> Alert | None:
    """The alert that was kept; None where another version of arbkit has kept it in a form of its own."""
    try:
        return Alert.from_dict(record.document)
    except BadRecordError:
        return None


def _decide(record: AlertRecord, status: DeliveryStatus, why: str, by: Settling, found: Settled) -> None:
    before = record.delivery(by.channel.name) or Delivery(channel=by.channel.name)
    found.changed.append(record.with_delivery(replace(before, status=status, at=by.now, why=why)))
    found.decided.append(status)


def _is_ready(record: AlertRecord, alert: Alert, by: Settling, found: Settled) -> bool:
    """Whether it may go now; else it is decided what becomes of it, or it waits."""
    verdict = _verdict(record, alert, by, found)
    if verdict.why is not None:
        _decide(record, "held", verdict.why, by, found)
    elif verdict.shown is not None:
        found.ready.append(Ready(record, verdict.shown))
        return True
    return False


def _verdict(record: AlertRecord, alert: Alert, by: Settling, found: Settled) -> Verdict:
    rule = by.plan.rules.get(record.rule)
    if rule is not None and record.asked_at is not None:
        return after_look(by.store, record, alert, rule, by.looks, now=by.now)
    if rule is not None and rule.recheck is not None and needs_look(alert, rule.recheck, now=by.now):
        refused = ask_for_looks(by.settings, by.store, alert)
        if refused is not None:
            return not_looked_at(alert, rule.recheck, refused, now=by.now)
        found.changed.append(replace(record, asked_at=by.now))
        return Verdict()
    if by.channel.digest_s is not None or _is_delayed(record, by.now):
        return as_stored(alert, rule, stored_route(by.store, alert), now=by.now)
    return Verdict(Shown.as_made(alert, by.now))
