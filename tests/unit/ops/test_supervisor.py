"""What ends or hangs is started again: after a pause that grows, and never not at all."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

import pytest

from arbkit.core.service.heartbeat import LIMIT_S
from arbkit.ops import supervisor as module
from arbkit.ops.supervisor import Address, Service, Supervisor
from tests.helpers.waiting import eventually

BEATS = """
import pathlib, sys, time
beat = pathlib.Path(sys.argv[1])
while True:
    beat.touch()
    time.sleep(0.01)
"""
ENDS = "import sys; sys.exit(int(sys.argv[1]))"
SLEEPS = "import time; time.sleep(1_000)"


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._was_read = True

    def __call__(self) -> float:
        self._was_read = True
        return self.now

    def advanced(self) -> bool:
        """Five seconds on, once those before have been seen: more at once would be a machine that slept."""
        if self._was_read:
            self._was_read = False
            self.now += 5
        return True


class Spawned:
    """Processes of a script in place of arbkit's; ``pids`` in the order of their starts."""

    def __init__(self, script: str, *arguments: str) -> None:
        self.pids: list[int] = []
        self._command = [sys.executable, "-c", script, *arguments]
        self.refusals = 0

    def __call__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: int | IO[bytes],
        descriptors: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        if self.refusals:
            self.refusals -= 1
            raise OSError(12, "Cannot allocate memory")
        process = subprocess.Popen(self._command, stdout=output, start_new_session=True)
        self.pids.append(process.pid)
        return process


@contextmanager
def supervised(
    service: Service, spawned: Spawned, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Supervisor]:
    monkeypatch.setattr(module, "spawn", spawned)
    monkeypatch.setattr(module, "_ASK_EVERY_S", 0.01)
    monkeypatch.setattr(module, "_ASK_TIMEOUT_S", 0.2)
    stop = threading.Event()
    one = Supervisor([service], sockets={}, environment={}, stop=stop, write=lambda name, line: None, clock=clock)
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield one
    finally:
        for pid in spawned.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        stop.set()
        thread.join()


def settle() -> None:
    """Let the supervisor look several times."""
    time.sleep(1.0)


def test_a_stopped_service_is_killed_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beat, clock, spawned = tmp_path / "consumer", Clock(), Spawned(BEATS, str(tmp_path / "consumer"))
    with supervised(Service("consumer", ("consume",), heartbeat=beat), spawned, clock, monkeypatch) as one:
        eventually(beat.exists)
        for _ in range(3):
            # A service that beats is left alone, however long it takes.
            clock.now += LIMIT_S - 1
            eventually(lambda: one._running[0].sign_at == clock.now)
        assert len(spawned.pids) == 1
        os.kill(spawned.pids[0], signal.SIGSTOP)
        settle()
        last = one._running[0].sign_at
        eventually(lambda: clock.advanced() and clock.now >= last + LIMIT_S - 10)
        settle()
        assert len(spawned.pids) == 1
        eventually(lambda: clock.advanced() and len(spawned.pids) > 1)
        with pytest.raises(ProcessLookupError):
            os.kill(spawned.pids[0], 0)


def test_after_a_sleep_of_the_machine_nobody_is_killed_who_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat, clock, spawned = tmp_path / "consumer", Clock(), Spawned(BEATS, str(tmp_path / "consumer"))
    with supervised(Service("consumer", ("consume",), heartbeat=beat), spawned, clock, monkeypatch) as one:
        eventually(beat.exists)
        os.kill(spawned.pids[0], signal.SIGSTOP)
        settle()
        clock.now += 50 * LIMIT_S
        settle()
        assert len(spawned.pids) == 1
        os.kill(spawned.pids[0], signal.SIGCONT)
        eventually(lambda: one._running[0].sign_at == clock.now)
        # One that does not go on is found out as ever.
        os.kill(spawned.pids[0], signal.SIGSTOP)
        eventually(lambda: clock.advanced() and len(spawned.pids) > 1)


