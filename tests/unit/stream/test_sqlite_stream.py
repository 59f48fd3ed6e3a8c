"""What is particular to the log in a SQLite file."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.core.errors import StreamError
from arbkit.core.sqlite import WAL_LIMIT
from arbkit.stream import Record, TopicSpec
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
