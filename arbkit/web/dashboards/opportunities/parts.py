"""The parts that show opportunities: the filter form, the table and the map of routes.

In a notebook they are linked by their callbacks: ``FilterForm(on_change=table.filter)``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import cast, get_args

from arbkit.analysis.routes import PricedRoute
from arbkit.core.input.filters import OpportunitySort
from arbkit.core.models import Opportunity
from arbkit.core.results import RouteTotals
from arbkit.core.settings import Settings
from arbkit.store import Page, Stats, Store, Sums
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.html import route_map_html
from arbkit.web.dashboards.opportunities.columns import COLUMNS, chosen_columns, table_row
from arbkit.web.dashboards.opportunities.filters import PAGE_ROWS, View
from arbkit.web.dashboards.opportunities.forms import filter_fields
from arbkit.web.dashboards.part import StorePart

_ASCENDING = frozenset({"title", "route", "buy_price"})
_NO_MATCH = "No opportunity passes these filters."


def read_page(store: Store, view: View, *, now: float) -> tuple[View, Page[Opportunity]]:
    """The page of opportunities that ``view`` asks for, or the last one if there are fewer pages.

    Raises:
        StoreError: the store cannot be read.
    """
    page = store.opportunities(view.page_query(now=now))
    if not page.items and page.total:
        view = view.changed(page=-(-page.total // PAGE_ROWS))
        page = store.opportunities(view.page_query(now=now))
    return view, page


def read_routes(store: Store, view: View, sums: Sums, *, now: float) -> Mapping[str, RouteTotals]:
    """The totals of every route, also of those that ``view`` leaves out, so that another can be chosen.

    Raises:
        StoreError: the store cannot be read.
    """
    if not view.source and not view.target:
        return sums.routes
    return store.sums(view.changed(source=None, target=None).query(now=now)).routes


class _ViewPart(StorePart):
    """A part that shows what a view asks for, and may change it: ``on_change`` then gets the new view."""

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
        if self._widget is None or self._widget.standalone:
            self.load()
        if self._on_change is not None:
            self._on_change(view)


class FilterForm(_ViewPart):
    """The filters as a form; refused values stay in their fields, with the reason."""

    REGION = Region("filters", "form", waiting="Filters …", collapsible="Filters", expanded=True)

    _refused: Mapping[str, tuple[str, str]] = {}

    def load(self) -> None:
        """Read the categories and brands to choose from, and show the form.

        Raises:
            StoreError: the store cannot be read.
        """
        self.show(self.store.stats(), self.view)

    def show(self, stats: Stats, view: View) -> None:
        """Show the filters of ``view``; ``stats`` has the categories and brands to choose from."""
        self.view = view
        self.widget.show_form(self.region, filter_fields(view, self._refused, self.settings.markets, stats))

    def handle(self, event: UserEvent) -> bool:
        """Take new values, or clear all filters."""
        if event["type"] == "form":
            texts = {name: str(value) for name, value in event["values"].items()}
            view, wrong = self.view.with_values(texts)
            self._refused = {name: (texts[name], why) for name, why in wrong.items()}
            self._change(view)
            return True
        if event["type"] == "action" and event["name"] == "clear":
            view = self.view
            self._refused = {}
            self._change(View(sort=view.sort, descending=view.descending, columns=view.columns))
            return True
        return False


class RouteMap(_ViewPart):
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


class OpportunityTable(_ViewPart):
    """Opportunities, a page at a time, to sort and to select from: ``on_select`` gets the selected one's id."""

    REGION = Region("table", "table", waiting="Reading opportunities …")

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
        self.show(page, view, now=now)

    def show(
        self,
        page: Page[Opportunity],
        view: View,
        *,
        now: float,
        repriced: Mapping[str, PricedRoute] | None = None,
        message: str = _NO_MATCH,
    ) -> None:
        """Show this page; ``repriced`` (by id) adds a column, ``message`` stands in an empty table."""
        self.view = view
        repriced = repriced or {}
        columns = chosen_columns(view.columns, what_if=bool(repriced))
        self.widget.show_table(
            self.region,
            {
                "caption": "Opportunities",
                "columns": [COLUMNS[name] for name in columns],
                "rows": [table_row(o, columns, now=now, repriced=repriced.get(o.id)) for o in page.items],
                "total": page.total,
                "first": (view.page - 1) * PAGE_ROWS + 1,
                "page": view.page,
                "pages": max(1, -(-page.total // PAGE_ROWS)),
                "paged": True,
                "sort": view.sort,
                "descending": view.descending,
                "selects": True,
                "selected": view.chosen,
                "message": message,
            },
        )

    def handle(self, event: UserEvent) -> bool:
        """Sort, turn a page or select a row."""
        match event["type"]:
            case "sort":
                self._sort(event["sort"])
            case "page":
                # What a browser sends need not be a number.
                if isinstance(number := cast("int | str", event["page"]), int) and number >= 1:
                    self._change(self.view.changed(page=number))
            case "select":
                self._select(str(event["id"]))
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
