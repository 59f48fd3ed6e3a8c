"""The parts that show opportunities: the filter form, the table and the map of routes.

In a notebook they are linked by their callbacks: ``FilterForm(on_change=table.filter)``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import cast, get_args

from arbkit.analysis.what_if import AssumedRoute
from arbkit.core.input.filters import OpportunitySort
from arbkit.core.models import Opportunity
from arbkit.core.results import RouteTotals
from arbkit.core.settings import Settings
from arbkit.store import Page, Stats
from arbkit.web.dashboards.content import Region, TableColumn, UserEvent
from arbkit.web.dashboards.html import route_map_html
from arbkit.web.dashboards.opportunities.columns import COLUMNS, chosen_columns, table_row, ticked_columns
from arbkit.web.dashboards.opportunities.empty import WAYS, why_empty
from arbkit.web.dashboards.opportunities.filters import PAGE_ROWS, View
from arbkit.web.dashboards.opportunities.forms import column_fields, filter_fields
from arbkit.web.dashboards.opportunities.found import FoundOpportunities, read_page, read_routes
from arbkit.web.dashboards.part import Part, StorePart

_ASCENDING = frozenset(
    {"title", "route", "buy_price", "days_to_sell", "rank", "sellers", "amazon_share", "price_position"}
)
_ASSUMED_HEADS: Mapping[str, TableColumn] = {
    "profit": {"label": "Profit today", "kind": "number"},
    "if": {**COLUMNS["if"], "sort": "profit"},
}
"""Under assumptions the order goes by what routes would make."""


class ViewPart(StorePart):
    """A part that shows what a view asks for, and may change it: ``on_change`` then gets the new view."""

    SUBJECT = FoundOpportunities

    def __init__(
        self,
        settings: Settings | None = None,
        view: View | None = None,
        *,
        on_change: Callable[[View], None] | None = None,
    ) -> None:
        super().__init__(settings)
        self.view = view or View()
        self._on_change = on_change

    def filter(self, view: View) -> None:
        """Show what another view asks for.

        Raises:
            StoreError: the store cannot be read.
        """
        self.view = view
        self.load()

    def _change(self, view: View) -> None:
        self.view = view
        if self.page is not None:
            self.page.subject(FoundOpportunities).turn(view)
        else:
            self.load()
        if self._on_change is not None:
            self._on_change(view)


class FilterForm(ViewPart):
    """The filters as a form; refused values stay in their fields, with the reason."""

    REGION = Region("filters", "form", waiting="Filters …", collapsible="Filters", expanded=True)

    _refused: Mapping[str, tuple[str, str]] = {}

    def load(self) -> None:
        """Read the categories and brands to choose from, and show the form.

        Raises:
            StoreError: the store cannot be read.
        """
        self.show(self.store.stats(), self.view)

    def follow(self, shown: FoundOpportunities) -> None:
        """Show the filters of the page's view."""
        if shown.stats is not None:
            self.show(shown.stats, shown.view)

    def show(self, stats: Stats, view: View) -> None:
        """Show the filters of ``view``; ``stats`` has the categories and brands to choose from."""
        self.view = view
        self.widget.show_form(self.region, filter_fields(view, self._refused, self.settings.markets, stats))

    def forget(self) -> None:
        """Drop the values that were refused."""
        self._refused = {}

    def handle(self, event: UserEvent) -> bool:
        """Take new values, or clear all filters."""
        if event["type"] == "form":
            texts = {name: str(value) for name, value in event["values"].items()}
            view, wrong = self.view.with_values(texts)
            self._refused = {name: (texts[name], why) for name, why in wrong.items()}
            self._change(view)
            return True
        if event["type"] == "action" and event["name"] == "clear":
            self._refused = {}
            self._change(self.view.cleared())
            return True
        return False


class RouteMap(ViewPart):
    """All routes as a grid; a click filters by one, a second click by none."""

    REGION = Region("map", "html", waiting="Routes …")

    def load(self) -> None:
        """Read the totals of every route and show them.

        Raises:
            StoreError: the store cannot be read.
        """
        now = time.time()
        sums = self.store.sums(self.view.query(now=now))
        self.show(read_routes(self.store, self.view, sums, now=now), self.store.stats().currency or "", self.view)

    def follow(self, shown: FoundOpportunities) -> None:
        """Show the routes of the page's view."""
        self.show(shown.route_totals(), shown.currency, shown.view)

    def show(self, routes: Mapping[str, RouteTotals], currency: str, view: View) -> None:
        """Show these routes (``SOURCE:TARGET`` → ``count``, ``total_profit``, ``best_profit``)."""
        self.view = view
        html = route_map_html(routes, self.settings.markets, currency, f"{view.source}:{view.target}")
        self.widget.show_html(self.region, html)

    def handle(self, event: UserEvent) -> bool:
        """Filter by the clicked route, or by none if it was chosen already."""
        if event["type"] != "action" or event["name"] != "route":
            return False
        clicked = str(event.get("id", ""))
        chosen = f"{self.view.source}:{self.view.target}"
        source, _, target = ("", "", "") if clicked == chosen else clicked.partition(":")
        view, wrong = self.view.with_values({"source": source, "target": target})
        if not wrong:
            self._change(view)
        return True


