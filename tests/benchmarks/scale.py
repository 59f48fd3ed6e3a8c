"""Consuming on the scale-out stores, against bare loads of the same prepared documents."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import orjson
from elasticsearch import Elasticsearch as Client

from arbkit.canonical import from_envelope
from arbkit.consumer import consume
from arbkit.demo.market import asins
from arbkit.demo.wire import Clock, product_object
from arbkit.envelope import envelope
from arbkit.init import initialise
from arbkit.keepa_time import to_minutes
from arbkit.log import RAW_TOPIC, Record, open_log
from arbkit.markets import MARKETS
from arbkit.settings import Settings
from arbkit.store.elastic import ElasticStore
from arbkit.store.elastic_schema import COLLECTIONS, body
from tests.servers.launch import Elasticsearch, Kafka

__all__ = ["consuming"]

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
