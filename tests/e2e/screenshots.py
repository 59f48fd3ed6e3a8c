"""Pictures of every page in each of its states, at both widths: `make screenshots`.

All go to ``build/screenshots``; those that the README shows go to ``docs`` too.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from arbkit.core.settings import Settings
from arbkit.stream import RAW_TOPIC, Record, open_stream
from tests.helpers.delivery import webhook
from tests.helpers.paths import ROOT
from tests.helpers.receivers import SECRET, Hook, hook
from tests.helpers.running import ROWS, Up, running
from tests.helpers.visiting import address, session_of

ALL = ROOT / "build" / "screenshots"
SHOWN = ROOT / "docs"
WIDTHS = {"wide": (1280, 900), "phone": (390, 844)}
_LONGEST_PX = 3_000
_LONGEST_SHOWN_PX = 1_300
_ARGUMENTS = ["--no-sandbox", "--disable-gpu"]
IN_DOCS = {
    "opportunities-wide",
    "opportunities-phone",
    "opportunities-dark-wide",
    "product-wide",
    "alerts-wide",
    "pipeline-wide",
}
"""The pictures that are committed."""


def _filtered(page: Page, _: Up) -> None:
    _unfold(page, "Filters")
    page.get_by_label("Sell on").select_option("DE")
    page.get_by_label("Min profit").fill("a lot")


def _what_if(page: Page, _: Up) -> None:
    page.get_by_text("What if …").click()
    page.get_by_label("Selling prices ± %").fill("-5")
    page.keyboard.press("Enter")
    page.locator("#arb-outcome").get_by_text("instead of").wait_for()
    # On a phone the details are in a sheet that a row opens.
    page.locator("#arb-quote h3").wait_for(state="attached")


def _columns(page: Page, _: Up) -> None:
    page.get_by_text("Columns and rows", exact=True).click()
    for label in ("Brand", "Amazon as seller", "Fees"):
        page.get_by_role("checkbox", name=label).check()


def _nothing_left(page: Page, _: Up) -> None:
    _unfold(page, "Filters")
    page.get_by_label("Search").fill("no such product")
    page.locator(".arb-empty").wait_for()


def _lost(page: Page, up: Up) -> None:
    session_of(page, up).kill()
    page.locator(".arb-lost").wait_for(timeout=60_000)


def _dead_letter(page: Page, _: Up) -> None:
    page.get_by_role("button", name="Show").first.click()


def _new_rule(page: Page, _: Up) -> None:
    _unfold(page, "Add a rule")
    page.get_by_label("Name").fill("a-name")
    page.get_by_label("Min profit").fill("5")
    page.get_by_role("button", name="Try it").click()
    page.locator("#arb-tried").wait_for()
    page.get_by_label("Name").fill("no name")
    page.get_by_role("button", name="Add the rule").click()
    page.locator("#arb-add .arb-wrong:visible").wait_for()


def _unfold(page: Page, name: str) -> None:
    folded = page.locator("details", has=page.get_by_text(name, exact=True))
    if folded.get_attribute("open") is None:
        folded.locator("summary").click()


def _over_time(page: Page, _: Up) -> None:
    # On a phone every section but the first is folded.
    _unfold(page, "Over time")
    page.locator("#arb-history .scatterlayer").first.wait_for()


def _nothing(_: Page, __: Up) -> None:
    pass


STATES: dict[str, tuple[str, dict[str, str], str, bool, Callable[[Page, Up], None]]] = {
    # name: page, query, what is waited for, dark, what is done
    "opportunities": ("opportunities", {}, ROWS, False, _nothing),
    "opportunities-dark": ("opportunities", {}, ROWS, True, _nothing),
    "opportunities-filtered": ("opportunities", {}, ROWS, False, _filtered),
    "opportunities-what-if": ("opportunities", {}, ROWS, False, _what_if),
    "opportunities-columns": ("opportunities", {}, ROWS, False, _columns),
    "opportunities-nothing-left": ("opportunities", {}, ROWS, False, _nothing_left),
    "opportunities-bad-link": ("opportunities", {"min_proft": "5", "source": "XX"}, ROWS, False, _nothing),
    "opportunities-lost": ("opportunities", {}, ROWS, False, _lost),
    "product": ("product", {"asin": "B0DEMO0149"}, "#arb-routes tr[data-id]", False, _over_time),
    "product-dark": ("product", {"asin": "B0DEMO0149"}, "#arb-routes tr[data-id]", True, _over_time),
    "product-unknown": ("product", {"asin": "B000000000"}, "#arb-about", False, _nothing),
    "product-search": ("product", {"q": "camera"}, "#arb-results tr[data-id]", False, _nothing),
    "alerts": ("alerts", {}, "#arb-history tr[data-id]", False, _nothing),
    "alerts-dark": ("alerts", {}, "#arb-history tr[data-id]", True, _nothing),
    "alerts-add": ("alerts", {}, "#arb-history tr[data-id]", False, _new_rule),
    "alerts-held-back": ("alerts", {"type": "data_problem"}, "#arb-history", False, _nothing),
    "pipeline": ("pipeline", {}, "#arb-services table", False, _nothing),
    "pipeline-dark": ("pipeline", {}, "#arb-services table", True, _nothing),
    "pipeline-dead-letter": ("pipeline", {}, "#arb-services table", False, _dead_letter),
}


ALERTS = f"""timezone = "Europe/Berlin"

