"""Alerts go from the topic to every channel, at least once, whatever one of the channels does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from arbkit.alerts.delivery import lane, lanes, service
from arbkit.alerts.delivery.lanes import Delivered
from arbkit.alerts.delivery.service import deliver
from arbkit.core.errors import GroupBusyError
from arbkit.core.service.heartbeat import seconds_since_heartbeat
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.stream import ALERTS_GROUP, ALERTS_TOPIC, Record, dead_letter_topic, open_stream
from arbkit.stream.dead_letters import dead_letters, replay
from tests.helpers.delivery import alert, kept, publish, rule, webhook, with_plan, write_plan
from tests.helpers.factories import opportunity
from tests.helpers.receivers import Hook, Mail, hook, mail
from tests.helpers.waiting import eventually

_PATIENCE_S = 60


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for module, name in ((service, "_POLL_S"), (service, "_PLAN_EVERY_S"), (lanes, "_IDLE_LOOK_S")):
        monkeypatch.setattr(module, name, 0.02)
    monkeypatch.setattr(lane, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(lane, "_LONGEST_WAIT_S", 0.05)
    initialise(settings)
    return with_plan(settings, tmp_path, monkeypatch)


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as one:
        yield one


@pytest.fixture
def server() -> Iterator[Mail]:
    with mail() as one:
        yield one


@contextmanager
def delivering(settings: Settings) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=deliver, args=(settings,), kwargs={"stop": stop})
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()


def empty(settings: Settings) -> Delivered:
    return deliver(settings, stop=threading.Event(), until_empty=True)


def statuses(settings: Settings) -> dict[str, dict[str, str]]:
    return {one.id: {d.channel: d.status for d in one.deliveries} for one in kept(settings).values()}


def letters(settings: Settings) -> list[tuple[bytes, str]]:
    with open_stream(settings) as stream:
        return [(m.value, m.headers["error"]) for m in dead_letters(stream, topic=ALERTS_TOPIC)]


def test_an_alert_comes_on_every_channel_once_and_is_kept_with_what_became_of_it(
    settings: Settings, receiver: Hook, server: Mail
) -> None:
    write_plan(settings, rule() + webhook(receiver.url) + f'[[channel]]\nname = "mail"\nurl = "{server.url}"')
    publish(settings, [alert(1), alert(2)])
    done = empty(settings)
    assert (done.received, done.sent) == (2, 4)
    assert receiver.times() == {"a1": 1, "a2": 1}
    assert receiver.unsigned == 0
    assert {headers["arbkit-id"] for headers in receiver.seen} == {"a1", "a2"}
    said = sorted(line for text in server.texts() for line in text.splitlines() if line.startswith("Alert:"))
    assert said == ["Alert: a1", "Alert: a2"]
    assert statuses(settings) == {f"a{n}": {"hook": "sent", "mail": "sent"} for n in (1, 2)}
    # Read again from the beginning, it is known.
    with open_stream(settings) as stream:
        stream.forget_group(ALERTS_GROUP)
    assert empty(settings).sent == 0
    assert receiver.times() == {"a1": 1, "a2": 1}


def test_a_channel_that_hangs_or_fails_holds_up_no_other(settings: Settings, receiver: Hook) -> None:
    with hook() as hanging, hook() as failing:
        hanging.hangs.set()
        failing.status = 500
        plan = webhook(receiver.url) + webhook(hanging.url, "hanging") + webhook(failing.url, "failing")
        write_plan(settings, rule() + plan)
        publish(settings, [alert(n) for n in range(1, 30)])
        with delivering(settings):
            eventually(lambda: len(receiver.times()) == 29)
            eventually(lambda: failing.tries > 3)
            assert hanging.times() == {}
            age = seconds_since_heartbeat(settings, "dispatcher")
            assert age is not None
            # Once they answer, everything comes there too.
            failing.status = 200
            hanging.hangs.clear()
            hanging.release.set()
            eventually(lambda: len(failing.times()) == len(hanging.times()) == 29)
    assert set(receiver.times().values()) == {1}
    assert letters(settings) == []


def test_what_a_channel_refuses_time_after_time_is_a_dead_letter_that_can_be_sent_again(
    settings: Settings, receiver: Hook, server: Mail
) -> None:
    write_plan(settings, rule() + webhook(receiver.url) + f'[[channel]]\nname = "mail"\nurl = "{server.url}"')
    receiver.status = 401
    publish(settings, [alert(1)])
    with delivering(settings):
        eventually(lambda: letters(settings))
        eventually(lambda: statuses(settings)["a1"] == {"hook": "failed", "mail": "sent"})
    assert receiver.tries == lane.MAX_REFUSALS
    ((value, why),) = letters(settings)
    assert orjson.loads(value)["id"] == "a1"
    assert "hook" in why
    assert "401" in why
    receiver.status = 200
    with open_stream(settings) as stream:
        assert replay(stream, topic=ALERTS_TOPIC) == 1
    empty(settings)
    assert receiver.times() == {"a1": 1}
    assert len(server.messages) == 1
    assert statuses(settings)["a1"] == {"hook": "sent", "mail": "sent"}


def test_a_redirect_is_not_followed(settings: Settings, receiver: Hook) -> None:
    with hook() as elsewhere:
        receiver.status, receiver.headers = 307, {"Location": elsewhere.url}
        write_plan(settings, rule() + webhook(receiver.url))
        publish(settings, [alert(1)])
        empty(settings)
        assert (receiver.tries > 0, elsewhere.tries) == (True, 0)


def test_no_secret_is_logged_or_kept(
    settings: Settings, receiver: Hook, server: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuses = "535 wrong password hunter2-very-secret for me-the-user"
    receiver.status = 404
    url = server.url.replace("mailto://", "mailto://me-the-user:hunter2-very-secret@")
    gone = "http://127.0.0.1:9/token-in-a-path-123"
    write_plan(
        settings, rule() + webhook(receiver.url) + webhook(gone, "gone") + f'[[channel]]\nname = "mail"\nurl = "{url}"'
    )
    publish(settings, [alert(1)])
    with caplog.at_level("DEBUG", "arbkit"), delivering(settings):
        eventually(lambda: len(letters(settings)) >= 2)
    said = caplog.text + repr(kept(settings)) + repr(letters(settings))
    assert "answers with 404" in said
    for secret in ("hunter2", "path-secret-987", "token-in-a-path-123", "hook-secret"):
        assert secret not in said


def test_what_is_no_alert_is_a_dead_letter_with_its_bytes(settings: Settings, receiver: Hook) -> None:
    write_plan(settings, rule() + webhook(receiver.url))
    route = opportunity("B000000009", profit_low=None, evaluated_at=time.time()).public(now=time.time())
    version_1 = {
        "v": 1, "id": "old", "at": time.time(), "asin": "B000000009", "reason": "new_opportunity", "confidence": 0.9,
        "priority": 9.0, "expires_at": time.time() + 3600, "opportunity": route,
    }  # fmt: skip
    bad = [
        b"\xff\x00",
        b"[]",
        b'{"v": 3}',
        b'{"v": 2, "id": "x"}',
        orjson.dumps({**alert(3).to_dict(), "asin": "../x"}),
    ]
    with open_stream(settings) as stream:
        stream.publish(ALERTS_TOPIC, [Record("k", value) for value in [*bad, orjson.dumps(version_1)]])
    empty(settings)
    assert {value for value, _ in letters(settings)} == set(bad)
    assert receiver.times() == {"old": 1}
    with open_stream(settings) as stream:
        assert sum(stream.lag(ALERTS_GROUP, ALERTS_TOPIC).values()) == 0
        assert sum(end for _, end in stream.watermarks(dead_letter_topic(ALERTS_TOPIC)).values()) == len(bad)


def test_without_channels_alerts_are_kept_and_nothing_is_sent(settings: Settings) -> None:
    write_plan(settings, rule())
    publish(settings, [alert(1), alert(2, type="data_problem")])
    assert empty(settings).sent == 0
    found = kept(settings)
    assert {one.status for one in found.values()} == {"held"}
    assert "no channel" in str(found["a1"].why)


def test_suspicious_data_and_what_has_expired_are_shown_and_never_sent(settings: Settings, receiver: Hook) -> None:
    write_plan(settings, rule() + webhook(receiver.url))
    publish(settings, [alert(1, type="data_problem"), alert(2, expires_at=time.time() - 1), alert(3)])
    empty(settings)
    assert receiver.times() == {"a3": 1}
    assert {one.id: one.status for one in kept(settings).values()} == {"a1": "held", "a2": "expired", "a3": "sent"}


def test_a_channel_with_a_mistake_leaves_the_others_at_work_and_has_its_alerts_once_mended(
    settings: Settings, receiver: Hook
) -> None:
    with hook() as later:
        broken = webhook(later.url, "later", "quiet = 'soon'")
        write_plan(settings, rule() + broken + webhook(receiver.url))
        publish(settings, [alert(1)])
        with delivering(settings):
            eventually(lambda: receiver.times())
            assert later.tries == 0
            write_plan(settings, rule() + webhook(later.url, "later") + webhook(receiver.url))
            eventually(lambda: later.times() == {"a1": 1})
    assert receiver.times() == {"a1": 1}


def test_a_second_dispatcher_on_a_log_of_one_file_waits_until_the_first_ends(
    settings: Settings, receiver: Hook
) -> None:
    write_plan(settings, rule() + webhook(receiver.url))
    with delivering(settings):
        publish(settings, [alert(1)])
        eventually(lambda: receiver.times())
        with pytest.raises(GroupBusyError):
            empty(settings)
        with delivering(settings):
            publish(settings, [alert(2)])
            eventually(lambda: len(receiver.times()) == 2)
    assert set(receiver.times().values()) == {1}


def test_the_best_go_first_within_the_limit_of_a_day(settings: Settings, receiver: Hook) -> None:
    write_plan(settings, rule("per_day = 3") + webhook(receiver.url))
    publish(settings, [alert(n) for n in range(1, 21)])
    empty(settings)
    assert set(receiver.times()) == {"a18", "a19", "a20"}
    publish(settings, [alert(21), alert(22, rule="another")])
    empty(settings)
    assert set(receiver.times()) == {"a18", "a19", "a20", "a22"}


def test_a_digest_is_one_message_with_the_best_first(settings: Settings, receiver: Hook) -> None:
    write_plan(settings, rule() + webhook(receiver.url, more="digest_minutes = 60"))
    publish(settings, [alert(n, type="ended") for n in range(1, 6)])
    with delivering(settings):
        eventually(lambda: len(kept(settings)) == 5)
        time.sleep(0.3)
        assert receiver.bodies == []
    write_plan(settings, rule() + webhook(receiver.url, more="digest_minutes = 60"))
    # An hour later.
    real = time.time
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arbkit.alerts.delivery.lanes.time.time", lambda: real() + 3_601)
        empty(settings)
    (body,) = receiver.bodies
    assert [one["id"] for one in body["alerts"]] == ["a5", "a4", "a3", "a2", "a1"]


def test_killed_before_it_is_noted_that_a_message_went_it_comes_again_with_the_same_id(
    settings: Settings, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As if the process ended here."""

    def die(*_: object) -> None:
        raise Killed

    write_plan(settings, rule() + webhook(receiver.url))
    publish(settings, [alert(1)])
    with monkeypatch.context() as patch:
        patch.setattr(lanes.Lanes, "_record_outcomes", lambda self: die() if receiver.tries else None)
        with pytest.raises(Killed):
            empty(settings)
    empty(settings)
    assert receiver.times() == {"a1": 2}
    assert {headers["arbkit-id"] for headers in receiver.seen} == {"a1"}


