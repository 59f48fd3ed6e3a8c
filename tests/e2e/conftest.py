"""The browser, a running `arbkit up` on the demo market, and pages of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.helpers.required import missing
from tests.helpers.running import Up, running

# A machine that also runs Kafka and Elasticsearch may be slow; what is awaited is a condition, not a time.
expect.set_options(timeout=20_000)
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file: while it runs, its event loop is in the way of everybody else's."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        missing("a Chromium browser", "install chromium")
    with sync_playwright() as play:
        one = play.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield one
        one.close()


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Started once for all tests that only look at it and put back what they change."""
    if sys.platform != "linux":
        missing("Linux", "run this test there")
    with running(tmp_path_factory.mktemp("up") / "var") as one:
        yield one
