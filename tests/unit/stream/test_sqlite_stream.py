"""What is particular to the stream in a SQLite file."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from arbkit.core.errors import GroupBusyError, StreamError
from arbkit.core.sqlite import WAL_LIMIT, connect
from arbkit.stream import Record, TopicPartition, TopicSpec
from arbkit.stream.sqlite import SqliteStream


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(b"my diary, not a database" * 100)
    with pytest.raises(StreamError, match="not a database"):
        SqliteStream(path)
    assert path.read_bytes() == b"my diary, not a database" * 100


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StreamError, match=r"log\.db"):
        SqliteStream(tmp_path / "file" / "log.db")


def test_the_write_ahead_log_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with SqliteStream(path) as stream:
        stream.create_topics([TopicSpec("t", 2)])
        for _ in range(30):
            stream.publish("t", [Record("k", b"x" * 1_000_000) for _ in range(5)])
        wal = path.with_name("log.db-wal").stat().st_size
    assert wal <= WAL_LIMIT + (8 << 20)


def test_a_failed_batch_leaves_nothing(tmp_path: Path) -> None:
    with SqliteStream(tmp_path / "log.db") as stream:
        stream.create_topics([TopicSpec("t", 1)])
        with pytest.raises(AttributeError):
            stream.publish("t", [Record("k", b"fine"), None])  # type: ignore[list-item]  # the point of the test
        assert stream.read("t") == []


def test_a_file_that_another_process_holds_is_not_proved_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arbkit.core.sqlite.BUSY_TIMEOUT_S", 0.05)
    with SqliteStream(tmp_path / "log.db") as stream, closing(connect(tmp_path / "log.db")) as other:
        stream.create_topics([TopicSpec("t", 1)])
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StreamError):
            stream.prove_writable("t")
        other.execute("ROLLBACK")
        stream.prove_writable("t")


def ignore(_: frozenset[TopicPartition]) -> None:
    return


def test_a_second_consumer_of_a_group_is_refused_with_who_has_it_and_the_remedy(tmp_path: Path) -> None:
    with SqliteStream(tmp_path / "log.db", join_wait_s=0.05) as stream:
        stream.create_topics([TopicSpec("t", 2)])
        with stream.consumer("g", ["t"], on_revoke=ignore):
            with pytest.raises(GroupBusyError, match=rf"process {os.getpid()} .* group g .*kafka://") as refused:
                stream.consumer("g", ["t"], on_revoke=ignore)
            assert (refused.value.pid, refused.value.exit_code) == (os.getpid(), 4)
            # Another group is another matter.
            stream.consumer("h", ["t"], on_revoke=ignore).close()
        stream.consumer("g", ["t"], on_revoke=ignore).close()


HOLDER = """
import sys
from pathlib import Path
from arbkit.stream.sqlite import SqliteStream
stream = SqliteStream(Path(sys.argv[1]))
consumer = stream.consumer("g", ["t"], on_revoke=lambda _: None)
consumer.commit({m.topic_partition: m.offset + 1 for m in consumer.poll(max_records=1, timeout_s=10)})
print("has it", flush=True)
sys.stdin.read()
"""


def test_the_group_is_free_the_moment_its_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with SqliteStream(path, join_wait_s=0.05) as stream:
        stream.create_topics([TopicSpec("t", 1)])
        stream.publish("t", [Record("k", b"1"), Record("k", b"2")])
        command = [sys.executable, "-c", HOLDER, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline().strip() == b"has it"
            with pytest.raises(GroupBusyError, match=f"process {holder.pid} "):
                stream.consumer("g", ["t"], on_revoke=ignore)
            holder.kill()
            holder.wait()
        with stream.consumer("g", ["t"], on_revoke=ignore) as heir:
            assert [m.value for m in heir.poll(max_records=10, timeout_s=10)] == [b"2"]


VERSION_1 = """
CREATE TABLE log_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO log_meta VALUES ('version', 1);
CREATE TABLE log_topics (name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, max_age_s REAL, max_bytes INTEGER)
    WITHOUT ROWID;
INSERT INTO log_topics VALUES ('t', 1, NULL, NULL);
CREATE TABLE log_partitions (id INTEGER PRIMARY KEY, topic TEXT NOT NULL REFERENCES log_topics (name),
    partition INTEGER NOT NULL, oldest INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
INSERT INTO log_partitions VALUES (1, 't', 0, 0, 3, 3);
CREATE TABLE log_messages (id INTEGER PRIMARY KEY, timestamp REAL NOT NULL, key TEXT NOT NULL, headers TEXT,
    value BLOB NOT NULL);
INSERT INTO log_messages VALUES (1 << 40, 1, 'k', NULL, x'30'), ((1 << 40) + 1, 2, 'k', NULL, x'31'),
    ((1 << 40) + 2, 3, 'k', '{"n": "2"}', x'32');
CREATE TABLE log_groups (name TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO log_groups VALUES ('g', 7);
CREATE TABLE log_members (id TEXT PRIMARY KEY, group_name TEXT NOT NULL REFERENCES log_groups (name),
    topics TEXT NOT NULL, seen REAL NOT NULL, timeout_s REAL NOT NULL) WITHOUT ROWID;
INSERT INTO log_members VALUES ('1-a', 'g', '["t"]', 1.0, 10.0);
CREATE TABLE log_claims (group_name TEXT NOT NULL REFERENCES log_groups (name),
    partition_id INTEGER NOT NULL REFERENCES log_partitions (id), committed INTEGER NOT NULL, owner TEXT, target TEXT,
    PRIMARY KEY (group_name, partition_id)) WITHOUT ROWID;
INSERT INTO log_claims VALUES ('g', 1, 2, '1-a', '1-a');
"""
"""The tables of arbkit 0.1, with a member that was killed."""


def test_a_file_of_arbkit_0_1_keeps_its_messages_and_committed_offsets(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(connect(path)) as old:
        old.executescript(VERSION_1)
    for _ in range(2):
        with SqliteStream(path) as stream:
            assert stream.committed_offsets("g", "t") == {TopicPartition("t", 0): 2}
            assert [m.value for m in stream.read("t")] == [b"0", b"1", b"2"]
            with stream.consumer("g", ["t"], on_revoke=ignore) as consumer:
                assert [(m.offset, m.headers) for m in consumer.poll(max_records=9, timeout_s=9)] == [(2, {"n": "2"})]


def test_a_file_of_a_newer_arbkit_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    SqliteStream(path).close()
    with closing(connect(path)) as newer:
        newer.execute("UPDATE log_meta SET value = 99")
        newer.commit()
    with pytest.raises(StreamError, match="a newer arbkit has written the log"):
        SqliteStream(path)


def test_a_commit_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with SqliteStream(tmp_path / "log.db") as stream:
        stream.create_topics([TopicSpec("t", 1), TopicSpec("u", 1)])
        with stream.consumer("g", ["t"], on_revoke=ignore) as consumer:
            with pytest.raises(StreamError, match="t/0 ends at 0"):
                consumer.commit({TopicPartition("t", 0): 1})
            with pytest.raises(StreamError, match="does not read u/0"):
                consumer.commit({TopicPartition("u", 0): 0})
