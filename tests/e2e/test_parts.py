"""Parts of the dashboards alone in cells of a notebook, in JupyterLab, without another host."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.lab import laboratory, open_notebook, run_all, without_other_hosts
from tests.helpers.routes import store_routes

pytestmark = pytest.mark.e2e

_TOKEN = "of-this-test"
_CELLS = (
    "from arbkit.parts import FilterForm, OpportunityTable, PriceHistory, RouteMap, Waterfall\n"
    "table = OpportunityTable()\ntable",
    "FilterForm(on_change=table.filter)",
    "RouteMap(on_change=table.filter)",
    "from arbkit.store import OpportunityQuery\nWaterfall(table.store.opportunities(OpportunityQuery()).items[0])",
    "PriceHistory(asin='B000000001')",
)


def test_parts_stand_alone_in_a_notebook_and_are_linked_by_callbacks(
    settings: Settings, tmp_path: Path, browser: Browser
) -> None:
    settings.home.mkdir()
    found = [f"B0000000{i:02}" for i in range(1, 31)]
    with open_store(settings) as store:
        store.put([Update(offer(a, code), history(a, code)) for a in found for code in ("DE", "IT")])
        store_routes(store, [opportunity(a, profit=float(i)) for i, a in enumerate(found, 1)])
    settings = settings.model_copy(update={"token": type(settings.token)(_TOKEN)})
    cells = [nbformat.v4.new_markdown_cell("# Parts"), *map(nbformat.v4.new_code_cell, _CELLS)]
    notebook = tmp_path / "parts.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), notebook)
    with (
        laboratory(settings, tmp_path, notebook) as url,
        browser.new_context(viewport={"width": 1400, "height": 1000}) as context,
    ):
        page = context.new_page()
        strangers = without_other_hosts(page)
        open_notebook(page, url, "parts.ipynb", _TOKEN)
        run_all(page)
        rows = page.locator(".arb-region-table tr[data-id]")
        expect(rows).to_have_count(25, timeout=60_000)
        try:
            # The server of JupyterLab has no chart library to give: it comes from the kernel.
            expect(page.locator(".arb-region-waterfall .waterfalllayer .point").first).to_be_attached(timeout=60_000)
            expect(page.locator(".arb-region-prices .scatterlayer .trace").nth(1)).to_be_attached(timeout=60_000)
            page.get_by_label("Min profit").fill("29")
            page.keyboard.press("Enter")
            expect(rows).to_have_count(2)
            page.locator(".arb-region-map").get_by_role("button", name="DE to IT").click()
            expect(page.locator(".arb-region-table .arb-empty")).to_contain_text("No opportunity passes")
        finally:
            page.screenshot(path=tmp_path / "parts.png", full_page=True)
        ids = page.evaluate("[...document.querySelectorAll('.arb-page [id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids))
        assert "arbkit" not in page.title()
        assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert strangers == []
