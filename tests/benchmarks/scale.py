"""Consuming into both stores against bare loops and loads; several consumers; renewing an index."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import orjson
import psutil
from elasticsearch import Elasticsearch as Client

from arbkit.core.marketplaces import MARKETS
from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect, immediate
from arbkit.ops.setup import initialise, migrate
from arbkit.pipeline.consumer import consume
from arbkit.sources.envelope import envelope, from_envelope
from arbkit.store import ProductQuery, open_store
from arbkit.store.elastic.bulk import Action, bulk
from arbkit.store.elastic.client import connect as connect_elastic
from arbkit.store.elastic.client import scan
from arbkit.store.elastic.documents import product_document
from arbkit.store.elastic.schema import COLLECTIONS, IndexLayout, template
from arbkit.store.product_document import build_product
from arbkit.store.sqlite.store import SqliteStore
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, Record, open_stream
from tests.benchmarks.bare import BATCH, WRITTEN, bare_loop_seconds, bulk_lines
from tests.benchmarks.inputs import demo_products
from tests.benchmarks.measuring import Report, skip
from tests.helpers.factories import offer
from tests.helpers.streams import empty
from tests.servers.launch import Elasticsearch, Kafka, ServersMissingError

__all__ = ["run"]

_PRODUCTS = 2_000
_REPEATS = 3


def prepared_records(count: int) -> list[Record]:
    """Demo products under ASINs of their own on all marketplaces: ``count`` products, five records each."""
    records = []
    for market, asin, product in demo_products(count, history=True):
        message = envelope(
            asin=asin, market=market.code, origin="demo", fetched_at="2026-11-01T00:00:00Z", run_id="bench",
            product=product,
        )  # fmt: skip
        records.append(Record(asin, orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)))
    return records


@contextmanager
def scaled(log: str, store: str) -> Iterator[Settings]:
    """Settings of a log and a store of their own, both there."""
    with tempfile.TemporaryDirectory() as folder:
        prefix = f"b{uuid4().hex[:8]}-"
        settings = Settings.load(_env_file=None, home=Path(folder) / "var", log=log, store=store, store_prefix=prefix)
        settings.home.mkdir()
        initialise(settings)
        yield settings


@contextmanager
def _servers(name: str) -> Iterator[tuple[Kafka, Elasticsearch] | None]:
    try:
        kafka, elastic = Kafka(), Elasticsearch()
    except ServersMissingError as error:
        skip(name, str(error))
        yield None
        return
    with kafka, elastic:
        yield kafka, elastic


def publish(settings: Settings, records: Sequence[Record]) -> None:
    with open_stream(settings) as log:
        for start in range(0, len(records), BATCH):
            log.publish(RAW_TOPIC, records[start : start + BATCH])


def run(report: Report) -> None:
    """All of this file."""
    for benchmark in (_consuming, _several, _renewing):
        benchmark(report)


def _consuming(report: Report) -> None:
    """Into each store: updates that are prepared against a bare load of them, and from each log against a bare loop."""
    records = prepared_records(_PRODUCTS)
    _consumed(report, records, "embedded log → SQLite", "", "")
    with _servers("consuming from Kafka") as running:
        if running is None:
            return
        kafka, elastic = running
        for store, url, bare, limit in (
            ("Elasticsearch / bare client.bulk", elastic.url, _bare_bulk, "at least 0.8 ×"),
            ("SQLite / bare executemany", "", _bare_executemany, "at least 0.6 ×"),
        ):
            taken = [_stored(url, records, bare) for _ in range(_REPEATS + 1)][1:]
            rate = len(records) / median(ours for ours, _ in taken)
            ratio = median(loaded / ours for ours, loaded in taken)
            report(f"prepared updates → {store}", f"{ratio:.2f} × ({rate:,.0f} records/s)", limit)
        for name, url in (("Kafka → Elasticsearch", elastic.url), ("Kafka → SQLite", "")):
            _consumed(report, records, name, kafka.url, url, empty_first=kafka)


def _stored(store: str, records: Sequence[Record], bare: Callable[[Settings], float]) -> tuple[float, float]:
    """Seconds to store prepared updates, and for the bare load."""
    updates = [u for r in records if (u := from_envelope(orjson.loads(r.value))) is not None]
    with scaled("", store) as settings, open_store(settings) as opened:
        start = time.perf_counter()
        for first in range(0, len(updates), BATCH):
            opened.put(updates[first : first + BATCH])
        return time.perf_counter() - start, bare(settings)


def _consumed(
    report: Report, records: Sequence[Record], name: str, log: str, store: str, *, empty_first: Kafka | None = None
) -> None:
    """The consumer on that log and store, against a bare loop on the same."""
    taken = []
    for _ in range(_REPEATS + 1):
        if empty_first is not None:
            empty(empty_first)
        with scaled(log, store) as settings:
            publish(settings, records)
            start = time.perf_counter()
            done = consume(settings, until_empty=True, stop=threading.Event())
            ours = time.perf_counter() - start
            assert done.read == len(records)
            taken.append((ours, bare_loop_seconds(settings, log.removeprefix("kafka://"), records)))
    # The very first has warmed everything up.
    ratio, rate = median(bare / ours for ours, bare in taken[1:]), len(records) / median(ours for ours, _ in taken[1:])
    bare_rate = len(records) / median(bare for _, bare in taken[1:])
    figures = f"{ratio:.2f} × ({rate:,.0f} of {bare_rate:,.0f} records/s)"
    report(f"consume, {name} / bare loop", figures, "at least 0.6 ×")


def _bare_bulk(settings: Settings) -> float:
    """Seconds to load all documents of a store again, into indices of the same kind."""
    prefix = settings.store_prefix
    bare = {name: f"{prefix}bare-{name}" for name in WRITTEN}
    with Client(settings.store_url, request_timeout=60) as client:
        requests: list[list[bytes]] = []
        for name, index in bare.items():
            client.indices.create(index=index, **template(name, IndexLayout()))
            client.indices.refresh(index=prefix + name)
            pages = scan(client, prefix + name, {"match_all": {}}, version=True)
            lines = [line for hits in pages for hit in hits for line in bulk_lines(index, name, hit)]
            # As large as a batch of the consumer makes them.
            requests += [lines[start : start + 2 * BATCH] for start in range(0, len(lines), 2 * BATCH)]
        start = time.perf_counter()
        for one in requests:
            operations: Any = one
            assert not client.bulk(operations=operations)["errors"]
        taken = time.perf_counter() - start
        client.indices.delete(index=list(bare.values()))
    return taken


def _bare_executemany(settings: Settings) -> float:
    """Seconds to load all rows of a store again, a transaction for each 500 offers, into tables of the same kind."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bare.db"
        with SqliteStore(path):
            pass
        with closing(connect(settings.database, read_only=True)) as full, closing(connect(path)) as bare:
            rows = {table: full.execute(f"SELECT * FROM {table}").fetchall() for table in WRITTEN}  # noqa: S608
            parts = -(-len(rows["offers"]) // BATCH)
            start = time.perf_counter()
            for part in range(parts):
                with immediate(bare):
                    for table, found in rows.items():
                        marks = ", ".join("?" * len(found[0]))
                        bare.executemany(f"INSERT INTO {table} VALUES ({marks})", found[part::parts])  # noqa: S608
            return time.perf_counter() - start


def _several(report: Report) -> None:
    """Four consumers on the topic's four partitions against one, each a process of its own."""
    with _servers("several consumers") as running:
        if running is None:
            return
        kafka, elastic = running
        records = prepared_records(_PRODUCTS)
        taken: dict[int, list[float]] = {1: [], 4: []}
        busy = 0.0
        for count in (1, 1, 4, 1, 4, 1, 4):
            empty(kafka)
            with scaled(kafka.url, elastic.url) as settings:
                publish(settings, records)
                taken[count].append(_by_processes(settings, count, len(records)))
                busy = psutil.cpu_percent()
    # The very first has warmed the servers up.
    one, four = median(taken[1][1:]), median(taken[4])
    report(
        "4 consumers on 4 partitions / one",
        f"{one / four:.2f} × ({len(records) / four:,.0f} records/s, {busy:.0f} % of all cores)",
        "at least 1.6 × on 2 cores, or what saturates",
    )


def _by_processes(settings: Settings, count: int, records: int) -> float:
    """Seconds for all records once the first batch is done, so that the start of the processes does not count."""
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "arbkit", "consume"],
            env={**os.environ, **settings.environment()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]
    try:
        with open_stream(settings) as log:

            def waiting() -> int:
                return sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())

            while waiting() == records:
                time.sleep(0.02)
            psutil.cpu_percent()
            start, begun = time.perf_counter(), waiting()
            while waiting():
                time.sleep(0.02)
            return (time.perf_counter() - start) * records / begun
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(30)


