"""The opportunities under assumptions: a page of the whole market, or of what is shown where there is no snapshot."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from arbkit.analysis.market.assumptions import Assumptions
from arbkit.analysis.market.market import Market
from arbkit.analysis.market.search import OF_FORECASTS, FoundRoutes, Turn
from arbkit.analysis.market.snapshot import Manifest, MarketFiles
from arbkit.analysis.offers import known_offers
from arbkit.analysis.what_if import TURN_WORDS, AssumedRoute, routes_under
from arbkit.core.models import Opportunity
from arbkit.core.settings import Settings
from arbkit.display.export.columns import Column
from arbkit.display.export.rows import FileRow, opportunity_row
from arbkit.profit import Profile
from arbkit.store import OpportunityQuery, Page, Store, Sums
from arbkit.store.decisions.applying import with_status
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.opportunities.filters import PAGE_ROWS, View
from arbkit.web.dashboards.opportunities.what_if.values import WhatIf

_TRIES = 4
"""How often routes that turn out to be no opportunity are replaced by the next ones."""
_ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is assumed, and which routes are meant. ``seller`` is the configured one, ``words`` say what is assumed."""

    assumed: Assumptions
    seller: Profile
    turn: Turn
    on: date
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedPage:
    """A page under assumptions: each route of it as it is and would be, by id, and the sums of all pages.

    ``at`` (Unix seconds) is the time of the snapshot, None where there is none: then only the routes that would have
    been shown anyway are priced. ``set_aside`` are filters of forecasts, which nothing under assumptions has.
    """

    page: Page[Opportunity]
    routes: Mapping[str, AssumedRoute]
    sums: Sums | None = None
    wins: int = 0
    losses: int = 0
    at: float | None = None
    turn: Turn = ""
    set_aside: Sequence[str] = ()


