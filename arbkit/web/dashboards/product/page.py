"""The product page: one product on all marketplaces, its history, every route, and whether the listings match."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

import plotly.graph_objects as go

from arbkit.analysis.forecast.profit.forecast import ProfitForecast, forecast_routes
from arbkit.analysis.offers import known_offers, prepare_offers
from arbkit.analysis.routes import PricedRoute, price_routes
from arbkit.analysis.track_record.run import kept_track_record, recalibration_in_force
from arbkit.core.errors import UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.models import History, Offer, Opportunity
from arbkit.core.offers.product import Product
from arbkit.core.settings import Settings
from arbkit.display.charts import LAYOUT
from arbkit.pipeline.looks import ask
from arbkit.profit import Profile, load_profile, load_rates, load_tables
from arbkit.store import OpportunityQuery, ProductQuery, open_store
from arbkit.store.kept_facts import set_fact, unset_fact
from arbkit.web.address import describe_errors
from arbkit.web.dashboards.content import Field, Region, UserEvent
from arbkit.web.dashboards.html import components_html, forecast_html, page_html
from arbkit.web.dashboards.opportunities.verdict import VerdictPanel
from arbkit.web.dashboards.page import DashboardPage
from arbkit.web.dashboards.part import Waterfall
from arbkit.web.dashboards.product.decided import ProductDecisions
from arbkit.web.dashboards.product.filters import CURRENCIES, PRICES, QUANTITIES, ProductView, parse
from arbkit.web.dashboards.product.forms import series_fields
from arbkit.web.dashboards.product.glance import glance_html
from arbkit.web.dashboards.product.history_chart import ProductHistory, history_chart
from arbkit.web.dashboards.product.html import look_words, picture_address
from arbkit.web.dashboards.product.sections import product_sections
from arbkit.web.dashboards.product.size_form import SizeForm
from arbkit.web.dashboards.product.tables import products_table, routes_table

_MOST_FOUND = 25
_LONGEST = 200
_OF_A_ROUTE = (Region("route", "html"), Region("forecast", "html"), Waterfall.REGION, Region("components", "html"))
_OF_A_PRODUCT = (
    "verdict", "about", "warning", "routes", "route", "forecast", "waterfall", "components", "series", "history",
    "notes", "offers", "demand", "fees", "size", "match",
)  # fmt: skip
_EMPTY = "No products yet: they appear as soon as the first prices are in. Updates automatically."
_NO_MATCH = "No product matches in title, brand, EAN or ASIN."


def _in_section(title: str, *regions: Region) -> tuple[Region, ...]:
    return tuple(replace(region, section=title) for region in regions)


class ProductPage(DashboardPage):
    """The page over one store; ``widget`` is what a notebook displays."""

    NAME = "product"
    TITLE = "Product"
    REGIONS = (
        Region("head", "html", waiting="Product"),
        Region("find", "form", waiting="Find a product …"),
        Region("hint", "html"),
        Region("results", "table"),
        VerdictPanel.REGION,
        Region("about", "html", waiting="Reading the store …"),
        Region("warning", "html"),
        *_in_section(
            "All routes, priced just now",
            Region("routes", "table"),
            *(replace(region, beside="routes") for region in _OF_A_ROUTE),
        ),
        *_in_section("Decisions", *ProductDecisions.REGIONS),
        *_in_section("Over time", Region("series", "form"), ProductHistory.REGION, Region("notes", "html")),
        *_in_section("Offers", Region("offers", "html")),
        *_in_section("Demand and competition", Region("demand", "html")),
        *_in_section(
            "Size tier and fees", Region("fees", "html"), Region("size", "form", title="You know the package better?")
        ),
        *_in_section("Do the listings match?", Region("match", "html")),
    )

    def __init__(self, settings: Settings) -> None:
        self._verdict = VerdictPanel(settings)
        self._waterfall = Waterfall()
        self._history = ProductHistory(settings)
        self._decisions = ProductDecisions(settings)
        super().__init__(settings, (self._verdict, self._waterfall, self._history, *self._decisions.parts))
        self._view = ProductView()
        self._wrong = ""
        self._size = SizeForm()
        self._product: Product | None = None
        self._offers: list[Offer] = []
        self._routes: list[PricedRoute] = []
        self._forecasts: Mapping[tuple[str, str, str], ProfitForecast] | None = None
        self._stored: Mapping[str, Opportunity] = {}
        self._drawn: tuple[object, ...] | None = None
        self._priced: tuple[object, ...] | None = None
        self._shown_route: str | None = None
        self._histories: list[History] = []

        # What the first page would wait for is done while it is kept warm.
        load_rates()
        load_tables().on(datetime.now(UTC).date())
        history_chart((), (), (), "EUR", load_rates())[0].to_json()
        go.Figure([go.Scatter(), go.Waterfall()]).update_layout(**LAYOUT).to_json()

    def open(self, search: str) -> None:
        """Show what the address asks for; say what of it is ignored."""
        before = self._view.asin
        self._view, wrong = parse(search)
        if self._view.asin != before:
            self._size = SizeForm()
        if wrong:
            self.widget.notify(describe_errors(wrong), "bad")

    def is_waiting(self) -> bool:
        """Whether there are no products yet, or not the one that is asked for."""
        return self._stats is None or not self._stats.products or bool(self._view.asin and self._product is None)

    def show_empty(self) -> None:
        """Show the search and that there are no products."""
        self._show_find()
        for region in _OF_A_PRODUCT:
            self.widget.hide(region)
        self._decisions.hide()
        self._fill("hint", "product_results.html.j2", total=0, shown=0, searched=False, note=_EMPTY)

    def is_stale(self) -> bool:
        """Whether another price or another best route of the product is stored by now.

        Raises:
            ArbkitError: the store cannot be read.
        """
        return self._product is not None and self.store.product(self._product.asin) != self._product

    def load(self) -> None:
        """Read the product, or the products that the search finds.

        Raises:
            ArbkitError: the store cannot be read.
        """
        now = time.time()
        self.stats(now=now)
        self.show_header()
        self._show_find()
        self._product = self.store.product(self._view.asin) if self._view.asin else None
        self._show_results(now)
        if self._product is None:
            self._show_no_product()
        else:
            self._show_product(self._product, now)
        self.widget.address(self._view.search())

    def _fill(self, region: str, template: str, **values: object) -> None:
        self.widget.show_html(region, page_html(template, **values))

    # Search

    def _show_find(self) -> None:
        field: Field = {
            "name": "q", "label": "Find a product", "kind": "text", "value": self._view.q, "wrong": self._wrong,
            "placeholder": "title, brand, EAN, ASIN or address",
        }  # fmt: skip
        self.widget.show_form("find", [field])

    def _show_results(self, now: float) -> None:
        q = self._view.q
        if self._view.asin and not q:
            self.widget.hide("hint")
            self.widget.hide("results")
            return
        sort = "updated" if q else "profit"
        page = self.store.products(ProductQuery(q=q or None, sort=sort, limit=_MOST_FOUND))
        empty = self._stats is not None and not self._stats.products
        message = _EMPTY if empty else _NO_MATCH
        self._fill(
            "hint", "product_results.html.j2", total=page.total, shown=len(page.items), searched=bool(q), note=""
        )
        self.widget.show_table("results", products_table(page.items, page.total, message=message, now=now))

    def _show_no_product(self) -> None:
        for region in _OF_A_PRODUCT:
            self.widget.hide(region)
        self._drawn = self._priced = None
        asin = self._view.asin
        self._decisions.show_unknown(asin)
        if asin:
            watched, markets = self.watched(asin), self.settings.markets
            self._fill("about", "product_unknown.html.j2", asin=asin, watched=watched, markets=markets)

    # The product

    def _show_product(self, product: Product, now: float) -> None:
        order = list(self.settings.markets)
        offers = known_offers(self.store, [product.asin])
        offers.sort(key=lambda o: (order.index(o.market) if o.market in order else len(order), o.market))
        self._offers = offers
        profile = load_profile(self.settings.profile_path, self.settings.profile_name)
        on, evaluated_at = datetime.fromtimestamp(now, UTC).date(), self._stats.evaluated_at if self._stats else None
        priced = ([(o.id, o.version, o.updated_at) for o in offers], profile, on, evaluated_at)
        # Nothing of what follows changes while these do not.
        is_new = priced != self._priced
        if is_new:
            self._histories = self.store.history(product.asin)
        self._show_about(now)
        self._fill("offers", "product_offers.html.j2", offers=offers, now=now)
        if is_new:
            self._price(product, profile, on, now)
            self._priced = priced
        self.widget.show_form("size", self._size.fields(self.store.facts([product.asin])))
        self._show_routes(now)
        self.defer(lambda: self._forecast(profile, on, now))
        self.defer(lambda: self._show_history(profile.currency))

    def _price(self, product: Product, profile: Profile, on: date, now: float) -> None:
        """Price the routes, and show everything that does not depend on the selected one."""
        offers, tables, rates = self._offers, load_tables(), load_rates()
        stored = self.store.opportunities(OpportunityQuery(asin=product.asin, all_routes=True, limit=50)).items
        self._stored = {f"{o.source}:{o.target}": o for o in stored}
        prepared = prepare_offers(offers)
        self._routes = price_routes(prepared, profile, tables, rates, on=on).routes(now=now, listings=lambda _: offers)
        self._shown_route = None
        self._drawn = None
        self._forecasts = None
        for region, html in product_sections(offers, prepared, self._histories, profile, on=on, now=now).items():
            if html:
                self.widget.show_html(region, html)
            else:
                self.widget.hide(region)

    def _forecast(self, profile: Profile, on: date, now: float) -> None:
        """Forecast all routes, and show the selected one's: a page of prices need not wait for it."""
        if self._forecasts is None:
            inputs, learnt = (profile, load_tables(), load_rates()), recalibration_in_force(self.settings, self.store)
            self._forecasts = forecast_routes(self._offers, *inputs, on=on, now=now, recalibration=learnt)
        route = next((r for r in self._routes if r.id == self._shown_route), None)
        if route is not None:
            self._show_forecast(route)

    def _show_forecast(self, route: PricedRoute) -> None:
        found = (self._forecasts or {}).get((route.asin, route.source, route.target))
        if route.opportunity is None:
            self._verdict.hide()
        elif self._forecasts is not None:
            named = f"{route.source} → {route.target}"
            self._verdict.show(route.opportunity, self._offers, now=time.time(), forecast=found, route=named)
        if found is None or route.opportunity is None:
            self.widget.hide("forecast")
        else:
            record = kept_track_record(self.store)
            html = forecast_html(found, why=found.unknown or "", record=record, detail=found, unfolded=False)
            self.widget.show_html("forecast", html)

    def _show_about(self, now: float) -> None:
        product = self._product
        if product is None:
            self._show_no_product()
            return
        watched, picture = self.watched(product.asin), picture_address(product)
        listed = [o.market for o in self._offers]
        glance = glance_html(product.asin, product.eans, listed, self._offers, self._histories, self.settings)
        looks = {one.market: look_words(one, now) for one in self.store.looks() if one.asin == product.asin}
        self._fill(
            "about", "product_about.html.j2", product=product, picture=picture, glance=glance, watched=watched,
            offers=self._offers, markets=self.settings.markets, looks=looks, now=now,
        )  # fmt: skip

    def _show_routes(self, now: float) -> None:
        """The table of routes, and the selected one; the best if none is selected or it is gone."""
        ids = [r.id for r in self._routes]
        chosen = self._view.route if self._view.route in ids else next(iter(ids), "")
        table = routes_table(self._routes, self._stored, chosen=chosen, message=self._no_routes(), now=now)
        self.widget.show_table("routes", table)
        if self._product is not None:
            self._decisions.show(self._product, chosen)
        if chosen == self._shown_route:
            return
        self._shown_route = chosen
        route = next((r for r in self._routes if r.id == chosen), None)
        if route is None:
            for region in ("verdict", "route", "forecast", "waterfall", "components"):
                self.widget.hide(region)
            return
        self._fill("route", "product_route.html.j2", route=route)
        self._show_forecast(route)
        if route.opportunity is None:
            self._waterfall.hide()
        else:
            self._waterfall.show(route.opportunity)
        profit = route.opportunity.profit if route.opportunity else None
        self.widget.show_html("components", components_html(route.components, profit, route.currency))

    def _no_routes(self) -> str:
        where = self._offers[0].market if self._offers else "no marketplace"
        return f"No routes: the product is known on {where} only, and a route needs two marketplaces."

    def _show_history(self, home: str) -> None:
        """The chart, drawn again only if something in it changed: it is the largest part of the page."""
        self._show_series(home)
        currency = self._view.currency or home
        drawn = self._view.series, currency
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._history.asin, self._history.series = self._view.asin, self._view.series
        notes = self._history.draw(self._offers, self._histories, currency)
        self._fill("notes", "product_notes.html.j2", notes=notes)

    def _show_series(self, home: str) -> None:
        self.widget.show_form("series", series_fields(self._view, home))

    # What the user does

    def on_form(self, event: UserEvent) -> None:
        """Search, or take other series or another currency for the chart."""
        values = event["values"]
        if event["region"] == "find":
            self._find(str(values.get("q", "")).strip())
        elif event["region"] == "size":
            self._size.take(values)
            return
        elif event["region"] == "series":
            series = tuple(n for n in (*PRICES, *QUANTITIES) if values.get(n))
            currency = str(values.get("currency", ""))
            self._view = replace(self._view, series=series, currency=currency if currency in CURRENCIES else "")
        self.refresh()

    def _find(self, text: str) -> None:
        """Search; an ASIN or the address of a product opens it."""
        self._wrong = ""
        if len(text) > _LONGEST:
            self._wrong = f"at most {_LONGEST} characters"
            return
        try:
            asin = parse_asin(text) if text else ""
        except UsageError:
            asin = ""
        # Ten letters may also be a word of a title.
        if asin and ("/" in text or self.store.product(asin) or not self.store.products(ProductQuery(q=text)).total):
            self._open(asin)
        else:
            self._view = replace(self._view, q=text)

    def _open(self, asin: str) -> None:
        self._priced = None
        self._size = SizeForm()
        self._view = replace(self._view, asin=asin, route="", q="")
        self.widget.notify("")

    def on_select(self, event: UserEvent) -> None:
        """A product found by the search, or a route."""
        one = str(event["id"])
        if event.get("region") == "results":
            self._open(parse_asin(one))
            self.refresh()
        elif any(r.id == one for r in self._routes):
            self._view = replace(self._view, route=one)
            self._show_routes(time.time())
            self.widget.address(self._view.search())

    def on_action(self, event: UserEvent) -> None:
        """Watch the product or stop watching it, look at it anew, and keep or take back its package."""
        name = event["name"]
        if name == "look" and self._product is not None:
            self._look_again(self._product.asin)
            return
        if name in ("save_size", "forget_size") and self._product is not None:
            self._keep_size(self._product.asin, forget=name == "forget_size")
            self.refresh()
            return
        if name not in ("watch", "unwatch"):
            return
        self.watch(str(event.get("id", "")), wanted=name == "watch")
        self._show_about(time.time())

    def _look_again(self, asin: str) -> None:
        """Ask the producer for a fresh look on all marketplaces that are watched."""
        settings = self.in_force
        with open_store(settings) as store:
            ask(settings, store, [asin])
        self.widget.notify(f"{asin}: a fresh look is queued; what becomes of it is said here.", "good")
        self._show_about(time.time())

    def _keep_size(self, asin: str, *, forget: bool) -> None:
        """Keep the package that was typed in, or forget what was kept; the routes are priced anew."""
        fact = None if forget else self._size.fact(asin)
        if fact is None and not forget:
            return
        with open_store(self.settings) as store:
            if fact is None:
                unset_fact(self.settings, store, asin, "", "package")
            else:
                set_fact(self.settings, store, fact)
        self._size, self._priced = SizeForm(), None
