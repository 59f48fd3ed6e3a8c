"""The opportunities that a page shows: what its view finds, also under assumptions, and the selected route."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING

from arbkit.analysis.offers import known_offers
from arbkit.core.models import Opportunity
from arbkit.core.results import RouteTotals
from arbkit.display.export.opportunities import RowsOf
from arbkit.display.frames import DisplayFrame
from arbkit.display.record_frames import opportunities_frame
from arbkit.profit import Profile
from arbkit.profit.quote.results import Quote
from arbkit.profit.seller.profile_file import load_profile, load_profiles
from arbkit.sources.keepa_api.token_budget import read_tokens
from arbkit.store import Page, Stats, Store, Sums
from arbkit.store.iteration import opportunity_by_id, take
from arbkit.web.dashboards.composed.subject import RouteSubject, ShownRoute
from arbkit.web.dashboards.html import Figure, store_figures
from arbkit.web.dashboards.opportunities.filters import PAGE_ROWS, View, parse
from arbkit.web.dashboards.opportunities.what_if.assumed import AssumedPage, AssumedRoutes, Question, question_of
from arbkit.web.dashboards.opportunities.what_if.values import WhatIf

if TYPE_CHECKING:
    from arbkit.web.dashboards.composed.page import Page as PartsPage

_ASSUMED_ANEW_S = 10.0
"""How long a page of the market under assumptions stands at least, while prices change all the time."""


class FoundOpportunities(RouteSubject):
    """What ``view`` asks for; ``rows`` are the opportunities of its page, ``sums`` what all of its pages come to.

    Under assumptions (``what_if``) rows and sums are of what routes would be, ``assumed`` has both, and ``today`` are
    the sums without them.
    """

    NAME = "opportunities"

    def __init__(self, page: PartsPage) -> None:
        super().__init__(page)
        self.now = time.time()
        self.view = View()
        self.what_if = WhatIf()
        self.asks_of_route = False
        """Whether the selected route is priced as the fields of What if say."""
        self.rows: Page[Opportunity] = Page((), 0, None)
        self.sums = self.today = Sums.of({}, margins=None)
        self.assumed: AssumedPage | None = None
        self._market = AssumedRoutes(page.settings)
        self._known: object = None
        self._narrowed = False
        self._selected: Opportunity | None = None
        self._evaluated_at: float | None = None
        self._quoted: tuple[object, Quote | None] | None = None

    @property
    def stats(self) -> Stats | None:
        """The store's head figures; None: it has never answered."""
        return self.page.known_stats

    @property
    def currency(self) -> str:
        """The home currency; empty while nothing is priced."""
        return (self.stats and self.stats.currency) or ""

    def open(self, search: str) -> Mapping[str, str]:
        """Take the view and the assumptions of an address."""
        self.view, wrong = parse(search)
        self.what_if = WhatIf.of_address(self.view.what_if)
        return wrong

    def search(self) -> str:
        """The view, with the selected route and what is assumed."""
        return self.view.search()

    def turn(self, view: View) -> None:
        """Show another view."""
        self._narrowed = self._narrowed or view.filters() != self.view.filters()
        self.view = view
        self.page.refresh()

    def assume(self) -> None:
        """Show other assumptions, of every route, from their first page on."""
        if self.view.what_if != self.what_if.address:
            self.view = self.view.changed(what_if=self.what_if.address, page=1)

    def is_waiting(self) -> bool:
        """Whether there are no opportunities yet."""
        return self.stats is None or not self.stats.opportunities

    def is_stale(self) -> bool:
        """Whether other routes, or other figures of them, are stored by now."""
        if self.assumed is not None and self.assumed.at is not None:
            return self._market.mark != self._known and time.time() - self.page.loaded_at > _ASSUMED_ANEW_S
        _, rows = read_page(self.store, self.view, now=time.time())
        return (rows.items, rows.total) != self._known

    def load(self, *, now: float) -> None:
        """Read the page of opportunities and what all of them come to."""
        self.now = now
        stats, store = self.page.stats(now=now), self.store
        question = self._question()
        if question is None or self._market.mark is None:
            self.view, self.rows = read_page(store, self.view, now=now)
        self.assumed, self._known = None, (self.rows.items, self.rows.total)
        self.today = self.sums = store.sums(self.view.query(now=now))
        if self.sums.count > stats.opportunities:
            # A detection has ended since the figures were read.
            stats = self.page.stats(now=now, anew=True)
        if question is not None:
            self._known = self._market.mark or self._known
            self._assume(question, now=now)
        self._select(stats)

    def figures(self) -> list[Figure]:
        """What is shown and stored, and how old it is."""
        if self.stats is None:
            return []
        runs = self.store.runs(report="detect", limit=10)
        priced = next((r.summary["routes"] for r in runs if "routes" in r.summary), None)
        tokens = None if self.page.in_force.mode == "imported" else read_tokens(self.page.settings)
        return store_figures(self.stats, self.sums, routes_priced=priced, tokens=tokens, now=self.now)

    def route_totals(self) -> Mapping[str, RouteTotals]:
        """The totals of every route, also of those that the view leaves out.

        Raises:
            StoreError: the store cannot be read.
        """
        question = self._question() if self.assumed is not None and self.assumed.at is not None else None
        if question is None:
            return read_routes(self.store, self.view, self.sums, now=self.now)
        query = self.view.changed(source=None, target=None).query(now=self.now)
        return (self._market.sums(self.store, query, question) or self.sums).routes

    def frame(self, rows: int) -> DisplayFrame:
        """The first ``rows`` opportunities of the view in its order, as they are stored.

        Raises:
            StoreError: the store cannot be read.
        """
        return first_opportunities(self.store, self.view, rows, now=self.now)

    def assumed_rows(self, *, now: float) -> RowsOf | None:
        """What makes the rows of a file of all pages under assumptions; None where nothing is assumed of the market."""
        question = self._question()
        if question is None or self.assumed is None or self.assumed.at is None:
            return None
        return partial(self._market.rows, self.store, self.view.query(now=now), question, now=now)

    # The selected route

    @property
    def selected(self) -> Opportunity | None:
        """The selected route as it is today; None where nothing is found."""
        return self._selected

    def profiles(self) -> dict[str, Profile]:
        """All sellers of the profile's file, the configured one first.

        Raises:
            ConfigError: the file is damaged.
        """
        settings = self.page.settings
        first = load_profile(settings.profile_path, settings.profile_name)
        return {first.name: first} | dict(load_profiles(settings.profile_path))

    def quote(self) -> Quote | None:
        """The selected route as the fields of What if say; None where there is none, or a field is wrong."""
        found, route = self._selected, self.route
        if found is None or route is None:
            return None
        asked = found, dict(self.what_if.values)
        if self._quoted is None or self._quoted[0] != asked:
            quoted = self.what_if.quote(found, route.offers, self.profiles(), on=self._day())
            self._quoted = asked, quoted
        return self._quoted[1]

    def renew_route(self) -> None:
        """Have all parts about the selected route draw again."""
        self.route = None if self._selected is None else self._shown(self._selected)

    def _select(self, stats: Stats) -> None:
        """The route that the view chooses, or else the first; made anew only if it was priced again."""
        ids = [o.id for o in self.rows.items]
        found = self._today(self.view.chosen) if self.view.chosen else None
        if found is None or (self._narrowed and found.id not in ids):
            # What other filters leave out is not what the reader looks at now; another page's route may be.
            found = self._today(ids[0]) if ids else None
        self._narrowed = False
        self.view = self.view.changed(chosen=found.id if found else "")
        before, self._selected = self._selected, found
        if found is None or before is None or before.id != found.id:
            self.what_if.forget_route()
        if found is None:
            self.route = None
        elif self.route is None or found != before:
            self._evaluated_at = stats.evaluated_at
            self.route = self._shown(found)

    def _shown(self, found: Opportunity) -> ShownRoute:
        return ShownRoute(
            found.asin, found.source, found.target, found.brand, found, found.components, found.currency,
            read_offers=lambda: known_offers(self.store, [found.asin]),
            read_histories=lambda: self.store.history(found.asin),
        )  # fmt: skip

    def _today(self, name: str) -> Opportunity | None:
        """A route as it is, also where the page shows what it would be."""
        if self.assumed is None:
            return next((o for o in self.rows.items if o.id == name), None) or opportunity_by_id(self.store, name)
        stored, route = opportunity_by_id(self.store, name), self.assumed.routes.get(name)
        return stored if stored is not None or route is None else route.now or route.then

    # What if

    def _day(self) -> date:
        return datetime.fromtimestamp(self._evaluated_at or time.time(), UTC).date()

    def _question(self) -> Question | None:
        return question_of(self.what_if, self.profiles(), on=self._day()) if self.what_if.active else None

    def _assume(self, question: Question, *, now: float) -> None:
        """Show what the question finds in place of what is stored."""
        found = self._market.read(self.store, self.view, question, now=now)
        if found is None:
            self.assumed = self._market.shown(self.store, self.rows, question, now=now)
        else:
            self.view, self.assumed = found
        self.rows, self.sums = self.assumed.page, self.assumed.sums or self.sums


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


def first_opportunities(store: Store, view: View, rows: int, *, now: float) -> DisplayFrame:
    """The first ``rows`` opportunities of a view in its order, as ``arb.opportunities()`` has them.

    Raises:
        StoreError: the store cannot be read.
    """
    found, _ = take(store.opportunities, view.query(now=now, limit=1), rows)
    return opportunities_frame(found)
