"""Which SQLite is used, and what keeps a file from the bug of older ones."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

import arbkit.core.sqlite
from arbkit.core.settings import Settings
from arbkit.core.sqlite import FOLDS_ALONE, WAL_LIMIT, bound_wal, connect, describe_engine, immediate, is_fixed
from arbkit.ops.doctor import examine
from arbkit.stream import Record, TopicSpec
from arbkit.stream.sqlite import SqliteStream

WITH_WHEEL = {("linux", "x86_64"), ("darwin", "arm64"), ("win32", "AMD64")}


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 0), False), ((3, 46, 1), False),
        ((3, 50, 6), False), ((3, 50, 7), True), ((3, 51, 0), False), ((3, 51, 2), False), ((3, 51, 3), True),
        ((3, 53, 4), True), ((4, 0, 0), True),
    ],
)  # fmt: skip
def test_versions_with_the_wal_reset_bug_are_known(version: tuple[int, int, int], fixed: bool) -> None:
    assert is_fixed(version) is fixed


def test_where_there_is_a_wheel_the_bug_is_not_there(settings: Settings) -> None:
    if (sys.platform, platform.machine()) in WITH_WHEEL:
        assert not FOLDS_ALONE
        assert describe_engine().endswith("is free of the WAL-reset bug")
    found = {check.name: check for check in examine(settings)}["sqlite"]
    assert found.ok
    assert found.says == describe_engine()


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if SQLite had the bug."""
    monkeypatch.setattr(arbkit.core.sqlite, "FOLDS_ALONE", True)


@pytest.mark.usefixtures("old")
def test_with_the_bug_only_one_folds_back_and_only_while_nobody_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arbkit.core.sqlite, "WAL_LIMIT", 1 << 20)
    path = tmp_path / "a.db"
    with closing(connect(path)) as one, closing(connect(path)) as other:
        assert one.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
        with immediate(one):
            one.execute("CREATE TABLE t (x BLOB)")
        size = path.stat().st_size
        for _ in range(30):
            with immediate(one):
                one.execute("INSERT INTO t VALUES (zeroblob(1000000))")
        assert path.stat().st_size == size, "no commit folds back"
        with immediate(other):
            bound_wal(one, path)
            assert path.stat().st_size == size, "somebody writes"
        bound_wal(one, path)
        assert path.stat().st_size > 29_000_000


def test_all_of_arbkit_opens_its_files_by_the_same_sqlite() -> None:
    """Two of them in a process drop each other's locks, and one deletes the log that the other writes."""
    package = Path(arbkit.core.sqlite.__file__).parents[1]
    own = [
        path.relative_to(package).as_posix() for path in package.rglob("*.py") if "sqlite3.connect(" in path.read_text()
    ]
    assert own == ["core/sqlite.py"]


@pytest.mark.usefixtures("old")
def test_with_the_bug_the_log_stays_bounded_and_whole_under_many_writers(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with SqliteStream(path) as stream:
        stream.create_topics([TopicSpec("t", 2)])

        def write() -> None:
            with SqliteStream(path) as own:
                for _ in range(20):
                    own.publish("t", [Record("k", b"x" * 1_000_000) for _ in range(5)])

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        stream.publish("t", [Record("k", b"y")])
        assert path.with_name("log.db-wal").stat().st_size <= 2 * WAL_LIMIT
        assert sum(end for _, end in stream.watermarks("t").values()) == 301
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_without_the_wheel_pythons_own_is_used(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['pysqlite3'] = None; sys.modules['pysqlite3.dbapi2'] = None\n"
        "import sqlite3; from arbkit.core import sqlite\n"
        "assert sqlite.FOLDS_ALONE is not sqlite.is_fixed(sqlite3.sqlite_version_info)\n"
        'assert "Python\'s own" in sqlite.describe_engine()\n'
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path.cwd(), timeout=60)
