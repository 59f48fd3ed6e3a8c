"""A report's page in the real browser, without any network: figures are drawn, nothing runs over, both schemes."""

from __future__ import annotations

from pathlib import Path

import nbformat
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.display.charts import waterfall_figure
from arbkit.display.notebook_html import NotebookHtml
from arbkit.reports import morning_page as view
from arbkit.reports.html_page import page
from arbkit.reports.morning import run
from arbkit.store import open_store
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.outputs import shown
from tests.helpers.routes import store_routes

pytestmark = pytest.mark.e2e

EVIL = '</script><script>document.title = "owned"</script>'


def written(path: Path, *outputs: nbformat.NotebookNode) -> str:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("secret()", outputs=list(outputs))])
    path.write_text(page(notebook, title="A report"), "utf-8")
    return path.as_uri()


def test_figures_are_drawn_offline_and_no_script_of_others_runs(browser: Browser, tmp_path: Path) -> None:
    figure = waterfall_figure(opportunity(title=EVIL))
    figure.update_layout(title={"text": EVIL})
    data = {"application/vnd.plotly.v1+json": go.Figure(figure).to_plotly_json()}
    url = written(tmp_path / "r.html", nbformat.v4.new_output("display_data", data=data), shown(EVIL))
    asked: list[str] = []
    for scheme in ("light", "dark"):
        with browser.new_context(offline=True, color_scheme=scheme) as context:
            tab = context.new_page()
            tab.on("request", lambda request: asked.append(request.url))
            tab.goto(url)
            tab.wait_for_selector(".arb-figure .waterfalllayer .point")
            assert tab.title() == "A report"
            assert "secret()" not in tab.content().partition("<main>")[2].partition("<script")[0]
    assert {url.partition(":")[0] for url in asked} <= {"file", "data", "blob"}


@pytest.mark.parametrize("width", [390, 1280])
def test_the_morning_report_fits_a_phone_and_a_desk(
    browser: Browser, settings: Settings, tmp_path: Path, width: int
) -> None:
    title = "A very long title of a product " * 6
    found = [opportunity(f"B00000000{i}", title=title, profit=12_345.67 - i) for i in range(5)]
    with open_store(settings) as store:
        store.put([Update(offer(o.asin, "DE", title=title), history(o.asin, "DE")) for o in found])
        store_routes(store, found)
    report = run(settings, run_id="r")
    parts: list[NotebookHtml] = [part(report) for part in (view.headline, view.top, view.waterfalls, view.data)]
    url = written(tmp_path / "m.html", *(shown(part._repr_html_()) for part in parts))
    with browser.new_context(viewport={"width": width, "height": 900}, offline=True) as context:
        tab = context.new_page()
        tab.goto(url)
        assert "12,345.67 EUR" in tab.inner_text("main")
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        hidden = """() => [...document.querySelectorAll("main td, main .arb-figures > div")].filter((cell) =>
            cell.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length"""
        assert tab.evaluate(hidden) == 0
