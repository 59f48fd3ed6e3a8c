"""A home on a disk that is mounted read-only can be read, and says so where it is to be written."""

from __future__ import annotations

import os
import sqlite3
from types import SimpleNamespace

import pytest

from arbkit.core.errors import StoreError, StreamError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect
from arbkit.store import open_store
from arbkit.stream import open_stream
from arbkit.stream.base import Record, TopicSpec
from tests.helpers.factories import history, offer

pytestmark = pytest.mark.skipif(not hasattr(os, "statvfs"), reason="Windows has no such mounts")


@pytest.fixture
def frozen(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with an offer and a message, on a disk that the system calls read-only."""
    with open_store(settings) as store, open_stream(settings) as stream:
        store.put([Update(offer("B000000001", "DE"), history("B000000001", "DE"))])
        stream.create_topics([TopicSpec("raw.keepa_updates", partitions=4)])
        stream.publish("raw.keepa_updates", [Record(key="B000000001", value=b"{}")])
    assert [path.name for path in settings.home.iterdir()] == ["arbkit.db"]
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    return settings


def test_store_and_log_are_read_and_nothing_is_made_beside_them(frozen: Settings) -> None:
    with open_store(frozen, read_only=True) as store:
        assert [one.asin for one in store.offers(["B000000001"])] == ["B000000001"]
    with open_stream(frozen) as stream:
        assert [one.value for part in range(4) for one in stream.read("raw.keepa_updates", partition=part)] == [b"{}"]
    assert [path.name for path in frozen.home.iterdir()] == ["arbkit.db"]


def test_who_writes_there_is_told_so(frozen: Settings) -> None:
    with open_store(frozen) as store, pytest.raises(StoreError, match="may not be written"):
        store.put([Update(offer("B000000002", "DE"), history("B000000002", "DE"))])
    with open_stream(frozen) as stream, pytest.raises(StreamError, match="may not be written"):
        stream.publish("raw.keepa_updates", [Record(key="B000000001", value=b"{}")])


def test_a_writer_behind_another_mount_is_not_overlooked(frozen: Settings) -> None:
    path = frozen.home / "arbkit.db"
    with open_store(frozen, read_only=True), sqlite3.connect(path) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE more (one)")
        writer.commit()
        assert path.with_name("arbkit.db-wal").exists()
        reader = connect(path, read_only=True)
        assert reader.execute("SELECT count(*) FROM more").fetchone() == (0,)
        reader.close()
    writer.close()
