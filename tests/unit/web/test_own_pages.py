"""Pages that analysts compose of parts: all show one view, and what one of them raises harms no other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

from arbkit import parts
from arbkit.core.errors import UsageError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.parts import (
    Beside,
    Components,
    DecisionHistory,
    DecisionPanel,
    Figures,
    FilterForm,
    Form,
    Groups,
    OpportunityTable,
    Page,
    PriceHistory,
    RouteDetails,
    RouteMap,
    SalesForm,
    Section,
    Waterfall,
)
from arbkit.reports.catalogue.own_pages import SHIPPED_PAGES, make_page
from arbkit.store import open_store
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.pages import Seen, run_cell, shipped_page
from tests.helpers.paths import ROOT
from tests.helpers.routes import store_routes

BRANDS = ("Acme", "Bolt & <b>Sons</b>", None)


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Thirty opportunities of three brands, one unknown, from IT to DE or FR, with profits of 1 to 30 EUR."""
    asins = [f"B0000000{i:02}" for i in range(1, 31)]
    found = [
        opportunity(a, target=("DE", "FR")[i % 2], profit=float(i), brand=BRANDS[i % 3]) for i, a in enumerate(asins, 1)
    ]
    with open_store(settings) as store:
        store.put([Update(offer(a, code), history(a, code)) for a in asins for code in ("DE", "FR", "IT")])
        store_routes(store, found)
    return settings


def profits(found: pd.DataFrame) -> go.Figure:
    return go.Figure(go.Bar(y=found["profit"]), layout={"title": {"text": "Profits"}})


def shown_profits(seen: Seen, region: str = "chart") -> int:
    return int(seen.regions[region]["figure"]["layout"]["meta"])


def counting(found: pd.DataFrame) -> go.Figure:
    return go.Figure(layout={"meta": len(found)})


@pytest.fixture
def seen(filled: Settings) -> Seen:
    """A page of every part, and of a chart that follows the filters."""
    page = Page(
        FilterForm(), Figures(), Groups(by="brand"), RouteMap(), OpportunityTable(), RouteDetails(), Waterfall(),
        PriceHistory(), Components(), counting, settings=filled,
    )  # fmt: skip
    return Seen(page).begin()


def test_filters_drive_table_map_groups_figures_and_an_own_chart(seen: Seen) -> None:
    assert seen.regions["table"]["total"] == 30
    seen.fill("filters", min_profit="29")
    assert seen.column("Profit") == ["30.00 EUR", "29.00 EUR"]
    assert seen.field("filters", "min_profit")["value"] == "29"
    assert "<dd>2 <small>of 30</small></dd>" in seen.html("figures")
    assert shown_profits(seen) == 2
    assert "30.00 EUR" in seen.html("groups")
    assert "IT to DE: 1 opportunities" in seen.html("map")
    assert seen.address == "min_profit=29&chosen=B000000030%3AIT%3ADE"
    assert seen.notices == []


def test_map_and_groups_narrow_what_all_others_show(seen: Seen) -> None:
    seen.click("route", id="IT:DE")
    assert seen.regions["table"]["total"] == 15
    assert seen.field("filters", "source")["value"] == "IT"
    seen.click("group", id=BRANDS[1])
    assert seen.regions["table"]["total"] == 5
    assert seen.field("filters", "brand")["value"] == BRANDS[1]
    # The other groups stay, so that another can be chosen; a second click chooses none.
    assert "Acme" in seen.html("groups")
    assert "<b>Sons" not in seen.html("groups")
    seen.click("group", id=BRANDS[1])
    assert seen.regions["table"]["total"] == 15


def test_groups_are_by_brand_category_route_or_marketplace_and_in_any_order(seen: Seen) -> None:
    def keys() -> list[str]:
        return [part.split('"')[0] for part in seen.html("groups").split('data-action="group" data-id="')[1:]]

    seen.click("by", id="route")
    assert keys() == ["IT:DE", "IT:FR"]
    assert "IT → DE" in seen.html("groups")
    seen.click("group", id="IT:FR")
    assert (seen.field("filters", "source")["value"], seen.field("filters", "target")["value"]) == ("IT", "FR")
    seen.click("by", id="category")
    seen.click("group", id="Toys &amp; Games".replace("&amp;", "&"))
    assert seen.field("filters", "category")["value"] == "Toys & Games"
    seen.click("by", id="brand")
    seen.click("order", id="count")
    assert 'aria-sort="descending"' in seen.html("groups")
    for name, of in (("by", "nonsense"), ("order", "key"), ("group", "")):
        seen.click(name, id=of)
    assert seen.notices == []