def _renewing(report: Report, *, products: int = 500_000) -> None:
    """An index of that many products renewed behind its alias, while it is read all the time."""
    try:
        elastic = Elasticsearch()
    except ServersMissingError as error:
        skip("renewing", str(error))
        return
    with elastic, scaled("", elastic.url) as settings, open_store(settings) as store:
        _fill(elastic.url, settings.store_prefix, products)
        stop = threading.Event()

        def read() -> list[tuple[float, int]]:
            seen = []
            while not stop.is_set():
                begun = time.perf_counter()
                total = store.products(ProductQuery(limit=50)).total
                seen.append((time.perf_counter() - begun, total))
            return seen

        changed = {**COLLECTIONS["products"], "renewed": {"type": "keyword"}}
        with ThreadPoolExecutor(1) as pool, patch.dict(COLLECTIONS, {"products": changed}):
            reading = pool.submit(read)
            start = time.perf_counter()
            try:
                migrate(settings)
            finally:
                stop.set()
            taken = time.perf_counter() - start
            seen = reading.result()
    gaps = sum(total != products for _, total in seen)
    slowest = max(seconds for seconds, _ in seen)
    report(
        f"{products:,} products renewed behind the alias",
        f"{taken:.0f} s; {len(seen)} reads, {gaps} with a gap, the slowest {slowest:.2f} s",
        "no error and no gap",
    )


def _fill(url: str, prefix: str, products: int) -> None:
    product = build_product([offer(code=code) for code in MARKETS])
    with connect_elastic(url) as client:
        for start in range(0, products, 5_000):
            found = [f"B{n:09}" for n in range(start, min(start + 5_000, products))]
            documents = {
                a: product_document(replace(product, asin=a), f"product {a.lower()}", change=1, before=None)
                for a in found
            }
            assert not bulk(client, [Action(prefix + "products", a, d) for a, d in documents.items()]).poison
        client.indices.refresh(index=prefix + "products")
