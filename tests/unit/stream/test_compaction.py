"""A compacted topic of the embedded stream: of each key the last message stays, and nothing goes that was not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arbkit.stream.sqlite_retention
from arbkit.core.sqlite import connect
from arbkit.stream import Record, TopicPartition, TopicSpec
from arbkit.stream.sqlite import SqliteStream
from tests.helpers.streams import ignore

TOPIC = "products"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arbkit.stream.sqlite_retention, "_LEAST_DIRTY", 1)


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[SqliteStream]:
    with SqliteStream(tmp_path / "log.db") as opened:
        opened.create_topics([TopicSpec(TOPIC, 1, compacted=True)])
        yield opened


def values(stream: SqliteStream) -> list[bytes]:
    return [m.value for some in stream.scan(TOPIC) for m in some]


def publish(stream: SqliteStream, text: str) -> None:
    """A message of each letter, its key in small letters; the value is the letter and how many came before."""
    stream.publish(TOPIC, [Record(key, f"{key}{n}".encode()) for n, key in enumerate(text)])


def test_of_each_key_the_last_message_stays_whatever_its_age(stream: SqliteStream) -> None:
    publish(stream, "abcabca")
    assert stream.apply_retention() == 4
    assert values(stream) == [b"b4", b"c5", b"a6"]
    assert stream.watermarks(TOPIC) == {TopicPartition(TOPIC, 0): (0, 7)}


def test_a_group_gets_all_that_is_left_and_no_fault(stream: SqliteStream) -> None:
    publish(stream, "aaabaa")
    stream.apply_retention()
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        assert [m.value for m in consumer.poll(max_records=10, timeout_s=5)] == [b"b3", b"a5"]
        assert consumer.lag() == {TopicPartition(TOPIC, 0): 0}


def test_what_a_group_has_not_read_stays(stream: SqliteStream) -> None:
    publish(stream, "aaaa")
    with stream.consumer("g", [TOPIC], on_revoke=ignore) as consumer:
        consumer.poll(max_records=2, timeout_s=5)
        consumer.commit({TopicPartition(TOPIC, 0): 2})
        assert stream.apply_retention() == 2
        assert [m.value for m in consumer.poll(max_records=10, timeout_s=5)] == [b"a2", b"a3"]


def test_it_waits_until_as_much_is_new_as_was_kept(stream: SqliteStream) -> None:
    publish(stream, "abcd")
    assert stream.apply_retention() == 0
    publish(stream, "abc")
    assert stream.apply_retention() == 0
    publish(stream, "d")
    assert stream.apply_retention() == 4
    assert len(values(stream)) == 4


def test_the_size_of_what_is_kept_is_right(stream: SqliteStream, tmp_path: Path) -> None:
    publish(stream, "ababab")
    stream.apply_retention()
    with closing(connect(tmp_path / "log.db", read_only=True)) as connection:
        (size,) = connection.execute("SELECT bytes FROM log_partitions").fetchone()
    assert size == len(b"a4") + len(b"b5")


@settings(max_examples=50, deadline=None)
@given(rounds=st.lists(st.text("abcde", max_size=12), max_size=6))
def test_however_it_comes_the_last_of_each_key_is_there(
    rounds: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    last: dict[str, bytes] = {}
    with SqliteStream(tmp_path_factory.mktemp("log") / "log.db") as stream:
        stream.create_topics([TopicSpec(TOPIC, 1, compacted=True)])
        for text in rounds:
            publish(stream, text)
            last |= {key: f"{key}{n}".encode() for n, key in enumerate(text)}
            stream.apply_retention()
        found = {m.key: m.value for some in stream.scan(TOPIC) for m in some}
    assert found == last
