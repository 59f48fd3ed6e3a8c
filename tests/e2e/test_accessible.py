"""Every page for people with assistive technology: axe-core finds nothing serious."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.helpers.axe import violations
from tests.helpers.running import ROWS, Up
from tests.helpers.visiting import address, visiting

pytestmark = pytest.mark.e2e

PAGES = {
    "opportunities": ({}, f"{ROWS}:nth-child(25)"),
    "product": ({"asin": "B0DEMO0023"}, "#arb-routes tbody tr[data-id]"),
    "alerts": ({}, "#arb-history tr[data-id]"),
    "pipeline": ({}, "#arb-services table"),
}


@pytest.mark.parametrize(("size", "dark"), [((1280, 900), False), ((390, 844), True)], ids=["wide", "phone-dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_bars_nobody(up: Up, browser: Browser, name: str, size: tuple[int, int], dark: bool) -> None:
    query, ready = PAGES[name]
    with visiting(browser, address(up, name, **query), ready=ready, size=size, dark=dark) as visit:
        visit.unfold()
        visit.answered()
        assert violations(visit.page) == []
