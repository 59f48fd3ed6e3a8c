"""A rebuild leaves nothing beside the store, also one that is killed: the next removes it, and never one at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from arbkit.core.files import file_lock
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.store.sqlite.rebuild import remove_abandoned
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import offer

REBUILDER = """
import sys
from pathlib import Path
from arbkit.core.models import Update
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import offer

def batches():
    yield [Update(offer(), None)]
    print("at work", flush=True)
    sys.stdin.read()

with SqliteStore(Path(sys.argv[1])) as store:
    store.rebuild(batches())
"""


def beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.glob(f"{path.name}.rebuild-*"))


def updates(asin: str) -> Iterator[Sequence[Update]]:
    yield [Update(offer(asin), None)]


def test_what_a_killed_rebuild_left_goes_with_the_next_and_one_at_work_stays(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    command = [sys.executable, "-c", REBUILDER, str(path)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()) as killed,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()) as at_work,
        SqliteStore(path) as store,
    ):
        for one in (killed, at_work):
            assert one.stdout is not None
            assert one.stdout.readline().strip() == b"at work"
        both = {each.split(".")[2].split("-")[1] for each in beside(path)}
        assert len(both) == 2
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        assert store.rebuild(updates("B000000002")).offers == 1
        left = {each.split(".")[2].split("-")[1] for each in beside(path)}
        assert len(left) == 1
        at_work.communicate(timeout=60)
        assert at_work.returncode == 0
        assert beside(path) == []
        assert {o.asin for o in store.offers(["B000000001", "B000000002"])} == {"B000000001", "B000000002"}


def test_those_of_an_older_arbkit_go_as_well_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    names = ("", "-wal", "-shm")
    for name in names:
        Path(f"{path}.rebuild-0123abcd{name}").write_bytes(b"x")
    kept = [
        tmp_path / "store.db.rebuild-notes.txt",
        tmp_path / "other.db.rebuild-0123abcd",
        tmp_path / "store.db-wal.x",
    ]
    for each in kept:
        each.write_bytes(b"mine")
    assert remove_abandoned(path) == 1
    assert not any(Path(f"{path}.rebuild-0123abcd{name}").exists() for name in names)
    assert all(each.exists() for each in kept)


def test_they_go_when_arbkit_starts(settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    left = Path(f"{settings.database}.rebuild-0123abcd")
    held = Path(f"{settings.database}.rebuild-89abcdef")
    for each in (left, held):
        each.write_bytes(b"x")
    with file_lock(Path(f"{held}.lock"), what="a rebuild", wait_s=1):
        initialise(settings)
        assert (left.exists(), held.exists()) == (False, True)
    initialise(settings)
    assert beside(settings.database) == []


def test_a_rebuild_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    def broken() -> Iterator[Sequence[Update]]:
        yield [Update(offer(), None)]
        raise KeyboardInterrupt

    with SqliteStore(path) as store:
        with pytest.raises(KeyboardInterrupt):
            store.rebuild(broken())
        remove_abandoned(path)
        assert beside(path) == []
