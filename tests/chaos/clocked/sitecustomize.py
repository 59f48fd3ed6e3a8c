"""Python with a clock that a file shifts, where libfaketime cannot do it: imported by every Python that finds it.

``CHAOS_CLOCK`` names a file with the seconds by which ``time.time`` is ahead; it may change at any moment.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_LOOK_S = 0.05


class _Clock:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._real = time.time
        self._ahead_s = 0.0
        self._looked_at = float("-inf")

    def __call__(self) -> float:
        if time.monotonic() - self._looked_at > _LOOK_S:
            self._looked_at = time.monotonic()
            try:
                self._ahead_s = float(self._path.read_text())
            except (OSError, ValueError):
                self._ahead_s = 0.0
        return self._real() + self._ahead_s


if _file := os.environ.get("CHAOS_CLOCK"):
    time.time = _Clock(Path(_file))
