"""Alerts that wait together: the best of a burst, those of a product in one message, of a kind only the newest."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from arbkit.alerts.alert import Alert
from arbkit.alerts.channels.channel_tables import AppriseAddress, Channel
from arbkit.alerts.delivery import bursts, lane, lanes, service
from arbkit.alerts.delivery.bursts import Bursts
from arbkit.alerts.delivery.intake import record_of
from arbkit.alerts.delivery.plan import DeliveryPlan
from arbkit.alerts.delivery.service import deliver
from arbkit.alerts.delivery.settling import Settling, settle
from arbkit.alerts.rules import Rule
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.store import open_store
from arbkit.store.alerts import Delivery
from tests.helpers.delivery import RULE, alert, kept, publish, rule, webhook, with_plan, write_plan
from tests.helpers.factories import opportunity
from tests.helpers.receivers import Hook, hook
from tests.helpers.waiting import eventually

_PATIENCE_S = 60
OTHER_RULE = '[[rule]]\nname = "other"\n'


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for module, name in ((service, "_POLL_S"), (service, "_PLAN_EVERY_S"), (lanes, "_IDLE_LOOK_S")):
        monkeypatch.setattr(module, name, 0.02)
    initialise(settings)
    return with_plan(settings, tmp_path, monkeypatch)


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as one:
        yield one


def empty(settings: Settings) -> None:
    deliver(settings, stop=threading.Event(), until_empty=True)


def again(older: Alert, number: int, **fields: Any) -> Alert:
    """An alert made a minute after another, of the same kind; it is the worse of the two."""
    changed = {"id": f"a{number}", "at": older.at + 60, "priority": older.priority - 1, **fields}
    return older.model_copy(update=changed)


def of_product(number: int, asin: str, target: str = "DE") -> Alert:
    """The alert ``a<number>`` of a route of a product."""
    route = opportunity(asin, target=target, profit=10.0 + number, evaluated_at=time.time())
    return alert(number, route=route)


@pytest.mark.parametrize("first_look", [1, 32])
def test_of_two_that_wait_the_newest_goes_and_the_history_of_the_other_says_so(
    settings: Settings, receiver: Hook, monkeypatch: pytest.MonkeyPatch, first_look: int
) -> None:
    monkeypatch.setattr(lanes, "_FIRST_LOOK", first_look)
    write_plan(settings, rule() + webhook(receiver.url))
    older = alert(1)
    publish(settings, [older, again(older, 2)])
    empty(settings)
    assert receiver.times() == {"a2": 1}
    (delivery,) = kept(settings)["a1"].deliveries
    assert (delivery.status, delivery.why) == (
        "held", "a newer alert of the same route, rule and type goes in its place",
    )  # fmt: skip


@pytest.mark.parametrize("other", [{"type": "price_drop"}, {"rule": "other"}, {"target": "FR"}, {"source": "ES"}])
def test_those_of_another_kind_all_go(settings: Settings, receiver: Hook, other: dict[str, Any]) -> None:
    write_plan(settings, rule() + OTHER_RULE + webhook(receiver.url))
    older = alert(1)
    publish(settings, [older, again(older, 2, **other)])
    empty(settings)
    assert receiver.times() == {"a1": 1, "a2": 1}


def plan(channel: Channel) -> DeliveryPlan:
    return DeliveryPlan("alerts.toml", ZoneInfo("UTC"), 1e9, {"one": channel}, rules={RULE: Rule(name=RULE)})


@pytest.mark.parametrize(("attempts", "waited_s"), [(1, 0), (0, 3_600)])
def test_one_that_failed_or_waited_long_does_not_follow_a_newer_one_that_went(
    settings: Settings, attempts: int, waited_s: int
) -> None:
    channel = Channel("one", AppriseAddress(SecretStr("")))
    by, now = plan(channel), time.time()
    older, newer = alert(1, type="ended"), again(alert(1, type="ended"), 2)
    waiting = replace(
        record_of(older, by, now=now - waited_s), deliveries=(Delivery(channel="one", attempts=attempts),)
    )
    went = replace(record_of(newer, by, now=now), deliveries=(Delivery(channel="one", status="sent", at=now),))
    with open_store(settings) as store:
        store.add_alerts([waiting])
        assert settle([waiting], Settling(settings, store, by, channel, now), messages=9).ready
        store.add_alerts([went])
        found = settle([waiting], Settling(settings, store, by, channel, now), messages=9)
    assert (found.ready, found.decided) == ([], ["held"])


def test_those_of_a_product_are_one_message_however_far_behind_they_wait(
    settings: Settings, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_FIRST_LOOK", 4)
    monkeypatch.setattr(lane, "_MOST_QUEUED", 2)
    write_plan(settings, rule() + webhook(receiver.url))
    best, worst = of_product(99, "B000000009"), of_product(1, "B000000009", target="FR")
    publish(settings, [best, *(of_product(n, f"B0000000{n}") for n in range(10, 40)), worst])
    empty(settings)
    messages = [[one["id"] for one in body["alerts"]] for body in receiver.bodies]
    assert len(messages) == 31
    assert messages[0] == ["a99", "a1"]


def test_the_best_of_a_burst_go_though_they_come_last(
    settings: Settings, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bursts, "_GAP_S", 3_600.0)
    monkeypatch.setattr(bursts, "_LONGEST_S", 3_600.0)
    write_plan(settings, rule("per_day = 2") + OTHER_RULE + webhook(receiver.url))
    stop = threading.Event()
    thread = threading.Thread(target=deliver, args=(settings,), kwargs={"stop": stop})
    thread.start()
    try:
        publish(settings, [alert(n) for n in (1, 2, 3)])
        eventually(lambda: len(kept(settings)) == 3)
        # Another rule's alerts, which nothing limits, wait for none of them.
        publish(settings, [alert(4, rule="other"), alert(5, rule="other")])
        eventually(lambda: receiver.times() == {"a4": 1, "a5": 1})
        publish(settings, [alert(n) for n in (6, 7, 8)])
        eventually(lambda: len(kept(settings)) == 8)
        monkeypatch.setattr(bursts, "_GAP_S", 0.0)
        eventually(lambda: len(receiver.times()) == 4)
    finally:
        stop.set()
        thread.join(_PATIENCE_S)
    assert receiver.times() == {"a4": 1, "a5": 1, "a7": 1, "a8": 1}


def test_a_burst_ends_with_a_pause_or_after_its_time_and_one_alone_waits_for_nobody() -> None:
    seen = Bursts()
    seen.note(["one"], 100.0)
    assert seen.wait_s("one", 100.0) == seen.wait_s("another", 100.0) == 0
    seen.note(["one"], 101.0)
    assert seen.wait_s("one", 101.5) == pytest.approx(1.5)
    assert seen.wait_s("one", 103.0) == 0
    for second in range(200, 240):
        seen.note(["one", "one"], float(second))
    assert seen.wait_s("one", 239.0) == 0
    seen.note(["one"], 300.0)
    assert seen.wait_s("one", 300.0) == 0
