"""`arbkit dlq` over the dead letters of every topic: each topic numbers its own."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from arbkit.cli import app
from arbkit.core.errors import ArbkitError, UsageError
from arbkit.core.settings import Settings
from arbkit.stream import ALERTS_TOPIC, RAW_TOPIC, Record, dead_letter_topic, open_stream

ENRICHED = "products.enriched"


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    monkeypatch.chdir(settings.home)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)


def rejected(settings: Settings, topic: str, *errors: str, at: str = "10") -> None:
    headers = {"topic": topic, "partition": "0", "offset": "7", "attempts": "1", "time": f"2026-08-01T{at}:00:00+00:00"}
    with open_stream(settings) as log:
        log.publish(dead_letter_topic(topic), [Record("B0TESTTEST", b"{}", {**headers, "error": e}) for e in errors])


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["dlq", *words])
    if isinstance(done.exception, ArbkitError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def listed(*words: str) -> Any:
    return orjson.loads(run("list", "--json", *words))


def kept(settings: Settings, topic: str) -> int:
    with open_stream(settings) as log:
        return sum(end - oldest for oldest, end in log.watermarks(topic).values())


def test_without_a_topic_the_raw_one_is_meant_and_others_are_named(settings: Settings) -> None:
    rejected(settings, RAW_TOPIC, "not JSON")
    rejected(settings, ENRICHED, "cannot be priced")
    found = listed()
    assert [(one["topic"], one["offset"]) for one in found["items"]] == [(RAW_TOPIC, 0)]
    assert (found["total"], found["other_topics"]) == (1, {ENRICHED: 1, ALERTS_TOPIC: 0})
    assert f"1 dead letter of {ENRICHED}: --topic {ENRICHED}" in run("list")
    assert orjson.loads(run("show", "0"))["error"] == "not JSON"


def test_the_dead_letters_of_all_topics_are_listed_in_the_order_of_their_times(settings: Settings) -> None:
    rejected(settings, RAW_TOPIC, "not JSON", at="12")
    rejected(settings, ENRICHED, "cannot be priced", at="11")
    found = listed("--topic", "all")
    assert found["total"] == 2
    assert [(one["topic"], one["offset"], one["error"]) for one in found["items"]] == [
        (ENRICHED, 0, "cannot be priced"),
        (RAW_TOPIC, 0, "not JSON"),
    ]
    assert [one["topic"] for one in listed("--topic", "all", "--limit", "1")["items"]] == [RAW_TOPIC]
    assert "2 dead letters" in run("list", "--topic", "all")


def test_each_topic_numbers_its_own(settings: Settings) -> None:
    rejected(settings, RAW_TOPIC, "not JSON", "no ASIN")
    rejected(settings, ENRICHED, "cannot be priced")
    assert orjson.loads(run("show", "1"))["error"] == "no ASIN"
    assert orjson.loads(run("show", "0", "--topic", ENRICHED))["error"] == "cannot be priced"
    with pytest.raises(UsageError, match="--topic: no such topic"):
        run("show", "0", "--topic", "all")


def test_a_replay_sends_each_back_to_its_own_topic(settings: Settings) -> None:
    rejected(settings, RAW_TOPIC, "not JSON", "no ASIN")
    rejected(settings, ENRICHED, "cannot be priced")
    assert "1 record replayed" in run("replay", "0", "--topic", ENRICHED)
    assert (kept(settings, RAW_TOPIC), kept(settings, ENRICHED)) == (0, 1)
    assert "3 records replayed" in run("replay", "--topic", "all")
    assert (kept(settings, RAW_TOPIC), kept(settings, ENRICHED)) == (2, 2)
    assert "0 records replayed" in run("replay", "--topic", "all")


def test_nothing_is_replayed_where_an_offset_does_not_exist(settings: Settings) -> None:
    rejected(settings, RAW_TOPIC, "not JSON")
    with pytest.raises(UsageError, match="99"):
        run("replay", "0", "99")
    assert kept(settings, RAW_TOPIC) == 0


def test_a_topic_that_does_not_exist_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"--topic: no such topic .*'raw.keepa_update'.*raw.keepa_updates"):
        run("list", "--topic", "raw.keepa_update")
