"""`arbkit log`: what is kept, who has read how far, and the way past a hole."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from arbkit.cli import app
from arbkit.core.errors import ArbkitError, UsageError
from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect
from arbkit.pipeline.consumer import consume
from arbkit.stream import RAW_TOPIC, Record, open_stream
from tests.helpers.streams import good, ignore


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    monkeypatch.chdir(settings.home)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["log", *arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return orjson.loads(result.stdout)


def lose_unread(settings: Settings) -> None:
    with closing(connect(settings.database)) as connection:
        connection.execute("UPDATE log_partitions SET oldest = next WHERE topic = ?", (RAW_TOPIC,))


def test_a_consumer_that_stands_before_a_hole_goes_on_after_the_command_it_names(settings: Settings) -> None:

    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(20))
    consume(settings, until_empty=True, stop=threading.Event())
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(20, first=20))
    lose_unread(settings)
    with pytest.raises(ArbkitError, match="arbkit log skip") as stopped:
        consume(settings, until_empty=True, stop=threading.Event())
    assert stopped.value.exit_code == 4
    holes = [g for g in run("show")["groups"] if g["group"] == "arbkit-enrich" and g["lost"]]
    assert sum(hole["lost"] for hole in holes) == 20
    for hole in holes:
        assert run("skip", hole["partition"]) == {
            "group": "arbkit-enrich", "partition": hole["partition"], "committed": hole["committed"] + hole["lost"],
            "lost": hole["lost"],
        }  # fmt: skip
    assert not any(g["lost"] for g in run("show")["groups"])
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(5, first=40))
    assert consume(settings, until_empty=True, stop=threading.Event()).stored == 5


@pytest.mark.parametrize("named", ["nonsense", "raw.keepa_updates", "raw.keepa_updates/x", "/3", f"t/{'9' * 5_000}"])
def test_a_partition_that_is_none_is_refused(named: str) -> None:
    with pytest.raises(UsageError, match="is not TOPIC/NUMBER"):
        run("skip", named)


def test_nothing_is_skipped_where_there_is_no_hole() -> None:
    with pytest.raises(UsageError, match="no hole there"):
        run("skip", "raw.keepa_updates/0")


def test_a_group_that_reads_no_more_is_forgotten_and_arbkits_own_is_not(settings: Settings) -> None:
    with open_stream(settings) as stream, stream.consumer("mine", [RAW_TOPIC], on_revoke=ignore):
        pass
    assert CliRunner().invoke(app, ["log", "forget", "mine"]).exit_code == 0
    with open_stream(settings) as stream:
        assert stream.committed_offsets("mine", RAW_TOPIC) == {}
    for name, why in (("mine", "no such consumer group"), ("arbkit-enrich", "arbkit's own consumer")):
        assert why in str(CliRunner().invoke(app, ["log", "forget", name]).exception)


def published(settings: Settings, count: int) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(count))


def test_topics_say_what_they_hold_and_keep(settings: Settings) -> None:
    published(settings, 20)
    found = {one["topic"]: one for one in run("topics")["topics"]}
    raw = found[RAW_TOPIC]
    assert (raw["partitions"], raw["messages"], raw["keeps"]) == (4, 20, "7 days or 2,048 MiB")
    assert 0 < raw["oldest_at"] <= raw["latest_at"]
    assert found["products.enriched"]["keeps"] == "the last message of each key"
    assert (found["arbitrage.alerts"]["messages"], found["arbitrage.alerts"]["latest_at"]) == (0, None)


def test_lag_is_in_messages_and_in_time_and_only_of_groups_that_read(settings: Settings) -> None:
    published(settings, 20)
    consume(settings, until_empty=True, stop=threading.Event())
    published(settings, 5)
    enrich, detect, _ = run("lag")["groups"]
    assert (enrich["group"], enrich["reads"], enrich["lag"]) == ("arbkit-enrich", True, 5)
    assert enrich["behind_s"] >= 0
    assert (detect["group"], detect["reads"], detect["lag"], detect["behind_s"]) == ("arbkit-detect", False, 20, None)


@pytest.mark.parametrize("number", [0, 1, 7, 40, 2_000])
def test_a_tail_has_the_latest_messages_of_all_partitions(settings: Settings, number: int) -> None:
    for _ in range(40):
        published(settings, 1 + number // 40)
    with open_stream(settings) as stream:
        every = [m for some in stream.scan(RAW_TOPIC) for m in some]
    every.sort(key=lambda m: (m.timestamp, m.partition, m.offset))
    found = run("tail", RAW_TOPIC, "-n", str(number))["messages"]
    assert [(m["partition"], m["offset"]) for m in found] == [(m.partition, m.offset) for m in every][-number:][:number]


def test_a_tail_of_one_key_finds_it_behind_many_others(settings: Settings) -> None:
    published(settings, 1)
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(3_000, first=1))
    [found] = run("tail", RAW_TOPIC, "--key", "B000000000")["messages"]
    assert (found["key"], found["value"]["asin"]) == ("B000000000", "B000000000")


def test_what_is_printed_of_a_message_is_one_harmless_line(settings: Settings) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, [Record("\x1b]0;key", b"\xff\x1b[2J " + b"x" * 9_000)])
    shown = CliRunner().invoke(app, ["log", "tail", RAW_TOPIC]).stdout
    assert "\x1b" not in shown
    assert shown.count("x") == 300 - len("\ufffd\x1b[2J ")
    assert CliRunner().invoke(app, ["log", "tail", RAW_TOPIC, "--whole"]).stdout.count("x") == 9_000


def test_what_is_asked_wrongly_is_said(settings: Settings) -> None:
    published(settings, 1)
    with pytest.raises(UsageError, match=r"raw\.keepa_updates"):
        run("tail", "raw.keepa_update")
    with pytest.raises(UsageError, match="--follow"):
        run("tail", RAW_TOPIC, "--follow")
