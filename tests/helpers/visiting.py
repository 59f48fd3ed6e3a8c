"""A real browser, and a page in it that notes what no page of ours should do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

import psutil
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

from tests.helpers.required import missing
from tests.helpers.running import Up, own_processes

__all__ = ["WIDE", "Visit", "address", "browsing", "session_of", "visiting"]

WIDE = (1280, 900)
_READY_MS = 60_000
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def browsing() -> Iterator[Browser]:
    """Chromium, without a window."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        missing("a Chromium browser", "install chromium")
    with sync_playwright() as play:
        one = play.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield one
        one.close()


@dataclass
class Visit:
    """A page, and what went wrong on it."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def answered(self) -> None:
        """Wait until the page waits for nothing."""
        self.page.wait_for_selector(".arb-page:not(.arb-is-busy)")


def address(up: Up, page: str, **query: str) -> str:
    """The address of a dashboard, with its token."""
    parts = urlsplit(up.addresses["dashboards"])
    asked = "&".join(part for part in (parts.query, urlencode(query)) if part)
    return urlunsplit((parts.scheme, parts.netloc, f"/voila/render/{page}.ipynb", asked, ""))


def session_of(page: Page, up: Up) -> psutil.Process:
    """The process of the kernel behind a page."""
    kernel = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    (process,) = [p for p in own_processes(up.home) if kernel in Path(f"/proc/{p}/cmdline").read_text()]
    return psutil.Process(process)


@contextmanager
def visiting(
    browser: Browser,
    url: str,
    *,
    ready: str,
    size: tuple[int, int] = WIDE,
    dark: bool = False,
    forgiven: tuple[str, ...] = (),
    patience_ms: int = _READY_MS,
) -> Iterator[Visit]:
    """Open a page and wait for ``ready``; no script error, dialog or request to another host may come of it."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light", accept_downloads=True
    )
    visit = Visit(page)
    faults = visit.faults

    def noted(fault: str) -> None:
        if not any(text in fault for text in forgiven):
            faults.append(fault)

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            noted(f"console: {message.text}")

    def opened(dialog: Dialog) -> None:
        faults.append("a dialog opened")
        dialog.dismiss()

    def requested(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1":
            faults.append(f"asked another host: {url}")

    page.on("pageerror", lambda error: noted(f"script error: {error}"))
    page.on("dialog", opened)
    page.on("console", said)
    page.on("request", lambda request: requested(request.url))
    # For all that is awaited on it: a busy machine draws slowly.
    page.set_default_timeout(patience_ms)
    try:
        page.goto(url)
        page.wait_for_selector(ready)
        yield visit
    finally:
        page.close()
    assert faults == [], faults
