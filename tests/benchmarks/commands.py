"""arbkit from outside, as any commit can be used: its commands and its servers over a home. Knows no module of it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.benchmarks.keepa import asins_of, read_products, serving

__all__ = ["CommandError", "Home", "free_port", "get_json", "get_status", "plain_environment", "running"]

_START_S = 120.0
_END_S = 20.0


class CommandError(RuntimeError):
    """A command has failed, or has not done what it says; carries the end of its output."""


def plain_environment() -> dict[str, str]:
    """This process' environment without the settings of the person who runs it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ARBKIT_", "KEEPA_"))}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def get_status(url: str) -> int | None:
    """The status that answers there, or None while nothing does."""
    with contextlib.suppress(URLError, ConnectionError, TimeoutError), urlopen(url, timeout=60) as answer:  # noqa: S310 - loopback
        answer.read()
        return int(answer.status)
    return None


def get_json(url: str) -> Any:
    with urlopen(url, timeout=60) as answer:  # noqa: S310 - loopback
        return json.load(answer)


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], folder: Path, ready: str) -> Iterator[int]:
    """A server process from when ``ready`` answers 200 to its end; its process id.

    Raises:
        CommandError: it ends before, or does not answer in two minutes.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=dict(environment), cwd=folder, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + _START_S
            while get_status(ready) != 200:
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    said = log.read()[-2_000:].decode(errors="replace")
                    raise CommandError(f"{' '.join(command)} does not answer: {said}")
                time.sleep(0.01)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass(frozen=True, slots=True)
class Home:
    """A folder that arbkit writes to, and the settings of its processes."""

    folder: Path
    keepa_url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "KEEPA_API_KEY": "benchmark", "ARBKIT_KEEPA_URL": self.keepa_url, "ARBKIT_HOME": str(self.folder / "var"),
            "ARBKIT_WATCHLIST": str(self.folder / "watchlist.txt"),
        }  # fmt: skip
        return {**plain_environment(), **own}

    def run(self, *arguments: str) -> str:
        """Run one command to its end; its standard output.

        Raises:
            CommandError: it fails.
        """
        done = subprocess.run(
            [sys.executable, "-m", "arbkit", *arguments],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise CommandError(f"arbkit {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2_000:]}")
        return done.stdout

    @contextmanager
    def api(self) -> Iterator[tuple[str, int]]:
        """The address and the process id of a running `arbkit api`."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environment = {**self.environment, "ARBKIT_API_PORT": str(port)}
        with running([sys.executable, "-m", "arbkit", "api"], environment, self.folder, f"{url}/health") as process:
            yield url, process

    @classmethod
    @contextmanager
    def watching(cls, folder: Path, inputs: Path) -> Iterator[Home]:
        """A home in a new folder that watches all products of ``inputs``, while a service has them."""
        products = read_products(inputs)
        folder.mkdir(parents=True)
        (folder / "watchlist.txt").write_text("\n".join(asins_of(products)) + "\n", "utf-8")
        with serving(products) as url:
            yield cls(folder, url)

    def require_products(self, least: int) -> None:
        """Make sure that the store holds that many, so that no work was left out of what was timed.

        Raises:
            CommandError: it holds fewer.
        """
        held = json.loads(self.run("status", "--json"))["store"]["products"]
        if held < least:
            raise CommandError(f"the store holds {held:,} products, not {least:,}")
