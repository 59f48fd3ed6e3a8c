"""`arbkit log`: what is kept, who has read how far, and the way past a hole."""

from __future__ import annotations

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
from arbkit.stream import RAW_TOPIC, open_stream
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
    import threading

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
