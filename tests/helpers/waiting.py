"""Waiting for a condition, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE_S = 120.0
_LOOK_S = 0.02


def eventually(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(_LOOK_S)


def until_later(second: int) -> None:
    """Wait until the clock shows a later second."""
    while int(time.time()) <= second:
        time.sleep(_LOOK_S)
