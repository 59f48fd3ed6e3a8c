"""Where `python -m tests.chaos.…` works: a home of its own, and the real servers that are asked for."""

from __future__ import annotations

import argparse
import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from arbkit.core.settings import Settings
from tests.chaos.victims import StuckError
from tests.servers.launch import Elasticsearch, Kafka

__all__ = ["add_runtime_options", "finish", "runtime", "say"]


class _Report(Protocol):
    @property
    def differences(self) -> Sequence[object]: ...

    def lines(self) -> Sequence[str]: ...


def add_runtime_options(parser: argparse.ArgumentParser, *, log: str, store: str) -> None:
    """``--log`` and ``--store``, with their defaults."""
    parser.add_argument("--log", choices=["kafka", "sqlite"], default=log)
    parser.add_argument("--store", choices=["elasticsearch", "sqlite"], default=store)


@contextlib.contextmanager
def runtime(name: str, *, log: str, store: str) -> Iterator[tuple[Settings, Kafka | None]]:
    """Settings of a new home on this log and store, and the broker if there is one; all gone in the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"arbkit-{name}-")))
        home = folder / "var"
        home.mkdir()
        # Its own lines are the result; what the log's client says of a dead broker is none of it.
        logging.basicConfig(filename=home / "chaos.log", level=logging.INFO)
        broker = stack.enter_context(Kafka()) if log == "kafka" else None
        more = {} if broker is None else {"log": broker.url}
        if store == "elasticsearch":
            more["store"] = stack.enter_context(Elasticsearch()).url
        ports = {"api_port": 0, "dashboards_port": 0, "demo_port": 0}
        yield Settings.load(_env_file=None, home=home, folder=folder, **ports, **more), broker


def finish(run: Callable[[], _Report], *, seed: int) -> int:
    """Do it and print what it found; the exit code."""
    try:
        report = run()
    except StuckError as error:
        say(f"seed {seed}: STUCK: {error}")
        return 1
    say("\n".join(report.lines()))
    return 1 if report.differences else 0


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)
