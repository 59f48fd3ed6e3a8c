"""The pipeline page in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from arbkit.core.settings import Settings
from arbkit.stream import RAW_TOPIC, Record, dead_letter_topic, open_stream
from tests.helpers.running import Up
from tests.helpers.visiting import WIDE, address, visiting

pytestmark = pytest.mark.e2e
HOSTILE = "<img src=x onerror=alert(1)>"
DEAD = "#arb-letters tr[data-id]"


@pytest.fixture(scope="module", autouse=True)
def _dead_letter(up: Up) -> None:
    headers = {"topic": RAW_TOPIC, "error": HOSTILE, "attempts": "1", "time": "2026-08-01T10:00:00+00:00"}
    with open_stream(Settings.load(_env_file=None, home=up.home)) as log:
        log.publish(dead_letter_topic(RAW_TOPIC), [Record(HOSTILE, f"</pre>{HOSTILE}".encode(), headers)])


@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), ((390, 844), True)])
def test_everything_is_filled_and_nothing_runs_over(
    browser: Browser, up: Up, *, size: tuple[int, int], dark: bool
) -> None:
    with visiting(browser, address(up, "pipeline"), ready=DEAD, size=size, dark=dark) as visit:
        page = visit.page
        for name in ("producer", "consumer", "scheduler", "api", "dashboards", "demo"):
            assert "running" in page.inner_text(f"#arb-services tr:has-text('{name}')")
        page.wait_for_selector("#arb-pacechart .js-plotly-plot")
        page.wait_for_selector("#arb-agechart .js-plotly-plot")
        assert page.locator(".arb-waiting:visible").count() == 0
        assert "token" not in page.url
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_hostile_dead_letter_is_read_with_the_keyboard(browser: Browser, up: Up) -> None:
    with visiting(browser, address(up, "pipeline"), ready=DEAD) as visit:
        page = visit.page
        page.focus(DEAD)
        page.keyboard.press("Enter")
        page.wait_for_selector("#arb-letter pre")
        assert page.inner_text("#arb-letter pre") == f"</pre>{HOSTILE}"
        assert page.locator(".arb-page img").count() == 0
        page.click("#arb-letter >> text=Show hexadecimal")
        page.wait_for_selector("#arb-letter pre:has-text('3c 2f 70 72 65 3e')")
        page.click("#arb-letter >> text=Close")
        page.wait_for_selector("#arb-letter", state="hidden")


def test_a_report_opens_beside_the_page_and_cannot_reach_it(browser: Browser, up: Up) -> None:
    link = "#arb-runs a >> nth=-1"
    with visiting(browser, address(up, "pipeline"), ready=link) as visit:
        with visit.page.expect_popup() as opened:
            visit.page.click(link)
        report = opened.value
        report.wait_for_load_state("domcontentloaded")
        assert report.url.endswith("/report.html")
        assert report.evaluate("origin") == "null"
        assert "profit" in report.inner_text("body").lower()
        report.close()
