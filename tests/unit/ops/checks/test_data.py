"""`arbkit doctor` names a clock that was wrong, and messages that were lost to the consumer."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect
from arbkit.ops import doctor
from arbkit.ops.doctor import Check, examine
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, Stream, open_stream
from tests.helpers.streams import commit, drain, good, ignore


def check(settings: Settings, name: str) -> Check:
    return next(one for one in examine(settings) if one.name == name)


def test_messages_from_the_future_are_named_with_what_to_do(settings: Settings) -> None:
    assert check(settings, "clock").ok
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(20))
    assert check(settings, "clock").says.startswith("in step with the log")
    with closing(connect(settings.database)) as connection:
        connection.execute("UPDATE log_messages SET timestamp = ?", (time.time() + 60 * 86_400,))
    found = check(settings, "clock")
    assert (found.ok, found.exit_code) == (False, 4)
    assert "60 d in the future" in found.says
    assert found.remedy is not None
    assert "NTP" in found.remedy


def test_the_log_is_opened_once_and_one_that_cannot_be_is_one_finding(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Stream] = []

    def open_noted(given: Settings) -> Stream:
        opened.append(open_stream(given))
        return opened[-1]

    monkeypatch.setattr(doctor, "open_stream", open_noted)
    names = [one.name for one in examine(settings)]
    assert len(opened) == 1
    assert names[names.index("log") : names.index("store")] == ["log", "topics", "groups", "dead letters", "clock"]
    settings.home.mkdir(exist_ok=True)
    settings.database.write_bytes(b"no database" * 1_000)
    found = examine(settings)
    assert [one.ok for one in found if one.name == "log"] == [False]
    assert not {one.name for one in found} & {"topics", "groups", "dead letters", "clock"}


def test_messages_that_were_removed_unread_are_named_with_the_command(settings: Settings) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(40))
        with stream.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=ignore) as consumer:
            commit(consumer, drain(consumer, 40)[:1])
    assert check(settings, "log").ok
    with closing(connect(settings.database)) as connection:
        connection.execute("UPDATE log_partitions SET oldest = next WHERE topic = ?", (RAW_TOPIC,))
    found = check(settings, "log")
    assert (found.ok, found.exit_code) == (False, 4)
    assert found.remedy is not None
    assert "`arbkit log skip raw.keepa_updates/" in found.remedy