class AssumedRoutes:
    """Asks the market of a home, and prices what is shown from the store, to the cent."""

    def __init__(self, settings: Settings) -> None:
        self._market = Market(MarketFiles.of(settings))
        # Of the question that was asked last: what was compared only when it was to be shown.
        self._asked: tuple[Manifest, Question, OpportunityQuery] | None = None
        self._left_out: set[str] = set()

    @property
    def mark(self) -> Manifest | None:
        """Which snapshot there is now."""
        return self._market.manifest()

    def read(self, store: Store, view: View, question: Question, *, now: float) -> tuple[View, AssumedPage] | None:
        """The page that ``view`` asks for, or the last one if there are fewer; None: there is no snapshot.

        Raises:
            StoreError: the store cannot be read.
            ServiceError: the snapshot cannot be read, or not be costed.
        """
        query = view.query(now=now)
        asked = self._find(store, query, question)
        if asked is None:
            return None
        found, manifest = asked
        for _ in range(_TRIES):
            total = max(0, len(found) - len(self._left_out))
            view = view.changed(page=max(1, min(view.page, -(-total // PAGE_ROWS))))
            first = (view.page - 1) * PAGE_ROWS
            ids = self._ids(found, first, first + PAGE_ROWS)
            routes = self._price(store, ids, question, now=now)
            wrong = {one for one in ids if not _is_meant(routes.get(one), query)}
            self._left_out |= wrong
            if not wrong:
                break
        items = [route.then for one in ids if one not in wrong and (route := routes[one]).then is not None]
        page = Page(with_status(items, store.decisions_in_force()), total, None)
        set_aside = [name for name in OF_FORECASTS if getattr(query, name) is not None]
        return view, AssumedPage(
            page=page, routes=routes, sums=found.sums, wins=found.wins, losses=found.losses, at=manifest.at,
            turn=question.turn, set_aside=set_aside,
        )  # fmt: skip

    def shown(self, store: Store, page: Page[Opportunity], question: Question, *, now: float) -> AssumedPage:
        """The routes of a page of the store under assumptions.

        Raises:
            StoreError: the store cannot be read.
        """
        routes = self._price(store, [o.id for o in page.items], question, now=now)
        then = [(routes[o.id].then if o.id in routes else None) or o for o in page.items]
        return AssumedPage(page=Page(with_status(then, store.decisions_in_force()), page.total, None), routes=routes)

    def sums(self, store: Store, query: OpportunityQuery, question: Question) -> Sums | None:
        """What a query comes to; None: there is no snapshot."""
        asked = self._found(store, query, question)
        return asked and asked[0].sums

    def rows(
        self, store: Store, query: OpportunityQuery, question: Question, columns: Sequence[Column], *, now: float
    ) -> Iterator[FileRow]:
        """All that a query finds, in its order: cells of :data:`~arbkit.display.export.columns.ASSUMED`, then these.

        Raises:
            StoreError: the store went away.
        """
        asked = self._found(store, query, question)
        ids = iter(()) if asked is None else asked[0].ids()
        while some := list(itertools.islice(ids, _ROWS_AT_ONCE)):
            routes = self._price(store, some, question, now=now)
            decided = store.decisions_in_force()
            for one in some:
                route = routes.get(one)
                if route is not None and route.then is not None and _is_meant(route, query):
                    (then,) = with_status([route.then], decided)
                    today = None if route.now is None else route.now.profit
                    yield [question.words, today, TURN_WORDS[route.turn], *opportunity_row(then, columns)]

    def _find(self, store: Store, query: OpportunityQuery, question: Question) -> tuple[FoundRoutes, Manifest] | None:
        asked = self._found(store, query, question)
        if asked is not None and self._asked != (now := (asked[1], question, query.model_copy(update={"at": None}))):
            self._asked, self._left_out = now, set()
        return asked

    def _found(self, store: Store, query: OpportunityQuery, question: Question) -> tuple[FoundRoutes, Manifest] | None:
        decided = store.decisions_in_force()
        return self._market.find(query, question.assumed, on=question.on, turn=question.turn, decided=decided)

    def _ids(self, found: FoundRoutes, first: int, last: int) -> list[str]:
        shown = (one for one in found.ids(last + len(self._left_out)) if one not in self._left_out)
        return list(itertools.islice(shown, first, last))

    def _price(self, store: Store, ids: Sequence[str], question: Question, *, now: float) -> Mapping[str, AssumedRoute]:
        offers = known_offers(store, sorted({one.partition(":")[0] for one in ids}))
        return routes_under(ids, offers, question.assumed, question.seller, on=question.on, now=now)


def outcome_html(
    shown: AssumedPage | None, today: Sums, currency: str, *, now: float, wrong: Mapping[str, str]
) -> Markup:
    """What assumptions do to the market, or to the routes of a page; ``wrong`` says why nothing is assumed."""
    routes = [] if shown is None else [route for route in shown.routes.values() if route.then and route.now]
    return page_html(
        "repriced.html.j2",
        wrong="; ".join(wrong.values()),
        at=shown and shown.at,
        sums=shown and shown.sums,
        today=today,
        wins=shown.wins if shown else 0,
        losses=shown.losses if shown else 0,
        set_aside=shown.set_aside if shown else (),
        turn=shown and TURN_WORDS[shown.turn],
        before=[route.now.profit for route in routes if route.now],
        after=[route.then.profit for route in routes if route.then],
        currency=currency,
        now=now,
    )


def question_of(what_if: WhatIf, profiles: Mapping[str, Profile], *, on: date) -> Question | None:
    """What is assumed; None where a field is wrong. ``profiles``: the configured one first."""
    assumed = what_if.assumptions(profiles)
    if assumed is None:
        return None
    seller = next(iter(profiles.values()))
    return Question(assumed=assumed, seller=seller, turn=what_if.turn, on=on, words=what_if.words)


def _is_meant(route: AssumedRoute | None, query: OpportunityQuery) -> bool:
    """Whether a route is what the market took it for, by what is known only of single routes."""
    if route is None or route.then is None:
        return False
    if route.then.status == "different" and not query.all_routes:
        return False
    return query.min_confidence is None or route.then.confidence >= query.min_confidence
