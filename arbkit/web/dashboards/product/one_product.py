"""The product that a page shows: its offers and histories, every route priced just now, and which one is selected."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from arbkit.analysis.forecast.profit.forecast import ProfitForecast, forecast_routes
from arbkit.analysis.offers import known_offers, prepare_offers
from arbkit.analysis.routes import PricedRoute, price_routes
from arbkit.analysis.track_record.run import recalibration_in_force
from arbkit.core.errors import UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.models import History, Offer, Opportunity
from arbkit.core.offers.product import Product
from arbkit.profit import Profile, load_profile, load_rates, load_tables
from arbkit.store import OpportunityQuery, Page, ProductQuery
from arbkit.web.dashboards.composed.subject import RouteSubject, ShownRoute
from arbkit.web.dashboards.product.filters import ProductView, parse
from arbkit.web.dashboards.product.sections import product_sections

if TYPE_CHECKING:
    from arbkit.web.dashboards.composed.page import Page as PartsPage

_MOST_FOUND = 25
_LONGEST = 200


class OneProduct(RouteSubject):
    """The product of ``view``, or what the search of it finds.

    ``sections`` is the markup of what is the same whichever route is selected, by region; it is made anew, as the
    routes are, only where a price, the profile or the day is another.
    """

    NAME = "product"

    def __init__(self, page: PartsPage) -> None:
        super().__init__(page)
        self.now = time.time()
        self.view = ProductView()
        self.wrong = ""
        """What is wrong with what was searched for."""
        self.found: Page[Product] | None = None
        """The products that the search finds; None: nothing was searched for."""
        self.product: Product | None = None
        self.offers: Sequence[Offer] = ()
        self.histories: Sequence[History] = ()
        self.routes: Sequence[PricedRoute] = ()
        self.stored: Mapping[str, Opportunity] = {}
        """The opportunities of the last detection, by route."""
        self.sections: Mapping[str, Markup] = {}
        self._about: ShownRoute | None = None
        self._priced: tuple[object, ...] | None = None
        self._forecasts: Mapping[tuple[str, str, str], ProfitForecast] | None = None

    @property
    def about(self) -> ShownRoute | None:
        """The product where no route is selected, or where it is only known by what was decided about it."""
        return self._about

    @property
    def chosen(self) -> PricedRoute | None:
        """The selected route, or the best; None where there is none."""
        ids = {one.id: one for one in self.routes}
        return ids.get(self.view.route) or next(iter(self.routes), None)

    @property
    def profile(self) -> Profile:
        """The seller.

        Raises:
            ConfigError: the file is damaged.
        """
        return load_profile(self.page.settings.profile_path, self.page.settings.profile_name)

    def open(self, search: str) -> Mapping[str, str]:
        """Take the product, its route and what its chart shows from an address."""
        self.view, wrong = parse(search)
        return wrong

    def search(self) -> str:
        """The product, its route and what its chart shows."""
        return self.view.search()

    def is_waiting(self) -> bool:
        """Whether there are no products yet, or not the one that is asked for."""
        stats = self.page.known_stats
        return stats is None or not stats.products or bool(self.view.asin and self.product is None)

    def is_stale(self) -> bool:
        """Whether another price or another best route of the product is stored by now."""
        return self.product is not None and self.store.product(self.product.asin) != self.product

    def load(self, *, now: float) -> None:
        """Read the product, or the products that the search finds."""
        self.now = now
        view, store = self.view, self.store
        self.product = store.product(view.asin) if view.asin else None
        sort = "updated" if view.q else "profit"
        asked = ProductQuery(q=view.q or None, sort=sort, limit=_MOST_FOUND)
        self.found = None if view.asin and not view.q else store.products(asked)
        if self.product is None:
            self.offers, self.routes, self.sections, self._priced = (), (), {}, None
        else:
            self._read(self.product, now)
        self._select(anew=False)

    # What parts ask for

    def look_for(self, text: str) -> None:
        """Search for a text; an ASIN or the address of a product opens it.

        Raises:
            StoreError: the store cannot be read.
        """
        self.wrong = ""
        if len(text) > _LONGEST:
            self.wrong = f"at most {_LONGEST} characters"
            return
        try:
            asin = parse_asin(text) if text else ""
        except UsageError:
            asin = ""
        # Ten letters may also be a word of a title.
        if asin and ("/" in text or self.store.product(asin) or not self.store.products(ProductQuery(q=text)).total):
            self.show(asin)
        else:
            self.view = replace(self.view, q=text)

    def show(self, asin: str) -> None:
        """Show this product."""
        self._priced = None
        self.view = replace(self.view, asin=asin, route="", q="")
        self.page.widget.notify("")

    def choose(self, route: str) -> bool:
        """Select a route, as ``IT:DE``; whether there is one."""
        if all(one.id != route for one in self.routes):
            return False
        self.view = replace(self.view, route=route)
        self._select(anew=False)
        return True

    def price_anew(self) -> None:
        """Have all routes priced again with the next reading: a fact of the product is another."""
        self._priced = None

    def renew_route(self) -> None:
        """Have all parts about the selected route, or the product, draw again."""
        self._select(anew=True)

    def forecast(self, route: PricedRoute) -> ProfitForecast | None:
        """The forecast of a route, made now with those of all others.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._forecasts is None:
            inputs = self.profile, load_tables(), load_rates()
            learnt = recalibration_in_force(self.page.settings, self.store)
            self._forecasts = forecast_routes(
                self.offers, *inputs, on=_day(self.now), now=self.now, recalibration=learnt
            )
        return self._forecasts.get((route.asin, route.source, route.target))

    def _read(self, product: Product, now: float) -> None:
        order = list(self.page.settings.markets)
        offers = known_offers(self.store, [product.asin])
        offers.sort(key=lambda o: (order.index(o.market) if o.market in order else len(order), o.market))
        self.offers = offers
        profile, on, stats = self.profile, _day(now), self.page.known_stats
        versions = [(o.id, o.version, o.updated_at) for o in offers]
        priced = product.asin, versions, profile, on, stats and stats.evaluated_at
        # Nothing of what follows changes while these do not.
        if priced == self._priced:
            return
        self.histories = self.store.history(product.asin)
        stored = self.store.opportunities(OpportunityQuery(asin=product.asin, all_routes=True, limit=50)).items
        self.stored = {f"{o.source}:{o.target}": o for o in stored}
        prepared, tables, rates = prepare_offers(offers), load_tables(), load_rates()
        self.routes = price_routes(prepared, profile, tables, rates, on=on).routes(now=now, listings=lambda _: offers)
        self.sections = product_sections(offers, prepared, self.histories, profile, on=on, now=now)
        self.route, self._forecasts, self._priced = None, None, priced

    def _select(self, *, anew: bool) -> None:
        """The selected route; made anew where it is another one or was priced again."""
        route, product = self.chosen, self.product
        if route is None or product is None:
            self.route = None
        elif anew or self.route is None or (self.route.source, self.route.target) != (route.source, route.target):
            self.route = ShownRoute(
                route.asin, route.source, route.target, product.brand, route.opportunity, route.components,
                route.currency, read_offers=lambda: self.offers, read_histories=lambda: self.histories,
                read_forecast=lambda: self.forecast(route), name=f"{route.source} → {route.target}",
            )  # fmt: skip
        asin = self.view.asin
        if product is not None:
            self._about = self._known(asin, route, product.brand)
        else:
            self._about = self._known(asin, None, None) if asin and self.store.decisions([asin]) else None

    def _known(self, asin: str, route: PricedRoute | None, brand: str | None) -> ShownRoute:
        source, target = (route.source, route.target) if route else ("", "")
        return ShownRoute(asin, source, target, brand, None, (), "", lambda: self.offers, lambda: self.histories)


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()