def test_a_selected_row_is_what_the_details_show(seen: Seen) -> None:
    assert "B000000030" in seen.html("route")
    name = seen.regions["table"]["rows"][2]["id"]
    seen.emit("select", region="table", id=name)
    assert seen.regions["table"]["selected"] == name
    assert "B000000028" in seen.html("route")
    assert "B000000028" in seen.regions["waterfall"]["label"]
    assert "Profit" in seen.html("components")
    # It stays while filters find it; others begin with their own first route.
    seen.fill("filters", min_profit="10")
    assert "B000000028" in seen.html("route")
    seen.fill("filters", min_profit="29")
    assert "B000000030" in seen.html("route")
    seen.fill("filters", min_profit="1000")
    assert not seen.shown("waterfall")
    assert not seen.shown("prices")
    assert "No opportunity" in seen.regions["table"]["message"]


def test_an_address_opens_the_view_that_it_names(filled: Settings) -> None:
    seen = Seen(Page(OpportunityTable(), settings=filled)).begin("?target=FR&min_profit=25&nonsense=1")
    assert seen.column("Profit") == ["29.00 EUR", "27.00 EUR", "25.00 EUR"]
    assert "nonsense" in seen.notices[0]


def test_what_a_chart_raises_stands_in_its_place_and_leaves_the_others_alone(filled: Settings) -> None:
    def bad(found: pd.DataFrame) -> go.Figure:
        return go.Figure(go.Bar(y=found["no such column"]))

    def nothing(_: pd.DataFrame) -> Any:
        return "text"

    seen = Seen(Page(bad, nothing, go.Figure(), counting, OpportunityTable(), settings=filled)).begin()
    assert seen.regions["chart"]["fault"] == "KeyError: 'no such column'"
    assert "must be a plotly figure" in seen.regions["chart-2"]["fault"]
    assert "figure" in seen.regions["chart-3"]
    assert shown_profits(seen, "chart-4") == 30
    assert seen.regions["table"]["total"] == 30


def test_two_parts_of_one_kind_have_regions_of_their_own(filled: Settings) -> None:
    seen = Seen(Page(Groups(by="brand"), Groups(by="route"), settings=filled)).begin()
    assert ("Acme" in seen.html("groups"), "Acme" in seen.html("groups-2")) == (True, False)
    seen.emit("action", region="groups-2", name="group", id="IT:FR")
    assert 'aria-pressed="true"' in seen.html("groups-2")


def test_a_page_over_an_empty_store_says_so_and_goes_on(settings: Settings) -> None:
    seen = Seen(Page(FilterForm(), OpportunityTable(), settings=settings)).begin()
    assert "No data yet" in seen.regions["table"]["message"]
    without_table = Seen(Page(FilterForm(), settings=settings)).begin()
    assert "No data yet" in without_table.html("nodata")
    with open_store(settings) as store:
        store_routes(store, [opportunity()])
    seen.emit("tick")
    assert seen.regions["table"]["total"] == 1
    without_table.emit("tick")
    assert not without_table.shown("nodata")
    assert without_table.shown("filters")


