"""A clock of arbkit's own processes, which jumps: that of the machine and of this process stays.

By default ``time.time`` of every Python process is shifted. With libfaketime the whole process is, its children, SQLite
and other C code included; the kernel is not, so files have the machine's times. It has a price: a detection needs twice
the processor time, with a file that is read at every look at the clock five times. And librdkafka cannot run under it:
it reads the shifted clock, and waits with glibc's ``cnd_timedwait``, which libfaketime does not know, until that time
has come by the real one; a poll of half a second takes as long as the clock is ahead.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from arbkit.core.files import write_atomically
from tests.helpers.paths import ROOT

__all__ = ["Clock"]

_SHIFTED_PYTHON = ROOT / "tests" / "chaos" / "clocked"
_LEFT_BEHIND = Path("/dev/shm")  # noqa: S108 - libfaketime's own choice


class Clock:
    """``environment`` and ``python_path`` are what its processes need; ``whole``: the whole process is at its time."""

    def __init__(self, file: Path, *, whole: bool) -> None:
        self._file = file
        library = _library() if whole else None
        self.whole = library is not None
        self.environment: Mapping[str, str] = {"CHAOS_CLOCK": str(file)} if library is None else _faked(library, file)
        self.python_path = [str(_SHIFTED_PYTHON)] if library is None else []
        self.ahead(0)

    def ahead(self, seconds: float) -> None:
        """Let the clock jump to ``seconds`` before the real time, or behind it."""
        write_atomically(self._file, b"%+f\n" % seconds)
        # Until the last has looked.
        time.sleep(1.1 if self.whole else 0.1)

    def close(self) -> None:
        """Remove what killed processes have left: libfaketime makes two small files for each."""
        for file in _LEFT_BEHIND.glob("*faketime_s*_*"):
            number = file.name.rpartition("_")[2]
            if number.isdecimal() and not psutil.pid_exists(int(number)):
                file.unlink(missing_ok=True)


def _library() -> Path | None:
    found = importlib.util.find_spec("libfaketime")
    if found is None or found.origin is None:
        return None
    library = Path(found.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    return library if library.exists() else None


def _faked(library: Path, file: Path) -> dict[str, str]:
    preloaded = os.pathsep.join(filter(None, (str(library), os.environ.get("LD_PRELOAD"))))
    return {
        "LD_PRELOAD": preloaded, "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
