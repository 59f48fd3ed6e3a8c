"""What a chaos run kills: processes that are started again at once, and the broker, whose data stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import IO, Protocol

from arbkit.core.settings import Settings
from tests.helpers.paths import ROOT
from tests.servers.launch import Kafka, die_with_parent

__all__ = ["Broker", "Job", "StuckError", "Victim", "Worker", "await_listening", "tail_of"]

_END_S = 300.0
_BROKER_S = 600.0
_TAIL = 4_000
_LISTENS_S = 0.1


class StuckError(AssertionError):
    """Something that should go on does not; the message ends with what the processes wrote last."""


class Victim(Protocol):
    """``kind`` is what it counts as; ``progress`` a number that rises while it works."""

    kind: str
    progress: Callable[[], int]

    def age(self) -> float:
        """Seconds since its last start."""
        ...

    def kill(self) -> None:
        """Kill it and start it again."""
        ...

    def tend(self) -> None:
        """Start it again if it has ended on its own."""
        ...

    def tail(self) -> str: ...


class Worker:
    """One process under the settings; ``ended`` are the exit codes with which it ended on its own."""

    def __init__(
        self, kind: str, name: str, command: Sequence[str], settings: Settings, progress: Callable[[], int]
    ) -> None:
        self.kind = kind
        self.name = name
        self.progress = progress
        self.ended: list[int] = []
        self.log = settings.home.parent / f"{name}.log"
        self._stopped = False
        self._command = [sys.executable, "-m", *command]
        self._folder = settings.home.parent
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._environment = {**os.environ, **settings.environment(), "PYTHONPATH": path}
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._started = time.monotonic()
        process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
        self._copy = _copying(process.stdout, self.log)
        return process

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        return self._process.pid

    def age(self) -> float:
        return time.monotonic() - self._started

    def kill(self) -> None:
        self.end()
        self._process = self._start()

    def tend(self) -> None:
        if not self._stopped and (code := self._process.poll()) is not None:
            self.ended.append(code)
            self._process = self._start()

    def stop(self) -> int:
        """Ask it to end, as an operator would; its exit code.

        Raises:
            StuckError: it does not.
        """
        self._stopped = True
        await_listening(self._process)
        self._process.terminate()
        try:
            return self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            raise StuckError(f"{self.name} does not end on SIGTERM:\n{self.tail()}") from None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._copy.join(_END_S)

    def tail(self) -> str:
        return tail_of(f"{self.name}, ended on its own with {self.ended}", self.log)


class Job:
    """A command that ends, started again and again; ``done`` is called with what it printed when it ended with 0."""

    def __init__(self, name: str, log: Path, done: Callable[[bytes], None]) -> None:
        self.name = name
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._done = done
        self._output = log.with_suffix(".out")
        self._copies: list[Thread] = []

    def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._output.write_bytes(b"")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "arbkit", *arguments],
            env=environment, cwd=self.log.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=die_with_parent,
        )  # fmt: skip
        self._copies = [_copying(self.process.stdout, self._output), _copying(self.process.stderr, self.log)]

    def ended(self) -> int | None:
        """The exit code, once, when it has ended."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self.process = None
        for copy in self._copies:
            copy.join(_END_S)
        if code == 0:
            self._done(self._output.read_bytes())
        return code


def await_listening(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process handles SIGTERM: one that still starts is ended by it without a word, which is no fault."""
    deadline = time.monotonic() + _END_S
    while not _listens(process.pid) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(_LISTENS_S)


def _listens(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        # Where there is no /proc it is taken to.
        return True
    caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def _copying(output: IO[bytes] | None, file: Path) -> Thread:
    """Append what a process writes to a file, which it cannot do itself where its disk is full."""

    file.touch()

    def run() -> None:
        assert output is not None
        with output, file.open("ab", buffering=0) as copy:
            for line in output:
                copy.write(line)

    thread = Thread(target=run, name=f"copy to {file.name}", daemon=True)
    thread.start()
    return thread


def tail_of(name: str, log: Path) -> str:
    """The end of what a process has written, under its name."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return f"--- {name}\n{text[-_TAIL:]}"


class Broker:
    """The Kafka broker; while it starts again everything else goes on."""

    kind = "broker"

    def __init__(self, server: Kafka, progress: Callable[[], int]) -> None:
        self.progress = progress
        self.answers = True
        self._server = server
        self._started = time.monotonic()

    def age(self) -> float:
        return time.monotonic() - self._started

    def kill(self) -> None:
        self._server.kill()
        self._server.spawn()
        self._started = time.monotonic()
        self.answers = False

    def tend(self) -> None:
        if self.answers:
            return
        self.answers = self._server.answers()
        if not self.answers and (not self._server.runs() or self.age() > _BROKER_S):
            raise StuckError(f"the broker does not come back:\n{self.tail()}")

    def tail(self) -> str:
        return f"--- broker\n{self._server.tail()}"
