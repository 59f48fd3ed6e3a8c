"""What every stream must do, whichever stands behind the interface."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arbkit.core.errors import MessageTooLargeError, StreamError, UsageError
from arbkit.stream import Consumer, Message, Record, Stream, TopicPartition, TopicSpec, dead_letter_topic
from arbkit.stream.base import MAX_DEAD_LETTER, MAX_MESSAGE
from arbkit.stream.kafka import KafkaStream
from arbkit.stream.sqlite import SqliteStream
from tests.helpers.streams import commit, drain, empty, ignore, records, until
from tests.servers.mock import MockKafka

TOPIC = "prices"
FORGETS = "the mock silently keeps only 5 MiB of a partition"
ONE_CONSUMER = "a stream in a SQLite file takes one consumer a group; several are Kafka's work"
Open = Callable[[], Stream]


TOPICS = (TopicSpec(TOPIC, 4), TopicSpec(dead_letter_topic(TOPIC), 1))


@pytest.fixture(params=["sqlite", "kafka", "mock"])
def open_stream(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same stream as often as it is called; all are closed at the end."""
    with contextlib.ExitStack() as stack:
        if request.param == "kafka":
            address = request.getfixturevalue("kafka").address
            empty(request.getfixturevalue("kafka"))
        elif request.param == "mock":
            cluster = stack.enter_context(MockKafka())
            address = cluster.address
            # It does not answer what it does not know: no need to wait for that as for a real broker.
            request.getfixturevalue("monkeypatch").setattr("arbkit.stream.kafka_errors.PATIENCE_S", 1.0)
            for spec in TOPICS:
                cluster.create(spec.name, spec.partitions)

        def open_one() -> Stream:
            stream: Stream
            if request.param == "sqlite":
                stream = SqliteStream(tmp_path / "log.db", join_wait_s=0.1)
            else:
                stream = KafkaStream(address, max_silence_s=1.5)
            if request.param != "mock":
                stream.create_topics(TOPICS)
            stack.enter_context(stream)
            return stream

        yield open_one


def differs(request: pytest.FixtureRequest, reason: str, *implementations: str) -> None:
    """Expect this test to fail on these implementations, for a reason."""
    if request.node.callspec.params["open_stream"] in implementations:
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))


def test_records_of_a_key_keep_their_order_and_offsets_have_no_gaps(open_stream: Open) -> None:
    stream = open_stream()
    stream.publish(TOPIC, records(30))
    stream.publish(TOPIC, records(30, first=30))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        got = drain(consumer, 60)
    by_key: dict[str, list[int]] = {}
    by_partition: dict[TopicPartition, list[int]] = {}
    for message in got:
        by_key.setdefault(message.key, []).append(int(message.value))
        by_partition.setdefault(message.topic_partition, []).append(message.offset)
    assert all(values == sorted(values) for values in by_key.values())
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())
    assert {int(m.headers["n"]) for m in got} == set(range(60))


def test_what_was_published_is_there_after_reopening(open_stream: Open) -> None:
    stream = open_stream()
    stream.publish(TOPIC, [Record("a", b"\x00\xff" * 500_000, {"é": "ü"})])
    stream.close()
    again = open_stream()
    found = [m for p in range(4) for m in again.read(TOPIC, partition=p)]
    assert [(m.value, m.headers) for m in found] == [(b"\x00\xff" * 500_000, {"é": "ü"})]


def test_records_too_large_are_named_and_nothing_of_their_batch_is_published(open_stream: Open) -> None:
    stream = open_stream()
    batch = [
        *records(3),
        Record("B000000001", b"x" * (MAX_MESSAGE + 1)),
        Record("B000000002", b"", {"h": "ü" * MAX_MESSAGE}),
    ]
    with pytest.raises(MessageTooLargeError, match=f"larger than the limit of {MAX_MESSAGE} bytes") as caught:
        stream.publish(TOPIC, batch)
    assert caught.value.keys == {3: "B000000001", 4: "B000000002"}
    assert caught.value.sizes == {3: MAX_MESSAGE + 11, 4: 2 * MAX_MESSAGE + 11}
    assert not caught.value.rest_published
    assert all(ends == (0, 0) for ends in stream.watermarks(TOPIC).values())


def test_the_largest_record_goes_through_and_a_group_reads_it(
    request: pytest.FixtureRequest, open_stream: Open
) -> None:
    differs(request, FORGETS, "mock")
    stream = open_stream()
    value = os.urandom(MAX_MESSAGE - 1)
    stream.publish(TOPIC, [Record("k", value), *records(3)])
    assert sum(end - oldest for oldest, end in stream.watermarks(TOPIC).values()) == 4
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        assert value in [m.value for m in drain(consumer, 4)]


