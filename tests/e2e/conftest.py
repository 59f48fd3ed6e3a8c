"""The browser, a running `arbkit up` on the demo market, and pages of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.helpers.required import missing
from tests.helpers.running import Up, running
from tests.helpers.visiting import browsing

_HERE = Path(__file__).parent

# A machine that also runs Kafka and Elasticsearch may be slow; what is awaited is a condition, not a time.
expect.set_options(timeout=240_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that need nothing running come first: what runs for the others takes its part of the machine."""
    here = [item for item in items if item.path.is_relative_to(_HERE)]
    here.sort(key=lambda item: "up" in getattr(item, "fixturenames", ()))
    items[:] = [item for item in items if item not in set(here)] + here


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
