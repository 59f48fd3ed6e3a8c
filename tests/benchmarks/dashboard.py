"""The opportunities page at 100,000 products against Voilà's notebook with one empty table, in a real browser."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import nbformat
import psutil
from jupyter_client.manager import start_new_kernel
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from arbkit.analysis.detection import detect
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.detector.inputs import Inputs
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Offer, Opportunity, Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.routes import ProductRoutes
from arbkit.web.dashboards.voila_server import kernel_environment
from tests.benchmarks.commands import free_port, running
from tests.benchmarks.first_table import first_table
from tests.benchmarks.measuring import Report, skip
from tests.helpers.factories import history, offer

__all__ = ["run"]

_PRODUCTS = 100_000
_VISITS = 7
_WARM_S = 8.0
"""Longer than the server takes to make the next page, which is not what is measured."""
_SECOND_AFTER_S = 2.0
_WINDOW: ViewportSize = {"width": 1280, "height": 900}
_BARE = "import pandas as pd\nfrom itables.widget import ITable\n\nITable(pd.DataFrame())"
_OURS = "#arb-table tr[data-id]:nth-child(25)"
_THEIRS = ".dt-container table, table.dataTable"
_EMPTY = "import pandas, plotly.graph_objects as go; go.Figure(go.Waterfall()).to_json()"


def fill(settings: Settings, products: int = _PRODUCTS) -> None:
    """Five offers and two opportunities for each product, with their fees and taxes as detection makes them."""
    rng = random.Random(7)
    now = int(time.time())
    brands = [f"Brand {n}" for n in range(300)]
    categories = [f"Category {n}" for n in range(30)]
    with open_store(settings) as store:
        for start in range(0, products, 5_000):
            updates = []
            for number in range(start, min(start + 5_000, products)):
                asin = f"B0{number:08}"
                more = {
                    "title": f"{rng.choice(brands)} thing {number} for {rng.choice(categories)}",
                    "brand": brands[number % 300], "category": categories[number % 30],
                    "updated_at": now - rng.randrange(86_400), "price_at": now, "weight_g": 600, "length_mm": 250,
                    "width_mm": 180, "height_mm": 90,
                }  # fmt: skip
                for code in MARKETS:
                    one = offer(asin, code, price_minor=rng.randrange(1_500, 30_000), **more)
                    updates.append(Update(one, history(asin, code) if number < 100 else None))
            store.put(updates)
        generation = store.generation("bench")
        routes = _routes(settings, products, rng, now)
        while some := list(islice(routes, 5_000)):
            states = store.states([asin for asin, _ in some])
            store.put_routes(
                [ProductRoutes(asin, states[asin].change, now, priced) for asin, priced in some], generation=generation
            )
        store.put_swept("bench")


def _routes(
    settings: Settings, products: int, rng: random.Random, now: int
) -> Iterator[tuple[str, tuple[Opportunity, ...]]]:
    """Those of each product: real ones of a few hundred products under other names with other amounts."""
    with open_store(settings) as store:
        sample = store.states(store.asins(limit=400)).values()
    states = [replace(state, offers=tuple(_known(o) for o in state.offers)) for state in sample]
    found = detect([states], Inputs.load(settings), parameters=DetectParameters(), run_id="bench").opportunities
    codes = list(MARKETS)
    for number in range(products):
        asin, routes = f"B0{number:08}", []
        for at in range(2):
            source, target = codes[(number + at) % 5], codes[(number + at + 1 + number % 3) % 5]
            pattern = found[(2 * number + at) % len(found)]
            profit = round(rng.expovariate(1 / 12), 2) + 0.01
            routes.append(
                replace(
                    pattern, asin=asin, source=source, target=target, profit=profit,
                    title=f"Brand {number % 300} thing {number}", brand=f"Brand {number % 300}",
                    category=f"Category {number % 30}", roi_pct=round(profit * 2.5, 1),
                    margin_pct=round(profit / 2, 1), data_at=now - rng.randrange(86_400),
                    amazon_sells=rng.choice((True, False, None)),
                )
            )  # fmt: skip
        yield asin, tuple(routes)


def _known(one: Offer) -> Offer:
    """An offer of a category that has fees."""
    return replace(one, title="thing", brand="Brand 1", category="Toys & Games")


def _visit(browser: Browser, url: str, ready: str) -> tuple[float, Page]:
    """Seconds from the click to the sight of ``ready``, in a browser that was never there before."""
    time.sleep(_WARM_S)
    context = browser.new_context(viewport=_WINDOW)
    # Voilà's own template asks other hosts for fonts; without a network that must cost nothing.
    context.route(lambda address: "127.0.0.1" not in address, lambda route: route.abort())
    return _click(context, url, ready)


def _visit_again(context: BrowserContext, url: str, ready: str) -> tuple[float, float]:
    """The same in a browser that has been there, and for a second page two seconds later."""
    time.sleep(_WARM_S)
    one, page = _click(context, url, ready)
    time.sleep(_SECOND_AFTER_S)
    other, second = _click(context, url, ready)
    page.close()
    second.close()
    return one, other


def _click(context: BrowserContext, url: str, ready: str) -> tuple[float, Page]:
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(ready, timeout=60_000)
    return time.perf_counter() - began, page


def run(report: Report) -> None:
    """The first table of a new user, then the page at 100,000 products."""
    first_table(report)
    _opening(report)


def _opening(report: Report) -> None:
    """From the click to a complete table; the server's work for a filter; memory of an open page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        skip("dashboard", "there is no Chromium")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        settings = Settings.load(_env_file=None, home=Path(folder) / "var", dashboards_port=free_port(), token="t")
        fill(settings)
        bare = Path(folder) / "bare"
        bare.mkdir()
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(_BARE)])
        nbformat.write(notebook, bare / "bare.ipynb")
        port = free_port()
        voila = [
            sys.executable, "-m", "voila", str(bare), f"--port={port}", "--no-browser", "--token=t",
            "--preheat_kernel=True", "--pool_size=1",
        ]  # fmt: skip
        theirs = f"http://127.0.0.1:{port}/voila/render/bare.ipynb?token=t"
        ours = f"http://127.0.0.1:{settings.dashboards_port}/voila/render/opportunities.ipynb?token=t"
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        dashboards = [sys.executable, "-m", "arbkit", "dashboards"]
        environment = {**os.environ, **kernel_environment(settings)}
        with running(dashboards, environment, bare, ours) as server, running(voila, os.environ, bare, theirs):
            pairs = []
            for _ in range(_VISITS):
                mine, page = _visit(browser, ours, _OURS)
                other, bare_page = _visit(browser, theirs, _THEIRS)
                bare_page.context.close()
                pairs.append((mine, other))
                if len(pairs) < _VISITS:
                    page.context.close()
            ratio = median(a / b for a, b in pairs)
            shown = f"{ratio:.2f} × ({median(a for a, _ in pairs):.2f} s / {median(b for _, b in pairs):.2f} s)"
            report("click → complete table, 100,000 products / one empty ITable", shown, "at most 1.5 ×")
            context = browser.new_context(viewport=_WINDOW)
            _visit_again(context, ours, _OURS)
            warm, again = zip(*(_visit_again(context, ours, _OURS) for _ in range(_VISITS)), strict=True)
            bare_context = browser.new_context(viewport=_WINDOW)
            bares = [_visit_again(bare_context, theirs, _THEIRS)[0] for _ in range(_VISITS)]
            shown = f"{median(warm):.2f} s ({median(warm) / median(bares[1:]):.2f} × an empty ITable)"
            report("click → complete table, warm browser", shown, "at most 1 s")
            report("a second page 2 s later", f"{median(again):.2f} s", "at most 1 s")
            work = _filtering(page)
            middle, high = median(work), quantiles(work, n=20)[-1]
            report("filter → repaint, the server's work", f"{middle:.0f} ms, p95 {high:.0f} ms", "80 ms, p95 200 ms")
            kernel = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
            mine_mb = next(
                _mb(p) for p in psutil.Process(server).children(recursive=True) if kernel in " ".join(p.cmdline())
            )
            page.context.close()
        empty_mb = _empty_kernel()
        shown = f"{mine_mb - empty_mb:.0f} MB ({mine_mb:.0f} against {empty_mb:.0f})"
        report("memory of an open page above a pandas + plotly kernel", shown, "at most 60 MB")
        browser.close()