def test_a_page_knows_its_file_and_links_to_all_others(
    filled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = filled.model_copy(update={"folder": tmp_path})
    in_jupyterlab = Page(OpportunityTable(), settings=filled)
    assert in_jupyterlab.widget.standalone
    assert "application/vnd.jupyter.widget-view+json" in str(in_jupyterlab._repr_mimebundle_())
    filled.own_pages_dir.mkdir(parents=True)
    for name in ("our-brands", "second", "product", "Not a name"):
        (filled.own_pages_dir / f"{name}.ipynb").write_text("{}")
    monkeypatch.setenv("VOILA_PREHEAT", "False")
    monkeypatch.setenv("SCRIPT_NAME", "/voila/render/our-brands.ipynb")
    seen = Seen(Page(OpportunityTable(), settings=filled)).begin()
    head = seen.html("head")
    assert "<h1>Our brands</h1>" in head
    assert '<a href="our-brands.ipynb" aria-current="page">Our brands</a>' in head
    assert '<a href="second.ipynb">Second</a>' in head
    assert head.count("product.ipynb") == 1
    assert "Not a name" not in head


def test_a_product_is_watched_from_a_page_of_parts_and_the_button_follows(filled: Settings) -> None:
    seen = Seen(Page(OpportunityTable(), RouteDetails(), settings=filled)).begin()
    seen.click("watch", id="B000000030")
    assert "Remove from the watchlist" in seen.html("route")
    seen.click("unwatch", id="B000000030")
    assert "Remove from the watchlist" not in seen.html("route")


def test_details_stand_beside_the_table_before_them_and_sections_have_titles(filled: Settings) -> None:
    page = Page(Section("All", OpportunityTable(), Beside(RouteDetails(), Waterfall())), Groups(), settings=filled)
    places = {r["id"]: (r["section"], r["beside"]) for r in page.widget.regions if r["id"] in page.parts}
    inside = ("All", "table")
    assert places == {"table": ("All", ""), "route": inside, "waterfall": inside, "groups": ("", "")}
    with pytest.raises(UsageError, match="Put a table first"):
        Page(Beside(RouteDetails()), OpportunityTable(), settings=filled)
    with pytest.raises(UsageError, match="Did you mean product"):
        Page(OpportunityTable(), layout="produkt", settings=filled)


def test_a_decision_is_taken_in_a_page_of_parts_and_all_others_hear_of_it(filled: Settings) -> None:
    seen = Seen(Page(FilterForm(), OpportunityTable(), DecisionPanel(), DecisionHistory(), settings=filled)).begin()
    seen.fill("decision", status="dismissed", note="too slow")
    seen.click("decide")
    assert "too slow" in seen.html("decided")
    assert seen.regions["table"]["total"] == 29


def test_skus_that_are_assigned_on_a_page_of_parts_leave_the_selected_route_there(filled: Settings) -> None:
    seen = Seen(Page(OpportunityTable(), RouteDetails(), SalesForm(), settings=filled)).begin()
    seen.fill("salesform", skus="DE-1")
    seen.click("assign_skus")
    assert seen.notices[-1].startswith("0 lines new")
    assert seen.shown("route")
    assert seen.shown("salesform")


def test_what_is_typed_into_a_form_of_ones_own_stays_when_the_page_draws_again(filled: Settings) -> None:
    budget = Form([{"name": "budget", "label": "Budget", "kind": "number", "value": "100"}])
    seen = Seen(Page(budget, OpportunityTable(), settings=filled)).begin()
    seen.fill("form", budget="250")
    seen.emit("sort", region="table", sort="roi")
    assert seen.field("form", "budget")["value"] == "250"


@pytest.mark.parametrize("name", SHIPPED_PAGES)
def test_a_page_can_start_from_a_shipped_one_and_takes_a_chart(
    filled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    filled = filled.model_copy(update={"folder": tmp_path})
    made = make_page(filled, "ours", name)
    notebook = json.loads(Path(made.notebook).read_text("utf-8"))
    assert "title" not in notebook["metadata"]
    source = "".join(notebook["cells"][0]["source"])
    shipped = Seen(shipped_page(name, filled)).begin()
    monkeypatch.setenv("SCRIPT_NAME", "/voila/render/ours.ipynb")
    monkeypatch.setenv("VOILA_PREHEAT", "False")
    monkeypatch.setattr(Settings, "load", lambda: filled)
    imports, _, parts_of_it = source.rpartition("Page(")
    page = run_cell(f"import plotly.graph_objects as go\n{imports}Page(go.Figure(), {parts_of_it}")
    seen = Seen(page).begin()
    assert "<h1>Ours</h1>" in seen.html("head")
    assert seen.regions.keys() - shipped.regions.keys() == {"chart"}
    with pytest.raises(UsageError, match=name):
        make_page(filled, "others", name[:-1])


def cells() -> dict[str, str]:
    """The example of the guide, and the template of a new page."""
    guide = (ROOT / "docs" / "guide" / "own-pages.md").read_text("utf-8")
    template = json.loads((ROOT / "arbkit" / "reports" / "catalogue" / "page.ipynb").read_text("utf-8"))
    [example] = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    return {"guide": example, "template": "".join(template["cells"][-1]["source"])}


@pytest.mark.parametrize("name", ["guide", "template"])
def test_what_an_analyst_copies_is_a_page_whose_parts_show_one_view(
    filled: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in filled.environment().items():
        monkeypatch.setenv(variable, value)
    seen = Seen(run_cell(cells()[name])).begin()
    seen.fill("filters", min_profit="29")
    assert seen.column("Profit") == ["30.00 EUR", "29.00 EUR"]
    points = [trace["x"] for trace in seen.regions["chart"]["figure"]["data"]]
    assert len(points) == 2
    assert seen.regions["chart"]["label"] == "Profit and ROI"
    assert seen.notices == []


def test_the_guide_names_every_part() -> None:
    guide = (ROOT / "docs" / "guide" / "own-pages.md").read_text("utf-8")
    named = set(re.findall(r"^\| `([A-Za-z]+)\(", guide, re.MULTILINE))
    assert named == set(parts.__all__) - {"Beside", "Page", "Part", "Section"}
