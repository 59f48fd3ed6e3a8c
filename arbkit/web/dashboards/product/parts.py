"""The parts about one product: the search for it, what it is, its routes, and what is the same for all of these."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from arbkit.core.input.asin import parse_asin
from arbkit.pipeline.looks import ask
from arbkit.profit import load_rates, load_tables
from arbkit.store import open_store
from arbkit.web.dashboards.composed.details import watch_clicked
from arbkit.web.dashboards.content import Field, Region, UserEvent
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.part import Part, StorePart
from arbkit.web.dashboards.product.filters import CURRENCIES, PRICES, QUANTITIES
from arbkit.web.dashboards.product.forms import series_fields
from arbkit.web.dashboards.product.glance import glance_html
from arbkit.web.dashboards.product.html import look_words, picture_address
from arbkit.web.dashboards.product.one_product import OneProduct
from arbkit.web.dashboards.product.tables import products_table, routes_table

_EMPTY = "No products yet: they appear as soon as the first prices are in. Updates automatically."
_NO_MATCH = "No product matches in title, brand, EAN or ASIN."


class ProductPart(StorePart):
    """A part about the product of its page."""

    SUBJECT = OneProduct

    _drawn: tuple[object, ...] | None = None

    @property
    def subject(self) -> OneProduct | None:
        """The product; None: the part is of no page."""
        return None if self.page is None else self.page.subject(OneProduct)

    def hide(self) -> None:
        """Take it away until there is a product again."""
        self._drawn = None
        super().hide()

    def _is_news(self, *known: object) -> bool:
        """Whether something else is known than was drawn last; it is taken to be drawn now."""
        before, self._drawn = self._drawn, known
        return known != before

    def _fill(self, template: str, **values: object) -> None:
        self.widget.show_html(self.region, page_html(template, **values))


class _SearchResults(ProductPart):
    """The products that the search finds, to choose one."""

    REGION = Region("results", "table")

    def follow(self, shown: OneProduct) -> None:
        if shown.found is None:
            self.hide()
            return
        stats, found = shown.page.known_stats, shown.found
        message = _EMPTY if stats is not None and not stats.products else _NO_MATCH
        self.widget.show_table(self.region, products_table(found.items, found.total, message=message, now=shown.now))

    def handle(self, event: UserEvent) -> bool:
        if self.page is None or self.subject is None or event["type"] != "select":
            return False
        self.subject.show(parse_asin(str(event["id"])))
        self.page.refresh()
        return True


class _SearchHint(ProductPart):
    """How many products the search finds."""

    REGION = Region("hint", "html")

    def follow(self, shown: OneProduct) -> None:
        found = shown.found
        if found is None:
            self.hide()
        else:
            searched = bool(shown.view.q)
            self._fill("product_results.html.j2", total=found.total, shown=len(found.items), searched=searched, note="")

    def show_empty(self) -> bool:
        self._fill("product_results.html.j2", total=0, shown=0, searched=False, note=_EMPTY)
        return True


class FindProduct(ProductPart):
    """A field to search for a product by title, brand, EAN, ASIN or address, and what is found."""

    REGION = Region("find", "form", waiting="Find a product …")

    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        self._others = (_SearchHint(settings), _SearchResults(settings))

    @property
    def parts(self) -> tuple[Part, ...]:
        """The field, how many were found, and the table of them."""
        return (self, *self._others)

    def follow(self, shown: OneProduct) -> None:
        """Show what was searched for."""
        self._show(shown.view.q, shown.wrong)

    def show_empty(self) -> bool:
        """Show the field, also where there are no products yet."""
        self._show(self.subject.view.q if self.subject else "", "")
        return False

    def handle(self, event: UserEvent) -> bool:
        """Search."""
        if self.page is None or self.subject is None or event["type"] != "form":
            return False
        self.subject.look_for(str(event["values"].get("q", "")).strip())
        self.page.refresh()
        return True

    def _show(self, q: str, wrong: str) -> None:
        field: Field = {
            "name": "q", "label": "Find a product", "kind": "text", "value": q, "wrong": wrong,
            "placeholder": "title, brand, EAN, ASIN or address",
        }  # fmt: skip
        self.widget.show_form(self.region, [field])


class ProductAbout(ProductPart):
    """Title, picture, EANs and prices of 90 days, with buttons to watch the product and to have it looked at anew."""

    REGION = Region("about", "html", waiting="Reading the store …")

    def follow(self, shown: OneProduct) -> None:
        """Show the product, or that it is not known."""
        product, asin, markets = shown.product, shown.view.asin, self.settings.markets
        watched = bool(asin) and shown.page.watched(asin)
        if product is None:
            if asin:
                self._fill("product_unknown.html.j2", asin=asin, watched=watched, markets=markets)
            else:
                self.hide()
            return
        looks = {one.market: look_words(one, shown.now) for one in self.store.looks() if one.asin == asin}
        listed = [o.market for o in shown.offers]
        glance = glance_html(product.asin, product.eans, listed, shown.offers, shown.histories, self.settings)
        self._fill(
            "product_about.html.j2", product=product, picture=picture_address(product), glance=glance, watched=watched,
            offers=shown.offers, markets=markets, looks=looks, now=shown.now,
        )  # fmt: skip

    def handle(self, event: UserEvent) -> bool:
        """Watch the product or stop watching it, or ask for a fresh look on all marketplaces that are watched."""
        if self.page is None or event["type"] != "action":
            return False
        product = self.subject.product if self.subject else None
        if event["name"] != "look" or product is None:
            return watch_clicked(self.page, event)
        settings = self.page.in_force
        with open_store(settings) as store:
            ask(settings, store, [product.asin])
        self.widget.notify(f"{product.asin}: a fresh look is queued; what becomes of it is said here.", "good")
        self.page.redraw()
        return True


class RoutesTable(ProductPart):
    """Every route of the product, priced just now, to select one."""

    REGION = Region("routes", "table")

    def follow(self, shown: OneProduct) -> None:
        """Show the routes, and which of them is selected."""
        if shown.product is None:
            self.hide()
            return
        where = shown.offers[0].market if shown.offers else "no marketplace"
        message = f"No routes: the product is known on {where} only, and a route needs two marketplaces."
        chosen = shown.chosen.id if shown.chosen else ""
        table = routes_table(shown.routes, shown.stored, chosen=chosen, message=message, now=shown.now)
        self.widget.show_table(self.region, table)

    def handle(self, event: UserEvent) -> bool:
        """Select a route."""
        if self.page is None or self.subject is None or event["type"] != "select":
            return False
        if self.subject.choose(str(event["id"])):
            self.page.redraw()
        return True


class RouteSummary(ProductPart):
    """The selected route in words, also where it cannot be priced, with the reasons."""

    REGION = Region("route", "html")

    def follow(self, shown: OneProduct) -> None:
        """Show the selected route."""
        if (route := shown.chosen) is None:
            self.hide()
        elif self._is_news(shown.route):
            self._fill("product_route.html.j2", route=route)


class SeriesForm(ProductPart):
    """What the chart of the product's history draws, and in which currency."""

    REGION = Region("series", "form")
    WHEN = "last"

    def follow(self, shown: OneProduct) -> None:
        """Show what is chosen."""
        if shown.product is None:
            self.hide()
        else:
            self.widget.show_form(self.region, series_fields(shown.view, shown.profile.currency))

    def handle(self, event: UserEvent) -> bool:
        """Draw other series, or in another currency."""
        if self.page is None or self.subject is None or event["type"] != "form":
            return False
        values = event["values"]
        series = tuple(n for n in (*PRICES, *QUANTITIES) if values.get(n))
        currency = str(values.get("currency", ""))
        subject = self.subject
        subject.view = replace(subject.view, series=series, currency=currency if currency in CURRENCIES else "")
        self.page.redraw()
        return True


