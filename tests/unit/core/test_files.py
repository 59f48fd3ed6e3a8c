"""Files that are never half-written, and locks between processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from arbkit.core.errors import ServiceError
from arbkit.core.files import file_lock, is_locked, read_if_there, write_atomically, write_new

HOLDER = """
import sys, threading
from pathlib import Path
from arbkit.core.files import file_lock
with file_lock(Path(sys.argv[1]), what="a test", wait_s=0):
    print("held", flush=True)
    threading.Event().wait()
"""


def test_a_lock_is_released_when_its_process_dies(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / ".lock"
    assert not is_locked(path)
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert is_locked(path)
    with (
        pytest.raises(ServiceError, match="a report is under way already"),
        file_lock(path, what="a report", wait_s=0.2),
    ):
        pytest.fail("two hold it")
    process.kill()
    process.wait()
    process.stdout.close()
    with file_lock(path, what="a report", wait_s=60):
        assert is_locked(path)
    assert not is_locked(path)


def test_who_waits_gets_it_when_it_is_free(tmp_path: Path) -> None:
    path, waiting, done = tmp_path / ".lock", threading.Event(), threading.Event()

    def wait() -> None:
        waiting.set()
        with file_lock(path, what="a report", wait_s=60):
            done.set()

    with file_lock(path, what="a report", wait_s=0):
        thread = threading.Thread(target=wait)
        thread.start()
        waiting.wait()
        assert not done.is_set()
    thread.join()
    assert done.is_set()


def test_who_is_stopped_does_not_wait(tmp_path: Path) -> None:
    path, stop = tmp_path / ".lock", threading.Event()
    stop.set()
    with (
        file_lock(path, what="one", wait_s=0),
        pytest.raises(ServiceError, match="under way already"),
        file_lock(path, what="another", wait_s=3600, stop=stop),
    ):
        pytest.fail("two hold it")


def test_a_lock_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(ServiceError, match="cannot be written"),
        file_lock(tmp_path / "file" / ".lock", what="x", wait_s=0),
    ):
        pytest.fail("it was made")
    assert not is_locked(tmp_path / "file" / ".lock")


@pytest.mark.skipif(os.name != "posix", reason="these are POSIX rights")
@pytest.mark.parametrize("is_there", [True, False], ids=["a private file", "a new one"])
def test_what_is_private_is_so_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    path, seen = tmp_path / "mine", set[int]()
    if is_there:
        path.write_bytes(b"old")
        path.chmod(0o600)

    def killed(_: int) -> None:
        seen.update(one.stat().st_mode & 0o777 for one in tmp_path.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr("arbkit.core.files.os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"secret", rights=0o600)
    assert seen == {0o600}
    assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} <= {0o600}


def test_a_file_is_replaced_whole_and_keeps_its_rights_and_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (b"new", 0o640)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "real"]
    assert read_if_there(tmp_path / "none") is None
    with pytest.raises(ServiceError, match="cannot be read"):
        read_if_there(tmp_path)


def test_a_new_file_is_made_once_also_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert write_new(tmp_path / "a" / "one", b"first")
    assert not write_new(tmp_path / "a" / "one", b"second")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("arbkit.core.files.os.link", refuse)
    assert write_new(tmp_path / "a" / "two", b"first")
    assert not write_new(tmp_path / "a" / "two", b"second")
    assert {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()} == {"one": b"first", "two": b"first"}
