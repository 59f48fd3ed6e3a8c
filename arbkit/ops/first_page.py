"""The first page opened in a browser by a file that only its user may read: no token is in the list of processes."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from arbkit.core.files import write_atomically
from arbkit.core.settings import Settings

FILE = "open-dashboards.html"
_PRIVATE = 0o600
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def first_page_file(settings: Settings) -> Path:
    """The file that leads to the dashboards and logs in; it is there while `arbkit up` runs with a token of its own."""
    return settings.home.absolute() / FILE


@contextmanager
def leading_to(settings: Settings, url: str) -> Iterator[None]:
    """Keep that file, with this address, for as long as the block runs.

    Raises:
        ServiceError: it cannot be written.
    """
    path, address = first_page_file(settings), escape(url)
    page = (
        '<!doctype html>\n<meta charset="utf-8">\n<title>arbkit</title>\n'
        f'<meta http-equiv="refresh" content="0; url={address}">\n<a href="{address}">arbkit</a>\n'
    )
    # One that was left would keep the rights that somebody has given it.
    path.unlink(missing_ok=True)
    write_atomically(path, page.encode(), rights=_PRIVATE)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def open_first_page(settings: Settings, url: str) -> bool:
    """Open the dashboards in the user's browser: by the file, or at ``url``, which must then hold no token.

    Returns:
        Whether there is a browser with a window, and somebody at a terminal who would see it.
    """
    has_display = os.name == "nt" or sys.platform == "darwin" or any(map(os.environ.get, _DISPLAYS))
    if not (has_display and sys.stderr.isatty()):
        return False
    path = first_page_file(settings)
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    # One of the terminal's own would write over the log.
    if type(browser) is webbrowser.GenericBrowser and "BROWSER" not in os.environ:
        return False
    return browser.open(path.as_uri() if path.exists() else url)
