"""What the report of a portfolio shows, and its shopping list as files."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from arbkit.analysis.portfolio.parameters import PortfolioParameters
from arbkit.analysis.portfolio.results import Portfolio
from arbkit.analysis.portfolio.run import NO_BUDGET, PortfolioReport, plan
from arbkit.display.export.columns import SHOPPING_LIST
from arbkit.reports.portfolio import charts, page, shopping_list
from tests.helpers.candidates import made, opportunities
from tests.helpers.paths import ROOT

NOTEBOOK = ROOT / "notebooks/portfolio.ipynb"
HOSTILE = '=HYPERLINK("http://example.org";"<b>free</b>")'


@pytest.fixture(scope="module")
def found() -> Portfolio:
    candidates = made(60)
    one = plan(candidates, opportunities(candidates, title=HOSTILE), PortfolioParameters(budget=600), "EUR")
    assert isinstance(one, Portfolio)
    return one


def report(found: Portfolio | None) -> PortfolioReport:
    why = NO_BUDGET if found is None else None
    return PortfolioReport("r1", 1_760_000_000.0, PortfolioParameters(budget=600), True, found, why)


def text(html: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_head_says_what_it_costs_earns_and_risks(found: Portfolio) -> None:
    shown = text(page.headline(report(found))._repr_html_())
    assert "DEMO" in shown
    assert f"To spend {found.cash_out:,.2f} EUR of 600.00 EUR" in shown
    assert f"Expected profit {found.expected_profit:,.2f} EUR" in shown
    assert f"week {found.money_back_week}" in shown


def test_the_list_is_by_marketplace_and_titles_stay_text(found: Portfolio) -> None:
    html = page.shopping_list(found)._repr_html_()
    for order in found.orders:
        assert f"Buy on {order.source}" in text(html)
    for line in found.lines:
        assert line.asin in html
        assert line.why in html
    assert "<b>free" not in html
    assert "What would come next" in text(page.more(found)._repr_html_())


def test_no_plan_is_one_sentence() -> None:
    shown = text(page.headline(report(None))._repr_html_())
    assert NO_BUDGET[1:] in shown
    assert "Run r1" in text(page.about(report(None))._repr_html_())


def test_the_figure_ends_with_the_expected_profit(found: Portfolio) -> None:
    _, balance = charts.cash_figure(found).data
    assert balance.y[-1] == found.weeks[-1].balance


def test_files_hold_every_line_and_no_formula(found: Portfolio, tmp_path: Path) -> None:
    shopping_list.write(tmp_path, found)
    with (tmp_path / "shopping-list.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["asin"] for row in rows] == [line.asin for line in found.lines]
    assert {row["title"] for row in rows} == {f"'{HOSTILE}"}
    sheet = CalamineWorkbook.from_path(tmp_path / "shopping-list.xlsx").get_sheet_by_name("Shopping list")
    head, *cells = sheet.to_python()
    assert head == [column.label for column in SHOPPING_LIST]
    assert [row[head.index("Units")] for row in cells] == [line.units for line in found.lines]
    assert {row[head.index("Product")] for row in cells} == {HOSTILE}


def test_the_notebook_begins_with_the_defaults() -> None:
    [cell, *_] = [
        c for c in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if "parameters" in c["metadata"].get("tags", [])
    ]
    names: dict[str, object] = {}
    exec("".join(cell["source"]), names)  # noqa: S102
    defaults = PortfolioParameters()
    assert {name: names[name] for name in PortfolioParameters.model_fields} == dict(defaults)


def test_a_report_says_all_in_its_document(found: Portfolio) -> None:
    document = report(found).to_dict()
    assert Portfolio.model_validate(document["portfolio"]) == found
    assert report(found).summary() == {"lines": len(found.lines), "expected_profit": found.expected_profit}
    assert report(None).summary() == {"lines": 0}
