"""The opportunities dashboard: filters, table, and the chosen route with its money and price history.

It loads nothing until a browser has drawn it, for Voilà may make a page long before anyone looks at it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast, get_args

import ipywidgets as widgets
import plotly.graph_objects as go

from arbkit.charts import history_figure, waterfall_figure
from arbkit.dashboard.data import COLUMNS, Detail, detail, row
from arbkit.dashboard.panels import STYLE, components_html, detail_html, error_html, headline_html
from arbkit.dashboard.table import Table
from arbkit.dashboard.whatif import WhatIf
from arbkit.errors import ArbkitError
from arbkit.models import Opportunity
from arbkit.money import Profile, load_rates
from arbkit.money.profiles import configured_profile, load_profiles
from arbkit.settings import Settings
from arbkit.store import OpportunityQuery, Page, Stats
from arbkit.store.base import OpportunitySort
from arbkit.store.late import LateStore
from arbkit.whatif import question_of

__all__ = ["OpportunitiesApp"]

_PAGE_ROWS = 25
_ASCENDING = frozenset({"title", "route", "buy_price", "age"})
_ANY = "any"
_REFRESH_S = 30.0
_WAITING = "Nothing yet: detection runs as soon as the first prices are in. This page looks again by itself."
_NOTHING_LEFT = "No opportunity passes these filters."


class OpportunitiesApp:
    """The whole dashboard over one store; ``widget`` is what a notebook displays."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = LateStore(settings)
        self._query = OpportunityQuery(limit=_PAGE_ROWS)
        self._selected = ""
        self._loaded_at = 0.0
        self._evaluated_at: float | None = None
        self._stats: Stats | None = None

        markets = [_ANY, *settings.markets]
        narrow = {"layout": widgets.Layout(width="170px"), "style": {"description_width": "80px"}}
        self.source = widgets.Dropdown(options=markets, description="Buy on", **narrow)
        self.target = widgets.Dropdown(options=markets, description="Sell on", **narrow)
        self.category = widgets.Dropdown(options=[_ANY], description="Category", layout=widgets.Layout(width="280px"))
        self.margin = widgets.BoundedFloatText(0, min=0, max=100, step=1, description="Margin ≥ %", **narrow)
        self.profit = widgets.BoundedFloatText(0, min=0, max=1e6, step=1, description="Profit ≥", **narrow)
        self.text = widgets.Text(
            placeholder="title, brand, EAN or ASIN", description="Search", layout=widgets.Layout(width="300px")
        )
        self.refresh = widgets.Button(description="Refresh", tooltip="Read the store again")
        self.table = Table()
        self._headline = widgets.HTML(STYLE)
        self._error = widgets.HTML()
        self._about = widgets.HTML()
        self._parts = widgets.HTML()
        self._waterfall = go.FigureWidget()
        self._history = go.FigureWidget()
        charts = widgets.HBox(
            [widgets.Box([f], layout=widgets.Layout(width="50%")) for f in (self._waterfall, self._history)]
        )
        self.what_if = WhatIf(self._profiles)
        self._chosen = widgets.VBox(
            [self._about, charts, self._parts, self.what_if.widget], layout=widgets.Layout(display="none")
        )
        filters = [self.source, self.target, self.category, self.margin, self.profit, self.text]
        self.widget = widgets.VBox(
            [
                self._headline,
                self._error,
                widgets.HBox([*filters, self.refresh], layout=widgets.Layout(flex_flow="row wrap")),
                self.table,
                self._chosen,
            ]
        )
        for one in filters:
            one.observe(lambda _: self._filter(), "value")
        self.refresh.on_click(lambda _: self.load())
        self.table.on_wish(self._grant)

    def load(self) -> None:
        """Read the store and draw everything anew; an error is shown as text, and the last view stays."""
        now = time.time()
        try:
            store = self._store.get()
            self._stats = store.stats()
            page = store.opportunities(self._query)
            if not page.items and page.total:
                self._query = replace(self._query, offset=_last_offset(page.total))
                page = store.opportunities(self._query)
        except ArbkitError as error:
            self._error.value = error_html(str(error))
            self._draw(Page((), 0, None), now)
            return
        self._error.value = ""
        self._offer_categories(self._stats)
        if self._stats.evaluated_at != self._evaluated_at:
            # The chosen route may have another price now, or be none any more.
            self._evaluated_at = self._stats.evaluated_at
            self._choose(self._selected)
        self._draw(page, now)
        if not self._selected and page.items:
            self._choose(page.items[0].id)
            self._draw(page, now)

    def _draw(self, page: Page[Opportunity], now: float) -> None:
        self._loaded_at = now
        query = self._query
        self._headline.value = STYLE + headline_html(
            self._stats, total=page.total, demo_mode=self._settings.demo_mode, now=now
        )
        waits = self._stats is None or not self._stats.opportunities
        self.table.view = {
            "columns": [dict(c) for c in COLUMNS],
            "rows": [row(o, now=now) for o in page.items],
            "total": page.total,
            "first": query.offset + 1,
            "page": query.offset // _PAGE_ROWS + 1,
            "pages": max(1, -(-page.total // _PAGE_ROWS)),
            "sort": query.sort,
            "descending": query.descending,
            "selected": self._selected,
            "message": _WAITING if waits else _NOTHING_LEFT,
        }

    def _filter(self) -> None:
        self._query = replace(
            self._query,
            source=_chosen(self.source.value),
            target=_chosen(self.target.value),
            category=_chosen(self.category.value),
            min_margin_pct=self.margin.value or None,
            min_profit=self.profit.value or None,
            q=self.text.value.strip() or None,
            offset=0,
        )
        self.load()

    def _grant(self, wish: Mapping[str, Any]) -> None:
        match wish:
            case {"type": "ready"}:
                self.load()
            case {"type": "tick"}:
                empty = self._stats is None or not self._stats.opportunities
                if empty or time.time() - self._loaded_at >= _REFRESH_S:
                    self.load()
            case {"type": "sort", "sort": str(name)} if name in get_args(OpportunitySort):
                again = name == self._query.sort
                descending = not self._query.descending if again else name not in _ASCENDING
                sort = cast("OpportunitySort", name)
                self._query = replace(self._query, sort=sort, descending=descending, offset=0)
                self.load()
            case {"type": "page", "page": int(number)} if number >= 1:
                self._query = replace(self._query, offset=(number - 1) * _PAGE_ROWS)
                self.load()
            case {"type": "select", "id": str(name)}:
                self._choose(name)
                self.load()

    def _choose(self, opportunity_id: str) -> None:
        """Show a route in detail; none if there is no such route."""
        found: Detail | None = None
        if opportunity_id.count(":") == 2:
            try:
                found = detail(self._store.get(), opportunity_id, load_rates())
            except ArbkitError as error:
                self._error.value = error_html(str(error))
        self._selected = opportunity_id if found else ""
        self._chosen.layout.display = "" if found else "none"
        if found is None:
            return
        self._about.value = detail_html(found.opportunity)
        self._parts.value = components_html(found)
        one, offers = found.opportunity, found.offers
        on = datetime.fromtimestamp(one.evaluated_at, UTC).date()
        self.what_if.show(
            lambda profile: question_of(one, offers, profile, on=on), buy=one.buy_price, sell=one.sell_price
        )
        _show(self._waterfall, waterfall_figure(found.opportunity))
        _show(self._history, history_figure(found.lines, currency=found.opportunity.currency))

    def _profiles(self) -> Mapping[str, Profile]:
        """All sellers of the profile's file, the configured one first."""
        first = configured_profile(self._settings)
        return {first.name: first} | dict(load_profiles(self._settings.profile_path))

    def _offer_categories(self, stats: Stats) -> None:
        options = (_ANY, *stats.categories)
        if self.category.options != options:
            kept = self.category.value
            with self.category.hold_trait_notifications():
                self.category.options = options
                self.category.value = kept if kept in options else _ANY


def _chosen(value: str) -> str | None:
    return None if value == _ANY else value


def _last_offset(total: int) -> int:
    return (total - 1) // _PAGE_ROWS * _PAGE_ROWS


def _show(widget: go.FigureWidget, figure: go.Figure) -> None:
    """Replace what a widget shows, so that the browser draws it once."""
    with widget.batch_update():
        widget.data = ()
        widget.add_traces(figure.data)
        widget.layout = figure.layout
