"""The browser, a running `arbkit up` on the demo market, and pages of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.helpers.required import missing
from tests.helpers.running import Up, running
from tests.helpers.visiting import browsing

# A machine that also runs Kafka and Elasticsearch may be slow; what is awaited is a condition, not a time.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file: while it runs, its event loop is in the way of everybody else's."""
    with browsing() as one:
        yield one


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Started once for all tests that only look at it and put back what they change."""
    if sys.platform != "linux":
        missing("Linux", "run this test there")
    with running(tmp_path_factory.mktemp("up") / "var") as one:
        yield one
