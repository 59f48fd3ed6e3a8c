"""A running `arbkit dashboards`, asked without a browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from arbkit.core.service.addresses import TOKEN_IS_NEW, listen
from arbkit.core.settings import Settings

TOKEN = "token-of-the-dashboards"
KEY = "key-of-keepa"
PAGE = "/voila/render/opportunities.ipynb"
_START_S = 600


@dataclass
class Served:
    """Its address, its process and its log."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def kernels(self) -> list[psutil.Process]:
        """The processes of its kernels."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in children if any("ipykernel" in part for part in one.cmdline())]

    def connections(self) -> list[Path]:
        """The files that say how its kernels are spoken to, and with which keys."""
        return [Path(part) for one in self.kernels() for part in one.cmdline() if part.endswith(".json")]

    def kernel_ids(self) -> set[str]:
        """What any user of the machine reads in the process list."""
        return {
            i for one in self.kernels() for i in re.findall(r"kernel-([0-9a-f-]{36})\.json", " ".join(one.cmdline()))
        }

    def logged_in(self) -> requests.Session:
        """A browser that was let in by the address with the token."""
        session = requests.Session()
        session.get(f"{self.url}/voila/tree?token={TOKEN}", timeout=60).raise_for_status()
        return session


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The environment of an arbkit process under these settings."""
    return {**os.environ, **settings.environment(), **more}


@contextmanager
def serving(
    settings: Settings,
    *,
    token: str = TOKEN,
    is_new: bool = False,
    key: str = "",
    pages: int = 8,
    port: int = 0,
    temporary: Path | None = None,
) -> Iterator[Served]:
    """Started and answering, ended at the end.

    ``is_new``: the token was made by `arbkit up`. ``temporary``: the folder in which kernels' sockets would lie.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with listen(settings.host, port, "ARBKIT_DASHBOARDS_PORT") as free:
        port = free.getsockname()[1]
    given = {"ARBKIT_TOKEN": token, "KEEPA_API_KEY": key, "keepa_api_key": key, "ARBKIT_DASHBOARD_PAGES": str(pages)}
    given |= {TOKEN_IS_NEW: "1"} if is_new else {}
    given |= {"TMPDIR": str(temporary)} if temporary else {}
    log = settings.home.parent / f"dashboards-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "arbkit", "dashboards"],
            env=environment(settings, **given, ARBKIT_DASHBOARDS_PORT=str(port)),
            cwd=settings.home.parent,
            stdout=output,
            stderr=output,
        )
    served = Served(f"http://127.0.0.1:{port}", process, log)
    try:
        _await(served)
        yield served
    finally:
        process.terminate()
        process.wait(60)


def _await(served: Served) -> None:
    until = time.monotonic() + _START_S
    while True:
        assert served.process.poll() is None, served.log.read_text()
        try:
            requests.get(f"{served.url}/login", timeout=10).raise_for_status()
        except requests.ConnectionError:
            assert time.monotonic() < until, served.log.read_text()
            time.sleep(0.1)
        else:
            return
