"""What a person is spared, and what an hour without a channel or a clock that is set back costs: nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arbkit.alerts.alert import Alert
from arbkit.alerts.channels import webhook as webhook_sender
from arbkit.alerts.delivery import lane, lanes
from arbkit.alerts.delivery.intake import record_of
from arbkit.alerts.delivery.lanes import Delivered, Lanes
from arbkit.alerts.delivery.plan import load_plan
from arbkit.alerts.delivery.selection import MOST_IN_DIGEST
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.store import Store, open_store
from arbkit.stream import ALERTS_TOPIC, open_stream
from arbkit.stream.dead_letters import dead_letters
from tests.helpers.delivery import alert, kept, rule, webhook, with_plan, write_plan
from tests.helpers.factories import opportunity
from tests.helpers.receivers import Hook, hook
from tests.helpers.routes import store_routes

MANY = 2_000
HOUR = 3_600.0


class Clock:
    """Stands for the module ``time``: the time of now, and what was passed over."""

    def __init__(self) -> None:
        self._passed = self._set_back = 0.0

    def time(self) -> float:
        return time.time() + self._passed - self._set_back

    def monotonic(self) -> float:
        return time.monotonic() + self._passed

    def wait(self, seconds: float) -> None:
        self._passed += seconds

    def set_back(self, seconds: float) -> None:
        """What it has counted since some moment it goes on counting."""
        self._set_back += seconds


@dataclass
class Dispatching:
    """The lanes of a dispatcher, with a clock that a test turns."""

    settings: Settings
    store: Store
    lanes: Lanes
    clock: Clock

    def take(self, alerts: Sequence[Alert]) -> None:
        plan = load_plan(self.settings)
        self.store.add_alerts([record_of(one, plan, now=self.clock.time()) for one in alerts])
        self.lanes.follow(plan)
        self.serve()

    def serve(self) -> None:
        """Until nothing is left to do at this time."""
        while self.lanes.serve() or self.lanes.is_busy:
            self.lanes.await_outcome(1.0)

    def wait(self, seconds: float, *, step: float = 20.0, until: Callable[[], object] = lambda: False) -> None:
        for _ in range(int(seconds / step)):
            if until():
                return
            self.clock.wait(step)
            self.serve()

    def letters(self) -> int:
        with open_stream(self.settings) as stream:
            return len(list(dead_letters(stream, topic=ALERTS_TOPIC)))


@pytest.fixture
def dispatching(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dispatching]:
    settings = with_plan(settings.model_copy(update={"demo": True}), tmp_path, monkeypatch)
    write_plan(settings, rule())
    initialise(settings)
    clock = Clock()
    for module in (lane, lanes):
        monkeypatch.setattr(module, "time", clock)
    with open_stream(settings) as stream, open_store(settings) as store:
        served = Lanes(settings, stream, store, Delivered())
        yield Dispatching(settings, store, served, clock)
        served.close(0.0)


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as one:
        yield one


def status(dispatching: Dispatching, channel: str) -> str:
    (record,) = kept(dispatching.settings).values()
    return {one.channel: one.status for one in record.deliveries}[channel]


@pytest.mark.parametrize(
    ("limits", "channel", "messages", "alerts"),
    [
        ("per_day = 20", "", 20, 20),
        ("", "per_hour = 10", 10, 10),
        ("", "digest_minutes = 60", 1, MOST_IN_DIGEST),
        ("per_day = 20", "digest_minutes = 60", 1, 20),
    ],
)
def test_a_rule_that_matches_everything_sends_nobody_2000_messages(
    dispatching: Dispatching, receiver: Hook, limits: str, channel: str, messages: int, alerts: int
) -> None:
    write_plan(dispatching.settings, rule(limits) + webhook(receiver.url, more=channel))
    # Of a kind that is sent late without a look at what is stored.
    dispatching.take([alert(n, type="ended") for n in range(1, MANY + 1)])
    dispatching.wait(HOUR + 60, step=60, until=lambda: receiver.bodies)
    assert len(receiver.bodies) == messages
    assert set(receiver.times()) == {f"a{n}" for n in range(MANY - alerts + 1, MANY + 1)}


@pytest.mark.parametrize("fault", ["hangs", "answers with 500"])
def test_an_hour_without_a_webhook_loses_nothing_and_holds_up_no_other(
    dispatching: Dispatching, receiver: Hook, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    route = opportunity(profit=20.0, evaluated_at=time.time(), data_at=int(time.time()))
    store_routes(dispatching.store, [route])
    with hook() as bad:
        if fault == "hangs":
            monkeypatch.setattr(webhook_sender, "_TIMEOUTS_S", (0.2, 0.2, 0.2))
            bad.hangs.set()
        else:
            bad.status = 500
        write_plan(dispatching.settings, rule() + webhook(bad.url, "bad") + webhook(receiver.url))
        dispatching.take([alert(1, route=route)])
        dispatching.wait(HOUR)
        assert (status(dispatching, "bad"), bad.times()) == ("pending", {})
        assert (status(dispatching, "hook"), receiver.times()) == ("sent", {"a1": 1})
        # Not a try a second.
        assert 5 < bad.tries < lane.MAX_ATTEMPTS
        bad.hangs.clear()
        bad.status = 200
        dispatching.wait(HOUR, until=lambda: status(dispatching, "bad") == "sent")
        assert set(bad.times()) == {"a1"}
    assert dispatching.letters() == 0


def test_a_clock_that_is_set_back_stops_no_channel(dispatching: Dispatching, receiver: Hook) -> None:
    with hook() as daily:
        limited = webhook(receiver.url, more="per_hour = 2") + webhook(daily.url, "digest", "digest_minutes = 60")
        write_plan(dispatching.settings, rule("per_day = 2") + limited)
        dispatching.take([alert(n, type="ended") for n in (1, 2)])
        dispatching.wait(HOUR + 60, step=60)
        assert set(receiver.times()) == set(daily.times()) == {"a1", "a2"}
        dispatching.clock.set_back(50 * HOUR)
        dispatching.take([alert(n, type="ended") for n in (3, 4)])
        dispatching.wait(HOUR + 60, step=60)
        assert set(receiver.times()) == set(daily.times()) == {"a1", "a2", "a3", "a4"}
    assert set(receiver.times().values()) == {1}


def quiet_now() -> str:
    """Quiet hours (UTC) around now, at whatever time of day."""
    now = datetime.now(UTC)
    return f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"


def test_an_alert_whose_product_left_the_store_is_not_sent_late(dispatching: Dispatching, receiver: Hook) -> None:
    recheck = 'recheck = { max_age_minutes = 60, wait_minutes = 15, then = "send" }'
    for number, limits in enumerate(("", recheck), 1):
        before = receiver.tries
        write_plan(dispatching.settings, rule(limits) + webhook(receiver.url, more=f'quiet = "{quiet_now()}"'))
        route = opportunity(profit=20.0, evaluated_at=time.time(), data_at=int(time.time()) - 7_200)
        store_routes(dispatching.store, [route], inputs=f"{number}")
        dispatching.take([alert(number, route=route)])
        store_routes(dispatching.store, [], inputs=f"{number} later")
        dispatching.wait(HOUR / 4, step=60)
        write_plan(dispatching.settings, rule(limits) + webhook(receiver.url))
        dispatching.take([])
        dispatching.wait(HOUR, step=60)
        assert receiver.tries == before
        record = kept(dispatching.settings)[f"a{number}"]
        assert (record.status, record.deliveries[0].why) == ("held", "its route is not stored any more")
