"""All channels of a dispatcher: what waits for each is settled here, handed to its lane, and noted as it went."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import Empty, Queue

import orjson

from arbkit.alerts.channels.message import compose, dashboards_address
from arbkit.alerts.channels.quiet_hours import start_of_day
from arbkit.alerts.channels.senders import open_sender
from arbkit.alerts.delivery.bursts import Bursts
from arbkit.alerts.delivery.lane import MAX_ATTEMPTS, MAX_REFUSALS, Lane, Outcome
from arbkit.alerts.delivery.plan import DeliveryPlan
from arbkit.alerts.delivery.selection import (
    alerts_left,
    digest_wait_s,
    grouped,
    messages_left,
    newest_of,
    within_limits,
)
from arbkit.alerts.delivery.settling import Ready, Settling, settle
from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings
from arbkit.store import Store
from arbkit.store.alerts import AlertRecord, Delivery, DeliveryStatus, SentAlert
from arbkit.store.queries import AlertQuery
from arbkit.stream import ALERTS_TOPIC, Record, Stream, dead_letter_topic
from arbkit.stream.dead_letters import rejected_record

logger = logging.getLogger(__name__)

_AT_ONCE = 300
_FIRST_LOOK = 32
"""Of what waits for a channel so many are looked at first, and more only where these must go on waiting."""
_IDLE_LOOK_S = 1.0
_QUIET_LOOK_S = 20.0
_LONGEST_LOOK_S = 10.0
_TIDY_EVERY_S = 60.0
_FORGET_EVERY_S = 3_600.0
_HOUR_S = 3_600.0


@dataclass(slots=True)
class Delivered:
    """Alerts that were ``received``, and deliveries by what became of them; one that waits is in none of these."""

    received: int = 0
    sent: int = 0
    failed: int = 0
    held: int = 0
    expired: int = 0
    muted: int = 0

    def count(self, status: DeliveryStatus) -> None:
        """One more delivery of this status; one that waits is not counted."""
        match status:
            case "sent":
                self.sent += 1
            case "failed":
                self.failed += 1
            case "held":
                self.held += 1
            case "expired":
                self.expired += 1
            case "muted":
                self.muted += 1
            case "pending":
                pass


class Lanes:
    """The lanes of the channels that the plan names; for one thread."""

    def __init__(self, settings: Settings, stream: Stream, store: Store, delivered: Delivered) -> None:
        self._settings = settings
        self._stream = stream
        self._store = store
        self._delivered = delivered
        self._pages = dashboards_address(settings)
        self._outcomes: Queue[Outcome] = Queue()
        self._unrecorded: list[Outcome] = []
        self._lanes: dict[str, Lane] = {}
        self._plan: DeliveryPlan | None = None
        self._bursts = Bursts()
        self._tidy_at = self._forget_at = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether any message is under way."""
        return bool(self._unrecorded) or any(lane.in_flight for lane in self._lanes.values())

    def await_outcome(self, wait_s: float) -> None:
        """Wait until something has become of a message, at most ``wait_s`` seconds."""
        with suppress(Empty):
            self._unrecorded.append(self._outcomes.get(timeout=wait_s))

    def follow(self, plan: DeliveryPlan) -> None:
        """Have a lane for each channel of this plan, and none else; channels with a mistake are logged."""
        self._plan = plan
        for bad in plan.bad:
            logger.error("alerts wait for a channel with a mistake: %s", bad.error)
        for name, lane in list(self._lanes.items()):
            if plan.channels.get(name) != lane.channel:
                lane.close()
                del self._lanes[name]
        for name, channel in plan.channels.items():
            if name in self._lanes:
                continue
            try:
                self._lanes[name] = Lane(channel, open_sender(channel), self._outcomes)
            except ConfigError as error:
                logger.error("alerts wait for a channel with a mistake: %s", error)
        self.look_now()

    def look_now(self) -> None:
        """Look for messages at once: something has come."""
        for lane in self._lanes.values():
            lane.look_soon()

    def note_arrivals(self, rules: Iterable[str]) -> None:
        """Take account of alerts that have just come in, by their rules: of a burst the best are to go first."""
        self._bursts.note(rules, time.monotonic())

    def forget_sent(self) -> None:
        """Ask the store what was sent before anything is sent again: another dispatcher sends."""
        for lane in self._lanes.values():
            lane.sent = None

    def serve(self) -> int:
        """Note what became of messages, and hand over those that are due; how many these were.

        Raises:
            StoreError: the store cannot be used; calling it again goes on.
            StreamError: what failed cannot become a dead letter.
        """
        self._record_outcomes()
        self._tidy()
        return sum(self._serve(lane) for lane in self._lanes.values())

    def close(self, wait_s: float) -> None:
        """End all lanes, waiting for what they are sending, at most ``wait_s`` seconds in all.

        Raises:
            StoreError, StreamError: what became of it cannot be kept.
        """
        until = time.monotonic() + wait_s
        for lane in self._lanes.values():
            lane.close(0.0)
        for lane in self._lanes.values():
            lane.close(max(0.0, until - time.monotonic()))
        self._record_outcomes()

    # What is to be sent

    def _serve(self, lane: Lane) -> int:
        plan, now, tick = self._plan, time.time(), time.monotonic()
        if plan is None or not lane.free or tick < lane.look_at:
            return 0
        if lane.channel.quiet is not None and lane.channel.quiet.contains(now, plan.zone):
            lane.look_at = tick + _QUIET_LOOK_S
            return 0
        most = messages_left(lane.channel, self._sent(lane, plan, now), lane.messages_in_flight, now=now)
        if most == 0:
            lane.look_at = tick + _LONGEST_LOOK_S
            return 0
        messages = lane.free if most is None else min(most, lane.free)
        shown = self._ready(lane, plan, now, messages)
        due = grouped(lane.channel, [one.record for one in shown.values()], plan.zone)[:messages]
        for group in due:
            self._hand_over(lane, [shown[record.id] for record in group])
        if not due:
            lane.look_at = max(lane.look_at, tick + _IDLE_LOOK_S)
        return len(due)

    def _sent(self, lane: Lane, plan: DeliveryPlan, now: float) -> Sequence[SentAlert]:
        """What a lane has sent today and in the last hour, asked of the store where it does not know."""
        if lane.sent is None:
            is_limited = lane.channel.per_hour or any(rule.per_day for rule in plan.rules.values())
            since = min(start_of_day(now, plan.zone), now - _HOUR_S)
            found = self._store.sent_alerts(lane.channel.name, since=since) if is_limited else []
            lane.sent = found
        return lane.sent

    def _ready(self, lane: Lane, plan: DeliveryPlan, now: float, messages: int) -> dict[str, Ready]:
        """What waits for a lane and may go now in as many messages, by id."""
        left = alerts_left(plan, self._sent(lane, plan, now), lane.in_flight.values(), now=now)
        gathers = lane.channel.digest_s is not None or lane.channel.quiet is not None
        for most in (_AT_ONCE,) if gathers else (_FIRST_LOOK, _AT_ONCE):
            found = self._pending(lane, left, most)
            waiting = [one for one in found if one.id not in lane.in_flight and lane.may_try(one.id)]
            wait_s = digest_wait_s(lane.channel, waiting, lane.last_digest_at, now=now)
            if wait_s:
                lane.look_at = time.monotonic() + min(wait_s, _LONGEST_LOOK_S)
                return {}
            by = Settling(self._settings, self._store, plan, lane.channel, now, newest_of(found))
            settled = settle(within_limits(waiting, left), by, messages=messages)
            self._store.put_alerts(settled.changed)
            for status in settled.decided:
                self._delivered.count(status)
            if settled.ready or len(found) < most:
                break
        return {one.record.id: one for one in settled.ready}

    def _pending(self, lane: Lane, left: Mapping[str, int], most: int) -> list[AlertRecord]:
        """What waits for a lane, the first ``most`` and all of their products, also what it is sending.

        Without alerts of rules that have sent enough today, or of which better ones may be coming in just now.
        """
        tick = time.monotonic()
        name, limit = lane.channel.name, most + len(lane.in_flight)
        silent = [rule for rule, count in left.items() if not count or self._bursts.wait_s(rule, tick)]
        found = self._store.pending_alerts(name, limit, except_rules=silent)
        if len(found) == limit:
            asins = {one.asin for one in found}
            known = {one.id for one in found}
            of_products = self._store.pending_alerts(name, _AT_ONCE, except_rules=silent, asins=asins)
            found += [one for one in of_products if one.id not in known]
        return found

    def _hand_over(self, lane: Lane, group: Sequence[Ready]) -> None:
        message = compose([one.shown for one in group], pages=self._pages, longest=lane.longest)
        rules = {one.record.id: one.record.rule for one in group}
        lane.hand_over(message, {alert: rules[alert] for alert in message.alert_ids})
        if lane.channel.digest_s is not None:
            lane.last_digest_at = time.time()

    # What became of it

    def _record_outcomes(self) -> None:
        """Keep what became of messages; it is forgotten here only when it is kept there."""
        with suppress(Empty):
            while True:
                self._unrecorded.append(self._outcomes.get_nowait())
        if not self._unrecorded:
            return
        ids = [alert for outcome in self._unrecorded for alert in outcome.rules]
        records = {record.id: record for record in self._store.alerts_of(ids)}
        results = [_apply(outcome, records) for outcome in self._unrecorded]
        failed = [(alert, one) for found in results for alert, one in found.items() if one.status == "failed"]
        letters = [_dead_letter(records[alert], one) for alert, one in failed]
        self._stream.publish(dead_letter_topic(ALERTS_TOPIC), letters)
        self._store.put_alerts(list(records.values()))
        recorded, self._unrecorded = self._unrecorded, []
        failures = Counter((o.lane.channel.name, o.failure.why) for o in recorded if o.failure is not None)
        for (channel, why), count in failures.items():
            logger.warning("messages that channel %s did not take: %d; %s", channel, count, why)
        for outcome, found in zip(recorded, results, strict=True):
            outcome.lane.note(outcome, {a: one.attempts for a, one in found.items() if one.status == "pending"})
            for one in found.values():
                self._delivered.count(one.status)

    def _tidy(self) -> None:
        """Give up what has expired on whatever channel, also one that is there no more, and forget what is old."""
        tick, now = time.monotonic(), time.time()
        if tick >= self._tidy_at:
            self._tidy_at = tick + _TIDY_EVERY_S
            oldest = self._store.alerts(AlertQuery(status="pending", descending=False, limit=_AT_ONCE)).items
            under_way = {alert for lane in self._lanes.values() for alert in lane.in_flight}
            expired = [one for one in oldest if one.expires_at <= now and one.id not in under_way]
            self._store.put_alerts([_expired(record, now) for record in expired])
            self._delivered.expired += len(expired)
        if tick >= self._forget_at and self._plan is not None:
            self._forget_at = tick + _FORGET_EVERY_S
            self._store.forget_alerts(before=now - self._plan.kept_s)


