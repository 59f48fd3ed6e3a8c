"""A wrong clock removes nothing that somebody needs, and a hole is named and passed only when asked to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

import arbkit.stream.sqlite
import arbkit.stream.sqlite_retention
import arbkit.stream.sqlite_tables
from arbkit.core.errors import GroupBusyError, StreamError, UsageError
from arbkit.core.sqlite import connect
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, TOPICS, Record, TopicPartition, TopicSpec, dead_letter_topic
from arbkit.stream.holes import find_holes, skip_hole
from arbkit.stream.sqlite import SqliteStream
from tests.helpers.streams import commit, drain, ignore

DAY = 86_400.0
NOW = 1_790_000_000.0
DEAD = dead_letter_topic(RAW_TOPIC)


class Clock:
    """The clock of the machine, set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def run(self, stream: SqliteStream, seconds: float, *, step: float = 6 * 3600.0) -> int:
        """Let time pass as it does while a consumer runs, which looks at retention; how many messages went."""
        gone, end = 0, self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            gone += stream.apply_retention()
        return gone


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (arbkit.stream.sqlite, arbkit.stream.sqlite_retention, arbkit.stream.sqlite_tables):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=clock))
    return clock


@pytest.fixture
def stream(tmp_path: Path, clock: Clock) -> Iterator[SqliteStream]:
    with SqliteStream(tmp_path / "log.db", join_wait_s=0.05) as opened:
        opened.create_topics(TOPICS)
        yield opened


def publish(stream: SqliteStream, count: int, topic: str = RAW_TOPIC) -> None:
    stream.publish(topic, [Record(f"K{n}", b"x") for n in range(count)])


def read_all(stream: SqliteStream, count: int, group: str = ENRICH_GROUP, topic: str = RAW_TOPIC) -> None:
    with stream.consumer(group, [topic], on_revoke=ignore) as consumer:
        commit(consumer, drain(consumer, count))


def kept(stream: SqliteStream, topic: str = RAW_TOPIC) -> int:
    return sum(end - oldest for oldest, end in stream.watermarks(topic).values())


@pytest.mark.parametrize("days", [9, 60, 400, 30_000])
@pytest.mark.parametrize("read", [True, False])
def test_a_clock_that_was_ahead_once_removes_nothing(
    stream: SqliteStream, clock: Clock, caplog: pytest.LogCaptureFixture, days: int, read: bool
) -> None:
    publish(stream, 500)
    publish(stream, 20, DEAD)
    stream.apply_retention()
    if read:
        read_all(stream, 500)
    clock.now += days * DAY
    # Also where somebody publishes by the wrong clock.
    publish(stream, 5)
    publish(stream, 1, DEAD)
    with caplog.at_level(logging.WARNING):
        assert stream.apply_retention() == 0
    assert "the clock is" in caplog.text
    assert "ahead of" in caplog.text
    assert clock.run(stream, 3600.0) == 0
    clock.now -= days * DAY
    with caplog.at_level(logging.WARNING):
        assert stream.apply_retention() == 0
    assert "behind" in caplog.text
    assert (kept(stream), kept(stream, DEAD)) == (505, 21)


def test_what_no_group_has_read_is_kept_however_old(stream: SqliteStream, clock: Clock) -> None:
    publish(stream, 100)
    stream.apply_retention()
    assert clock.run(stream, 30 * DAY) == 0
    publish(stream, 10)
    assert clock.run(stream, DAY) == 0, "the consumer has never been there"
    with stream.consumer("somebody", [RAW_TOPIC], on_revoke=ignore):
        read_all(stream, 110)
        assert clock.run(stream, DAY) == 0, "another group waits for them"
    stream.forget_group("somebody")
    assert clock.run(stream, DAY) == 100


def test_a_topic_does_not_go_whole_by_its_age(stream: SqliteStream, clock: Clock) -> None:
    publish(stream, 20, DEAD)
    stream.apply_retention()
    assert clock.run(stream, 90 * DAY) == 0
    publish(stream, 1, DEAD)
    assert clock.run(stream, DAY) == 20
    assert kept(stream, DEAD) == 1


