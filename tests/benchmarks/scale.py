"""Consuming on the scale-out stores, against bare loads of the same prepared documents."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import orjson

from arbkit.consumer import consume
from arbkit.demo.market import asins
from arbkit.demo.wire import Clock, product_object
from arbkit.envelope import envelope
from arbkit.init import initialise
from arbkit.keepa_time import to_minutes
from arbkit.log import RAW_TOPIC, Record, open_log
from arbkit.markets import MARKETS
from arbkit.settings import Settings

__all__ = ["consumed", "prepared_records", "scaled"]

Report = Callable[[str, str, str], None]
_PRODUCTS = 2_000
_REPEATS = 3


def prepared_records(count: int) -> list[Record]:
    """Demo products under ASINs of their own on all marketplaces: ``count`` products, some five records each."""
    now = time.time()
    clock = Clock(to_minutes(now), 0)
    known = asins()
    records = []
    for number in range(count):
        asin = f"B0{number:08}"
        for market in MARKETS.values():
            shown = product_object(
                known[number % len(known)], market, clock, now=to_minutes(now), seed=20260216, buybox=True,
                history=True, stats=180,
            )  # fmt: skip
            message = envelope(
                asin=asin, market=market.code, source="demo", fetched_at="2026-11-01T00:00:00Z", run_id="bench",
                product={**shown, "asin": asin},
            )  # fmt: skip
            records.append(Record(asin, orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)))
    return records


@contextmanager
def scaled(log: str, store: str) -> Iterator[Settings]:
    """Settings of a log and a store of their own, both there."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(
            _env_file=None, home=Path(folder) / "var", log=log, store=store, store_prefix=f"b{uuid4().hex[:8]}-"
        )  # fmt: skip
        settings.home.mkdir()
        initialise(settings)
        yield settings


def consumed(settings: Settings, records: Sequence[Record]) -> float:
    """Seconds from the log to the store, of records that are on the log already."""
    with open_log(settings) as log:
        for start in range(0, len(records), 500):
            log.publish(RAW_TOPIC, records[start : start + 500])
    start = time.perf_counter()
    done = consume(settings, until_empty=True, stop=threading.Event())
    taken = time.perf_counter() - start
    assert done.read == len(records)
    return taken
