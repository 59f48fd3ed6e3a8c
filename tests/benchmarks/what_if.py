"""What if over a whole market: the first page under other assumptions, memory of pages, and what the snapshot costs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from urllib.parse import quote_plus

import psutil

from arbkit.analysis import detection
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.detector.pricing import PricedProducts, price_products
from arbkit.analysis.detector.storing import price_into
from arbkit.analysis.market.changes import MarketChanges
from arbkit.analysis.market.segment import Segment, segment_of
from arbkit.analysis.market.snapshot import MarketFiles
from arbkit.core.models import ProductState
from arbkit.core.settings import Settings
from arbkit.store import Store, open_store
from arbkit.stream import open_stream
from tests.benchmarks.detector import fill
from tests.benchmarks.measuring import Report, seconds
from tests.benchmarks.scale import scaled
from tests.helpers.pages import Seen, shipped_page

__all__ = ["run"]

_PRODUCTS = 100_000
_SAMPLES = 7
_PAGES = 3
_BATCH = 1_000
_PAIRS = 9
_OPENED = """
import sys
from arbkit.core.settings import Settings
from tests.helpers.pages import Seen, shipped_page
seen = Seen(shipped_page("opportunities", Settings.load(_env_file=None)))
if sys.argv[1]:
    seen.begin(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""


def run(report: Report) -> None:
    """All of this file; ARBKIT_BENCH_PRODUCTS sets a smaller number of products."""
    products = int(os.environ.get("ARBKIT_BENCH_PRODUCTS") or _PRODUCTS)
    with scaled("", "") as settings:
        with open_stream(settings) as stream, open_store(settings) as store:
            fill(store, stream, products)
        _sweeping(report, settings)
        detection.run(settings, run_id="bench")
        with open_store(settings) as store:
            _detecting(report, settings, store)
        _asking(report, settings, products)
        _holding(report, settings)


def _sweeping(report: Report, settings: Settings) -> None:
    """What the snapshot adds to pricing and storing."""
    with open_store(settings) as store:
        states = list(store.states(store.asins(limit=4 * _BATCH)).values())
        inputs = replace(Inputs.load(settings), generation=store.generation("bench"))
        shares = []
        for _ in range(_PAIRS // 3):
            parts: list[Segment] = []
            priced: list[PricedProducts] = []
            swept = seconds(lambda priced=priced: priced.append(_swept(store, states, inputs)))  # type: ignore[misc]
            left = seconds(lambda parts=parts, priced=priced: parts.append(_segment(states, priced[0])))  # type: ignore[misc]
            with tempfile.TemporaryDirectory() as folder:
                files = MarketFiles(Path(folder))
                left += seconds(lambda files=files, parts=parts: files.replace(parts, since=0))  # type: ignore[misc]
            shares.append(1 + left / swept)
    report("a sweep that leaves the snapshot / without", f"{median(shares):.3f} ×", "about 1 ×")


def _segment(states: list[ProductState], priced: PricedProducts) -> Segment:
    assert priced.prepared is not None
    return segment_of(states, priced.prepared, priced.results)


def _swept(store: Store, states: list[ProductState], inputs: Inputs) -> PricedProducts:
    priced = price_products(states, inputs)
    store.put_routes(priced.results, generation=inputs.generation)
    return priced


def _detecting(report: Report, settings: Settings, store: Store) -> None:
    """A detector that adds its changes against one that does not, in turns."""
    inputs = replace(Inputs.load(settings), generation=store.generation("bench"))
    changes = MarketChanges(MarketFiles.of(settings))
    asins = store.asins(limit=(2 * _PAIRS + 2) * _BATCH)
    for size, name in ((_BATCH, "1,000 products a batch"), (1, "single products")):
        batches = [asins[start : start + size] for start in range(0, len(asins) if size > 1 else 400, size)]
        with_, without = [], []
        for number, (one, other) in enumerate(pairwise(batches)):
            if number % 2:
                continue
            states, others = ([*store.states(some).values()] for some in (one, other))
            with_.append(seconds(_priced(store, states, inputs, changes)))
            without.append(seconds(_priced(store, others, inputs, None)))
        with_.append(seconds(changes.write))
        report(
            f"detector with changes of the snapshot / without, {name}", f"{sum(with_) / sum(without):.3f} ×", "1.03 ×"
        )


def _priced(
    store: Store, states: list[ProductState], inputs: Inputs, changes: MarketChanges | None
) -> Callable[[], None]:
    def act() -> None:
        price_into(store, states, lambda: inputs, left=changes.add if changes else None)
        if changes:
            changes.write_if_due()

    return act


def _asking(report: Report, settings: Settings, products: int) -> None:
    """The server's work for the first page under assumptions, with the rows priced from the store."""
    seen = Seen(shipped_page("opportunities", settings))
    seen.begin("?what_if=gbp%3D1.2")

    def asked(*assumed: str, page: int = 1) -> list[float]:
        searches = [f"?what_if={quote_plus(one)}&page={page}" for one in assumed]
        return [seconds(partial(seen.emit, "visit", search=search)) for search in searches]

    statuses = ("unregistered", "not-reclaiming", "reclaiming") * (_SAMPLES // 3)
    took = {
        "another exchange rate": asked(*(f"gbp=1.{30 + n}" for n in range(_SAMPLES))),
        "another VAT status": asked(*(f"vat_status={one}" for one in statuses)),
        "other buying prices": asked(*(f"buy_change=-{n + 1}" for n in range(_SAMPLES))),
        "selling prices never assumed before": asked("sell_change=-1", "sell_change=-2"),
        "other selling prices": asked(*(f"sell_change=-2&buy_change={n + 1}" for n in range(_SAMPLES))),
        "another page": [t for n in range(_SAMPLES) for t in asked("sell_change=-2&buy_change=7", page=n + 2)],
    }
    for name, samples in took.items():
        goal = "a few seconds, once" if "before" in name else "at most 300 ms"
        shown = f"{1_000 * median(samples):.0f} ms"
        report(f"what if over {products:,} products, {name}", shown, goal)


def _holding(report: Report, settings: Settings) -> None:
    """Memory of pages that have asked, shared pages counted once, above one that has not."""
    asked, idle = "?what_if=gbp%3D1.31", ""
    held = _proportional(settings, [asked] * _PAGES)
    empty = _proportional(settings, [idle] * _PAGES)
    report(
        f"memory of a page that asks what if, of {_PAGES}, above one that does not", f"{held - empty:.0f} MB", "60 MB"
    )


def _proportional(settings: Settings, searches: list[str]) -> float:
    """The mean proportional set size of pages, MB."""
    environment = {**os.environ, **settings.environment()}
    pages = [
        subprocess.Popen(
            [sys.executable, "-c", _OPENED, search], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for search in searches
    ]
    try:
        for page in pages:
            assert page.stdout is not None
            while page.stdout.readline().strip() != b"ready":
                time.sleep(0.1)
        return sum(psutil.Process(page.pid).memory_full_info().pss for page in pages) / len(pages) / 1e6
    finally:
        for page in pages:
            page.communicate()
