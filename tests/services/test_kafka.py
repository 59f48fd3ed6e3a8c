"""What only a real Kafka shows: its own retention, holes, foreign messages, a broker that goes away."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the stubs do not export what the docs name
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from arbkit.core.errors import MessageTooLargeError, StreamError
from arbkit.stream import TOPICS, Message, Record, TopicPartition, TopicSpec, dead_letter_topic, dead_letters
from arbkit.stream.holes import find_holes, skip_hole
from arbkit.stream.kafka import KafkaStream
from tests.helpers.streams import drain, ignore, records, until
from tests.helpers.waiting import eventually
from tests.servers.launch import Kafka

TOPIC = "faults"


@pytest.fixture
def stream(kafka: Kafka) -> Iterator[KafkaStream]:
    with KafkaStream(kafka.address) as opened:
        admin = AdminClient({"bootstrap.servers": kafka.address})
        if TOPIC in admin.list_topics().topics:
            admin.delete_topics([TOPIC])[TOPIC].result()
            while TOPIC in admin.list_topics().topics:
                time.sleep(0.05)
        opened.create_topics([TopicSpec(TOPIC, 1)])
        yield opened


def _oldest(stream: KafkaStream, topic: str) -> int:
    return stream.watermarks(topic)[TopicPartition(topic, 0)][0]


def test_a_hole_in_the_log_is_named_and_not_skipped(stream: KafkaStream, kafka: Kafka) -> None:
    stream.publish(TOPIC, records(30))
    group = f"holes-{time.time_ns()}"
    with stream.consumer(group, [TOPIC], on_revoke=ignore) as consumer:
        five = drain(consumer, 5)[:5]
        consumer.commit({five[-1].topic_partition: five[-1].offset + 1})
    admin = AdminClient({"bootstrap.servers": kafka.address})
    for future in admin.delete_records([Place(TOPIC, 0, 20)]).values():
        future.result()
    with (
        stream.consumer(group, [TOPIC], on_revoke=ignore) as late,
        pytest.raises(StreamError, match=r"should read offset 5 .* oldest offset kept is 20"),
    ):
        drain(late, 1)
    assert [(hole.committed, hole.oldest) for hole in find_holes(stream, group, TOPIC)] == [(5, 20)]
    assert skip_hole(stream, group, TopicPartition(TOPIC, 0)).messages == 15
    with stream.consumer(group, [TOPIC], on_revoke=ignore) as heir:
        assert drain(heir, 10)[0].offset == 20
    with stream.consumer(f"{group}-new", [TOPIC], on_revoke=ignore) as fresh:
        assert drain(fresh, 10)[0].offset == 20
    assert stream.read(TOPIC, offset=0, max_records=1)[0].offset == 20


def test_a_partition_added_while_a_consumer_runs_is_read_from_its_start(stream: KafkaStream, kafka: Kafka) -> None:
    stream.publish(TOPIC, records(5))
    with stream.consumer(f"more-{time.time_ns()}", [TOPIC], on_revoke=ignore) as consumer:
        found = drain(consumer, 5)
        consumer.commit({found[-1].topic_partition: found[-1].offset + 1})
        admin = AdminClient({"bootstrap.servers": kafka.address})
        admin.create_partitions([NewPartitions(TOPIC, 2)])[TOPIC].result()
        with KafkaStream(kafka.address) as other:
            other.publish(TOPIC, records(40, first=5))
        found += drain(consumer, 40)
        assert sorted(m.key for m in found) == sorted(r.key for r in records(45))
        assert {m.partition for m in found} == {0, 1}
        consumer.commit({m.topic_partition: m.offset + 1 for m in found})
        assert not any(consumer.lag().values())


def test_a_message_of_somebody_else_without_key_or_value_is_delivered_as_empty(
    stream: KafkaStream, kafka: Kafka
) -> None:
    producer = Producer({"bootstrap.servers": kafka.address})
    producer.produce(TOPIC, None, None, headers=[("x", None), ("y", b"\xff")])
    producer.flush()
    (found,) = stream.read(TOPIC)
    assert (found.key, found.value, found.headers) == ("", b"", {"x": "", "y": "\ufffd"})


def test_the_brokers_clock_counts_and_not_that_of_whoever_publishes(stream: KafkaStream, kafka: Kafka) -> None:
    day = 86_400
    producer = Producer({"bootstrap.servers": kafka.address})
    refused: list[object] = []
    before = time.time()
    for shift in (-day, day):
        producer.produce(
            TOPIC,
            b"x",
            "k",
            timestamp=round((before + shift) * 1000),
            on_delivery=lambda error, _: refused.append(error),
        )
        producer.flush()
    assert refused == [None, None]
    assert all(before - 1 <= m.timestamp <= time.time() + 1 for m in stream.read(TOPIC))


def test_retention_goes_by_the_brokers_clock(stream: KafkaStream, kafka: Kafka) -> None:
    hour, day = 3_600, 86_400
    names = [f"{kind}-{time.time_ns()}" for kind in ("kept", "brief", "client-clock")]
    kept, brief, other = names
    stream.create_topics([TopicSpec(kept, 1, hour), TopicSpec(brief, 1, 0.5)])
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.create_topics([NewTopic(other, 1, 1, config={"retention.ms": str(hour * 1000)})])[other].result()
    producer = Producer({"bootstrap.servers": kafka.address})
    for name, shift in ((kept, -day), (kept, day), (brief, day), (other, -day)):
        producer.produce(name, b"x", "k", timestamp=round((time.time() + shift) * 1000))
    producer.flush()
    # Once the broker has removed what is old by a client's clock, it has looked at the others too, or will in a moment.
    eventually(lambda: _oldest(stream, other) == 1 and _oldest(stream, brief) == 1)
    assert _oldest(stream, kept) == 0


def settings_of(kafka: Kafka, topic: str) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": kafka.address})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return {name: entry.value for name, entry in admin.describe_configs([resource])[resource].result().items()}


def test_a_topic_larger_than_its_retention_loses_its_oldest_segments(stream: KafkaStream) -> None:
    """With Kafka's own segments of 1 GiB nothing would go for a long time."""
    name = f"small-{time.time_ns()}"
    stream.create_topics([TopicSpec(name, 1, max_bytes=20 << 20)])
    for _ in range(6):
        stream.publish(name, [Record("k", os.urandom(1 << 20)) for _ in range(10)])
    eventually(lambda: _oldest(stream, name) > 0)
    (end,) = (end for _, end in stream.watermarks(name).values())
    # What is asked for is kept, and at most the segment that is written to and the one before it more.
    assert 19 <= end - _oldest(stream, name) <= 20 + 2 * 17


