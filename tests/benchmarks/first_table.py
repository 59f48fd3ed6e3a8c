"""From nothing to the first table a new user sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time

from playwright.sync_api import sync_playwright

from arbkit.core.settings import Settings
from arbkit.sources import watchlist
from arbkit.store import open_store
from tests.benchmarks.measuring import Report, skip
from tests.benchmarks.temporary import temporary_settings
from tests.helpers.waiting import eventually

__all__ = ["first_table"]


def first_table(report: Report) -> None:
    """From `arbkit up` on an empty home to a complete table in a browser."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        skip("first table", "there is no Chromium")
        return
    with temporary_settings() as settings, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        start = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "arbkit", "up"],
            env={**os.environ, **settings.environment()},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            url = next(line.split()[1] for line in process.stderr if line.startswith("  dashboards"))
            threading.Thread(target=process.stderr.read, daemon=True).start()
            page.goto(url)
            page.wait_for_selector("#arb-table tr[data-id]:nth-child(25)", timeout=120_000)
            shown = time.perf_counter() - start
            priced = _all_priced(settings) - start
            process.terminate()
        browser.close()
    report("`arbkit up` → complete table in the browser", f"{shown:.1f} s", "at most 15 s on 2 cores")
    report("`arbkit up` → every watched product priced", f"{priced:.1f} s", "at most 20 s on 2 cores")


def _all_priced(settings: Settings) -> float:
    """When (by perf_counter) the store held every watched product with the routes that follow from its prices."""
    watched = len(watchlist.load(settings).asins)
    with open_store(settings) as store:
        eventually(lambda: len(store.asins(limit=watched)) == watched and not store.unpriced(1))
    return time.perf_counter()
