"""The opportunities page: figures, filters, the map of routes, the table, and where the selected route's money goes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime

import plotly.graph_objects as go

from arbkit.analysis.offers import known_offers
from arbkit.analysis.routes import PricedRoute
from arbkit.core.models import Offer, Opportunity
from arbkit.core.settings import Settings
from arbkit.display.charts import history_figure
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.seller.profile_file import load_profile, load_profiles
from arbkit.sources.keepa_api.token_budget import read_tokens
from arbkit.store import Page, Stats, Sums
from arbkit.store.iteration import opportunity_by_id
from arbkit.web.address import describe_errors
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.download import Download
from arbkit.web.dashboards.html import components_html, opportunity_html, quote_html, repriced_html, store_figures
from arbkit.web.dashboards.opportunities.columns import ticked_columns
from arbkit.web.dashboards.opportunities.filters import View, parse
from arbkit.web.dashboards.opportunities.forms import column_fields, download_fields, saved_fields
from arbkit.web.dashboards.opportunities.parts import FilterForm, OpportunityTable, RouteMap, read_page, read_routes
from arbkit.web.dashboards.opportunities.what_if import WhatIf
from arbkit.web.dashboards.page import DashboardPage
from arbkit.web.dashboards.part import Figures, PriceHistory, Waterfall
from arbkit.web.dashboards.saved_views import SavedViews

_WAITING = "No data yet: detection runs as soon as the first prices are in. Updates automatically."
_NO_MATCH = "No opportunity passes these filters."
_NONE = "No route leaves money with every package that it may have. The filter shows those that need a size."
_OF_SELECTED = ("route", "waterfall", "prices", "quote", "components")


class OpportunitiesPage(DashboardPage):
    """The page over one store; ``widget`` is what a notebook displays."""

    NAME = "opportunities"
    TITLE = "Opportunities"
    REGIONS = (
        Region("head", "html", waiting="Opportunities"),
        Figures.REGION,
        Region("views", "form", waiting="Views …"),
        FilterForm.REGION,
        RouteMap.REGION,
        Region("whatif", "form", waiting="…", collapsible="What if …"),
        Region("outcome", "html"),
        Region("columns", "form", waiting="…", collapsible="Columns"),
        OpportunityTable.REGION,
        Region("tools", "form"),
        Region("route", "html"),
        Waterfall.REGION,
        PriceHistory.REGION,
        Region("quote", "html"),
        Region("components", "html"),
    )

    def __init__(self, settings: Settings) -> None:
        self._figures = Figures()
        self._filters = FilterForm(settings, on_change=self._narrow)
        self._map = RouteMap(settings, on_change=self._narrow)
        self._table = OpportunityTable(settings, on_change=self._turn)
        self._waterfall = Waterfall()
        self._prices = PriceHistory(settings)
        super().__init__(
            settings, (self._figures, self._filters, self._map, self._table, self._waterfall, self._prices)
        )
        self._view = View()
        self._narrowed = False
        self._saved = SavedViews(settings)
        self._new_name = ""
        self._what_if = WhatIf()
        self._what_if_open = False
        self._quoted: tuple[Opportunity, dict[str, str]] | None = None
        self._page: Page[Opportunity] = Page((), 0, None)
        self._selected: Opportunity | None = None
        self._offers: list[Offer] = []
        self._evaluated_at: float | None = None
        self._download = Download(self.widget)

        # What the first page would wait for is done while it is kept warm.
        load_rates()
        load_tables()
        history_figure((), currency="EUR").to_json()
        go.Figure(go.Waterfall()).to_json()

    def open(self, search: str) -> None:
        """Show what the address asks for; say what of it is ignored."""
        self._view, wrong = parse(search)
        if wrong:
            self.widget.notify(describe_errors(wrong), "bad")

    def show_empty(self) -> None:
        """Show an empty table, and nothing else."""
        for region in ("figures", "views", "filters", "map", "whatif", "columns"):
            self.widget.hide(region)
        self._show_table(time.time(), {})

    def is_waiting(self) -> bool:
        """Whether there are no opportunities yet."""
        return self._stats is None or not self._stats.opportunities

    def is_stale(self) -> bool:
        """Whether other routes, or other figures of them, are stored by now.

        Raises:
            ArbkitError: the store cannot be read.
        """
        _, page = read_page(self.store, self._view, now=time.time())
        return (page.items, page.total) != (self._page.items, self._page.total)

    def load(self) -> None:
        """Read the page of opportunities and everything about it.

        Raises:
            ArbkitError: the store cannot be read.
        """
        now = time.time()
        stats, store = self.stats(now=now), self.store
        self._view, self._page = read_page(store, self._view, now=now)
        sums = store.sums(self._view.query(now=now))
        if sums.count > stats.opportunities:
            # A detection has ended since the figures were read.
            self._stats = None
            stats = self.stats(now=now)
        found = self._find(self._view.chosen)
        if found is None or (self._narrowed and found not in self._page.items):
            # What other filters leave out is not what the reader looks at now; another page's route may be.
            found = next(iter(self._page.items), None)
        self._narrowed = False
        self._view = self._view.changed(chosen=found.id if found else "")
        self._show_table(now, self._reprice())
        self._show_top(stats, sums, now)
        self._show_forms(stats, sums)
        self.widget.address(self._view.search())
        self.defer(lambda: self._select(found, stats))

    def _show_top(self, stats: Stats, sums: Sums, now: float) -> None:
        self.show_header()
        runs = self.store.runs(report="detect", limit=10)
        priced = next((r.summary["routes"] for r in runs if "routes" in r.summary), None)
        tokens = None if self.in_force.mode == "imported" else read_tokens(self.settings)
        self._figures.show(store_figures(stats, sums, routes_priced=priced, tokens=tokens, now=now))
        self._map.show(read_routes(self.store, self._view, sums, now=now), stats.currency or "", self._view)

    def _show_table(self, now: float, repriced: Mapping[str, PricedRoute]) -> None:
        message = _WAITING if self.is_waiting() else _NO_MATCH
        if self._stats is not None and self._stats.evaluated_at is not None and not self._stats.opportunities:
            message = _NONE
        self._table.show(self._page, self._view, now=now, repriced=repriced, message=message)

    def _show_forms(self, stats: Stats, sums: Sums) -> None:
        self._filters.show(stats, self._view)
        saved = self._saved.all()
        self.widget.show_form("views", saved_fields(list(saved), self._saved_as(saved), self._new_name))
        self.widget.show_form("columns", column_fields(self._view))
        self.widget.show_form("tools", download_fields(sums.count, running=self._download.running))

    # The selected route

    def _select(self, found: Opportunity | None, stats: Stats) -> None:
        """Show this route; again only if it was priced again."""
        same = self._selected is not None and found is not None and self._selected.id == found.id
        if same and found == self._selected:
            self._show_what_if()
            return
        self._evaluated_at = stats.evaluated_at
        if not same:
            self._what_if.forget_route()
        self._selected = found
        self._offers = known_offers(self.store, [found.asin]) if found else []
        if found is None:
            for region in _OF_SELECTED:
                self.widget.hide(region)
            self._show_what_if()
            return
        self._show_route(found)
        self._waterfall.show(found)
        title = found.title or found.asin
        self._prices.show(self._offers, self.store.history(found.asin), found.currency, title=title)
        self.widget.show_html("components", components_html(found.components, found.profit, found.currency))
        self._show_what_if()

    def _show_route(self, found: Opportunity) -> None:
        self.widget.show_html("route", opportunity_html(found, watched=self.watched(found.asin)))

    def _find(self, name: str) -> Opportunity | None:
        if not name:
            return None
        here = next((o for o in self._page.items if o.id == name), None)
        return here or opportunity_by_id(self.store, name)

    # What if

    def _profiles(self) -> dict[str, Profile]:
        """All sellers of the profile's file, the configured one first."""
        first = load_profile(self.settings.profile_path, self.settings.profile_name)
        return {first.name: first} | dict(load_profiles(self.settings.profile_path))

    def _day(self) -> date:
        at = self._evaluated_at or time.time()
        return datetime.fromtimestamp(at, UTC).date()

    def _reprice(self) -> dict[str, PricedRoute]:
        """The shown routes under other assumptions, by id; empty where nothing is changed."""
        items = self._page.items
        if not self._what_if.active or not items:
            self.widget.hide("outcome")
            return {}
        offers = known_offers(self.store, [o.asin for o in items])
        rows = self._what_if.rows(items, offers, self._profiles(), on=self._day())
        repriced = dict(zip((o.id for o in items), rows, strict=False))
        if repriced:
            profits = [(o.profit, repriced[o.id].profit) for o in items if o.id in repriced]
            self.widget.show_html("outcome", repriced_html(profits, items[0].currency))
        else:
            self.widget.hide("outcome")
        return repriced

    def _show_what_if(self) -> None:
        if not self._what_if_open:
            return
        self.widget.show_form("whatif", self._what_if.fields(self._profiles(), self._selected))
        self.defer(self._show_quote)

    def _show_quote(self) -> None:
        found = self._selected
        if found is None or not self._what_if_open:
            self.widget.hide("quote")
            return
        asked = (found, dict(self._what_if.values))
        if asked == self._quoted:
            return
        self._quoted, profiles = asked, self._profiles()
        quote = self._what_if.quote(found, self._offers, profiles, on=self._day())
        if quote is None:
            self.widget.show_form("whatif", self._what_if.fields(profiles, found))
            return
        self.widget.show_html("quote", quote_html(quote, title=f"What if: {found.source} → {found.target}"))

    # What the user does

    def _narrow(self, view: View) -> None:
        """Other filters."""
        self._narrowed = True
        self._turn(view)

    def _turn(self, view: View) -> None:
        """Another order, page or selection."""
        self._view = view
        self.refresh()

    def on_form(self, event: UserEvent) -> None:
        """Take columns, assumptions, or a saved view."""
        values = event["values"]
        match event["region"]:
            case "columns":
                self._view = self._view.changed(columns=ticked_columns(values))
            case "whatif":
                self._what_if.update(values)
                # Sent before the browser had drawn the fields of the row that is selected now.
                if event.get("of") not in (None, self._view.chosen):
                    self._what_if.forget_route()
            case "views":
                self._new_name = str(values["naming"])
                if event["changed"] != "view":
                    return
                self._view, wrong = parse(self._saved.all().get(str(values["view"]), ""))
                if wrong:
                    self.widget.notify(describe_errors(wrong), "bad")
        self.refresh()

    def on_action(self, event: UserEvent) -> None:
        """A button: save or delete a view, reset the assumptions, watch a product, download."""
        name = str(event["name"])
        match name:
            case "reset":
                self._what_if = WhatIf()
            case "save":
                saved = self._saved.save(self._new_name, self._shareable())
                self._new_name = ""
                self.widget.notify(f"Saved as “{saved}”. The page's address is a link to the same view.", "good")
            case "delete":
                saved = self._saved_as(self._saved.all())
                self._saved.delete(saved)
                self.widget.notify(f"“{saved}” is deleted.", "good")
            case "watch" | "unwatch":
                self.watch(str(event.get("id", "")), wanted=name == "watch")
                if self._selected is not None:
                    self._show_route(self._selected)
                return
            case "export.csv" | "export.xlsx":
                query, total = self._view.query(now=time.time()), self._page.total
                self._download.start(name.removeprefix("export"), self.store, query, total, then=self.refresh)
        self.refresh()

    def on_toggle(self, event: UserEvent) -> None:
        """The what-if panel is opened or closed."""
        if event["region"] == "whatif":
            self._what_if_open = bool(event["open"])
            self._quoted = None
            if self._what_if_open:
                self._show_what_if()
            else:
                self.widget.hide("quote")

    def _shareable(self) -> str:
        """The view without what belongs to this moment."""
        return self._view.changed(chosen="", page=1).search()

    def _saved_as(self, saved: Mapping[str, str]) -> str:
        """The name under which this view is saved; empty if it is not."""
        here = self._shareable()
        return next((name for name, search in saved.items() if parse(search)[0].search() == here), "")