[[rule]]
name = "worth-a-look"
on = ["new_opportunity", "price_drop", "margin_increase", "amazon_out_of_stock"]
min_profit = 10
min_roi = 20
min_confidence = 0.4
clears_at = 8
per_day = 20
recheck = {{ max_age_minutes = 360, wait_minutes = 15, then = "send" }}

[[rule]]
name = "to-germany"
on = ["new_opportunity", "ended"]
min_profit = 5
routes = ["ES:DE", "IT:DE"]
muted_until = {datetime.now(UTC) + timedelta(hours=8):%Y-%m-%dT%H:%M:%SZ}

[[rule]]
name = "toys"
min_profit = "12 EUR"

[[channel]]
name = "nowhere"
url = "json://127.0.0.1:9/"
quiet = "03:00-03:01"
"""


@contextmanager
def _browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as play:
        yield play.chromium.launch(executable_path=chromium, args=_ARGUMENTS)


def _take(browser: Browser, up: Up, name: str, width: str) -> None:
    page_name, query, ready, dark, act = STATES[name]
    size = WIDTHS[width]
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page.goto(address(up, page_name, **query))
    page.wait_for_selector(ready, timeout=60_000)
    act(page, up)
    if act is not _lost:
        page.wait_for_selector(".arb-page:not(.arb-is-busy)")
    page.wait_for_load_state("networkidle")
    # A chart is there once plotly has laid it out; its last lines come a moment later.
    page.wait_for_timeout(1_500)
    target = ALL / f"{name}-{width}.png"
    _draw(page, target, _LONGEST_PX)
    if target.stem in IN_DOCS:
        _draw(page, SHOWN / target.name, _LONGEST_SHOWN_PX)
    page.close()
    sys.stdout.write(f"{target.relative_to(ROOT)}\n")


def _draw(page: Page, target: Path, longest: int) -> None:
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    page.screenshot(path=target, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": min(longest, height)})


def _poison(up: Up) -> None:
    """A record that nobody can use, so that there is a dead letter to see."""
    with open_stream(Settings.load(_env_file=None, home=up.home)) as log:
        log.publish(RAW_TOPIC, [Record("B000000001", b"<b>not JSON</b>")])


@contextmanager
def _running(folder: str, receiver: Hook) -> Iterator[Up]:
    (Path(folder) / "alerts.toml").write_text(ALERTS + webhook(receiver.url, "my sheet", "per_hour = 6"))
    (Path(folder) / ".env").write_text(f"HOOK_SECRET={SECRET}\n")
    with running(Path(folder) / "var") as up:
        yield up


def main(wanted: list[str]) -> None:
    """All states, or those named."""
    ALL.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        hook() as receiver,
        _browser() as browser,
        _running(folder, receiver) as up,
    ):
        first = browser.new_page()
        first.goto(up.addresses["dashboards"])
        first.wait_for_selector(ROWS, timeout=120_000)
        first.close()
        _poison(up)
        for name in wanted or STATES:
            for width in WIDTHS:
                _take(browser, up, name, width)


if __name__ == "__main__":
    main(sys.argv[1:])