def test_dead_letters_may_be_larger(request: pytest.FixtureRequest, open_stream: Open) -> None:
    differs(request, FORGETS, "mock")
    stream = open_stream()
    topic = dead_letter_topic(TOPIC)
    value = os.urandom(MAX_DEAD_LETTER - 1_000)
    stream.publish(topic, [Record("k", value, {"error": "too large"}), Record("k", b"next")])
    assert stream.watermarks(topic) == {TopicPartition(topic, 0): (0, 2)}
    assert [m.value for m in stream.read(topic)] == [value, b"next"]
    with stream.consumer("g", [topic], on_revoke=ignore) as consumer:
        assert [m.value for m in drain(consumer, 2)] == [value, b"next"]
    with pytest.raises(MessageTooLargeError, match=f"limit of {MAX_DEAD_LETTER} bytes"):
        stream.publish(topic, [Record("k", value + b"x" * 1_000)])


def test_all_that_was_acknowledged_is_kept(request: pytest.FixtureRequest, open_stream: Open) -> None:
    differs(request, FORGETS, "mock")
    stream = open_stream()
    topic = dead_letter_topic(TOPIC)
    for _ in range(8):
        stream.publish(topic, [Record("k", os.urandom(1_024)) for _ in range(1_000)])
    assert stream.watermarks(topic) == {TopicPartition(topic, 0): (0, 8_000)}
    with stream.consumer("g", [topic], on_revoke=ignore) as consumer:
        assert [m.offset for m in drain(consumer, 8_000)] == list(range(8_000))


def test_a_group_goes_on_where_it_committed_and_another_begins_at_the_oldest(open_stream: Open) -> None:
    stream = open_stream()
    stream.publish(TOPIC, records(20))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        commit(consumer, drain(consumer, 20))
    stream.publish(TOPIC, records(5, first=20))
    assert sum(stream.lag("g", TOPIC).values()) == 5
    assert sum(stream.lag("h", TOPIC).values()) == 25
    assert sum(stream.committed_offsets("g", TOPIC).values()) == 20
    assert stream.committed_offsets("h", TOPIC) == {}
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        assert sorted(int(m.value) for m in drain(consumer, 5)) == list(range(20, 25))
    with stream.consumer("h", [TOPIC], on_revoke=ignore) as consumer:
        assert len(drain(consumer, 25)) == 25


def test_what_was_not_committed_is_delivered_again(open_stream: Open) -> None:
    stream = open_stream()
    stream.publish(TOPIC, records(10))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        assert len(drain(consumer, 10)) == 10
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        assert len(drain(consumer, 10)) == 10


def test_members_share_partitions_and_take_over_from_one_that_leaves(
    request: pytest.FixtureRequest, open_stream: Open
) -> None:
    differs(request, ONE_CONSUMER, "sqlite")
    stream = open_stream()
    revoked: list[TopicPartition] = []
    with stream.consumer("g", [TOPIC], on_revoke=revoked.extend) as first:
        until(lambda: len(first.assignment()) == 4, first)
        with stream.consumer("g", [TOPIC], on_revoke=ignore) as second:
            until(lambda: len(first.assignment()) == len(second.assignment()) == 2, first, second)
            assert not first.assignment() & second.assignment()
            assert set(revoked) == second.assignment()
        until(lambda: len(first.assignment()) == 4, first)


def test_a_silent_member_is_replaced_and_its_commit_refused(request: pytest.FixtureRequest, open_stream: Open) -> None:
    differs(request, ONE_CONSUMER, "sqlite")
    stream = open_stream()
    stream.publish(TOPIC, records(8))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as zombie:
        held = drain(zombie, 8)
        with stream.consumer("g", [TOPIC], on_revoke=ignore) as heir:
            got = drain(heir, 8)
            with pytest.raises(StreamError, match="refused"):
                commit(zombie, held)
            commit(heir, got)
            assert sum(stream.lag("g", TOPIC).values()) == 0


def test_commits_made_inside_on_revoke_count(request: pytest.FixtureRequest, open_stream: Open) -> None:
    differs(request, ONE_CONSUMER, "sqlite")
    stream = open_stream()
    stream.publish(TOPIC, records(12))
    done: dict[TopicPartition, int] = {}

    def flush(partitions: frozenset[TopicPartition]) -> None:
        first.commit({partition: done[partition] for partition in partitions if partition in done})

    with stream.consumer("g", [TOPIC], on_revoke=flush) as first:
        done |= {m.topic_partition: m.offset + 1 for m in drain(first, 12)}
        with stream.consumer("g", [TOPIC], on_revoke=ignore) as second:
            got: list[Message] = []

            def shared() -> bool:
                got.extend(second.poll(max_records=10, timeout_s=0))
                return len(second.assignment()) == 2

            until(shared, first)
            got.extend(second.poll(max_records=10, timeout_s=0.5))
            assert not got


