"""All benchmarks: `make bench`. Ratios are taken in one run, so that they hold on any machine.

Needs ARBKIT_REAL_DATA for the parts on real Keepa files; what is missing is named and left out.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import python_calamine

from arbkit.core.settings import Settings
from arbkit.pipeline.file_import import import_files
from arbkit.sources.envelope import from_envelope
from arbkit.store import open_store
from arbkit.stream import RAW_TOPIC, Record, open_stream
from tests.benchmarks import dashboard, log, reports, scale
from tests.benchmarks.money import evaluation

_REPEATS = 7
_PRODUCTS = 100


@contextmanager
def home(**more: Any) -> Iterator[Settings]:
    """Settings with a home that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Settings.load(
            _env_file=None, home=Path(folder) / "var", api_port=0, dashboards_port=0, demo_port=0, **more
        )


def seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def real_file(pattern: str) -> Path | None:
    folder = os.environ.get("ARBKIT_REAL_DATA", "")
    return next(iter(sorted(Path(folder).glob(pattern))), None) if folder else None


def report(name: str, measured: str, limit: str) -> None:
    sys.stdout.write(f"{name:<58} {measured:<38} {limit}\n")
    sys.stdout.flush()


def ingest() -> None:
    """Raw products with full history to stored records, against loads and one bare insert of the same data."""
    path = real_file("product-us-*.json")
    if path is None:
        sys.stdout.write("ingest: left out, ARBKIT_REAL_DATA has no product-us-*.json\n")
        return
    product = orjson.loads(path.read_bytes())["products"][0]
    product["domainId"] = 3
    raw = []
    for number in range(_PRODUCTS):
        asin = f"B0BENCH{number:03}"
        envelope = {
            "v": 1, "asin": asin, "market": "DE", "source": "keepa", "fetched_at": "2026-05-10T00:00:00+00:00",
            "run_id": "bench", "product": {**product, "asin": asin},
        }  # fmt: skip
        raw.append(orjson.dumps(envelope))

    def ours() -> float:
        with home() as settings, open_store(settings) as store:
            return seconds(lambda: store.put([u for r in raw if (u := from_envelope(orjson.loads(r)))]))

    def bare() -> float:
        with home() as settings:
            settings.home.mkdir(parents=True)
            connection = sqlite3.connect(settings.home / "bare.db")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE bare (id TEXT PRIMARY KEY, document BLOB)")

            def insert() -> None:
                rows = [(orjson.loads(r)["asin"], r) for r in raw]
                with connection:
                    connection.executemany("INSERT INTO bare VALUES (?, ?)", rows)

            taken = seconds(insert)
            connection.close()
            return taken

    pairs = [(ours(), bare()) for _ in range(_REPEATS)]
    ratio = median(a / b for a, b in pairs)
    per = 1000 * median(a for a, _ in pairs) / _PRODUCTS
    report(
        f"raw product ({len(raw[0]) // 1024} KB) → stored / loads + bare insert",
        f"{ratio:.2f} × ({per:.2f} ms)",
        "at most 1.5 ×",
    )


def importing() -> None:
    """An XLSX export into the log, against reading all its rows with calamine."""
    path = real_file("GAE_DE_*.xlsx")
    if path is None:
        sys.stdout.write("import: left out, ARBKIT_REAL_DATA has no GAE_DE_*.xlsx\n")
        return

    def ours() -> float:
        with home() as settings:
            return seconds(lambda: import_files(settings, [path]))

    def bare() -> float:
        return seconds(lambda: python_calamine.load_workbook(str(path)).get_sheet_by_index(0).to_python())

    ours()
    pairs = [(ours(), bare()) for _ in range(_REPEATS)]
    ratio = median(a / b for a, b in pairs)
    report(
        "import of an XLSX / bare calamine read", f"{ratio:.2f} × ({median(a for a, _ in pairs):.2f} s)", "at most 2 ×"
    )


_CONSUMER = """
import os, sys, threading
from arbkit.pipeline.consumer import consume
from arbkit.core.settings import Settings
sys.stdin.readline()
for _ in range(2):
    consume(Settings.load(), until_empty=True, stop=threading.Event())
    pages = int(open("/proc/self/statm").read().split()[1])
    print(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, flush=True)
    sys.stdin.readline()
"""


def memory() -> None:
    """Resident memory of a consumer after 50,000 products above that after 5,000."""
    with home() as settings:
        product = {"domainId": 3, "title": "Bench", "csv": None, "productType": 0, "lastUpdate": 8_000_000}

        def publish(first: int, last: int) -> None:
            records = []
            for number in range(first, last):
                asin = f"B0{number:08}"
                envelope = {
                    "v": 1, "asin": asin, "market": "DE", "source": "keepa", "run_id": "bench",
                    "fetched_at": "2026-05-10T00:00:00+00:00", "product": {**product, "asin": asin},
                }  # fmt: skip
                records.append(Record(asin, orjson.dumps(envelope)))
            with open_stream(settings) as opened:
                opened.publish(RAW_TOPIC, records)

        publish(0, 5_000)
        with subprocess.Popen(
            [sys.executable, "-c", _CONSUMER],
            env={**os.environ, **settings.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            few = float(process.stdout.readline())
            publish(5_000, 50_000)
            process.stdin.write("\n")
            many = float(process.stdout.readline())
            process.stdin.write("\n")
    report(
        "consumer after 50,000 products above after 5,000",
        f"{many - few:.1f} MB ({few:.0f} → {many:.0f})",
        "at most 50 MB",
    )


def first_table() -> None:
    """From `arbkit up` on an empty home to a complete table in a browser."""
    import shutil

    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.stdout.write("first table: left out, there is no Chromium\n")
        return
    with home() as settings, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        start = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "arbkit", "up"],
            env={**os.environ, **settings.environment()},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            url = next(line.split()[1] for line in process.stderr if line.startswith("  dashboards"))
            threading.Thread(target=process.stderr.read, daemon=True).start()
            page.goto(url)
            page.wait_for_selector("#arb-table tr[data-id]:nth-child(25)", timeout=120_000)
            taken = time.perf_counter() - start
            process.terminate()
        browser.close()
    report("`arbkit up` → complete table in the browser", f"{taken:.1f} s", "at most 20 s on 2 cores")


def money() -> None:
    evaluation(report)


def kafka() -> None:
    for benchmark in (log.producing, log.takeover, log.groups):
        benchmark(report)


def scaled_out() -> None:
    for benchmark in (scale.consuming, scale.several, scale.renewing):
        benchmark(report)


def dashboards() -> None:
    dashboard.opening(report)


def report_runs() -> None:
    reports.running(report)


if __name__ == "__main__":
    for benchmark in (
        ingest, importing, memory, money, report_runs, kafka, scaled_out, first_table, dashboards,
    ):  # fmt: skip
        benchmark()
