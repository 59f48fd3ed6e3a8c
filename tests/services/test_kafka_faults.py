"""What Kafka does on its worst days, injected by a mock broker: nothing is lost, doubled or passed over in silence."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError

from arbkit.core.errors import StreamError
from arbkit.stream import Message, Record, TopicPartition, dead_letter_topic, dead_letters
from arbkit.stream.kafka import KafkaStream
from tests.helpers.streams import commit, drain, ignore, records, until
from tests.servers.mock import MockKafka, Request

TOPIC = "prices"
PLACE = TopicPartition(TOPIC, 0)


@pytest.fixture
def cluster() -> Iterator[MockKafka]:
    with MockKafka(3) as running:
        running.create(TOPIC, 1)
        running.lead(TOPIC, 0, 1)
        running.coordinate("g", 1)
        yield running


@pytest.fixture
def stream(cluster: MockKafka) -> Iterator[KafkaStream]:
    with KafkaStream(cluster.address) as opened:
        yield opened


def numbers(stream: KafkaStream) -> list[int]:
    return [int(m.value) for m in stream.read(TOPIC, max_records=10_000)]


@pytest.mark.parametrize(
    "error",
    [
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_PRODUCER_ID,
        KafkaError._TRANSPORT,
    ],
)
def test_a_passing_fault_loses_and_doubles_nothing(cluster: MockKafka, stream: KafkaStream, error: int) -> None:
    stream.publish(TOPIC, records(5))
    cluster.fail(Request.PRODUCE, error, error)
    stream.publish(TOPIC, records(20, first=5))
    assert numbers(stream) == list(range(25))


def test_a_change_of_leader_loses_and_doubles_nothing(cluster: MockKafka, stream: KafkaStream) -> None:
    for number in range(6):
        cluster.lead(TOPIC, 0, number % 3 + 1)
        stream.publish(TOPIC, records(10, first=10 * number))
    assert numbers(stream) == list(range(60))


def test_brokers_that_are_away_for_a_moment_lose_and_double_nothing(cluster: MockKafka, stream: KafkaStream) -> None:
    stream.publish(TOPIC, records(5))
    cluster.down()
    back = threading.Timer(1.0, cluster.up)
    back.start()
    stream.publish(TOPIC, records(5, first=5))
    back.join()
    assert numbers(stream) == list(range(10))


def test_brokers_that_stay_away_are_an_error_and_once_back_the_next_batch_goes(
    cluster: MockKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for a busy machine to deliver, and short beside what the brokers stay away.
    monkeypatch.setattr("arbkit.stream.kafka._DELIVERY_S", 5.0)
    with KafkaStream(cluster.address) as stream:
        stream.publish(TOPIC, records(5))
        cluster.down()
        with pytest.raises(StreamError, match="5 messages to prices"):
            stream.publish(TOPIC, records(5, first=5))
        cluster.up()
        for _ in range(20):
            with contextlib.suppress(StreamError):
                stream.publish(TOPIC, records(5, first=10))
                break
        assert numbers(stream) == [*range(5), *range(10, 15)]


def test_a_batch_that_the_broker_says_it_has_is_done(cluster: MockKafka, stream: KafkaStream) -> None:
    cluster.fail(Request.PRODUCE, KafkaError.DUPLICATE_SEQUENCE_NUMBER)
    stream.publish(TOPIC, records(5))


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Request.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (Request.PRODUCE, KafkaError.INVALID_PRODUCER_EPOCH),
        (Request.INIT_PRODUCER_ID, KafkaError.CLUSTER_AUTHORIZATION_FAILED),
    ],
)
def test_after_a_fatal_error_the_next_batch_goes_with_a_new_producer(
    cluster: MockKafka, stream: KafkaStream, request_: Request, error: int
) -> None:
    cluster.fail(request_, error)
    with pytest.raises(StreamError, match="prices"):
        stream.publish(TOPIC, records(5))
    stream.publish(TOPIC, records(5))
    assert numbers(stream) == list(range(5))


def test_a_refusal_is_an_error_and_names_the_topic(cluster: MockKafka, stream: KafkaStream) -> None:
    cluster.fail(Request.PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(StreamError, match=r"5 messages to prices failed: .*authorization"):
        stream.publish(TOPIC, records(5))


def test_a_dead_letter_that_cannot_be_written_is_an_error_to_the_caller(
    cluster: MockKafka, stream: KafkaStream
) -> None:
    batch = [Record("k", b"1"), Record("B000000001", b"x" * (17 << 20))]
    with pytest.raises(StreamError, match=r"no such topic: prices\.dlq"):
        dead_letters.publish(stream, TOPIC, batch)
    cluster.create(dead_letter_topic(TOPIC), 1)
    cluster.fail(Request.PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(StreamError, match=r"1 messages to prices\.dlq failed"):
        dead_letters.publish(stream, TOPIC, batch)
    assert stream.watermarks(TOPIC) == {PLACE: (0, 0)}


@pytest.mark.parametrize(
    "error",
    [
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError._TRANSPORT,
    ],
)
def test_a_commit_gets_through_a_passing_fault(cluster: MockKafka, stream: KafkaStream, error: int) -> None:
    stream.publish(TOPIC, records(5))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        got = drain(consumer, 5)
        cluster.fail(Request.OFFSET_COMMIT, error, error)
        commit(consumer, got)
    assert stream.lag("g", TOPIC) == {PLACE: 0}


@pytest.mark.parametrize(
    "error",
    [
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.REBALANCE_IN_PROGRESS,
    ],
)
def test_a_commit_of_one_who_is_no_member_any_more_is_refused(
    cluster: MockKafka, stream: KafkaStream, error: int
) -> None:
    stream.publish(TOPIC, records(5))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        got = drain(consumer, 5)
        cluster.fail(Request.OFFSET_COMMIT, error)
        with pytest.raises(StreamError, match="refused by group g"):
            commit(consumer, got)
    assert stream.lag("g", TOPIC) == {PLACE: 5}


def test_a_coordinator_that_moves_keeps_the_place(cluster: MockKafka, stream: KafkaStream) -> None:
    stream.publish(TOPIC, records(5))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        got = drain(consumer, 5)
        cluster.coordinate("g", 2)
        commit(consumer, got)
    assert stream.lag("g", TOPIC) == {PLACE: 0}


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Request.OFFSET_FETCH, KafkaError.COORDINATOR_NOT_AVAILABLE),
        (Request.OFFSET_FETCH, KafkaError.NOT_COORDINATOR),
        (Request.OFFSET_FETCH, KafkaError.UNSTABLE_OFFSET_COMMIT),
        (Request.FIND_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE),
        (Request.CONSUMER_GROUP_HEARTBEAT, KafkaError.COORDINATOR_LOAD_IN_PROGRESS),
        (Request.CONSUMER_GROUP_HEARTBEAT, KafkaError.UNKNOWN_MEMBER_ID),
    ],
)
def test_a_group_is_joined_through_a_passing_fault_at_its_place(
    cluster: MockKafka, stream: KafkaStream, request_: Request, error: int
) -> None:
    stream.publish(TOPIC, records(5))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        commit(consumer, drain(consumer, 5)[:3])
    cluster.fail(request_, error, error)
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        assert [m.offset for m in drain(consumer, 2)] == [3, 4]


@pytest.mark.parametrize(
    "error",
    [
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError._TRANSPORT,
    ],
)
def test_reading_goes_on_through_a_passing_fault(cluster: MockKafka, stream: KafkaStream, error: int) -> None:
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        until(lambda: bool(consumer.assignment()), consumer)
        cluster.fail(Request.FETCH, error, error)
        stream.publish(TOPIC, records(20))
        assert [int(m.value) for m in drain(consumer, 20)] == list(range(20))


def test_a_member_goes_on_when_the_brokers_were_away(cluster: MockKafka, stream: KafkaStream) -> None:
    stream.publish(TOPIC, records(5))
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        commit(consumer, drain(consumer, 5))
        cluster.down()
        for _ in range(20):
            assert not consumer.poll(max_records=10, timeout_s=0.05)
        cluster.up()
        stream.publish(TOPIC, records(5, first=5))
        assert [int(m.value) for m in drain(consumer, 5)] == list(range(5, 10))


def test_an_error_costs_no_message_that_came_before_or_after_it(cluster: MockKafka, stream: KafkaStream) -> None:
    got: list[Message] = []
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:

        def read_on() -> bool:
            got.extend(consumer.poll(max_records=500, timeout_s=0.1))
            return False

        stream.publish(TOPIC, records(200))
        got += drain(consumer, 1)
        cluster.fail(Request.FETCH, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED)
        stream.publish(TOPIC, records(5, first=200))
        with pytest.raises(StreamError, match="authorization failed"):
            until(read_on)
        got += drain(consumer, 205 - len(got))
    assert [int(m.value) for m in got] == list(range(205))


def test_nobody_who_answers_is_an_error_and_no_empty_answer(
    cluster: MockKafka, stream: KafkaStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream.publish(TOPIC, records(5))
    monkeypatch.setattr("arbkit.stream.kafka_errors.PATIENCE_S", 0.3)
    cluster.delay(60_000)
    for ask in (lambda: stream.watermarks(TOPIC), lambda: stream.lag("g", TOPIC), lambda: stream.read(TOPIC)):
        with pytest.raises(StreamError, match="ARBKIT_LOG"):
            ask()
    cluster.delay(0)
