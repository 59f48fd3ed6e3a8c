"""Raw products into the store, an import, and a consumer's memory; against bare libraries where that says more."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from statistics import median

import orjson
import python_calamine

from arbkit.core.history.facts import with_history_facts
from arbkit.pipeline.files.importing import import_files
from arbkit.sources.envelope import from_envelope
from arbkit.store import open_store
from arbkit.stream import RAW_TOPIC, Record, open_stream
from tests.benchmarks.measuring import Report, real_file, seconds, skip
from tests.benchmarks.temporary import temporary_settings

__all__ = ["run"]

_REPEATS = 7
_PRODUCTS = 100


def run(report: Report) -> None:
    """All of this file."""
    _storing(report)
    _importing(report)
    _memory(report)


def _storing(report: Report) -> None:
    """Raw products with full history to stored records, against loads and one bare insert of the same data."""
    path = real_file("product-us-*.json")
    if path is None:
        skip("raw product → stored", "ARBKIT_REAL_DATA has no product-us-*.json")
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
        with temporary_settings() as settings, open_store(settings) as store:
            return seconds(
                lambda: store.put(with_history_facts([u for r in raw if (u := from_envelope(orjson.loads(r)))]))
            )

    def bare() -> float:
        with temporary_settings() as settings:
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


def _importing(report: Report) -> None:
    """An XLSX export into the log, against reading all its rows with calamine."""
    path = real_file("GAE_DE_*.xlsx")
    if path is None:
        skip("import of an XLSX", "ARBKIT_REAL_DATA has no GAE_DE_*.xlsx")
        return

    def ours() -> float:
        with temporary_settings() as settings:
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


def _memory(report: Report) -> None:
    """Resident memory of a consumer after 50,000 products above that after 5,000."""
    with temporary_settings() as settings:
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
