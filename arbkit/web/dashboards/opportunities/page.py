"""The opportunities page: figures, filters, the map of routes, the table, and where the chosen route's money goes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, cast, get_args

import plotly.graph_objects as go

from arbkit.analysis.price_history import price_lines
from arbkit.analysis.routes import PricedRoute
from arbkit.core.filters import OpportunitySort
from arbkit.core.formatting import money, signed
from arbkit.core.models import Offer, Opportunity
from arbkit.core.settings import Settings
from arbkit.display.charts import history_figure, waterfall_figure
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.profile_file import configured_profile, load_profiles
from arbkit.sources.token_budget import read_tokens
from arbkit.store import Page, Stats, Sums
from arbkit.store.address import describe_errors
from arbkit.store.iteration import opportunity_by_id
from arbkit.web.dashboards.download import Download
from arbkit.web.dashboards.html_parts import answer_html, figures_html, map_html, parts_html, route_html, store_figures
from arbkit.web.dashboards.opportunities.columns import COLUMNS, chosen_columns, row, wanted_columns
from arbkit.web.dashboards.opportunities.filters import PAGE_ROWS, View, parse
from arbkit.web.dashboards.opportunities.forms import column_fields, download_fields, filter_fields, saved_fields
from arbkit.web.dashboards.opportunities.what_if import WhatIf
from arbkit.web.dashboards.page import Board
from arbkit.web.dashboards.page_widget import Region, Wish
from arbkit.web.dashboards.saved_views import SavedViews

__all__ = ["OpportunitiesBoard"]

_ASCENDING = frozenset({"title", "route", "buy_price"})
_WAITING = "Nothing yet: detection runs as soon as the first prices are in. This page looks again by itself."
_NOTHING_LEFT = "No opportunity passes these filters."


class OpportunitiesBoard(Board):
    """The page over one store; ``widget`` is what a notebook displays."""

    NAME = "opportunities"
    TITLE = "Opportunities"
    REGIONS = (
        Region("head", "html", waiting="Opportunities"),
        Region("figures", "html", waiting="Reading the store …"),
        Region("views", "form", waiting="Views …"),
        Region("filters", "form", waiting="Filters …", folds="Filters", unfolded=True),
        Region("map", "html", waiting="Routes …"),
        Region("whatif", "form", waiting="…", folds="What if …"),
        Region("outcome", "html"),
        Region("columns", "form", waiting="…", folds="Columns"),
        Region("table", "table", waiting="Opportunities are read …"),
        Region("tools", "form"),
        Region("route", "html"),
        Region("waterfall", "chart"),
        Region("prices", "chart"),
        Region("answer", "html"),
        Region("parts", "html"),
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._view = View()
        self._refused: dict[str, tuple[str, str]] = {}
        self._narrowed = False
        self._saved = SavedViews(settings)
        self._naming = ""
        self._what_if = WhatIf()
        self._what_if_open = False
        self._answered: tuple[Opportunity, dict[str, str]] | None = None
        self._page: Page[Opportunity] = Page((), 0, None)
        self._chosen: Opportunity | None = None
        self._offers: list[Offer] = []
        self._evaluated_at: float | None = None
        self._download = Download(self.page)

        # What the first page would wait for is done while it is kept warm.
        load_rates()
        load_tables()
        history_figure((), currency="EUR").to_json()
        go.Figure(go.Waterfall()).to_json()

    # What it shows

    def open(self, search: str) -> None:
        self._view, wrong = parse(search)
        if wrong:
            self.page.say(describe_errors(wrong), "bad")

    def nothing_yet(self) -> None:
        for region in ("figures", "views", "filters", "map", "whatif", "columns"):
            self.page.hide(region)
        self._show_table(time.time(), {})

    def waits(self) -> bool:
        return self._stats is None or not self._stats.opportunities

    def load(self) -> None:
        now = time.time()
        query = self._view.page_query(now=now)
        stats, store = self.stats(now=now), self.store
        page, sums = store.opportunities(query), store.sums(query)
        if not page.items and page.total:
            self._view = self._view.changed(page=-(-page.total // PAGE_ROWS))
            page = store.opportunities(self._view.page_query(now=now))
        self._page = page
        found = self._found(self._view.chosen)
        if found is None or (self._narrowed and found not in page.items):
            # What other filters leave out is not what the reader looks at now; another page's route may be.
            found = next(iter(page.items), None)
        self._narrowed = False
        self._view = self._view.changed(chosen=found.id if found else "")
        self._show_table(now, self._others())
        self._show_top(stats, sums, now)
        self._show_forms(stats, sums)
        self.page.address(self._view.search())
        self.afterwards(lambda: self._choose(found, stats))

    def _show_top(self, stats: Stats, sums: Sums, now: float) -> None:
        self.show_head()
        runs = self.store.runs(report="detect", limit=10)
        looked = next((r.summary["routes"] for r in runs if "routes" in r.summary), None)
        tokens = read_tokens(self.settings)
        figures = store_figures(stats, sums, routes_looked_at=looked, tokens=tokens, now=now)
        self.page.show("figures", {"html": figures_html(figures)})
        chosen = f"{self._view.source}:{self._view.target}"
        # Of the routes, all are shown, so that another can be chosen.
        everywhere = self._view.changed(source=None, target=None, page=1)
        routes = sums.routes
        if self._view.source or self._view.target:
            routes = self.store.sums(everywhere.query(now=now)).routes
        self.page.show("map", {"html": map_html(routes, self.settings.markets, stats.currency or "", chosen)})

    def _show_table(self, now: float, others: Mapping[str, PricedRoute]) -> None:
        view, page = self._view, self._page
        columns = chosen_columns(view.columns, what_if=bool(others))
        self.page.show(
            "table",
            {
                "caption": "Opportunities",
                "columns": [
                    {"label": c.label, "kind": c.kind, "sort": c.sort, "note": c.note}
                    for c in (COLUMNS[name] for name in columns)
                ],
                "rows": [row(o, columns, now=now, other=others.get(o.id)) for o in page.items],
                "total": page.total,
                "first": (view.page - 1) * PAGE_ROWS + 1,
                "page": view.page,
                "pages": max(1, -(-page.total // PAGE_ROWS)),
                "paged": True,
                "sort": view.sort,
                "descending": view.descending,
                "selects": True,
                "selected": view.chosen,
                "message": _WAITING if self.waits() else _NOTHING_LEFT,
            },
        )

    def _show_forms(self, stats: Stats, sums: Sums) -> None:
        view, markets = self._view, self.settings.markets
        self.page.show("filters", {"fields": filter_fields(view, self._refused, markets, stats)})
        saved = self._saved.all()
        self.page.show("views", {"fields": saved_fields(list(saved), self._saved_as(saved), self._naming)})
        self.page.show("columns", {"fields": column_fields(view)})
        self.page.show("tools", {"fields": download_fields(sums.count, running=self._download.running)})

    # The chosen route

    def _choose(self, found: Opportunity | None, stats: Stats) -> None:
        """Show this route; anew if it was detected anew."""
        same = self._chosen is not None and found is not None and self._chosen.id == found.id
        if same and stats.evaluated_at == self._evaluated_at:
            self._show_what_if()
            return
        self._evaluated_at = stats.evaluated_at
        self._chosen = found
        self._offers = self.store.offers([found.asin]) if found else []
        if found is None:
            for region in ("route", "waterfall", "prices", "answer", "parts"):
                self.page.hide(region)
            self._show_what_if()
            return
        self._show_route(found)
        title = found.title or found.asin
        self.page.draw("waterfall", waterfall_figure(found), label=f"From selling price to profit: {title}")
        offers = {o.market: o for o in self._offers}
        lines = price_lines(self.store.history(found.asin), offers, found.currency, load_rates())
        figure = history_figure(lines, currency=found.currency)
        self.page.draw("prices", figure, label=f"Price on every marketplace over time: {title}")
        self.page.show("parts", {"html": parts_html(found.components, found.profit, found.currency)})
        self._show_what_if()

    def _show_route(self, found: Opportunity) -> None:
        self.page.show("route", {"html": route_html(found, watched=self.watched(found.asin))})

    def _found(self, name: str) -> Opportunity | None:
        if not name:
            return None
        here = next((o for o in self._page.items if o.id == name), None)
        return here or opportunity_by_id(self.store, name)

    # What if

    def _profiles(self) -> dict[str, Profile]:
        """All sellers of the profile's file, the configured one first."""
        first = configured_profile(self.settings)
        return {first.name: first} | dict(load_profiles(self.settings.profile_path))

    def _day(self) -> date:
        at = self._evaluated_at or time.time()
        return datetime.fromtimestamp(at, UTC).date()

    def _others(self) -> dict[str, PricedRoute]:
        """What the shown routes would leave if; empty where nothing is asked."""
        items = self._page.items
        if not self._what_if.active or not items:
            self.page.hide("outcome")
            return {}
        offers = self.store.offers([o.asin for o in items])
        others = dict(
            zip(
                (o.id for o in items), self._what_if.rows(items, offers, self._profiles(), on=self._day()), strict=False
            )
        )
        if others:
            self.page.show("outcome", {"html": _outcome(items, others)})
        else:
            self.page.hide("outcome")
        return others

    def _show_what_if(self) -> None:
        if not self._what_if_open:
            return
        self.page.show("whatif", {"fields": self._what_if.fields(self._profiles(), self._chosen)})
        self.afterwards(self._show_answer)

    def _show_answer(self) -> None:
        chosen = self._chosen
        if chosen is None or not self._what_if_open:
            self.page.hide("answer")
            return
        asked = (chosen, dict(self._what_if.values))
        if asked == self._answered:
            return
        self._answered, profiles = asked, self._profiles()
        found = self._what_if.answer(chosen, self._offers, profiles, on=self._day())
        if found is None:
            self.page.show("whatif", {"fields": self._what_if.fields(profiles, chosen)})
            return
        title = f"<h2>What if: {chosen.source} → {chosen.target}</h2>"
        self.page.show("answer", {"html": title + answer_html(found)})

    # What the user wishes

    def on_form(self, wish: Wish) -> None:
        values = cast("Mapping[str, Any]", wish["values"])
        match wish["region"]:
            case "filters":
                texts = {name: str(value) for name, value in values.items()}
                self._view, wrong = self._view.with_values(texts)
                self._refused = {name: (texts[name], why) for name, why in wrong.items()}
                self._narrowed = True
            case "columns":
                self._view = self._view.changed(columns=wanted_columns(values))
            case "whatif":
                self._what_if.take(values)
            case "views":
                self._naming = str(values["naming"])
                if wish["changed"] != "view":
                    return
                self._view, wrong = parse(self._saved.all().get(str(values["view"]), ""))
                if wrong:
                    self.page.say(describe_errors(wrong), "bad")
        self.again()

    def on_press(self, wish: Wish) -> None:
        name, one = str(wish["name"]), str(wish.get("id", ""))
        match name:
            case "clear":
                self._view = View(sort=self._view.sort, descending=self._view.descending, columns=self._view.columns)
                self._refused = {}
                self._narrowed = True
            case "route":
                pressed_again = f"{self._view.source}:{self._view.target}" == one
                source, target = (None, None) if pressed_again else one.split(":")
                self._view = self._view.changed(source=source, target=target, page=1)
                self._narrowed = True
            case "reset":
                self._what_if = WhatIf()
            case "save":
                name = self._saved.save(self._naming, self._shareable())
                self._naming = ""
                self.page.say(f"Saved as “{name}”. The page's address shows the same view, for a link.", "good")
            case "delete":
                name = self._saved_as(self._saved.all())
                self._saved.delete(name)
                self.page.say(f"“{name}” is deleted.", "good")
            case "watch" | "unwatch":
                self.watch(one, wanted=name == "watch")
                if self._chosen is not None:
                    self._show_route(self._chosen)
                return
            case "export.csv" | "export.xlsx":
                query, total = self._view.page_query(now=time.time()), self._page.total
                self._download.start(name.removeprefix("export"), self.store, query, total, then=self.again)
        self.again()

    def on_sort(self, wish: Wish) -> None:
        name = wish["sort"]
        if name in get_args(OpportunitySort):
            again = name == self._view.sort
            descending = not self._view.descending if again else name not in _ASCENDING
            sort = cast("OpportunitySort", name)
            self._view = self._view.changed(sort=sort, descending=descending, page=1)
            self.again()

    def on_page(self, wish: Wish) -> None:
        if isinstance(number := wish["page"], int) and number >= 1:
            self._view = self._view.changed(page=number)
            self.again()

    def on_select(self, wish: Wish) -> None:
        view, wrong = self._view.with_values({"chosen": str(wish["id"])})
        if not wrong:
            self._view = view.changed(page=self._view.page)
            self.again()

    def on_fold(self, wish: Wish) -> None:
        if wish["region"] == "whatif":
            self._what_if_open = bool(wish["open"])
            self._answered = None
            if self._what_if_open:
                self._show_what_if()
            else:
                self.page.hide("answer")

    def _shareable(self) -> str:
        """The view without what belongs to this moment."""
        return self._view.changed(chosen="", page=1).search()

    def _saved_as(self, saved: Mapping[str, str]) -> str:
        """The name under which this view is saved; empty if it is not."""
        here = self._shareable()
        return next((name for name, search in saved.items() if parse(search)[0].search() == here), "")


def _outcome(items: tuple[Opportunity, ...], others: Mapping[str, PricedRoute]) -> str:
    """What the changes do to the shown routes, in a sentence."""
    pairs = [(o.profit, others[o.id].profit) for o in items if o.id in others]
    known = [(before, after) for before, after in pairs if after is not None]
    before, after = sum(b for b, _ in known), sum(a for _, a in known)
    paying = sum(a > 0 for _, a in known)
    currency = items[0].currency
    unknown = f"; {len(pairs) - len(known)} can no longer be priced" if len(known) < len(pairs) else ""
    return (
        f"<p><b>What if:</b> the {len(known)} routes on this page leave {money(after, currency)} instead of "
        f"{money(before, currency)} ({signed(after - before)}); {paying} of them still pay{unknown}.</p>"
    )
