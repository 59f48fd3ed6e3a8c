"""The REST API at any commit: `arbkit api` on a filled store, in turn with an empty route of FastAPI under uvicorn."""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

import psutil

from tests.benchmarks.commands import CommandError, Home, free_port, plain_environment, running
from tests.benchmarks.measuring import Figures
from tests.benchmarks.probes.base import Probe, fill

__all__ = ["EMPTY", "MEAN", "P99", "PROBE"]

_PRODUCTS = 2_000
_CLIENTS = 4
_ROUNDS = 8
_ROUND_S = 0.4
"""How long each client asks for each path in each round; it ends with the answer to its last request."""
_PROFIT = (
    "/profit?source=IT&buy=40&target=DE&sell=69.99&category=Toys%20%26%20Games&size_mm=360x100x100&weight_g=800"
    "&vat_status=reclaiming&home=DE&fulfilment=best"
)
EMPTY = "empty route of FastAPI"
MEAN, P99 = "seconds a request", "p99"
_PATHS = {
    "/arbitrage": "/arbitrage?limit=50",
    "/products": "/products?page_size=50",
    "/products/{asin}": "/products/B000000007",
    "/profit": _PROFIT,
}


@dataclass(slots=True)
class _Load:
    """Requests of one path to one server: seconds of all rounds, of each request, and of the server's processor."""

    process: psutil.Process
    base: str
    path: str
    elapsed: float = 0.0
    processor: float = 0.0
    single: list[float] = field(default_factory=list)

    def figures(self, name: str) -> Figures:
        p99 = quantiles(self.single, n=100, method="inclusive")[-1]
        count = len(self.single)
        return {
            f"{name}, {MEAN}": self.elapsed / count,
            f"{name}, {P99}": p99,
            f"{name}, processor time a request": self.processor / count,
        }

    def run(self) -> None:
        """One round of all clients."""
        with ThreadPoolExecutor(_CLIENTS) as pool:
            start, used = time.perf_counter(), _processor_s(self.process)
            taken = list(pool.map(lambda _: _requests(self.base, self.path, _ROUND_S), range(_CLIENTS)))
            self.elapsed += time.perf_counter() - start
            self.processor += _processor_s(self.process) - used
        self.single += [one for client in taken for one in client]


def _processor_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _measure(folder: Path, _: Path) -> Figures:
    port = free_port()
    bare_url = f"http://127.0.0.1:{port}"
    bare_folder = folder / "bare"
    bare_folder.mkdir(exist_ok=True)
    command = [
        sys.executable, "-m", "uvicorn", "tests.benchmarks.probes.bare_app:app", f"--port={port}", "--no-access-log",
    ]  # fmt: skip
    home = Home(folder / "home")
    with running(command, plain_environment(), bare_folder, f"{bare_url}/") as bare, home.api() as (url, served):
        empty = _Load(psutil.Process(bare), bare_url, "/")
        api = psutil.Process(served)
        loads = {EMPTY: empty, **{name: _Load(api, url, path) for name, path in _PATHS.items()}}
        for load in loads.values():
            _requests(load.base, load.path, 0)
        for number in range(_ROUNDS):
            for load in list(loads.values())[:: 1 if number % 2 else -1]:
                load.run()
    return {figure: value for name, load in loads.items() for figure, value in load.figures(name).items()}


def _requests(base: str, path: str, for_s: float) -> Sequence[float]:
    """Seconds of each request, one after the other over one connection for some time, at least one."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
    taken: list[float] = []
    deadline = time.perf_counter() + for_s
    try:
        while not taken or time.perf_counter() < deadline:
            start = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            taken.append(time.perf_counter() - start)
            if answer.status != 200:
                raise CommandError(f"{path} answers {answer.status}: {body[:500].decode(errors='replace')}")
    finally:
        connection.close()
    return taken


PROBE = Probe(fill, _measure, products=_PRODUCTS)
