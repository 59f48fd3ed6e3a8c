"""The consumer: whatever is on the log and whatever fails, nothing is passed over."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import requests
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

import arbkit.pipeline.consumer
import arbkit.pipeline.decode
from arbkit.core.errors import (
    ConfigError,
    DeadLetterLimitError,
    GroupBusyError,
    StoreError,
    StoreRefusedError,
    StreamError,
)
from arbkit.core.models import Offer, Update
from arbkit.core.service.metrics import expose
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.pipeline import membership
from arbkit.pipeline.consumer import ConsumeSummary, consume, drain
from arbkit.sources.envelope import from_envelope
from arbkit.store import Written, open_store
from arbkit.store.sqlite.store import SqliteStore
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, Record, dead_letter_topic, open_stream
from arbkit.stream.base import Offsets
from arbkit.stream.dead_letters import dead_letters, replay
from arbkit.stream.sqlite import SqliteStream
from arbkit.stream.sqlite_consumer import SqliteConsumer
from tests.helpers.streams import empty, good, raw
from tests.helpers.waiting import eventually
from tests.servers.launch import Kafka


def publish(settings: Settings, records: Sequence[Record], topic: str = RAW_TOPIC) -> None:
    with open_stream(settings) as stream:
        stream.publish(topic, records)


def run(settings: Settings) -> ConsumeSummary:
    return consume(settings, until_empty=True, stop=threading.Event())


def lag(settings: Settings) -> int:
    with open_stream(settings) as stream:
        return sum(stream.lag(ENRICH_GROUP, RAW_TOPIC).values())


def dead(settings: Settings) -> list[tuple[str, bytes, str]]:
    with open_stream(settings) as stream:
        return [(m.key, m.value, m.headers["error"]) for m in dead_letters(stream)]


def stored(settings: Settings, count: int) -> list[Offer]:
    with open_store(settings) as store:
        return store.offers([f"B{i:09}" for i in range(count)])


POISON = {
    "not JSON": b"\xff not JSON",
    "nothing": b"",
    "not an object": b"[1, 2]",
    "another version": b'{"v": 9}',
    "another market": orjson.dumps({"v": 1, "market": "US", "product": {}}),
    "another shape": orjson.dumps(
        {
            "v": 1, "asin": "B000000009", "market": "DE", "source": "keepa", "fetched_at": "2026-11-01T00:00:00Z",
            "product": {"asin": "B000000009", "domainId": 3, "csv": "wild", "lastUpdate": 8_000_000},
        }
    ),
    "no ASIN": raw("an id that no store takes " * 40).value,
}  # fmt: skip


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("kind", POISON)
def test_a_poisoned_record_in_any_place_is_a_dead_letter_and_spares_the_others(
    settings: Settings, kind: str, place: int
) -> None:
    records = good(5)
    records[place] = Record("", POISON[kind])
    publish(settings, records)
    summary = run(settings)
    assert (summary.read, summary.stored, summary.dead_lettered) == (5, 4, 1)
    ((key, value, why),) = dead(settings)
    assert (key, value) == ("", POISON[kind])
    assert why
    assert lag(settings) == 0


def test_a_fault_of_ours_in_one_record_is_a_dead_letter_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(envelope: Any) -> Update | None:
        if envelope["asin"] == "B000000001":
            raise RuntimeError("what nobody thought of")
        return from_envelope(envelope)

    monkeypatch.setattr(arbkit.pipeline.decode, "from_envelope", faulty)
    publish(settings, good(3))
    assert run(settings).stored == 2
    assert "what nobody thought of" in dead(settings)[0][2]


def test_everything_poisonous_stops_the_consumer_and_nothing_is_passed_over(settings: Settings) -> None:
    publish(settings, [*good(40), *(Record(f"K{i}", b"no") for i in range(160))])
    for _ in range(2):
        with pytest.raises(DeadLetterLimitError, match="ARBKIT_DEAD_LETTER_SHARE"):
            run(settings)
        assert dead(settings) == []
        assert lag(settings) == 200
    assert len(stored(settings, 40)) == 40
    bury = settings.model_copy(update={"dead_letter_share": 1.0, "dead_letter_run": 0})
    assert run(bury).dead_lettered == 160
    assert (len(dead(settings)), lag(settings)) == (160, 0)


def test_a_run_of_poison_after_a_long_good_stretch_stops_it_as_well(settings: Settings) -> None:
    few = settings.model_copy(update={"dead_letter_run": 20})
    publish(settings, [*(raw("B000000001", version=8_000_000 + i) for i in range(150)),
                       *(Record("B000000001", b"no") for _ in range(20))])  # fmt: skip
    with pytest.raises(DeadLetterLimitError, match="20 records in a row are unusable"):
        run(few)
    assert lag(settings) == 170


def test_dead_letters_tried_again_do_not_count(settings: Settings) -> None:
    publish(settings, [Record(f"K{i}", b"no") for i in range(150)])
    run(settings.model_copy(update={"dead_letter_share": 1.0, "dead_letter_run": 0}))
    with open_stream(settings) as stream:
        assert replay(stream) == 150
    assert run(settings).dead_lettered == 150


def failing(times: int, error: Exception, real: Callable[..., Any]) -> Callable[..., Any]:
    """``real``, after so many calls that raise."""
    left = [times]

    def act(*arguments: Any, **named: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise error
        return real(*arguments, **named)

    return act


def test_a_store_that_is_away_is_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    away = StoreError("gone for a moment", kind="unreachable")
    monkeypatch.setattr(SqliteStore, "put", failing(3, away, SqliteStore.put))
    publish(settings, [*good(5), Record("x", b"no")])
    summary = run(settings)
    assert (summary.stored, summary.dead_lettered) == (5, 1)
    assert lag(settings) == 0


def test_a_store_that_refuses_ends_the_consumer_and_nothing_is_passed_over(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = StoreRefusedError("no such user")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "put", failing(1, refused, SqliteStore.put))
        publish(settings, [*good(5), Record("x", b"no")])
        with pytest.raises(StoreRefusedError):
            run(settings)
    assert (dead(settings), lag(settings)) == ([], 6)
    assert run(settings).stored == 5


@pytest.mark.parametrize("topic", [dead_letter_topic(RAW_TOPIC), "products.enriched"])
def test_a_write_to_the_log_that_fails_passes_nothing_over(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, topic: str
) -> None:
    real = SqliteStream.publish

    def fails(stream: SqliteStream, to: str, records: Sequence[Record]) -> None:
        if to == topic and records:
            raise StreamError("the log takes no more")
        real(stream, to, records)

    publish(settings, [*good(3), Record("x", b"no")])
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStream, "publish", fails)
        with pytest.raises(StreamError, match="takes no more"):
            run(settings)
    assert lag(settings) == 4
    summary = run(settings)
    assert (summary.stale, summary.dead_lettered, lag(settings)) == (3, 1, 0)
    assert [value for _, value, _ in dead(settings)] == [b"no"]


def test_a_commit_that_fails_is_made_again_and_a_run_ends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, failures = SqliteConsumer.commit, iter(range(3))

    def fails(consumer: SqliteConsumer, offsets: Offsets) -> None:
        if next(failures, None) is not None:
            raise StreamError("the disk of the log is full")
        commit(consumer, offsets)

    monkeypatch.setattr(membership, "_AGAIN_S", 0.05)
    monkeypatch.setattr(SqliteConsumer, "commit", fails)
    publish(settings, good(3))
    assert (run(settings).stored, lag(settings)) == (3, 0)


def test_a_clock_that_is_a_day_off_changes_nothing(settings: Settings) -> None:
    """What is newer is what the source says, not when it was fetched."""
    now = datetime.now(UTC)
    publish(settings, [
        raw("B000000001", version=8_000_001, title="newer", fetched_at=(now - timedelta(days=1)).isoformat()),
        raw("B000000001", version=8_000_000, title="older", fetched_at=(now + timedelta(days=1)).isoformat()),
    ])  # fmt: skip
    summary = run(settings)
    assert (summary.stored, summary.stale) == (1, 1)
    assert [o.title for o in stored(settings, 2)] == ["newer"]


def test_a_second_consumer_on_one_file_is_refused_with_the_remedy(settings: Settings) -> None:
    publish(settings, good(5))
    with (
        open_stream(settings) as stream,
        stream.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=lambda _: None),
        pytest.raises(GroupBusyError, match=rf"process {os.getpid()} .*kafka://"),
    ):
        run(settings)
    assert run(settings).stored == 5


def test_a_consumer_that_runs_for_long_waits_for_one_that_came_first(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    publish(settings, good(5))
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with open_stream(settings) as stream, stream.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=lambda _: None):
            running = pool.submit(consume, settings, stop=stop)
            eventually(lambda: "waiting until it ends" in caplog.text)
            # Whoever looks after it sees that it lives.
            eventually(lambda: settings.home.joinpath("health", "consumer").exists())
        try:
            eventually(lambda: len(stored(settings, 5)) == 5)
        finally:
            stop.set()
        assert running.result().stored == 5
    assert caplog.text.count("waiting until it ends") == 1


def test_what_was_published_is_drained_by_the_consumer_that_runs(settings: Settings) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(consume, settings, stop=stop)
        try:
            eventually(lambda: settings.home.joinpath("arbkit.db.arbkit-enrich.lock").exists())
            publish(settings, good(20))
            assert drain(settings, stop=threading.Event())
            assert (lag(settings), len(stored(settings, 20))) == (0, 20)
        finally:
            stop.set()
        assert running.result(30).stored == 20


def test_a_consumer_that_stands_still_is_not_waited_for_for_ever(settings: Settings) -> None:
    publish(settings, good(5))
    with open_stream(settings) as stream, stream.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=lambda _: None):
        assert not drain(settings, stop=threading.Event(), patience_s=0.1)
    assert drain(settings, stop=threading.Event())
    assert lag(settings) == 0


def test_what_is_under_way_is_finished_before_a_partition_goes(
    settings: Settings, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second consumer comes while the first one's batch is being stored: no record is done twice."""
    empty(kafka)
    several = settings.model_copy(update={"log": kafka.url})
    initialise(several)
    publish(several, good(200))
    real, storing, go_on = SqliteStore.put, threading.Event(), threading.Event()

    def slow(store: SqliteStore, updates: Sequence[Update]) -> Written:
        storing.set()
        assert go_on.wait(60)
        return real(store, updates)

    monkeypatch.setattr(SqliteStore, "put", slow)
    admin = AdminClient({"bootstrap.servers": kafka.address})

    def members() -> int:
        (group,) = admin.describe_consumer_groups([ENRICH_GROUP]).values()
        return len(group.result(timeout=30).members)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, several)
        assert storing.wait(60)
        second = pool.submit(run, several)
        eventually(lambda: members() == 2)
        go_on.set()
        summaries = [first.result(120), second.result(120)]
    assert sum(s.read for s in summaries) == 200
    assert sum(s.stale for s in summaries) == 0
    assert len(stored(several, 200)) == 200