def test_segments_of_arbkits_topics_fit_their_retention(stream: KafkaStream, kafka: Kafka) -> None:
    stream.create_topics(TOPICS)
    for topic in TOPICS:
        there = settings_of(kafka, topic.name)
        assert int(there["segment.bytes"]) >= int(there["max.message.bytes"])
        if topic.compacted:
            assert (there["segment.ms"], there["max.compaction.lag.ms"]) == ("3600000", "86400000")
            continue
        assert int(there["segment.bytes"]) <= int(there["retention.bytes"]) * 0.6
        assert int(there["segment.ms"]) <= int(there["retention.ms"]) / 7


def test_a_topic_of_an_older_arbkit_gets_segments_that_fit_and_those_of_an_operator_stay(
    stream: KafkaStream, kafka: Kafka
) -> None:
    older, chosen = (f"{kind}-{time.time_ns()}" for kind in ("older", "chosen"))
    spec = TopicSpec(older, 1, 86_400.0, 128 << 20)
    made = {
        "message.timestamp.type": "LogAppendTime", "retention.ms": "86400000", "retention.bytes": str(128 << 20),
        "max.message.bytes": str((16 << 20) + 4096), "segment.ms": str(86_400_000 // 7),
    }  # fmt: skip
    admin = AdminClient({"bootstrap.servers": kafka.address})
    topics = [NewTopic(older, 1, 1, config=made), NewTopic(chosen, 1, 1, config={**made, "segment.bytes": "33554432"})]
    for future in admin.create_topics(topics).values():
        future.result()
    assert stream.create_topics([spec]) == [f"topic {older}: changed, its segments fit its retention from now on"]
    assert settings_of(kafka, older)["segment.bytes"] == str((16 << 20) + 4096)
    assert stream.create_topics([spec]) == []
    (said,) = stream.create_topics([replace(spec, name=chosen)])
    assert "segment.bytes is 33554432, asked for 16781312" in said
    assert settings_of(kafka, chosen)["segment.bytes"] == "33554432"


def test_a_topic_on_the_clients_clock_is_named(stream: KafkaStream, kafka: Kafka) -> None:
    name = f"client-clock-{time.time_ns()}"
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()
    (difference,) = stream.create_topics([TopicSpec(name, 1)])
    assert "message.timestamp.type is CreateTime, asked for LogAppendTime" in difference


@pytest.fixture
def narrow(stream: KafkaStream, kafka: Kafka) -> KafkaStream:
    """A log whose topic an operator has made take 50 KB at most."""
    admin = AdminClient({"bootstrap.servers": kafka.address})
    entry = ConfigEntry("max.message.bytes", "50000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result()
    stream.create_topics([TopicSpec(dead_letter_topic(TOPIC), 1)])
    return stream


def test_what_the_broker_finds_too_large_is_named_and_the_rest_goes_through(narrow: KafkaStream) -> None:
    batch = [Record(f"K{i}", os.urandom(60_000 if i in (3, 7) else 100)) for i in range(10)]
    with pytest.raises(MessageTooLargeError, match=r"max\.message\.bytes") as caught:
        narrow.publish(TOPIC, batch)
    assert caught.value.keys == {3: "K3", 7: "K7"}
    assert caught.value.rest_published
    assert sorted(m.key for m in narrow.read(TOPIC)) == [f"K{i}" for i in range(10) if i not in (3, 7)]


def test_many_small_records_go_through_a_narrow_topic_once_each(narrow: KafkaStream) -> None:
    batch = [Record(f"K{i}", os.urandom(900)) for i in range(200)]
    narrow.publish(TOPIC, batch)
    assert sorted(m.key for m in narrow.read(TOPIC, max_records=500)) == sorted(r.key for r in batch)


def test_what_the_broker_finds_too_large_becomes_a_dead_letter(narrow: KafkaStream) -> None:
    large = Record(f"L{time.time_ns()}", os.urandom(60_000), {"file": "a.csv"})
    assert dead_letters.publish(narrow, TOPIC, [large, *records(3)]) == 1
    letter = list(dead_letters.dead_letters(narrow, topic=TOPIC))[-1]
    assert (letter.key, letter.value, letter.headers["file"]) == (large.key, large.value, "a.csv")
    assert "larger than the limit of topic" in letter.headers["error"]
    assert len(narrow.read(TOPIC)) == 3


def test_more_than_the_local_queue_holds_is_published(kafka: Kafka) -> None:
    with KafkaStream(kafka.address, options={"queue.buffering.max.messages": 50}) as stream:
        stream.create_topics([TopicSpec("many", 2)])
        before = sum(end for _, end in stream.watermarks("many").values())
        stream.publish("many", records(1_000))
        assert sum(end for _, end in stream.watermarks("many").values()) - before == 1_000


def test_a_broker_that_is_not_there_is_one_clear_error() -> None:
    with pytest.raises(StreamError, match="ARBKIT_LOG") as caught:
        KafkaStream("127.0.0.1:9")
    assert "127.0.0.1:9" in str(caught.value)


def test_a_broker_killed_under_load_loses_nothing_that_was_acknowledged() -> None:
    with Kafka(short_lived=True) as server, KafkaStream(server.address) as stream:
        stream.create_topics([TopicSpec(TOPIC, 2)])
        acknowledged: list[Record] = []
        for number in range(20):
            batch = records(50, first=50 * number)
            if number == 7:
                server.kill()
                server.start()
            for _ in range(20):
                try:
                    stream.publish(TOPIC, batch)
                    break
                except StreamError:
                    time.sleep(0.2)
            else:
                raise AssertionError("the broker did not come back")
            acknowledged += batch
        with stream.consumer("after", [TOPIC], on_revoke=ignore) as consumer:
            found: list[Message] = drain(consumer, len(acknowledged))
    assert {int(m.value) for m in found} == {int(r.value) for r in acknowledged}


def test_lag_is_known_on_a_new_broker_and_on_one_that_came_back() -> None:
    with Kafka(short_lived=True) as server, KafkaStream(server.address) as stream:
        stream.create_topics([TopicSpec(TOPIC, 1)])
        stream.publish(TOPIC, records(3))
        assert list(stream.lag("nobody", TOPIC).values()) == [3]
        server.kill()
        server.start()
        assert list(stream.lag("nobody", TOPIC).values()) == [3]
        assert list(stream.watermarks(TOPIC).values()) == [(0, 3)]


def test_a_broker_that_stands_still_for_a_moment_loses_and_doubles_nothing(stream: KafkaStream, kafka: Kafka) -> None:
    with KafkaStream(kafka.address, options={"request.timeout.ms": 500}) as hasty:
        hasty.publish(TOPIC, records(5))
        kafka.suspend()
        again = threading.Timer(2.0, kafka.resume)
        again.start()
        try:
            hasty.publish(TOPIC, records(500, first=5))
        finally:
            again.join()
    found: list[int] = []

    def is_read() -> bool:
        # A broker that was taken for dead leads its partitions again when it has time to.
        with contextlib.suppress(StreamError):
            found[:] = sorted(int(m.value) for m in stream.read(TOPIC, max_records=1_000))
        return bool(found)

    eventually(is_read)
    assert found == list(range(505))


def test_what_a_transaction_leaves_behind_is_no_message_and_not_waited_for(stream: KafkaStream, kafka: Kafka) -> None:
    producer = Producer({"bootstrap.servers": kafka.address, "transactional.id": f"t{time.time_ns()}"})
    producer.init_transactions()
    for end in (producer.abort_transaction, producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(TOPIC, end.__name__, "k")
        producer.flush()
        end()
    assert [m.value for m in stream.read(TOPIC)] == [b"commit_transaction"]
    assert stream.read(TOPIC, offset=4) == []


def test_the_classic_group_protocol_works_too(kafka: Kafka) -> None:
    with KafkaStream(kafka.address, protocol="classic") as stream:
        stream.create_topics([TopicSpec("classic", 2)])
        stream.publish("classic", records(10))
        with stream.consumer(f"classic-{time.time_ns()}", ["classic"], on_revoke=ignore) as consumer:
            got = drain(consumer, 10)
            consumer.commit({m.topic_partition: m.offset + 1 for m in got})


def test_a_member_that_leaves_while_it_joins_is_no_error(stream: KafkaStream) -> None:
    for number in range(10):
        with stream.consumer(f"hasty-{time.time_ns()}", [TOPIC], on_revoke=ignore) as consumer:
            consumer.poll(max_records=1, timeout_s=0.03 * number)


PROTOCOLS = pytest.mark.parametrize("protocol", ["consumer", "classic"])


@contextlib.contextmanager
def named(kafka: Kafka, protocol: str, *names: str) -> Iterator[list[KafkaStream]]:
    """Logs whose consumers bear these names."""
    with contextlib.ExitStack() as stack:
        logs = [
            stack.enter_context(KafkaStream(kafka.address, protocol=protocol, instance_id=name, max_silence_s=60))
            for name in names
        ]
        logs[0].create_topics([TopicSpec("shared", 4)])
        yield logs


@PROTOCOLS
def test_a_member_with_a_name_restarts_and_nobody_is_disturbed(kafka: Kafka, protocol: str) -> None:
    group = f"named-{time.time_ns()}"
    disturbed: list[object] = []
    with named(kafka, protocol, "a", "b") as (one, two):
        first = one.consumer(group, ["shared"], on_revoke=ignore)
        with two.consumer(group, ["shared"], on_revoke=disturbed.append) as second:
            until(lambda: len(first.assignment()) == len(second.assignment()) == 2, first, second)
            held, others = first.assignment(), second.assignment()
            disturbed.clear()
            first.close()
            with one.consumer(group, ["shared"], on_revoke=ignore) as again:
                until(lambda: bool(again.assignment()), again, second)
                assert again.assignment() == held
                assert second.assignment() == others
    assert not disturbed


@PROTOCOLS
def test_two_members_of_one_name_end_with_the_setting_to_change(kafka: Kafka, protocol: str) -> None:
    group = f"twins-{time.time_ns()}"
    with named(kafka, protocol, "twin") as (stream,), stream.consumer(group, ["shared"], on_revoke=ignore) as first:
        until(lambda: len(first.assignment()) == 4, first)
        with stream.consumer(group, ["shared"], on_revoke=ignore) as second:
            with pytest.raises(StreamError, match=r"ARBKIT_KAFKA_INSTANCE_ID.*'twin'") as caught:
                until(lambda: False, first, second)
            # The one that has lost does not go on as if nothing had been.
            loser = second if protocol == "consumer" else first
            with pytest.raises(StreamError) as again:
                loser.poll(max_records=1, timeout_s=0)
            assert again.value is caught.value
            with pytest.raises(StreamError, match="refused"):
                loser.commit(dict.fromkeys(loser.assignment() or [TopicPartition("shared", 0)], 0))
