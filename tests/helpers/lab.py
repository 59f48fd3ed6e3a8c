"""JupyterLab as `arbkit lab` starts it, for the tests that drive it in a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request, Route
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from arbkit.core.settings import Settings
from tests.helpers.paths import ROOT

__all__ = ["laboratory", "open_notebook", "run_all", "without_other_hosts"]


@contextmanager
def laboratory(settings: Settings, folder: Path, notebook: Path) -> Iterator[str]:
    """The address of a running ``arbkit lab`` over a copy of ``notebook``: what the browser saves is no change."""
    own = {name: folder / name for name in ("config", "data", "runtime", "settings", "workspaces", "notebooks")}
    for place in own.values():
        place.mkdir()
    shutil.copy(notebook, own["notebooks"])
    (own["config"] / "jupyter_server_config.json").write_text(
        json.dumps({"ContentsManager": {"root_dir": str(own["notebooks"])}})
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
            "ARBKIT_LAB_PORT": "0",
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
        found = None
        while found is None:
            line = process.stderr.readline()
            assert line, "arbkit lab ended"
            found = re.search(r"(http://127\.0\.0\.1:\d+/)lab", line)
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL, start_new_session=True)
        yield found[1]
    finally:
        # Only arbkit is asked to end: what it has started goes with it.
        process.terminate()
        process.wait(60)
        process.stderr.close()
        if drain is not None:
            drain.wait(10)


def run_all(page: Page) -> None:
    """Run all cells: once more if JupyterLab was not ready when it was asked."""
    begun = page.locator(".jp-CodeCell .jp-InputPrompt", has_text=re.compile(r"\[(\*|\d+)\]"))
    for _ in range(3):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        with suppress(PlaywrightTimeoutError):
            begun.first.wait_for(timeout=20_000)
            return


def open_notebook(page: Page, url: str, name: str, token: str) -> None:
    """Open a notebook of a laboratory and wait for its kernel: what is run before that is not run at all."""
    page.goto(f"{url}lab/tree/{name}?token={token}&reset")
    page.locator(".jp-Notebook .jp-MarkdownCell h1").wait_for(timeout=60_000)
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(timeout=60_000)


def without_other_hosts(page: Page) -> list[str]:
    """The addresses of other hosts that the page asks from now on; none of them is answered."""
    strangers: list[str] = []

    def guard(route: Route, request: Request) -> None:
        if urlsplit(request.url).hostname == "127.0.0.1" or request.url.startswith(("data:", "blob:")):
            route.continue_()
        else:
            strangers.append(request.url)
            route.abort()

    page.context.route("**/*", guard)
    return strangers
