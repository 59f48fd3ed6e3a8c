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
_READY_MS = 240_000
_GIVEN_UP = "widget model not found"
"""What ipywidgets says where it gives up a widget that comes in this very moment."""
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

    def unfold(self) -> None:
        """Open all that is folded."""
        self.page.evaluate("document.querySelectorAll('details').forEach(folded => { folded.open = true; })")

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
    _Listener(visit.faults, forgiven).listen(page)
    # For all that is awaited on it: a busy machine draws slowly.
    page.set_default_timeout(patience_ms)
    try:
        page.goto(url)
        page.wait_for_selector(ready)
        yield visit
    finally:
        page.close()
    assert visit.faults == [], visit.faults


class _Listener:
    """Notes what goes wrong on a page, but for what has one of the ``forgiven`` texts in it."""

    def __init__(self, faults: list[str], forgiven: tuple[str, ...]) -> None:
        self._faults, self._forgiven = faults, forgiven
        self._is_given_up = False

    def listen(self, page: Page) -> None:
        """From now on."""
        page.on("pageerror", lambda error: self._note(f"script error: {error}"))
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.on("load", lambda _: self._loaded())
        page.on("request", lambda request: self._request(request.url))

    def _note(self, fault: str) -> None:
        if not any(text in fault for text in self._forgiven):
            self._faults.append(fault)

    def _console(self, message: ConsoleMessage) -> None:
        if _GIVEN_UP in message.text:
            self._is_given_up = True
        elif message.type == "error":
            self._note(f"console: {message.text}")

    def _loaded(self) -> None:
        # It has loaded itself again: what the one before said at its end is of no matter.
        if self._is_given_up:
            self._faults.clear()
        self._is_given_up = False

    def _dialog(self, dialog: Dialog) -> None:
        self._faults.append("a dialog opened")
        dialog.dismiss()

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1":
            self._faults.append(f"asked another host: {url}")
