"""Raw products into the store at any commit: in one process, and by the real consumer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import orjson

from tests.benchmarks.commands import Home
from tests.benchmarks.keepa import asins_of, read_products
from tests.benchmarks.layouts import find
from tests.benchmarks.measuring import Figures, figures_of, taken
from tests.benchmarks.probes.base import Probe, command_timer

__all__ = ["PROBE"]

_PRODUCTS = 2_000
_MARKETS = {2: "UK", 3: "DE", 4: "FR", 8: "IT", 9: "ES"}
_BATCH = 500
_DIRECT = 2_500


def _prepare(folder: Path, inputs: Path) -> None:
    """A log with a record of each product on each marketplace, published by the producer."""
    with Home.watching(folder / "home", inputs) as home:
        home.run("produce", "--once")


def _measure(folder: Path, inputs: Path) -> Figures:
    figures: dict[str, float] = {}
    products = read_products(inputs)
    copy = folder / "copy"
    try:
        figures |= _store(copy / "direct", _envelopes(inputs))
        shutil.copytree(folder / "home", copy / "home")
        home = Home(copy / "home")
        with command_timer(figures, f"consume --until-empty, {len(products):,} messages"):
            home.run("consume", "--until-empty")
        home.require_products(len(asins_of(products)))
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    return figures


def _envelopes(inputs: Path) -> list[bytes]:
    """Messages as they lie in the log, of the first products."""
    head = b'{"v":1,"asin":"%s","market":"%s","source":"keepa","fetched_at":"2026-05-10T00:00:00Z","run_id":"bench",'
    return [
        (head % (asin.encode(), _MARKETS[domain].encode())) + b'"product":' + document + b"}"
        for (domain, asin), document in list(read_products(inputs).items())[:_DIRECT]
    ]


def _store(folder: Path, raw: list[bytes]) -> Figures:
    settings = find("settings").load(_env_file=None, home=folder)
    decode: Callable[[object], object | None] = find("envelope.decode")
    with find("store.open")(settings) as store:

        def put() -> None:
            for start in range(0, len(raw), _BATCH):
                batch = (decode(orjson.loads(one)) for one in raw[start : start + _BATCH])
                store.put([update for update in batch if update is not None])

        return figures_of(f"raw product → stored, {len(raw):,} in one process", [taken(put)])


PROBE = Probe(_prepare, _measure, products=_PRODUCTS)
