"""Nobody else listens to a kernel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from arbkit.reports.kernel.sockets import transport


def test_kernels_are_private_wherever_a_socket_may_lie_in_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert transport(Path("/run/voila_12345678")) == "ipc"
    # The system would refuse a longer path: the kernels are encrypted then, not private.
    assert transport(Path("/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/and/more")) == "tcp"
    monkeypatch.setattr(sys, "platform", "win32")
    assert transport(Path("/run")) == "tcp"