def _filtering(page: Page) -> list[float]:
    """Milliseconds of the server's work for each of many filters, sorts and pages."""
    page.wait_for_selector(".arb-page:not(.arb-is-busy)")
    page.get_by_text("What if …").click()

    def do(act: Callable[[], object]) -> None:
        before = page.evaluate("performance.getEntriesByName('arbkit-answer').length")
        act()
        counted = "n => performance.getEntriesByName('arbkit-answer').filter(e => e.detail.about != 'tick').length > n"
        page.wait_for_function(counted, arg=before - _ticks(page))
        page.wait_for_selector(".arb-page:not(.arb-is-busy)")

    def fill_in(field: str, text: str) -> None:
        page.locator(f"#{field}").fill(text)
        page.keyboard.press("Enter")

    for number in range(5):
        do(partial(page.get_by_label("Buy on").select_option, index=number))
        do(partial(fill_in, "filters-min_profit", str(number * 5)))
        do(partial(fill_in, "filters-brand", f"Brand {number}"))
        do(partial(fill_in, "filters-brand", ""))
        do(partial(fill_in, "filters-q", f"thing {number}"))
        do(partial(fill_in, "filters-q", ""))
        do(page.get_by_label("Sort by ROI").click)
        do(page.get_by_label("Next page").click)
        do(partial(fill_in, "whatif-sell_change", f"-{number + 1}"))
    marks = page.evaluate("performance.getEntriesByName('arbkit-answer').map(e => JSON.stringify(e.detail))")
    known = [json.loads(mark) for mark in marks]
    return [m["ms"] for m in known if m["about"] in ("form", "sort", "page")]


def _ticks(page: Page) -> int:
    return int(
        page.evaluate("performance.getEntriesByName('arbkit-answer').filter(e => e.detail.about == 'tick').length")
    )


def _mb(process: psutil.Process) -> float:
    return float(process.memory_full_info().uss) / 1e6


def _empty_kernel() -> float:
    manager, client = start_new_kernel()
    try:
        client.execute_interactive(f"{_EMPTY}; None", timeout=60)
        provisioner: Any = manager.provisioner
        return _mb(psutil.Process(provisioner.pid))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