def test_the_next_consumer_of_a_group_goes_on_at_once_where_the_last_one_left(open_stream: Open) -> None:
    stream = open_stream()
    stream.publish(TOPIC, records(10))
    for _ in range(3):
        with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
            commit(consumer, drain(consumer, 10))
        stream.publish(TOPIC, records(10))
    assert sum(stream.lag("g", TOPIC).values()) == 10


def test_pause_delivers_nothing_and_keeps_the_membership(open_stream: Open) -> None:
    stream = open_stream()
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        until(lambda: bool(consumer.assignment()), consumer)
        consumer.pause()
        stream.publish(TOPIC, records(3))
        assert not consumer.poll(max_records=10, timeout_s=0.7)
        consumer.resume()
        assert len(drain(consumer, 3)) == 3


def test_a_member_knows_how_much_it_has_not_been_given(open_stream: Open) -> None:
    stream = open_stream()
    stream.publish(TOPIC, records(20))

    def behind(consumer: Consumer) -> int:
        return sum(consumer.lag().values())

    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        assert consumer.lag() == {}
        got: list[Message] = []
        while len(got) < 20:
            got += consumer.poll(max_records=3, timeout_s=0.05)
            assert behind(consumer) == (20 - len(got) if consumer.assignment() else 0)
        # Given counts, not committed.
        commit(consumer, got[:5])
        assert consumer.lag() == dict.fromkeys(consumer.assignment(), 0)
        consumer.pause()
        stream.publish(TOPIC, records(4))
        assert behind(consumer) == 4
        consumer.resume()
        drain(consumer, 4)
        assert behind(consumer) == 0
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as again:
        until(lambda: len(again.assignment()) == 4, again)
        assert behind(again) <= 19
    with pytest.raises(StreamError, match="closed"):
        again.lag()


def test_a_member_counts_only_what_waits_on_its_own_partitions(
    request: pytest.FixtureRequest, open_stream: Open
) -> None:
    differs(request, ONE_CONSUMER, "sqlite")
    stream = open_stream()
    stream.publish(TOPIC, records(20))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as first:
        until(lambda: len(first.assignment()) == 4, first)
        with stream.consumer("g", [TOPIC], on_revoke=ignore) as other:
            until(lambda: len(first.assignment()) == len(other.assignment()) == 2, first, other)
            assert first.lag().keys() == first.assignment()


def test_a_scan_gives_every_message_once_and_goes_on_from_where_it_was(open_stream: Open) -> None:
    stream = open_stream()
    assert list(stream.scan(TOPIC)) == []
    stream.publish(TOPIC, records(1_200))
    scanned = [m for some in stream.scan(TOPIC) for m in some]
    assert sorted(int(m.value) for m in scanned) == list(range(1_200))
    ends = {partition: end for partition, (_, end) in stream.watermarks(TOPIC).items()}
    stream.publish(TOPIC, records(5, first=1_200))
    assert sorted(int(m.value) for some in stream.scan(TOPIC, start=ends) for m in some) == list(range(1_200, 1_205))
    # It was no member of a group.
    assert sum(stream.lag("g", TOPIC).values()) == 1_205


def test_retention_removes_the_oldest_and_nothing_that_a_group_has_not_read(
    request: pytest.FixtureRequest, open_stream: Open
) -> None:
    differs(request, "Kafka applies retention by itself, a segment at a time, whoever has read it", "kafka", "mock")
    stream = open_stream()
    stream.create_topics([TopicSpec("small", 1, max_bytes=1_000)])
    stream.publish("small", [Record("k", b"x" * 100) for _ in range(30)])
    with stream.consumer("g", ["small"], on_revoke=ignore) as consumer:
        got = drain(consumer, 30)
        commit(consumer, got[:5])
        assert stream.apply_retention() == 5
        assert stream.watermarks("small") == {TopicPartition("small", 0): (5, 30)}
        commit(consumer, got)
        assert stream.apply_retention() == 15
        assert stream.watermarks("small") == {TopicPartition("small", 0): (20, 30)}
    with stream.consumer("new", ["small"], on_revoke=ignore) as fresh:
        assert drain(fresh, 10)[0].offset == 20
    stream.publish("small", [Record("k", b"y")])
    assert stream.read("small", offset=30)[0].value == b"y"


