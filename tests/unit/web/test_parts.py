"""Each part of the dashboards alone in a notebook's cell: it loads, reacts, and leaves the notebook's page alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from arbkit import parts
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.parts import Chart, Figures, FilterForm, Form, OpportunityTable, Part, PriceHistory, RouteMap, Waterfall
from arbkit.store import open_store
from arbkit.web.dashboards.opportunities.filters import View
from arbkit.web.dashboards.part import StorePart
from arbkit.web.dashboards.product.history_chart import ProductHistory
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.pages import SeenWidget
from tests.helpers.routes import store_routes

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Thirty opportunities from IT to DE with profits of 1 to 30 EUR."""
    asins = [f"B0000000{i:02}" for i in range(1, 31)]
    with open_store(settings) as store:
        store.put([Update(offer(a, code), history(a, code)) for a in asins for code in ("DE", "IT")])
        store_routes(store, [opportunity(a, profit=float(i)) for i, a in enumerate(asins, 1)])
    return settings


def test_a_table_alone_loads_sorts_turns_pages_and_reports_what_is_selected(filled: Settings) -> None:
    selected: list[str] = []
    seen = SeenWidget.alone(OpportunityTable(filled, on_select=selected.append))
    assert seen.column("Profit")[0] == "30.00 EUR"
    seen.emit("page", region="table", page=2)
    assert seen.column("Profit") == [f"{n}.00 EUR" for n in (5, 4, 3, 2, 1)]
    for _ in range(2):
        seen.emit("sort", region="table", sort="profit")
    assert seen.column("Profit")[0] == "1.00 EUR"
    name = seen.regions["table"]["rows"][3]["id"]
    seen.emit("select", region="table", id=name)
    assert selected == [name]
    assert seen.regions["table"]["selected"] == name
    before = seen.regions["table"]
    for kind, content in (("sort", {"sort": "x; drop"}), ("page", {"page": "x"}), ("page", {"page": 0})):
        seen.emit(kind, region="table", **content)
    seen.emit("select", region="table", id="<nonsense>")
    assert seen.regions["table"]["rows"] == before["rows"]
    assert seen.notices == []


def test_filters_alone_keep_what_was_refused_and_filter_a_table(filled: Settings) -> None:
    table = OpportunityTable(filled)
    seen_table = SeenWidget.alone(table)
    seen = SeenWidget.alone(FilterForm(filled, on_change=table.filter))
    seen.fill("filters", min_profit="29")
    assert seen_table.column("Profit") == ["30.00 EUR", "29.00 EUR"]
    seen.fill("filters", min_profit="many")
    assert "not a number" in seen.field("filters", "min_profit")["wrong"]
    assert seen.field("filters", "min_profit")["value"] == "many"
    seen.click("clear")
    assert seen.field("filters", "min_profit")["value"] == ""
    assert seen_table.regions["table"]["total"] == 30


def test_a_map_of_routes_alone_filters_by_a_click_and_again_by_none(filled: Settings) -> None:
    views: list[View] = []
    seen = SeenWidget.alone(RouteMap(filled, on_change=views.append))
    assert "IT to DE: 30 opportunities" in seen.html("map")
    seen.click("route", id="IT:DE")
    assert 'data-id="IT:DE"' in seen.html("map").split('aria-pressed="true"')[0]
    seen.click("route", id="IT:DE")
    assert 'aria-pressed="true"' not in seen.html("map")
    assert [(v.source, v.target) for v in views] == [("IT", "DE"), (None, None)]
    seen.click("route", id="<nonsense>")
    assert len(views) == 2


def test_charts_alone_draw_their_data_and_say_it_in_words(filled: Settings) -> None:
    waterfall = SeenWidget.alone(Waterfall(opportunity(title=HOSTILE)))
    assert waterfall.regions["waterfall"]["figure"]["data"][0]["type"] == "waterfall"
    assert "IT to DE" in waterfall.regions["waterfall"]["label"]
    for part in (PriceHistory(filled, "B000000001"), ProductHistory(filled, "B000000001", series=("new",))):
        seen = SeenWidget.alone(part)
        drawn = seen.regions[part.region]
        assert {line["name"][:2] for line in drawn["figure"]["data"]} == {"DE", "IT"}
        assert drawn["label"]


def test_figures_and_a_form_alone_show_what_they_were_made_with() -> None:
    figures = SeenWidget.alone(Figures([("Opportunities", "12", HOSTILE)]))
    assert "<dt>Opportunities</dt>" in figures.html("figures")
    assert "<img" not in figures.html("figures")
    changes: list[Mapping[str, str | bool]] = []
    clicks: list[str] = []
    form = Form(
        [
            {"name": "budget", "label": "Budget", "kind": "number", "value": "100"},
            {"name": "go", "label": "Go", "kind": "button"},
        ],
        on_change=changes.append,
        on_action=clicks.append,
    )
    seen = SeenWidget.alone(form)
    seen.fill("form", budget="250")
    seen.click("go")
    assert form.values == {"budget": "250"}
    assert changes == [{"budget": "250"}]
    assert clicks == ["go"]


def test_a_store_that_is_missing_is_said_below_the_cell(settings: Settings) -> None:
    seen = SeenWidget.alone(OpportunityTable(settings))
    assert "nothing is stored yet" in seen.notices[-1]


PARTS: dict[str, Any] = {"Chart": lambda settings: Chart(go.Figure(), settings)}
"""Those that are made in another way than without anything, or with settings."""


@pytest.mark.parametrize("name", sorted({*parts.__all__} - {"Beside", "Page", "Part", "Section"}))
def test_every_part_is_displayed_as_one_standalone_widget(settings: Settings, name: str) -> None:
    kind = getattr(parts, name)
    make = PARTS.get(name, kind if issubclass(kind, StorePart) else lambda _: kind())
    part: Part = make(settings)
    assert part.widget.standalone
    assert [r["id"] for r in part.widget.regions] == [one.region for one in part.parts]
    bundle = part._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in str(bundle)


def test_a_notebook_whose_server_has_no_chart_library_gets_it_from_the_kernel() -> None:
    part = Waterfall(opportunity())
    sent: list[Any] = []
    part.widget.send = lambda content, buffers=None: sent.append((content, buffers))
    part.widget._handle_custom_msg({"type": "library"}, [])
    (content, (script,)) = sent[0]
    assert content == {"type": "library"}
    assert b"plotly.js" in script[:200]


def test_every_part_is_there_as_it_is_typed_and_nothing_else_is() -> None:
    tree = ast.parse(Path(parts.__file__).read_text("utf-8"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    homes = {alias.name: node.module for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {name: getattr(parts, name).__module__ for name in parts.__all__} == homes
    with pytest.raises(AttributeError, match="OpportunityTabel"):
        _ = parts.OpportunityTabel


def test_a_page_holds_in_memory_what_it_consists_of_and_no_other_page() -> None:
    code = "import sys; from arbkit.parts import OpportunityTable, Page; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    assert "arbkit.web.dashboards.opportunities.parts" in imported
    assert not [name for name in imported if name.startswith(("arbkit.web.dashboards.pipeline", "confluent_kafka"))]