def _apply(outcome: Outcome, records: dict[str, AlertRecord]) -> dict[str, Delivery]:
    """Bring an outcome into the records of its alerts, those that are still kept; what became of each, by id."""
    found = {alert: _result(records[alert], outcome) for alert in outcome.rules if alert in records}
    for alert, result in found.items():
        records[alert] = records[alert].with_delivery(result)
    return found


def _result(record: AlertRecord, outcome: Outcome) -> Delivery:
    channel = outcome.lane.channel.name
    before = record.delivery(channel) or Delivery(channel=channel)
    tried = replace(before, attempts=before.attempts + 1)
    if outcome.failure is None:
        return replace(tried, status="sent", at=outcome.at, why=None)
    most = MAX_REFUSALS if outcome.failure.is_refusal else MAX_ATTEMPTS
    if tried.attempts < most:
        return replace(tried, status="pending", why=outcome.failure.why)
    return replace(tried, status="failed", at=outcome.at, why=outcome.failure.why)


def _dead_letter(record: AlertRecord, result: Delivery) -> Record:
    why = f"not sent to {result.channel} in {result.attempts} attempts: {result.why}"
    return rejected_record(Record(record.asin, orjson.dumps(record.document)), ALERTS_TOPIC, why)


def _expired(record: AlertRecord, now: float) -> AlertRecord:
    given_up = [
        replace(d, status="expired", at=now, why=d.why or "expired before it could be sent")
        if d.status == "pending"
        else d
        for d in record.deliveries
    ]
    return replace(record, deliveries=tuple(given_up))
