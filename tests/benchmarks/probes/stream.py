"""The whole way at any commit, by commands and HTTP: from the price source to an opportunity that the API shows."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tests.benchmarks.commands import CommandError, Home, get_json
from tests.benchmarks.keepa import asins_of, read_products
from tests.benchmarks.measuring import Figures, processor_time
from tests.benchmarks.probes.base import Probe, command_timer, nothing

__all__ = ["PROBE"]

_PRODUCTS = 2_000
_PATIENCE_S = 60.0
_CONSUME, _DETECT = "consume --until-empty", "detect"
_SHOWN = "api: from its start to the first opportunity shown"
_WHOLE = "the whole way"


def _measure(folder: Path, inputs: Path) -> Figures:
    count = len(asins_of(read_products(inputs)))
    produce = f"produce --once, {count:,} products × 5 marketplaces"
    figures: dict[str, float] = {}
    own = folder / "home"
    try:
        with Home.watching(own, inputs) as home:
            with command_timer(figures, produce):
                home.run("produce", "--once")
            with command_timer(figures, _CONSUME):
                home.run("consume", "--until-empty")
            with command_timer(figures, _DETECT):
                home.run("detect")
            start = time.perf_counter()
            with home.api() as (url, _):
                _await_opportunity(url)
                figures[_SHOWN] = time.perf_counter() - start
            commands = (produce, _CONSUME, _DETECT)
            figures[_WHOLE] = sum(figures[name] for name in (*commands, _SHOWN))
            figures[processor_time(_WHOLE)] = sum(figures[processor_time(name)] for name in commands)
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