_SLEEPER = """
import sys, threading, time
from pathlib import Path
from arbkit.core.service.process_tree import spawn
from arbkit.ops import supervisor
from arbkit.ops.supervisor import Service, Supervisor

folder = Path(sys.argv[1])
beats = "import pathlib, sys, time\\nwhile True:\\n    pathlib.Path(sys.argv[1]).touch(); time.sleep(0.01)"
supervisor.COMMAND = [sys.executable, "-c", beats]

def pid_said(*given, **named):
    process = spawn(*given, **named)
    print(process.pid, flush=True)
    return process

def clock():
    return time.monotonic() + float((folder / "slept").read_text())

supervisor.spawn = pid_said
services = [Service(name, (str(folder / name),), heartbeat=folder / name) for name in ("a", "b", "c")]
Supervisor(services, environment={}, sockets={}, stop=threading.Event(), write=print, clock=clock).run()
"""


def test_all_stopped_together_with_their_supervisor_go_on_when_it_does(tmp_path: Path) -> None:
    (tmp_path / "slept").write_text("0")
    parent = subprocess.Popen([sys.executable, "-c", _SLEEPER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [int(parent.stdout.readline()) for _ in range(3)]
    try:
        eventually(lambda: all((tmp_path / name).exists() for name in "abc"))
        for pid in (parent.pid, *children):
            os.kill(pid, signal.SIGSTOP)
        (tmp_path / "slept").write_text(str(10 * LIMIT_S))
        os.kill(parent.pid, signal.SIGCONT)
        # It looks five times a second, and finds none of them alive yet.
        settle()
        beats = [(tmp_path / name).stat().st_mtime_ns for name in "abc"]
        for pid in children:
            os.kill(pid, signal.SIGCONT)
        eventually(lambda: all((tmp_path / n).stat().st_mtime_ns != old for n, old in zip("abc", beats, strict=True)))
        settle()
        for pid in children:
            os.kill(pid, 0)
    finally:
        parent.kill()
        rest = parent.communicate()[0].split()
        for pid in [*children, *(int(word) for word in rest if word.isdecimal())]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(503)

    def log_message(self, *_: object) -> None: ...


def test_a_service_that_answers_nobody_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, spawned = Clock(), Spawned(SLEEPS)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        port = server.server_address[1]
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{port}/health"
        with supervised(Service("api", ("api",), Address(url, url)), spawned, clock, monkeypatch) as one:
            eventually(lambda: len(spawned.pids) == 1)
            for _ in range(3):
                # Unhealthy is alive.
                clock.now += LIMIT_S - 1
                eventually(lambda: one._running[0].sign_at == clock.now)
            assert len(spawned.pids) == 1
            server.shutdown()
            server.server_close()
            with socket.create_server(("127.0.0.1", port), backlog=1):
                eventually(lambda: clock.advanced() and len(spawned.pids) > 1)


def pauses(caplog: pytest.LogCaptureFixture) -> list[float]:
    return [float(found[1]) for line in caplog.messages if (found := re.search(r"restarting in (\d+) s", line))]


@pytest.mark.parametrize(
    ("code", "first", "longest"), [(0, 1, 30), (1, 1, 30), (4, 1, 30), (2, 60, 3600), (3, 60, 3600)]
)
def test_whatever_ends_is_started_again_after_a_growing_pause(
    code: int, first: float, longest: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, spawned = Clock(), Spawned(ENDS, str(code))
    caplog.set_level(logging.WARNING)
    with supervised(Service("producer", ("produce",)), spawned, clock, monkeypatch) as one:
        for number in range(9):
            while len(pauses(caplog)) <= number:
                time.sleep(0.01)
            assert one.given_up() == (frozenset({"producer"}) if code in (2, 3) else frozenset())
            clock.now += pauses(caplog)[-1]
    assert pauses(caplog)[:9] == [min(longest, first * 2**number) for number in range(9)]


def test_a_process_that_cannot_be_started_ends_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, spawned = Clock(), Spawned(SLEEPS)
    spawned.refusals = 2
    with supervised(Service("consumer", ("consume",)), spawned, clock, monkeypatch):
        for _ in range(100):
            clock.now += 1
            time.sleep(0.05)
            if spawned.pids:
                break
        assert len(spawned.pids) == 1


def test_a_service_that_has_failed_a_thousand_times_is_still_started(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spawned = Spawned(SLEEPS)
    spawned.refusals = 1_100
    clock = Clock()
    monkeypatch.setattr(module, "spawn", spawned)
    one = Supervisor(
        [Service("consumer", ("consume",))],
        sockets={},
        environment={},
        stop=threading.Event(),
        write=print,
        clock=clock,
    )
    for _ in range(1_101):
        one._tend(one._running[0])
        clock.now += 31
    assert len(spawned.pids) == 1
    one._end_all()