def test_a_machine_that_was_off_for_weeks_trims_again_a_day_later(stream: SqliteStream, clock: Clock) -> None:
    publish(stream, 50)
    read_all(stream, 50)
    stream.apply_retention()
    clock.now += 30 * DAY
    publish(stream, 5)
    read_all(stream, 5)
    assert stream.apply_retention() == 0
    assert clock.run(stream, 0.9 * DAY) == 0
    assert clock.run(stream, 0.2 * DAY) == 50
    assert kept(stream) == 5


def test_a_night_without_power_is_no_jump(stream: SqliteStream, clock: Clock) -> None:
    publish(stream, 50)
    read_all(stream, 50)
    stream.apply_retention()
    for _ in range(8):
        clock.now += 16 * 3600.0
        publish(stream, 1)
        read_all(stream, 1)
        stream.apply_retention()
        clock.run(stream, 8 * 3600.0)
    assert kept(stream) == 7, "a week of them"


def test_size_counts_though_the_clock_has_jumped(stream: SqliteStream, clock: Clock) -> None:
    stream.create_topics([TopicSpec("small", 1, max_age_s=DAY, max_bytes=1_000)])
    stream.publish("small", [Record("k", b"x" * 100) for _ in range(30)])
    clock.now += 90 * DAY
    assert stream.apply_retention() == 20


def test_a_file_of_before_says_by_its_messages_what_time_it_was(
    tmp_path: Path, clock: Clock, stream: SqliteStream
) -> None:
    publish(stream, 50)
    read_all(stream, 50)
    stream.close()
    clock.now += 60 * DAY
    with SqliteStream(tmp_path / "log.db") as later:
        publish(later, 1)
        assert later.apply_retention() == 0


def lose(path: Path, topic: str, upto: int) -> None:
    """Take messages away that nobody has read, as an arbkit of before did by a wrong clock."""
    with closing(connect(path)) as connection:
        connection.execute("UPDATE log_partitions SET oldest = ? WHERE topic = ?", (upto, topic))


def test_a_hole_is_named_with_the_command_that_passes_it(tmp_path: Path, stream: SqliteStream) -> None:
    stream.create_topics([TopicSpec("t", 2)])
    stream.publish("t", [Record(f"K{n % 9}", b"%d" % n) for n in range(60)])
    ends = {at: end for at, (_, end) in stream.watermarks("t").items()}
    with stream.consumer("g", ["t"], on_revoke=ignore) as consumer:
        commit(consumer, drain(consumer, 60)[:1])
        consumer.commit(dict.fromkeys(ends, 3))
    assert find_holes(stream, "g", "t") == []
    lose(tmp_path / "log.db", "t", 10)
    first, second = (TopicPartition("t", n) for n in (0, 1))
    assert [(h.topic_partition, h.committed, h.oldest, h.messages) for h in find_holes(stream, "g", "t")] == [
        (first, 3, 10, 7), (second, 3, 10, 7),
    ]  # fmt: skip
    with stream.consumer("g", ["t"], on_revoke=ignore) as consumer:
        with pytest.raises(StreamError, match=r"should read offset 3 of t.*`arbkit log skip t/[01] --group g`"):
            consumer.poll(max_records=9, timeout_s=0)
        with pytest.raises(GroupBusyError):
            skip_hole(stream, "g", first)
    assert skip_hole(stream, "g", first).messages == 7
    assert [h.topic_partition for h in find_holes(stream, "g", "t")] == [second]
    with pytest.raises(UsageError, match=r"no hole there .got 't/0'.*t/1"):
        skip_hole(stream, "g", first)
    skip_hole(stream, "g", second)
    with stream.consumer("g", ["t"], on_revoke=ignore) as consumer:
        left = drain(consumer, 40)
    assert {m.topic_partition: min(x.offset for x in left if x.topic_partition == m.topic_partition) for m in left} == {
        first: 10, second: 10,
    }  # fmt: skip
    assert len(left) == 40
