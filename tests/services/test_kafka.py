"""What only a real Kafka shows: its own retention, holes, foreign messages, a broker that goes away."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from arbkit.errors import LogError
from arbkit.log import Message, Record, TopicSpec
from arbkit.log.kafka import MAX_MESSAGE, KafkaLog
from tests.contracts.test_log import drain, ignore, records
from tests.servers.launch import Kafka

TOPIC = "faults"


@pytest.fixture
def log(kafka: Kafka) -> Iterator[KafkaLog]:
    with KafkaLog(kafka.address) as opened:
        admin = AdminClient({"bootstrap.servers": kafka.address})
        if TOPIC in admin.list_topics().topics:
            admin.delete_topics([TOPIC])[TOPIC].result()
            while TOPIC in admin.list_topics().topics:
                time.sleep(0.05)
        opened.create_topics([TopicSpec(TOPIC, 1)])
        yield opened


def test_a_hole_in_the_log_is_named_and_not_skipped(log: KafkaLog, kafka: Kafka) -> None:
    log.publish(TOPIC, records(30))
    group = f"holes-{time.time_ns()}"
    with log.consumer(group, [TOPIC], on_revoke=ignore) as consumer:
        five = drain(consumer, 5)[:5]
        consumer.commit({five[-1].place: five[-1].offset + 1})
    admin = AdminClient({"bootstrap.servers": kafka.address})
    for future in admin.delete_records([TopicPartition(TOPIC, 0, 20)]).values():
        future.result()
    with (
        log.consumer(group, [TOPIC], on_revoke=ignore) as late,
        pytest.raises(LogError, match=r"should read offset 5 .* oldest offset kept is 20"),
    ):
        drain(late, 1)
    with log.consumer(f"{group}-new", [TOPIC], on_revoke=ignore) as fresh:
        assert drain(fresh, 10)[0].offset == 20
    assert log.read(TOPIC, offset=0, max_records=1)[0].offset == 20


def test_a_message_of_somebody_else_without_key_or_value_is_delivered_as_empty(log: KafkaLog, kafka: Kafka) -> None:
    producer = Producer({"bootstrap.servers": kafka.address})
    producer.produce(TOPIC, None, None, headers=[("x", None), ("y", b"\xff")])
    producer.flush()
    (found,) = log.read(TOPIC)
    assert (found.key, found.value, found.headers) == ("", b"", {"x": "", "y": "\ufffd"})


def test_a_message_of_six_megabytes_goes_and_one_too_large_is_named(log: KafkaLog) -> None:
    log.publish(TOPIC, [Record("big", b"x" * (6 << 20))])
    assert len(log.read(TOPIC)[0].value) == 6 << 20
    with pytest.raises(LogError, match="is larger than") as caught:
        log.publish(TOPIC, [Record("B000000001", b"x" * (MAX_MESSAGE + 1))])
    assert caught.value.value == "B000000001"


def test_more_than_the_local_queue_holds_is_published(kafka: Kafka) -> None:
    with KafkaLog(kafka.address, options={"queue.buffering.max.messages": 50}) as log:
        log.create_topics([TopicSpec("many", 2)])
        before = sum(end for _, end in log.ends("many").values())
        log.publish("many", records(1_000))
        assert sum(end for _, end in log.ends("many").values()) - before == 1_000


def test_a_broker_that_is_not_there_is_one_clear_error() -> None:
    with pytest.raises(LogError, match="ARBKIT_LOG") as caught:
        KafkaLog("127.0.0.1:9")
    assert "127.0.0.1:9" in str(caught.value)


def test_a_broker_killed_under_load_loses_nothing_that_was_acknowledged() -> None:
    with Kafka() as server, KafkaLog(server.address) as log:
        log.create_topics([TopicSpec(TOPIC, 2)])
        acknowledged: list[Record] = []
        for number in range(20):
            batch = records(50, first=50 * number)
            if number == 7:
                server.kill()
                server.start()
            for _ in range(20):
                try:
                    log.publish(TOPIC, batch)
                    break
                except LogError:
                    time.sleep(0.2)
            else:
                raise AssertionError("the broker did not come back")
            acknowledged += batch
        with log.consumer("after", [TOPIC], on_revoke=ignore) as consumer:
            found: list[Message] = drain(consumer, len(acknowledged))
    assert {int(m.value) for m in found} == {int(r.value) for r in acknowledged}


def test_lag_is_known_on_a_new_broker_and_on_one_that_came_back() -> None:
    with Kafka() as server, KafkaLog(server.address) as log:
        log.create_topics([TopicSpec(TOPIC, 1)])
        log.publish(TOPIC, records(3))
        assert list(log.lag("nobody", TOPIC).values()) == [3]
        server.kill()
        server.start()
        assert list(log.lag("nobody", TOPIC).values()) == [3]
        assert list(log.ends(TOPIC).values()) == [(0, 3)]


def test_the_classic_group_protocol_works_too(kafka: Kafka) -> None:
    with KafkaLog(kafka.address, protocol="classic") as log:
        log.create_topics([TopicSpec("classic", 2)])
        log.publish("classic", records(10))
        with log.consumer(f"classic-{time.time_ns()}", ["classic"], on_revoke=ignore) as consumer:
            got = drain(consumer, 10)
            consumer.commit({m.place: m.offset + 1 for m in got})


def test_a_member_that_leaves_while_it_joins_is_no_error(log: KafkaLog) -> None:
    for number in range(10):
        with log.consumer(f"hasty-{time.time_ns()}", [TOPIC], on_revoke=ignore) as consumer:
            consumer.poll(max_records=1, timeout_s=0.03 * number)