def test_a_wrong_token_of_a_service_is_given_up_soon_and_says_why(settings: Settings, receiver: Hook) -> None:
    with hook() as service_of_others:
        service_of_others.take = lambda *_: 401  # type: ignore[method-assign]
        url = service_of_others.url.replace("http://", "json://")
        write_plan(settings, rule() + f'[[channel]]\nname = "token"\nurl = "{url}"\n' + webhook(receiver.url))
        publish(settings, [alert(1)])
        with delivering(settings):
            eventually(lambda: letters(settings))
            eventually(lambda: statuses(settings)["a1"] == {"token": "failed", "hook": "sent"})
    (delivery,) = (one for one in kept(settings)["a1"].deliveries if one.channel == "token")
    assert delivery.attempts == lane.MAX_REFUSALS
    assert "401" in str(delivery.why)
    assert "path-secret" not in str(delivery.why)


def test_services_that_hang_hold_up_no_other_however_many_they_are(settings: Settings, server: Mail) -> None:
    with hook() as hanging:
        hanging.hangs.set()
        url = f"{hanging.url.replace('http://', 'json://')}?rto=600"
        many = "".join(f'[[channel]]\nname = "hanging {n}"\nurl = "{url}"\n' for n in range(40))
        write_plan(settings, rule() + many + f'[[channel]]\nname = "mail"\nurl = "{server.url}"')
        publish(settings, [alert(1)])
        with delivering(settings):
            eventually(lambda: len(server.messages) == 1 and hanging.tries == 40)
            hanging.hangs.clear()
            hanging.status = 500
            hanging.release.set()
