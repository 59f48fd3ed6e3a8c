"""Which of the alerts that wait go now: within limits, the best first, and never stuck by a clock that was set back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from arbkit.alerts.channels.channel_tables import AppriseAddress, Channel
from arbkit.alerts.channels.quiet_hours import QuietHours
from arbkit.alerts.delivery.plan import DeliveryPlan
from arbkit.alerts.delivery.selection import (
    MOST_IN_DIGEST,
    alerts_left,
    digest_wait_s,
    grouped,
    messages_left,
    within_limits,
)
from arbkit.alerts.rules import Rule
from arbkit.store.alerts import AlertRecord, Delivery, SentAlert

UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC_ZONE).timestamp()
HOUR, DAY = 3_600, 86_400


def channel(**fields: Any) -> Channel:
    return replace(Channel("one", AppriseAddress(SecretStr(""))), **fields)


def record(number: int, *, received: float = NOW, rule: str = "r", asin: str = "", attempts: int = 0) -> AlertRecord:
    return AlertRecord(
        id=f"a{number}",
        asin=asin or f"B{number:09}",
        type="new_opportunity",
        rule=rule,
        at=received,
        expires_at=received + DAY,
        priority=float(number),
        document={},
        received_at=received,
        deliveries=(Delivery(channel="one", attempts=attempts),),
    )


def ids(groups: list[list[AlertRecord]]) -> list[list[str]]:
    return [[one.id for one in group] for group in groups]


def plan(**per_day: int) -> DeliveryPlan:
    rules = {name: Rule(name=name, per_day=most) for name, most in per_day.items()}
    return DeliveryPlan("alerts.toml", UTC_ZONE, 90 * DAY, rules=rules)


def test_messages_of_an_hour_are_counted_and_a_digest_is_one() -> None:
    sent = [SentAlert("r", NOW - 2 * HOUR), *[SentAlert("r", NOW - 60)] * 5, SentAlert("r", NOW - 30)]
    assert messages_left(channel(), sent, 0, now=NOW) is None
    assert messages_left(channel(per_hour=3), sent, 0, now=NOW) == 1
    assert messages_left(channel(per_hour=3), sent, 1, now=NOW) == 0
    assert messages_left(channel(per_hour=1), sent, 0, now=NOW) == 0
    assert messages_left(channel(per_hour=1), sent, 0, now=NOW + HOUR) == 1
    # Before the clock was set back.
    assert messages_left(channel(per_hour=1), sent, 0, now=NOW - DAY) == 1


def test_alerts_of_a_day_are_counted_by_rule() -> None:
    sent = [SentAlert("r", NOW - 13 * HOUR), SentAlert("r", NOW - HOUR), SentAlert("other", NOW - HOUR)]
    assert alerts_left(plan(r=3, s=1), sent, ["r"], now=NOW) == {"r": 1, "s": 1}
    assert alerts_left(plan(r=3), sent, [], now=NOW + DAY) == {"r": 3}
    waiting = [record(3), record(2), record(1), record(0, rule="free")]
    assert [one.id for one in within_limits(waiting, {"r": 2})] == ["a3", "a2", "a0"]


@pytest.mark.parametrize(
    ("now", "last", "wait"),
    [
        (NOW, 0.0, 600.0), (NOW + 599, 0.0, 1.0), (NOW + 600, 0.0, 0.0), (NOW + 600, NOW + 300, 300.0),
        # The clock was set back before the first came, or after the last digest.
        (NOW - HOUR, 0.0, 0.0), (NOW + 700, NOW + DAY, 0.0),
    ],
)  # fmt: skip
def test_a_digest_waits_after_the_first_alert_and_the_last_digest(now: float, last: float, wait: float) -> None:
    waiting = [record(1, received=NOW + 60), record(2)]
    assert digest_wait_s(channel(digest_s=600.0), waiting, last, now=now) == wait
    assert digest_wait_s(channel(), waiting, last, now=now) == 0


def test_alerts_go_singly_or_as_one_digest() -> None:
    ready = [record(1), record(3), record(2)]
    assert ids(grouped(channel(), ready, UTC_ZONE)) == [["a1"], ["a3"], ["a2"]]
    assert ids(grouped(channel(digest_s=60.0), ready, UTC_ZONE)) == [["a3", "a2", "a1"]]
    many = [record(n) for n in range(MOST_IN_DIGEST + 1)]
    assert [len(group) for group in grouped(channel(digest_s=60.0), many, UTC_ZONE)] == [MOST_IN_DIGEST, 1]


def test_alerts_of_a_product_go_together_but_those_that_failed_go_alone() -> None:
    one = partial(record, asin="B000000009")
    ready = [one(1), record(2), one(3), one(4, attempts=1), one(5, attempts=2)]
    assert ids(grouped(channel(), ready, UTC_ZONE)) == [["a3", "a1"], ["a2"], ["a4"], ["a5"]]
    many = [one(n) for n in range(MOST_IN_DIGEST + 1)]
    assert [len(group) for group in grouped(channel(), many, UTC_ZONE)] == [MOST_IN_DIGEST, 1]


def test_what_came_in_quiet_hours_goes_as_one_digest_and_the_rest_singly() -> None:
    quiet = channel(quiet=QuietHours.parse("22:00-07:00"))
    night = NOW - 9 * HOUR
    ready = [record(1, received=night), record(2), record(3, received=night)]
    assert ids(grouped(quiet, ready, UTC_ZONE)) == [["a3", "a1"], ["a2"]]
