"""The list of 500,000 opportunities under 32 clients of wrk, and its export to the end, on both stores.

    python -m tests.benchmarks.listing --opportunities 500000

Each request has a filter, an order or a cursor of its own, so that nothing is answered from what an earlier one left.
Filled stores in ``--folder`` and at ``--elastic`` are used again.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

import psutil

from arbkit.core.marketplaces import MARKETS
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.store import OpportunityQuery, open_store
from tests.benchmarks.commands import free_port, get_json, plain_environment, running
from tests.benchmarks.many_routes import BRANDS, CATEGORIES, WORDS, fill_routes
from tests.benchmarks.measuring import Report, print_row, skip
from tests.servers.launch import Elasticsearch, ServersMissingError

__all__ = ["run"]

_OPPORTUNITIES = 500_000
_DISTINCT = 10_000
_CURSOR_EVERY = 3
_CURSORS = 20
_CLIENTS = 32
_LOAD_S = 20
_WARM_S = 3
_SEED = 17
_MIB = 1 << 20
_SCRIPT = Path(__file__).with_name("wrk.lua")
_RESULT = re.compile(r"RESULT (\d+) (\S+) (\S+) (\S+) (\d+)")
_SORTS = ("profit", "roi", "margin", "confidence", "buy_price", "age")


@dataclass(frozen=True, slots=True)
class _Load:
    """What wrk says: requests a second, and seconds of the median and of the 99th percentile."""

    rate: float
    p50: float
    p99: float

    def __str__(self) -> str:
        return f"{self.rate:,.0f} requests/s, p50 {1_000 * self.p50:.0f} ms, p99 {1_000 * self.p99:.0f} ms"


def run(report: Report, *, opportunities: int = _OPPORTUNITIES, folder: str = "", elastic: str = "") -> None:
    """The list and the export, on both stores."""
    wrk = shutil.which("wrk")
    if wrk is None:
        skip("list of opportunities", "there is no wrk: `apt install wrk`")
        return
    with ExitStack() as stack:
        home = Path(folder or stack.enter_context(tempfile.TemporaryDirectory()))
        _measure(report, wrk, "SQLite", _settings(home / "sqlite", ""), opportunities)
        try:
            url = elastic or stack.enter_context(Elasticsearch()).url
        except ServersMissingError as error:
            skip("list of opportunities on Elasticsearch", str(error))
            return
        _measure(report, wrk, "Elasticsearch", _settings(home / "elastic", url), opportunities)


def _settings(home: Path, store: str) -> Settings:
    home.mkdir(parents=True, exist_ok=True)
    return Settings.load(
        _env_file=None, home=home, watchlist=home / "watchlist.txt", store=store, store_prefix="bench-", api_port=0,
        keepa_api_key="benchmark",
    )  # fmt: skip


def _measure(report: Report, wrk: str, name: str, settings: Settings, opportunities: int) -> None:
    initialise(settings)
    with open_store(settings) as store:
        if store.opportunities(OpportunityQuery(limit=1)).total < opportunities:
            fill_routes(store, opportunities)
    paths, page = settings.home / "paths.txt", settings.home / "page.json"
    with _api(settings) as (url, _):
        with urlopen(f"{url}/arbitrage?limit=50", timeout=120) as answer:  # noqa: S310 - loopback
            page.write_bytes(answer.read())
        paths.write_text("\n".join(_paths(url)) + "\n")
    with _bare(page) as url:
        bare = _loaded(wrk, url, paths)
    report(f"{name}: FastAPI, 50 models from memory", str(bare), "")
    with _api(settings) as (url, _):
        ours = _loaded(wrk, url, paths)
    report(f"{name}: /arbitrage?limit=50, {opportunities:,} opportunities", str(ours), "")
    report(f"{name}: throughput / that of FastAPI", f"{ours.rate / bare.rate:.3f} ×", "at least 0.25 ×")
    report(f"{name}: p99 / that of FastAPI", f"{ours.p99 / bare.p99:.1f} ×", "at most 3 ×")
    for form in ("ndjson", "csv"):
        with _api(settings) as (url, process):
            _exported(report, name, url, process, form)


def _paths(url: str) -> Iterator[str]:
    """Addresses that all differ; every third goes on from somewhere among the first pages of its order."""
    chance = random.Random(_SEED)
    cursors = {sort: list(_cursors(url, sort)) for sort in _SORTS}
    for number in range(_DISTINCT):
        asked = {"limit": "50", **_filter(chance)}
        if number % _CURSOR_EVERY == 0:
            asked["cursor"] = chance.choice(cursors[asked.get("sort_by", _SORTS[0])])
        yield f"/arbitrage?{urlencode(asked)}"


def _cursors(url: str, sort: str) -> Iterator[str]:
    following = f"{url}/arbitrage?limit=500&sort_by={sort}"
    for _ in range(_CURSORS):
        following = get_json(following)["next"]
        yield parse_qs(urlsplit(following).query)["cursor"][0]


def _filter(chance: random.Random) -> Mapping[str, str]:
    """A filter as people and their tools ask: one to three conditions, mostly with a bound that nobody else has."""
    made: dict[str, str] = {"min_profit": f"{chance.uniform(0, 30):.3f}"}
    some = {
        "min_roi": f"{chance.uniform(0, 80):.2f}", "min_margin": f"{chance.uniform(0, 40):.2f}",
        "min_confidence": f"{chance.uniform(0.3, 0.95):.3f}", "source": chance.choice([*MARKETS]),
        "target": chance.choice([*MARKETS]), "category": chance.choice(CATEGORIES), "amazon_sells": "false",
        "brand": f"Brand {int(BRANDS * chance.random() ** 2)}", "q": chance.choice(WORDS),
    }  # fmt: skip
    weights = (4, 4, 2, 4, 4, 4, 1, 1, 1)
    for name in chance.choices([*some], weights, k=chance.randrange(3)):
        made[name] = some[name]
    if chance.random() < 0.4:
        made["sort_by"] = chance.choice(_SORTS)
    return made


@contextmanager
def _api(settings: Settings) -> Iterator[tuple[str, psutil.Process]]:
    """The address and the process of a fresh `arbkit api`, whose log goes nowhere."""
    port = free_port()
    environment = {**plain_environment(), **settings.environment(), "ARBKIT_API_PORT": str(port)}
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "arbkit", "api"]
    with running(command, environment, settings.home, f"{url}/health/ready") as process:
        yield url, psutil.Process(process)


@contextmanager
def _bare(page: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.benchmarks.listing_app:app", f"--port={port}", "--no-access-log"]
    url = f"http://127.0.0.1:{port}"
    environment = {**plain_environment(), "BENCHMARK_PAGE": str(page)}
    with running(command, environment, Path.cwd(), f"{url}/arbitrage"):
        yield url


def _loaded(wrk: str, url: str, paths: Path) -> _Load:
    for seconds in (_WARM_S, _LOAD_S):
        command = [wrk, "-t1", f"-c{_CLIENTS}", f"-d{seconds}s", "--timeout", "60s", "-s", str(_SCRIPT), url]
        environment = {**os.environ, "ARBKIT_PATHS": str(paths)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = _RESULT.search(done.stdout)
    assert found is not None, done.stdout
    count, taken, p50, p99, failed = map(float, found.groups())
    assert failed == 0, done.stdout
    return _Load(count / taken, p50, p99)


def _exported(report: Report, name: str, url: str, process: psutil.Process, form: str) -> None:
    """All rows to the end, and the most memory meanwhile above what the process had before."""
    idle = peak = process.memory_info().rss
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.02):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, rows = time.perf_counter(), 0
    try:
        with urlopen(f"{url}/arbitrage/export?format={form}", timeout=120) as answer:  # noqa: S310 - loopback
            while piece := answer.read(1 << 16):
                rows += piece.count(b"\n")
    finally:
        over.set()
        watcher.join()
    figures = f"{(peak - idle) / _MIB:.0f} MiB above idle ({rows:,} lines in {time.perf_counter() - began:.0f} s)"
    report(f"{name}: export as {form}", figures, "at most 60 MiB")


def main() -> None:
    """Run this benchmark alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--opportunities", type=int, default=_OPPORTUNITIES)
    parser.add_argument("--folder", default="", help="where the homes are kept; default: nowhere")
    parser.add_argument("--elastic", default="", help="address of a running Elasticsearch; default: one of its own")
    given = parser.parse_args()
    run(print_row, opportunities=given.opportunities, folder=given.folder, elastic=given.elastic)


if __name__ == "__main__":
    main()
