"""A service's memory limit as a container keeps it: a control group where one may be made, else sampled.

What is measured is what the kernel cannot take back: the private and shared memory of all processes of the service,
what they wrote into the folder that is their /tmp (a container's is in memory), the kernel's own share where it says,
and the mapped files of the largest process, without which nothing runs (all of them map the same).
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil

__all__ = ["MIB", "SHARE", "Limit", "Measured", "limiting"]

MIB = 1 << 20
SHARE = 0.8
"""What a service may take of its limit: the rest is for files that the kernel keeps, and for other data than ours."""
_MOUNT = Path("/sys/fs/cgroup")
_EVERY_S = 0.5
_ENDED = (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a service took at most, and how often its limit was more than it could live with."""

    name: str
    limit: int
    peak: int
    killed: int
    how: str

    def __str__(self) -> str:
        share = f"{self.peak / self.limit:.0%} of {self.limit >> 20} MiB"
        deaths = f", {self.killed} processes killed for want of memory" if self.killed else ""
        return f"{self.name:<11} {self.peak >> 20:5} MiB, {share}{deaths} ({self.how})"

    @property
    def passed(self) -> bool:
        """Whether it lived under its limit with room to spare."""
        return not self.killed and self.peak <= SHARE * self.limit


class Limit(ABC):
    """The limit of one service. ``enter`` runs in its process before anything else does."""

    how = ""

    def __init__(self, name: str, limit: int, temporary: Path) -> None:
        self.name = name
        self.limit = limit
        self.pid: int | None = None
        self._temporary = temporary
        self._peak = 0

    @abstractmethod
    def enter(self) -> None:
        """Put the current process under the limit, and with it all that it starts."""

    @abstractmethod
    def killed(self) -> int:
        """How many of its processes the limit has ended."""

    @abstractmethod
    def processes(self) -> Iterable[int]:
        """The ids of its processes."""

    def kernel(self) -> int:
        """Bytes that the kernel keeps for it, as far as it says."""
        return 0

    def sample(self) -> None:
        """Look at it once."""
        held, files = 0, 0
        for pid in self.processes():
            with suppress(*_ENDED):
                private, mapped = _memory_of(pid)
                held, files = held + private, max(files, mapped)
        self._peak = max(self._peak, held + files + self.kernel() + _size_of(self._temporary))

    def measured(self) -> Measured:
        """What was seen so far."""
        return Measured(self.name, self.limit, self._peak, self.killed(), self.how)

    @abstractmethod
    def close(self) -> None:
        """Remove what was made for it, once its processes have ended."""


class Watched(Limit):
    """Where no group can be made: nothing stops it, but what it takes is compared."""

    how = "sampled"

    def enter(self) -> None:
        """It goes where it likes."""

    def close(self) -> None:
        """Nothing was made."""

    def killed(self) -> int:
        return 0

    def processes(self) -> Iterable[int]:
        if self.pid is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return [self.pid, *(child.pid for child in psutil.Process(self.pid).children(recursive=True))]
        return []


class Group(Limit):
    """A control group of its own, of version 1 or 2, without swap where the kernel counts that."""

    how = "under the limit"

    def __init__(self, name: str, limit: int, temporary: Path, parent: Path) -> None:
        super().__init__(name, limit, temporary)
        self._folder = parent / f"arbkit-{name}-{uuid4().hex[:8]}"
        self._folder.mkdir()
        try:
            self._set("memory.max", "memory.limit_in_bytes", required=True)
            self._set("memory.swap.max", "memory.memsw.limit_in_bytes", required=False)
        except OSError:
            self._folder.rmdir()
            raise

    def _set(self, second: str, first: str, *, required: bool) -> None:
        """``second`` and ``first``: its names in the two versions."""
        if (self._folder / second).exists():
            (self._folder / second).write_text("0" if "swap" in second else str(self.limit))
        elif required or (self._folder / first).exists():
            # A file that is not there must not be made: this group limits nothing then.
            with (self._folder / first).open("r+") as file:
                file.write(str(self.limit))

    def enter(self) -> None:
        (self._folder / "cgroup.procs").write_text(str(os.getpid()))

    def killed(self) -> int:
        for name in ("memory.events", "memory.oom_control"):
            with suppress(FileNotFoundError):
                counts = dict(line.split() for line in (self._folder / name).read_text().splitlines())
                return int(counts["oom_kill"])
        return 0

    def processes(self) -> Iterable[int]:
        return map(int, (self._folder / "cgroup.procs").read_text().split())

    def kernel(self) -> int:
        with suppress(FileNotFoundError):
            return int((self._folder / "memory.kmem.usage_in_bytes").read_text())
        counts = dict(line.split() for line in (self._folder / "memory.stat").read_text().splitlines())
        # What is known again on demand is taken back before anything is killed.
        return int(counts.get("kernel", 0)) - int(counts.get("slab_reclaimable", 0))

    def close(self) -> None:
        # A process that has ended this moment may still be counted.
        with suppress(OSError):
            self._folder.rmdir()


@contextmanager
def limiting() -> Iterator[Limits]:
    """Limits for services, sampled until the end."""
    limits = Limits()
    thread = threading.Thread(target=limits.watch, name="limits", daemon=True)
    thread.start()
    try:
        yield limits
    finally:
        limits.ended.set()
        thread.join()
        for one in limits.all:
            one.close()


class Limits:
    """All that were set."""

    def __init__(self) -> None:
        self.all: list[Limit] = []
        self.ended = threading.Event()

    def set(self, name: str, limit: int, temporary: Path) -> Limit:
        """The limit for a service that is about to start, in bytes; ``temporary`` stands for its /tmp."""
        one = next(_groups(name, limit, temporary), None) or Watched(name, limit, temporary)
        self.all.append(one)
        return one

    def watch(self) -> None:
        """Sample all of them until the end."""
        while not self.ended.wait(_EVERY_S):
            for one in list(self.all):
                one.sample()


def _groups(name: str, limit: int, temporary: Path) -> Iterator[Group]:
    """The group where one can be made; nothing where none can."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            root = _MOUNT / controllers
            # Beside the group that started us rather than in it: that one is somebody else's.
            for parent in (root, root / path.lstrip("/")):
                with suppress(OSError):
                    yield Group(name, limit, temporary, parent)


def _memory_of(pid: int) -> tuple[int, int]:
    """Bytes that only this process holds (its share of what several hold), and of mapped files."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except PermissionError:
        return 0, 0
    sizes = {name: int(size.split()[0]) << 10 for name, size in (line.split(":") for line in lines)}
    status = Path(f"/proc/{pid}/status").read_text()
    mapped = next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("RssFile")), 0)
    return sizes.get("Pss_Anon", 0) + sizes.get("Pss_Shmem", 0), mapped


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_blocks * 512
    return total
