"""What probes are given, made once by this tree and the same for every commit: products as Keepa sends them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from arbkit.core.keepa_time import to_minutes
from arbkit.core.marketplaces import MARKETS, Market
from arbkit.sources.demo.market import SEED, asins
from arbkit.sources.demo.wire import Clock, product_object
from tests.benchmarks.keepa import write_products

__all__ = ["demo_products", "write_inputs"]


def write_inputs(path: Path, count: int, *, history: bool) -> None:
    """Write :func:`demo_products` as :func:`tests.benchmarks.keepa.read_products` reads them."""
    write_products(
        path,
        (
            (market.keepa_domain, asin, orjson.dumps(product, option=orjson.OPT_SERIALIZE_NUMPY))
            for market, asin, product in demo_products(count, history=history)
        ),
    )


def demo_products(count: int, *, history: bool) -> Iterator[tuple[Market, str, dict[str, Any]]]:
    """The demo market's products over and over, under ASINs of their own: each on all marketplaces."""
    now = to_minutes(time.time())
    clock, known = Clock(now, 0), asins()
    for number in range(count):
        asin = f"B0{number:08}"
        for market in MARKETS.values():
            shown = product_object(
                known[number % len(known)], market, clock, now=now, seed=SEED, buybox=True, history=history, stats=180
            )
            yield market, asin, {**shown, "asin": asin}
