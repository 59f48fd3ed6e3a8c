"""`arbkit lab` in a real browser: the tour runs, its tables and figures show, and nothing asks another host."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from arbkit.core.files import shipped_folder
from arbkit.core.settings import Settings
from arbkit.sources.demo.market import asins
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.e2e

_TOKEN = "of-this-test"


@contextmanager
def laboratory(settings: Settings, folder: Path) -> Iterator[str]:
    """The address of a running ``arbkit lab`` over a copy of the notebooks: what the browser saves is no change."""
    own = {name: folder / name for name in ("config", "data", "runtime", "settings", "workspaces", "notebooks")}
    for place in own.values():
        place.mkdir()
    shutil.copy(shipped_folder("notebooks") / "explore.ipynb", own["notebooks"])
    (own["config"] / "jupyter_server_config.json").write_text(
        json.dumps({"ContentsManager": {"root_dir": str(own["notebooks"])}, "ServerApp": {"allow_root": True}})
    )
    # Otherwise only the cells in sight are in the page.
    tracker = own["settings"] / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text(json.dumps({"windowingMode": "none"}))
    process = subprocess.Popen(
        [sys.executable, "-m", "arbkit", "lab", "--no-browser"],
        env={
            **os.environ,
            **settings.environment(),
            "PYTHONPATH": str(ROOT),
            "JUPYTER_PORT": "0",
            "JUPYTER_CONFIG_DIR": str(own["config"]),
            "JUPYTER_DATA_DIR": str(own["data"]),
            "JUPYTER_RUNTIME_DIR": str(own["runtime"]),
            "JUPYTERLAB_SETTINGS_DIR": str(own["settings"]),
            "JUPYTERLAB_WORKSPACES_DIR": str(own["workspaces"]),
        },
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    drain = None
    try:
        line = ""
        while "/lab?token=" not in line:
            line = process.stderr.readline()
            assert line, "arbkit lab ended by itself"
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL, start_new_session=True)
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found is not None, line
        yield found[0]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        process.stderr.close()
        if drain is not None:
            drain.wait(10)


def _run_all(page: Page) -> None:
    """Run all cells: once more if JupyterLab took the wish for one that it was not ready for."""
    begun = page.locator(".jp-CodeCell .jp-InputPrompt", has_text=re.compile(r"\[(\*|\d+)\]"))
    for _ in range(3):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        with suppress(PlaywrightTimeoutError):
            begun.first.wait_for(timeout=20_000)
            return


def test_the_tour_shows_its_tables_and_figures_without_another_host(
    settings: Settings, tmp_path: Path, browser: Browser
) -> None:
    settings.home.mkdir()
    assert settings.watchlist is not None
    settings.watchlist.write_text("\n".join(asins()[:40]))
    settings = settings.model_copy(update={"token": type(settings.token)(_TOKEN)})
    strangers: list[str] = []

    def guard(route: Route, request: Request) -> None:
        if urlsplit(request.url).hostname == "127.0.0.1" or request.url.startswith(("data:", "blob:")):
            route.continue_()
        else:
            strangers.append(request.url)
            route.abort()

    with (
        laboratory(settings, tmp_path) as url,
        browser.new_context(viewport={"width": 1400, "height": 1000}) as context,
    ):
        context.route("**/*", guard)
        page = context.new_page()
        page.goto(f"{url}lab/tree/explore.ipynb?token={_TOKEN}&reset")
        page.locator(".jp-Notebook .jp-MarkdownCell h1").wait_for(timeout=60_000)
        # What is run before its kernel is there is not run at all.
        page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(timeout=60_000)
        _run_all(page)
        last = page.locator(".jp-Cell.jp-mod-active .jp-InputPrompt", has_text=re.compile(r"\[\d+\]"))
        try:
            last.wait_for(timeout=180_000)
            expect(page.locator(".jp-RenderedHTML table.dataframe")).to_have_count(7, timeout=30_000)
            # Figures are drawn after their cell has ended.
            expect(page.locator(".jp-OutputArea .js-plotly-plot .main-svg").nth(4)).to_be_attached(timeout=30_000)
        finally:
            page.screenshot(path=tmp_path / "lab.png")
        assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert strangers == []