def test_a_group_that_is_forgotten_is_as_if_it_never_was(request: pytest.FixtureRequest, open_stream: Open) -> None:
    if request.node.callspec.params["open_stream"] == "mock":
        pytest.xfail("the mock cannot delete a group, and librdkafka ends the process where a broker cannot")
    stream = open_stream()
    stream.publish(TOPIC, records(5))
    with pytest.raises(UsageError, match="no such consumer group"):
        stream.forget_group("g")
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        commit(consumer, drain(consumer, 5))
        with pytest.raises(StreamError):
            stream.forget_group("g")
    stream.forget_group("g")
    assert stream.committed_offsets("g", TOPIC) == {}
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        assert len(drain(consumer, 5)) == 5


def test_retention_by_age(request: pytest.FixtureRequest, open_stream: Open) -> None:
    differs(request, "Kafka applies retention by itself, a segment at a time", "kafka", "mock")
    stream = open_stream()
    stream.create_topics([TopicSpec("brief", 1, max_age_s=1.0)])
    stream.publish("brief", [Record("k", b"x")])
    time.sleep(1.5)
    stream.publish("brief", [Record("k", b"y")])
    assert stream.apply_retention() == 1
    assert [m.value for m in stream.read("brief")] == [b"y"]


def test_creating_topics_again_reports_differences_and_changes_none(
    request: pytest.FixtureRequest, open_stream: Open
) -> None:
    differs(request, "the mock answers no requests to make or describe topics", "mock")
    stream = open_stream()
    assert stream.create_topics([TopicSpec(TOPIC, 4)]) == []
    assert "partitions is 4, asked for 8" in stream.create_topics([TopicSpec(TOPIC, 8)])[0]
    assert len(stream.watermarks(TOPIC)) == 4


def test_topics_are_compared_without_a_change(request: pytest.FixtureRequest, open_stream: Open) -> None:
    differs(request, "the mock answers no requests to describe topics", "mock")
    stream = open_stream()
    assert stream.compare_topics([TopicSpec(TOPIC, 4)]) == []
    asked = [TopicSpec(TOPIC, 8, 3_600.0, compacted=True), TopicSpec("nobody-made-it", 1)]
    differs_by, missing = stream.compare_topics(asked)
    assert "partitions is 4, asked for 8" in differs_by
    assert missing == "topic nobody-made-it is missing"
    assert stream.compare_topics([TopicSpec(TOPIC, 4)]) == []


def test_retention_is_adopted_where_nobody_else_can_change_it(
    request: pytest.FixtureRequest, open_stream: Open
) -> None:
    differs(request, "whoever runs the broker changes its topics", "kafka", "mock")
    stream = open_stream()
    asked = [TopicSpec(TOPIC, 4, 3_600.0, 1 << 20), TopicSpec("nobody-made-it", 1)]
    assert stream.adopt_retention(asked) == [
        f"topic {TOPIC}: changed, it keeps as much as the settings say from now on"
    ]
    assert stream.adopt_retention(asked) == []
    assert stream.compare_topics(asked[:1]) == []


def test_a_topic_that_is_to_be_compacted_is_so_from_now_on_and_it_is_said(
    request: pytest.FixtureRequest, open_stream: Open
) -> None:
    differs(request, "the mock answers no requests to make or describe topics", "mock")
    stream = open_stream()
    stream.create_topics([TopicSpec("products", 1, 3_600.0, 1 << 20)])
    stream.publish("products", [Record("k", b"x")])
    asked = [TopicSpec("products", 1, compacted=True)]
    (said,) = stream.create_topics(asked)
    assert "products: changed" in said
    assert stream.create_topics(asked) == []
    assert [m.value for m in stream.read("products")] == [b"x"]


def test_an_unknown_topic_is_named(open_stream: Open) -> None:
    stream = open_stream()
    with pytest.raises(StreamError, match="no such topic"):
        stream.publish("nothing", records(1))
    with pytest.raises(StreamError, match="no such topic"):
        stream.lag("g", "nothing")


def test_a_topic_is_proved_writable_without_leaving_a_message(open_stream: Open) -> None:
    stream = open_stream()
    stream.publish(TOPIC, records(3))
    before = stream.watermarks(TOPIC)
    stream.prove_writable(TOPIC)
    stream.prove_writable(TOPIC)
    assert stream.watermarks(TOPIC) == before
    with pytest.raises(StreamError, match="nowhere"):
        stream.prove_writable("nowhere")