class ProductOffers(ProductPart):
    """The offer of each marketplace: prices, sellers, availability, age."""

    REGION = Region("offers", "html")

    def follow(self, shown: OneProduct) -> None:
        """Show the offers."""
        if shown.product is None:
            self.hide()
        elif self._is_news(shown.now):
            self._fill("product_offers.html.j2", offers=shown.offers, now=shown.now)


class _ProductSection(ProductPart):
    """What is the same whichever route is selected."""

    def follow(self, shown: OneProduct) -> None:
        html = shown.sections.get(self.REGION.id)
        if not html:
            self.hide()
        elif self._is_news(html):
            self.widget.show_html(self.region, html)


class ListingWarning(_ProductSection):
    """That the listings may be of different products; nothing where they match."""

    REGION = Region("warning", "html")


class ProductDemand(_ProductSection):
    """Rank, units sold, sellers and Amazon's share on each marketplace."""

    REGION = Region("demand", "html")


class ProductFees(_ProductSection):
    """Size tier and fees on each marketplace, and the tables that they are of."""

    REGION = Region("fees", "html")

    def warm_up(self) -> None:
        """Have rates and tables ready."""
        load_rates()
        load_tables().on(datetime.now(UTC).date())


class ListingMatch(_ProductSection):
    """Whether the listings of all marketplaces are of one product, point by point."""

    REGION = Region("match", "html")
