"""An analyst's own notebook on the schedule, from the file to the page that the pipeline page links to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from arbkit.core.settings import Settings
from tests.helpers.own_reports import write_notebook
from tests.helpers.running import Up
from tests.helpers.visiting import address, visiting

pytestmark = pytest.mark.e2e
CELLS = (
    "import arbkit\nfrom arbkit.reports.kernel.inputs import stored_settings\narb = arbkit.open(stored_settings())",
    "print('marketplaces:', top)",
    "arb.plot_routes()",
)
SCHEDULE = """timezone = "Europe/Berlin"
[[entry]]
name = "every-minute"
report = "brands"
cron = "* * * * *"
[entry.parameters]
top = 3
"""


@pytest.fixture
def scheduled(up: Up) -> Iterator[None]:
    """A notebook among the user's reports, which the schedule runs every minute."""
    folder: Path = up.home.parent
    write_notebook(Settings.load(_env_file=None, home=up.home, folder=folder), "brands", *CELLS)
    (folder / "schedule.toml").write_text(SCHEDULE)
    yield
    (folder / "schedule.toml").unlink()
    shutil.rmtree(folder / "reports")


@pytest.mark.usefixtures("scheduled")
def test_it_runs_by_the_schedule_and_its_page_opens_from_the_pipeline_page(browser: Browser, up: Up) -> None:
    run = "#arb-runs tr:has-text('brands'):has-text('succeeded')"
    with visiting(browser, address(up, "pipeline"), ready=f"{run} a", patience_ms=240_000) as visit:
        with visit.page.expect_popup() as opened:
            visit.page.locator(f"{run} a").first.click()
        report = opened.value
        report.wait_for_selector(".arb-figure .main-svg")
        assert "marketplaces: 3" in report.inner_text("body")
        assert report.evaluate("origin") == "null"
        report.close()