class OpportunityTable(ViewPart):
    """Opportunities, a page at a time, to sort and to select from: ``on_select`` gets the selected one's id."""

    REGION = Region("table", "table", waiting="Reading opportunities …")
    WHEN = "first"

    def __init__(
        self,
        settings: Settings | None = None,
        view: View | None = None,
        *,
        on_change: Callable[[View], None] | None = None,
        on_select: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(settings, view, on_change=on_change)
        self._on_select = on_select

    def load(self) -> None:
        """Read the page of opportunities that the view asks for, and show it.

        Raises:
            StoreError: the store cannot be read.
        """
        now = time.time()
        view, page = read_page(self.store, self.view, now=now)
        self.show(page, view, self.store.stats() if not page.items else None, now=now)

    def follow(self, shown: FoundOpportunities) -> None:
        """Show the page's opportunities, and which of them is selected."""
        assumed = shown.assumed.routes if shown.assumed else None
        self.show(shown.rows, shown.view, shown.stats, now=shown.now, assumed=assumed)

    def show_empty(self) -> bool:
        """Show in place of rows what to do about a store that has never answered."""
        self.show(Page((), 0, None), self.view, now=time.time())
        return True

    def show(
        self,
        page: Page[Opportunity],
        view: View,
        stats: Stats | None = None,
        *,
        now: float,
        assumed: Mapping[str, AssumedRoute] | None = None,
    ) -> None:
        """Show this page; ``assumed`` (by id) adds a column.

        ``stats`` of the store say why a table is empty; None: the store has never answered.
        """
        self.view = view
        empty = None if page.items else why_empty(view, stats, self.settings)
        columns = chosen_columns(view.columns, what_if=assumed is not None)
        heads = COLUMNS if assumed is None else {**COLUMNS, **_ASSUMED_HEADS}
        self.widget.show_table(
            self.region,
            {
                "caption": "Opportunities",
                "columns": [heads[name] for name in columns],
                "rows": [table_row(o, columns, now=now, assumed=(assumed or {}).get(o.id)) for o in page.items],
                "total": page.total,
                "first": (view.page - 1) * PAGE_ROWS + 1,
                "page": view.page,
                "pages": max(1, -(-page.total // PAGE_ROWS)),
                "paged": True,
                "sort": view.sort,
                "descending": view.descending,
                "compact": view.density == "compact",
                "selects": True,
                "selected": view.chosen,
                "message": empty.message if empty else "",
                "ways": empty.ways if empty else (),
            },
        )

    def handle(self, event: UserEvent) -> bool:
        """Sort, turn a page, select a row, or go one of the ways out of an empty table."""
        match event["type"]:
            case "sort":
                self._sort(event["sort"])
            case "page":
                # What a browser sends need not be a number.
                if isinstance(number := cast("int | str", event["page"]), int) and number >= 1:
                    self._change(self.view.changed(page=number))
            case "select":
                self._select(str(event["id"]))
            case "action" if event["name"] in WAYS:
                self._change(self.view.cleared().changed(**WAYS[event["name"]]))
            case _:
                return False
        return True

    def _sort(self, name: str) -> None:
        if name not in get_args(OpportunitySort):
            return
        same = name == self.view.sort
        descending = not self.view.descending if same else name not in _ASCENDING
        self._change(self.view.changed(sort=cast("OpportunitySort", name), descending=descending, page=1))

    def _select(self, name: str) -> None:
        view, wrong = self.view.with_values({"chosen": name})
        if wrong:
            return
        self._change(view.changed(page=self.view.page))
        if self._on_select is not None:
            self._on_select(name)


class ColumnsForm(Part):
    """How much room the rows of the table take, and which columns it shows."""

    REGION = Region("columns", "form", waiting="…", collapsible="Columns and rows")
    SUBJECT = FoundOpportunities

    def follow(self, shown: FoundOpportunities) -> None:
        """Show what is chosen."""
        self.widget.show_form(self.region, column_fields(shown.view))

    def handle(self, event: UserEvent) -> bool:
        """Show other columns, on the page that is open."""
        if self.page is None or event["type"] != "form":
            return event["type"] == "toggle"
        found, values = self.page.subject(FoundOpportunities), event["values"]
        view, _ = found.view.with_values({"density": str(values.get("density", ""))})
        found.turn(view.changed(columns=ticked_columns(values), page=found.view.page))
        return True
