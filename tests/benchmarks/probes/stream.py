"""The whole way at any commit, by commands and HTTP: from the price source to an opportunity that the API shows."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tests.benchmarks.commands import CommandError, Home, get_json
from tests.benchmarks.keepa import asins_of, read_products
from tests.benchmarks.measuring import Figures
from tests.benchmarks.probes.base import Probe, nothing, timer

__all__ = ["PROBE"]

_PRODUCTS = 2_000
_PATIENCE_S = 60.0


def _measure(folder: Path, inputs: Path) -> Figures:
    count = len(asins_of(read_products(inputs)))
    figures: dict[str, float] = {}
    own = folder / "home"
    try:
        with Home.watching(own, inputs) as home:
            with timer(figures, f"produce --once, {count:,} products × 5 marketplaces"):
                home.run("produce", "--once")
            with timer(figures, "consume --until-empty"):
                home.run("consume", "--until-empty")
            with timer(figures, "detect"):
                home.run("detect")
            start = time.perf_counter()
            with home.api() as url:
                _await_opportunity(url)
                figures["api: from its start to the first opportunity shown"] = time.perf_counter() - start
            figures["the whole way"] = sum(figures.values())
            home.require_products(count)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return figures


def _await_opportunity(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not get_json(f"{url}/arbitrage?limit=1")["items"]:
        if time.monotonic() > deadline:
            raise CommandError("the API shows no opportunity")
        time.sleep(0.01)


PROBE = Probe(nothing, _measure, products=_PRODUCTS)