def test_stopped_while_the_store_is_away_it_ends_and_leaves_the_batch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(settings, good(5))
    stop = threading.Event()
    tried = threading.Event()

    def away(*_: Any) -> Written:
        tried.set()
        raise StoreError("gone")

    monkeypatch.setattr(SqliteStore, "put", away)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(consume, settings, stop=stop)
        assert tried.wait(30)
        stop.set()
        assert running.result(30).read == 0
    assert lag(settings) == 5


def test_a_consumer_shows_what_it_does(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(settings, [*good(5), Record("x", b"no")])
    port: list[int] = []

    def noted(*arguments: Any) -> int | None:
        found = expose(*arguments)
        assert found is not None
        port.append(found)
        return found

    monkeypatch.setattr(arbkit.pipeline.consumer, "expose", noted)
    run(settings.model_copy(update={"consumer_metrics_port": 0}))
    shown = requests.get(f"http://127.0.0.1:{port[0]}/metrics", timeout=10).text
    for name in (
        'arbkit_consumed_records_total{outcome="stored"}', 'arbkit_consumed_records_total{outcome="dead_letter"}',
        'arbkit_batch_seconds_count{service="consumer",step="store"}', "arbkit_consumer_partitions 4.0",
        'arbkit_consumer_lag_messages{partition="0"}',
    ):  # fmt: skip
        assert name in shown


def test_off_loopback_its_figures_ask_for_the_token(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="ARBKIT_TOKEN"):
        expose(settings.model_copy(update={"host": "0.0.0.0"}), 0, "ARBKIT_CONSUMER_METRICS_PORT")
    guarded = settings.model_copy(update={"host": "0.0.0.0", "token": SecretStr("a-token")})
    url = f"http://127.0.0.1:{expose(guarded, 0, 'ARBKIT_CONSUMER_METRICS_PORT')}/metrics"
    assert requests.get(url, timeout=10).status_code == 401
    assert requests.get(url, headers={"Authorization": "Bearer wrong"}, timeout=10).status_code == 401
    shown = requests.get(url, headers={"Authorization": "Bearer a-token"}, timeout=10)
    assert (shown.status_code, "arbkit_consumed_records" in shown.text) == (200, True)


def test_a_port_that_is_taken_is_named(settings: Settings) -> None:
    port = expose(settings, 0, "ARBKIT_CONSUMER_METRICS_PORT")
    with pytest.raises(ConfigError, match="ARBKIT_CONSUMER_METRICS_PORT"):
        expose(settings, port, "ARBKIT_CONSUMER_METRICS_PORT")
