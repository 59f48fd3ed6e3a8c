"""`arbkit lab` in a real browser: the tour runs, its tables and figures show, and nothing asks another host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from arbkit.core.files import shipped_folder
from arbkit.core.settings import Settings
from arbkit.sources.demo.market import asins
from tests.helpers.lab import laboratory, open_notebook, run_all, without_other_hosts

pytestmark = pytest.mark.e2e

_TOKEN = "of-this-test"


def test_the_tour_shows_its_tables_and_figures_without_another_host(
    settings: Settings, tmp_path: Path, browser: Browser
) -> None:
    settings.home.mkdir()
    assert settings.watchlist is not None
    settings.watchlist.write_text("\n".join(asins()[:40]))
    settings = settings.model_copy(update={"token": type(settings.token)(_TOKEN)})
    with (
        laboratory(settings, tmp_path, shipped_folder("notebooks") / "explore.ipynb") as url,
        browser.new_context(viewport={"width": 1400, "height": 1000}) as context,
    ):
        page = context.new_page()
        strangers = without_other_hosts(page)
        open_notebook(page, url, "explore.ipynb", _TOKEN)
        run_all(page)
        last = page.locator(".jp-Cell.jp-mod-active .jp-InputPrompt", has_text=re.compile(r"\[\d+\]"))
        try:
            last.wait_for(timeout=600_000)
            expect(page.locator(".jp-RenderedHTML table.dataframe")).to_have_count(7, timeout=600_000)
            # Figures are drawn after their cell has ended.
            expect(page.locator(".jp-OutputArea .js-plotly-plot .main-svg").nth(4)).to_be_attached(timeout=600_000)
        finally:
            page.screenshot(path=tmp_path / "lab.png")
        assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert strangers == []
