"""The opportunities page: figures, filters, the map of routes, the table, and where the selected route's money goes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

import plotly.graph_objects as go

from arbkit.analysis.offers import known_offers
from arbkit.analysis.track_record.run import kept_track_record
from arbkit.core.models import History, Offer, Opportunity
from arbkit.core.results import RouteTotals
from arbkit.core.settings import Settings
from arbkit.display.charts import history_figure
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.seller.profile_file import load_profile, load_profiles
from arbkit.sources.keepa_api.token_budget import read_tokens
from arbkit.store import Page, Stats, Sums
from arbkit.store.iteration import opportunity_by_id
from arbkit.web.address import describe_errors
from arbkit.web.dashboards.adding.form import AddProducts
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.download import Download
from arbkit.web.dashboards.html import components_html, quote_html, store_figures
from arbkit.web.dashboards.opportunities.assumed import AssumedPage, AssumedRoutes, Question, outcome_html, question_of
from arbkit.web.dashboards.opportunities.columns import chosen_columns, ticked_columns
from arbkit.web.dashboards.opportunities.decision import Decided, DecisionHistory, DecisionPanel
from arbkit.web.dashboards.opportunities.filters import View, parse
from arbkit.web.dashboards.opportunities.forecast import ForecastPanel, forecast_detail
from arbkit.web.dashboards.opportunities.forms import column_fields, saved_fields
from arbkit.web.dashboards.opportunities.parts import FilterForm, OpportunityTable, RouteMap, read_page, read_routes
from arbkit.web.dashboards.opportunities.verdict import VerdictPanel
from arbkit.web.dashboards.opportunities.what_if import WhatIf
from arbkit.web.dashboards.page import DashboardPage
from arbkit.web.dashboards.part import Figures, PriceHistory, Waterfall
from arbkit.web.dashboards.product.glance import route_html
from arbkit.web.dashboards.saved_views import SavedViews

_ASSUMED_ANEW_S = 10.0
"""How long a page of the market under assumptions stands at least, while prices change all the time."""
_OF_SELECTED = (
    VerdictPanel.REGION,
    Region("route", "html"),
    DecisionPanel.REGION,
    DecisionHistory.REGION,
    ForecastPanel.REGION,
    Waterfall.REGION,
    PriceHistory.REGION,
    Region("quote", "html"),
    Region("components", "html"),
)


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
        Region("columns", "form", waiting="…", collapsible="Columns and rows"),
        *AddProducts.REGIONS,
        OpportunityTable.REGION,
        Region("tools", "form"),
        *(replace(region, beside=OpportunityTable.REGION.id) for region in _OF_SELECTED),
    )

    def __init__(self, settings: Settings) -> None:
        self._figures = Figures()
        self._filters = FilterForm(settings, on_change=self._narrow)
        self._map = RouteMap(settings, on_change=self._narrow)
        self._table = OpportunityTable(settings, on_change=self._turn)
        self._forecast = ForecastPanel(lambda found: forecast_detail(settings, self.store, self._offers, found))
        self._verdict = VerdictPanel(settings)
        self._waterfall = Waterfall()
        self._prices = PriceHistory(settings)
        self._decision = DecisionPanel(settings, on_decided=self._decided_on)
        self._decided = DecisionHistory(settings, on_decided=self._decided_on)
        tops = (self._figures, self._filters, self._map, self._table)
        of_route = (self._verdict, self._decision, self._decided, self._forecast, self._waterfall, self._prices)
        self._adding = AddProducts(settings, on_added=self.refresh)
        super().__init__(settings, (*tops, *of_route, *self._adding.parts))
        self._view = View()
        self._narrowed = False
        self._saved = SavedViews(settings)
        self._new_name = ""
        self._what_if = WhatIf()
        self._assumed = AssumedRoutes(settings)
        self._shown: AssumedPage | None = None
        self._known: object = None
        self._what_if_open = False
        self._quoted: tuple[Opportunity, dict[str, str]] | None = None
        self._page: Page[Opportunity] = Page((), 0, None)
        self._selected: Opportunity | None = None
        self._offers: list[Offer] = []
        self._histories: list[History] = []
        self._evaluated_at: float | None = None
        self._download = Download(self.widget, settings)

        # What the first page would wait for is done while it is kept warm.
        load_rates()
        load_tables()
        history_figure((), currency="EUR").to_json()
        go.Figure(go.Waterfall()).to_json()

    def open(self, search: str) -> None:
        """Show what the address asks for; say what of it is ignored."""
        self._view, wrong = parse(search)
        self._what_if = WhatIf.of_address(self._view.what_if)
        self._filters.forget_refused()
        self._adding.load()
        if wrong:
            self.widget.notify(describe_errors(wrong), "bad")

    def show_empty(self) -> None:
        """Show an empty table, and nothing else."""
        for region in ("figures", "views", "filters", "map", "whatif", "columns"):
            self.widget.hide(region)
        self._show_table(time.time())

    def is_waiting(self) -> bool:
        """Whether there are no opportunities yet."""
        return self._stats is None or not self._stats.opportunities

    def is_stale(self) -> bool:
        """Whether other routes, or other figures of them, are stored by now.

        Raises:
            ArbkitError: the store cannot be read.
        """
        if self._shown is not None and self._shown.at is not None:
            return self._assumed.mark != self._known and time.time() - self._loaded_at > _ASSUMED_ANEW_S
        _, page = read_page(self.store, self._view, now=time.time())
        return (page.items, page.total) != self._known

    def load(self) -> None:
        """Read the page of opportunities and everything about it.

        Raises:
            ArbkitError: the store cannot be read.
        """
        now = time.time()
        stats, store = self.stats(now=now), self.store
        question = self._question()
        if question is None or self._assumed.mark is None:
            self._view, self._page = read_page(store, self._view, now=now)
        self._shown, self._known = None, (self._page.items, self._page.total)
        today = sums = store.sums(self._view.query(now=now))
        if sums.count > stats.opportunities:
            # A detection has ended since the figures were read.
            self._stats = None
            stats = self.stats(now=now)
        if question is not None:
            self._known = self._assumed.mark or self._known
            sums = self._read_assumed(question, sums, now=now)
        ids = [o.id for o in self._page.items]
        found = self._today(self._view.chosen) if self._view.chosen else None
        if found is None or (self._narrowed and found.id not in ids):
            # What other filters leave out is not what the reader looks at now; another page's route may be.
            found = self._today(ids[0]) if ids else None
        self._narrowed = False
        self._view = self._view.changed(chosen=found.id if found else "")
        self._show_table(now)
        self._show_outcome(today, now=now)
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
        self._map.show(self._routes(sums, now=now), stats.currency or "", self._view)

    def _routes(self, sums: Sums, *, now: float) -> Mapping[str, RouteTotals]:
        """The totals of every route, also of those that the view leaves out."""
        question = self._question() if self._shown is not None and self._shown.at is not None else None
        if question is None:
            return read_routes(self.store, self._view, sums, now=now)
        query = self._view.changed(source=None, target=None).query(now=now)
        return (self._assumed.sums(self.store, query, question) or sums).routes

    def _show_table(self, now: float) -> None:
        assumed = self._shown.routes if self._shown else None
        self._table.show(self._page, self._view, self._stats, now=now, assumed=assumed)

    def _show_forms(self, stats: Stats, sums: Sums) -> None:
        self._filters.show(stats, self._view)
        saved = self._saved.all()
        self.widget.show_form("views", saved_fields(list(saved), self._saved_as(saved), self._new_name))
        self.widget.show_form("columns", column_fields(self._view))
        self.widget.show_form("tools", self._download.fields(sums.count))

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
        self._histories = self.store.history(found.asin) if found else []
        if found is None:
            for region in _OF_SELECTED:
                self.widget.hide(region.id)
            self._show_what_if()
            return
        self._verdict.show(found, self._offers, now=time.time())
        self._show_route(found)
        self._forecast.show(found, kept_track_record(self.store))
        self._waterfall.show(found)
        self._prices.show(self._offers, self._histories, found.currency, title=found.title or found.asin)
        self.widget.show_html("components", components_html(found.components, found.profit, found.currency))
        self._show_what_if()

    def _show_route(self, found: Opportunity) -> None:
        watched = self.watched(found.asin)
        self.widget.show_html("route", route_html(found, self._offers, self._histories, self.settings, watched=watched))
        self._decided.show(self._decision.show(Decided(found.asin, found.source, found.target, found.brand)))

    def _decided_on(self) -> None:
        """A decision was taken: it is listed, and what it leaves out goes."""
        if self._selected is not None:
            self._show_route(self._selected)
        self.refresh()

    # What if

    def _profiles(self) -> dict[str, Profile]:
        """All sellers of the profile's file, the configured one first."""
        first = load_profile(self.settings.profile_path, self.settings.profile_name)
        return {first.name: first} | dict(load_profiles(self.settings.profile_path))

    def _day(self) -> date:
        at = self._evaluated_at or time.time()
        return datetime.fromtimestamp(at, UTC).date()

    def _question(self) -> Question | None:
        return question_of(self._what_if, self._profiles(), on=self._day()) if self._what_if.active else None

    def _read_assumed(self, question: Question, sums: Sums, *, now: float) -> Sums:
        """Show what the question finds in place of what is stored; the sums of that."""
        found = self._assumed.read(self.store, self._view, question, now=now)
        if found is None:
            self._shown = self._assumed.shown(self.store, self._page, question, now=now)
        else:
            self._view, self._shown = found
        self._page = self._shown.page
        return self._shown.sums or sums

    def _show_outcome(self, today: Sums, *, now: float) -> None:
        if not self._what_if.active:
            self.widget.hide("outcome")
            return
        currency = (self._stats.currency if self._stats else None) or "EUR"
        html = outcome_html(self._shown, today, currency, now=now, wrong=self._what_if.wrong)
        self.widget.show_html("outcome", html)

    def _today(self, name: str) -> Opportunity | None:
        """A route as it is, also where the page shows what it would be."""
        if self._shown is None:
            return next((o for o in self._page.items if o.id == name), None) or opportunity_by_id(self.store, name)
        stored, route = opportunity_by_id(self.store, name), self._shown.routes.get(name)
        return stored if stored is not None or route is None else route.now or route.then

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
                view, _ = self._view.with_values({"density": str(values.get("density", ""))})
                self._view = view.changed(columns=ticked_columns(values), page=self._view.page)
            case "whatif":
                self._what_if.update(values)
                self._assume()
                # Sent before the browser had drawn the fields of the row that is selected now.
                if event.get("of") not in (None, self._view.chosen):
                    self._what_if.forget_route()
            case "tools":
                self._download.choose(values)
            case "views":
                self._new_name = str(values["naming"])
                if event["changed"] != "view":
                    return
                self.open(self._saved.all().get(str(values["view"]), ""))
        self.refresh()

    def on_action(self, event: UserEvent) -> None:
        """A button: save or delete a view, reset the assumptions, watch a product, download."""
        name = str(event["name"])
        match name:
            case "reset":
                self._what_if = WhatIf()
                self._assume()
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
            case "export.csv" | "export.xlsx" | "export.parquet":
                self._start_download(name.removeprefix("export"))
        self.refresh()

    def _assume(self) -> None:
        """Show other assumptions, of every route, from their first page on."""
        if self._view.what_if != self._what_if.address:
            self._view = self._view.changed(what_if=self._what_if.address, page=1)

    def _start_download(self, ending: str) -> None:
        now = time.time()
        query, total, question = self._view.query(now=now), self._page.total, self._question()
        assumed = None
        if question is not None and self._shown is not None and self._shown.at is not None:
            assumed = partial(self._assumed.rows, self.store, query, question, now=now)
        shown = chosen_columns(self._view.columns, what_if=False)
        self._download.start(ending, self.store, query, total, shown, assumed=assumed, then=self.refresh)

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
