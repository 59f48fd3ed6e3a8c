"""The product page: one product over all marketplaces, its history, every route, and whether it is the same thing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast

import plotly.graph_objects as go

from arbkit.analysis.demand import demand_of
from arbkit.analysis.fee_facts import fee_facts, fee_tables
from arbkit.analysis.listing_match import compare_listings, warning
from arbkit.analysis.routes import PricedRoute, prepare_offers, price_routes
from arbkit.core.asin import parse_asin
from arbkit.core.errors import UsageError
from arbkit.core.models import History, Offer, Opportunity, Product
from arbkit.core.settings import Settings
from arbkit.display.charts import LAYOUT, waterfall_figure
from arbkit.profit import Profile, configured_profile, load_rates, load_tables
from arbkit.store import OpportunityQuery, ProductQuery
from arbkit.store.address import describe_errors
from arbkit.web.dashboards.html_parts import parts_html
from arbkit.web.dashboards.page import Board
from arbkit.web.dashboards.page_widget import Region, Wish
from arbkit.web.dashboards.product.filters import CURRENCIES, PRICES, QUANTITIES, ProductView, parse
from arbkit.web.dashboards.product.history_chart import history_chart
from arbkit.web.dashboards.product.html import (
    about_html,
    demand_html,
    fees_html,
    found_html,
    match_html,
    notes_html,
    offers_html,
    route_words_html,
    unknown_html,
    warning_html,
)
from arbkit.web.dashboards.product.tables import products_table, routes_table

__all__ = ["ProductBoard"]

_MOST_FOUND = 25
_LONGEST = 200
_OF_A_PRODUCT = (
    "about", "warning", "routes", "route", "waterfall", "parts", "series", "history", "notes", "offers", "demand",
    "fees", "match",
)  # fmt: skip
_EMPTY = "There are no products yet: they appear as soon as the first prices are in. This page looks again by itself."


class ProductBoard(Board):
    """The page over one store; ``widget`` is what a notebook displays."""

    NAME = "product"
    TITLE = "Product"
    REGIONS = (
        Region("head", "html", waiting="Product"),
        Region("find", "form", waiting="Find a product …"),
        Region("hint", "html"),
        Region("results", "table"),
        Region("about", "html", waiting="Reading the store …"),
        Region("warning", "html"),
        Region("routes", "table", title="Every route, reckoned now"),
        Region("route", "html"),
        Region("waterfall", "chart"),
        Region("parts", "html"),
        Region("series", "form", title="Over time"),
        Region("history", "chart"),
        Region("notes", "html"),
        Region("offers", "html"),
        Region("demand", "html"),
        Region("fees", "html"),
        Region("match", "html"),
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._view = ProductView()
        self._wrong = ""
        self._product: Product | None = None
        self._offers: list[Offer] = []
        self._routes: list[PricedRoute] = []
        self._stored: Mapping[str, Opportunity] = {}
        self._drawn: object = None
        self._reckoned: object = None
        self._told_route: str | None = None
        self._histories: list[History] = []

        # What the first page would wait for is done while it is kept warm.
        load_rates()
        load_tables().on(datetime.now(UTC).date())
        history_chart((), (), (), "EUR", load_rates())[0].to_json()
        go.Figure([go.Scatter(), go.Waterfall()]).update_layout(**LAYOUT).to_json()

    def open(self, search: str) -> None:
        self._view, wrong = parse(search)
        if wrong:
            self.page.say(describe_errors(wrong), "bad")

    def waits(self) -> bool:
        return self._stats is None or not self._stats.products or bool(self._view.asin and self._product is None)

    def nothing_yet(self) -> None:
        self._show_find()
        for region in _OF_A_PRODUCT:
            self.page.hide(region)
        self.page.show("hint", {"html": f"<p>{_EMPTY}</p>"})

    def load(self) -> None:
        now = time.time()
        self.stats(now=now)
        self.show_head()
        self._show_find()
        self._product = self.store.product(self._view.asin) if self._view.asin else None
        self._show_results(now)
        if self._product is None:
            self._show_no_product()
        else:
            self._show_product(self._product, now)
        self.page.address(self._view.search())

    # Finding one

    def _show_find(self) -> None:
        field = {
            "name": "q", "label": "Find a product", "kind": "text", "value": self._view.q, "wrong": self._wrong,
            "placeholder": "title, brand, EAN, ASIN or address",
        }  # fmt: skip
        self.page.show("find", {"fields": [field]})

    def _show_results(self, now: float) -> None:
        q = self._view.q
        if self._view.asin and not q:
            self.page.hide("hint")
            self.page.hide("results")
            return
        sort = "updated" if q else "profit"
        page = self.store.products(ProductQuery(q=q or None, sort=sort, limit=_MOST_FOUND))
        empty = self._stats is not None and not self._stats.products
        message = _EMPTY if empty else "No product has this in its title, brand, EAN or ASIN."
        self.page.show("hint", {"html": found_html(page.total, len(page.items), searched=bool(q))})
        self.page.show("results", products_table(page.items, page.total, message=message, now=now))

    def _show_no_product(self) -> None:
        for region in _OF_A_PRODUCT:
            self.page.hide(region)
        self._drawn = self._reckoned = None
        asin = self._view.asin
        if asin:
            html = unknown_html(asin, watched=self.watched(asin), markets=self.settings.markets)
            self.page.show("about", {"html": html})

    # The product

    def _show_product(self, product: Product, now: float) -> None:
        order = list(self.settings.markets)
        offers = self.store.offers([product.asin])
        offers.sort(key=lambda o: (order.index(o.market) if o.market in order else len(order), o.market))
        self._offers = offers
        self._show_about(now)
        self.page.show("offers", {"html": offers_html(offers, now=now)})
        profile = configured_profile(self.settings)
        on, evaluated_at = datetime.fromtimestamp(now, UTC).date(), self._stats.evaluated_at if self._stats else None
        reckoned = ([(o.id, o.version, o.updated_at) for o in offers], profile, on, evaluated_at)
        # Nothing of what follows changes while these do not.
        if reckoned != self._reckoned:
            self._reckon(product, profile, on, now)
            self._reckoned = reckoned
        self._show_routes(now)
        self.afterwards(lambda: self._show_history(profile.currency))

    def _reckon(self, product: Product, profile: Profile, on: date, now: float) -> None:
        """Price the routes, and show what is no matter of choice."""
        offers, tables, rates = self._offers, load_tables(), load_rates()
        stored = self.store.opportunities(OpportunityQuery(asin=product.asin, limit=50)).items
        self._stored = {f"{o.source}:{o.target}": o for o in stored}
        prepared = prepare_offers(offers, profile)
        self._routes = price_routes(prepared, profile, tables, rates, on=on).routes(now=now)
        self._told_route = None
        self._histories = self.store.history(product.asin)
        self._drawn = None
        known = {h.market: h for h in self._histories}
        demand = {o.market: demand_of(o, known.get(o.market)) for o in offers}
        self.page.show("demand", {"html": demand_html(demand)})
        fees = fee_facts(offers, prepared, profile, tables, on=on)
        self.page.show("fees", {"html": fees_html(fees, fee_tables(fees, tables, on=on))})
        matches = compare_listings(offers)
        self.page.show("match", {"html": match_html(offers, matches)})
        if doubts := warning(matches):
            self.page.show("warning", {"html": warning_html(doubts)})
        else:
            self.page.hide("warning")

    def _show_about(self, now: float) -> None:
        product = self._product
        if product is None:
            self._show_no_product()
            return
        watched = self.watched(product.asin)
        html = about_html(product, self._offers, watched=watched, markets=self.settings.markets, now=now)
        self.page.show("about", {"html": html})

    def _show_routes(self, now: float) -> None:
        """The table of routes, and the chosen one; the best where none is chosen, or it is not there any more."""
        ids = [r.id for r in self._routes]
        chosen = self._view.route if self._view.route in ids else next(iter(ids), "")
        table = routes_table(
            self._routes, self._stored, asin=self._view.asin, chosen=chosen, message=self._no_routes(), now=now
        )
        self.page.show("routes", table)
        if chosen == self._told_route:
            return
        self._told_route = chosen
        route = next((r for r in self._routes if r.id == chosen), None)
        if route is None:
            for region in ("route", "waterfall", "parts"):
                self.page.hide(region)
            return
        self.page.show("route", {"html": route_words_html(route)})
        if route.opportunity is None:
            self.page.hide("waterfall")
        else:
            label = f"From selling price to profit, {route.source} to {route.target}"
            self.page.draw("waterfall", waterfall_figure(route.opportunity), label=label)
        profit = route.profit
        self.page.show("parts", {"html": parts_html(route.components, profit, route.currency)})

    def _no_routes(self) -> str:
        where = self._offers[0].market if self._offers else "no marketplace"
        return f"There is no route: the product is known on {where} only, and a route needs two marketplaces."

    def _show_history(self, home: str) -> None:
        """The chart; only where something in it changed, for it is the greatest part of the page."""
        self._show_series(home)
        currency = self._view.currency or home
        drawn = self._view.series, currency
        if drawn == self._drawn:
            return
        self._drawn = drawn
        figure, beside = history_chart(self._histories, self._offers, self._view.series, currency, load_rates())
        markets = ", ".join(h.market for h in self._histories) or "no marketplace"
        # Another product is looked at from its beginning again.
        figure.update_layout(uirevision=self._view.asin)
        self.page.draw("history", figure, label=f"Prices, rank, offers and sales over time in {markets}, {currency}")
        self.page.show("notes", {"html": notes_html(beside)})

    def _show_series(self, home: str) -> None:
        options = [{"value": "" if c == home else c, "label": c} for c in CURRENCIES]
        value = "" if self._view.currency == home else self._view.currency
        fields: list[dict[str, Any]] = [
            {"name": "currency", "label": "Currency", "kind": "choice", "options": options, "value": value},
            *(
                {"name": name, "label": label, "kind": "check", "value": name in self._view.series}
                for name, label in {**PRICES, **QUANTITIES}.items()
            ),
        ]
        self.page.show("series", {"fields": fields})

    # What the user wishes

    def on_form(self, wish: Wish) -> None:
        values = cast("Mapping[str, Any]", wish["values"])
        if wish["region"] == "find":
            self._find(str(values.get("q", "")).strip())
        elif wish["region"] == "series":
            series = tuple(n for n in (*PRICES, *QUANTITIES) if values.get(n))
            currency = str(values.get("currency", ""))
            self._view = replace(self._view, series=series, currency=currency if currency in CURRENCIES else "")
        self.again()

    def _find(self, text: str) -> None:
        """Search; what is a product's ASIN or address opens it."""
        self._wrong = ""
        if len(text) > _LONGEST:
            self._wrong = f"at most {_LONGEST} characters"
            return
        try:
            asin = parse_asin(text) if text else ""
        except UsageError:
            asin = ""
        # Ten letters may be a word of a title as well.
        if asin and ("/" in text or self.store.product(asin) or not self.store.products(ProductQuery(q=text)).total):
            self._open(asin)
        else:
            self._view = replace(self._view, q=text)

    def _open(self, asin: str) -> None:
        self._reckoned = None
        self._view = replace(self._view, asin=asin, route="", q="")
        self.page.say("")

    def on_select(self, wish: Wish) -> None:
        one = str(wish["id"])
        if wish.get("region") == "results":
            self._open(parse_asin(one))
            self.again()
        elif any(r.id == one for r in self._routes):
            self._view = replace(self._view, route=one)
            self._show_routes(time.time())
            self.page.address(self._view.search())

    def on_press(self, wish: Wish) -> None:
        name = wish["name"]
        if name not in ("watch", "unwatch"):
            return
        self.watch(str(wish.get("id", "")), wanted=name == "watch")
        self._show_about(time.time())
