"""The alerts page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.helpers.delivery import webhook
from tests.helpers.receivers import SECRET, Hook, hook
from tests.helpers.running import Up, running
from tests.helpers.visiting import WIDE, address, visiting
from tests.helpers.waiting import eventually

pytestmark = pytest.mark.e2e
FOUND = "#arb-history tr[data-id]"
RULE = """# mine
timezone = "UTC"

[[rule]]
name = "everything"   # of the demo market
on = ["new_opportunity"]
per_day = 3

[[rule]]
name = "wrong"
min_profit = "much"
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Hook]:
    with hook() as one:
        yield one


@pytest.fixture(scope="module")
def alerting(receiver: Hook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`arbkit up` beside an alerts.toml and a .env of its own."""
    folder = tmp_path_factory.mktemp("alerting")
    (folder / "alerts.toml").write_text(RULE + webhook(receiver.url))
    (folder / ".env").write_text(f"HOOK_SECRET={SECRET}\n")
    with running(folder / "var") as one:
        yield one


@pytest.mark.parametrize(("size", "dark"), [(WIDE, False), ((390, 844), True)])
def test_everything_is_filled_and_nothing_runs_over(
    browser: Browser, alerting: Up, *, size: tuple[int, int], dark: bool
) -> None:
    sent = address(alerting, "alerts", outcome="sent")
    with visiting(browser, sent, ready=FOUND, size=size, dark=dark) as visit:
        page = visit.page
        expect(page.locator("#arb-rules tr", has_text="everything").first).to_contain_text("works")
        expect(page.locator("#arb-rules")).to_contain_text("min_profit")
        expect(page.locator("#arb-history")).to_contain_text("hook: sent")
        expect(page.locator("#arb-channels tr", has_text="hook").first).to_contain_text("ago")
        visit.answered()
        assert page.locator(".arb-waiting:visible").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_an_alert_is_seen_its_rule_is_muted_and_the_file_says_so(browser: Browser, alerting: Up) -> None:
    path = alerting.home.parent / "alerts.toml"
    with visiting(browser, address(alerting, "alerts"), ready=FOUND) as visit:
        page = visit.page
        expect(page.locator(FOUND).first).to_contain_text("New opportunity")
        page.get_by_role("button", name="Mute everything for 8 hours").click()
        expect(page.locator("#arb-rules")).to_contain_text("muted until")
        text = path.read_text()
        assert "muted_until" in text
        assert "# mine" in text
        assert "# of the demo market" in text
        page.get_by_role("button", name="Unmute everything").click()
        expect(page.get_by_role("button", name="Mute everything for 8 hours")).to_be_visible()
        assert "muted_until" not in path.read_text()


def test_a_rule_is_tried_and_added_and_a_channel_is_tested(browser: Browser, alerting: Up, receiver: Hook) -> None:
    path: Path = alerting.home.parent / "alerts.toml"
    with visiting(browser, address(alerting, "alerts"), ready=FOUND) as visit:
        page = visit.page
        page.get_by_text("Add a rule", exact=True).click()
        page.get_by_label("Name").fill("good-ones")
        page.get_by_label("Min profit, EUR").fill("12,50")
        page.get_by_label("Sell on").select_option("DE")
        page.get_by_role("button", name="Try it").click()
        expect(page.locator("#arb-tried")).to_contain_text("stored opportunities meet it now")
        page.get_by_role("button", name="Add the rule").click()
        expect(page.locator("#arb-rules tr", has_text="good-ones").first).to_contain_text("works")
        assert "min_profit = 12.5" in path.read_text()
        page.get_by_role("button", name="Send a test to hook").click()
        expect(page.locator("#arb-channels")).to_contain_text("hook took a test message.")
        eventually(lambda: any(body["test"] for body in receiver.bodies))
    assert receiver.unsigned == 0


def test_the_history_is_filtered_and_an_alert_leads_to_its_product(browser: Browser, alerting: Up) -> None:
    with visiting(browser, address(alerting, "alerts"), ready=FOUND) as visit:
        page = visit.page
        page.get_by_label("What became of it").select_option("sent")
        expect(page.locator("#arb-history")).not_to_contain_text("waiting")
        expect(page).to_have_url(re.compile("outcome=sent$"))
        link = page.locator(f"{FOUND} a").first
        asin = (link.get_attribute("href") or "").rpartition("=")[2]
        link.click()
        expect(page.locator("#arb-about")).to_contain_text(asin)
