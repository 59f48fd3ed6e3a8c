"""A running `arbkit up`, for the tests that drive it in a browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from arbkit.core.settings import Settings, SettingValue

__all__ = ["ROWS", "Up", "own_processes", "running"]

ROWS = "#arb-table tr[data-id]"


@dataclass
class Up:
    """A running ``arbkit up``: its addresses by service."""

    home: Path
    process: subprocess.Popen[str]
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Its lines since the addresses were known."""
        return self.home.with_name("up.log")

    def await_addresses(self) -> None:
        assert self.process.stderr is not None
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            if found := re.match(r"  (demo|api|dashboards) +(http://\S+)", line):
                self.addresses[found[1]] = found[2]
            if line.startswith("Press Ctrl-C"):
                return
        pytest.fail("arbkit up ended:\n" + "".join(seen[-30:]))


def own_processes(home: Path) -> list[int]:
    """Every process that was given this home, by its environment."""
    wanted = f"ARBKIT_HOME={home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def start(home: Path, **overrides: SettingValue) -> Up:
    settings = Settings.load(_env_file=None, home=home, api_port=0, dashboards_port=0, demo_port=0, **overrides)
    process = subprocess.Popen(
        [sys.executable, "-m", "arbkit", "up"],
        env={**os.environ, **settings.environment()},
        cwd=home.parent,
        stderr=subprocess.PIPE,
        text=True,
    )
    up = Up(home, process)
    up.await_addresses()
    return up


@contextmanager
def running(home: Path, **overrides: SettingValue) -> Iterator[Up]:
    """Started, with its addresses known, and ended as by Ctrl-C; nothing of it may be left."""
    one = start(home, **overrides)
    assert one.process.stderr is not None
    with one.log.open("wb") as log:
        drain = subprocess.Popen(["cat"], stdin=one.process.stderr, stdout=log)
    try:
        yield one
    finally:
        one.process.send_signal(signal.SIGINT)
        one.process.wait(300)
        drain.wait(60)
        one.process.stderr.close()
    assert own_processes(one.home) == []
