"""Waiting for a condition, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE_S = 600.0
_LOOK_S = 0.02
_LONGEST_LOOK_S = 0.5


def eventually(condition: Callable[[], object]) -> None:
    """Wait until it holds; what takes long is looked at less often, as looking takes part of the machine."""
    deadline = time.monotonic() + _PATIENCE_S
    wait_s = _LOOK_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(wait_s)
        wait_s = min(1.2 * wait_s, _LONGEST_LOOK_S)


def until_later(second: int) -> None:
    """Wait until the clock shows a later second."""
    while int(time.time()) <= second:
        time.sleep(_LOOK_S)
