"""A page that an analyst composes of parts: they show one view, which filters, clicks and the address change."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import plotly.graph_objects as go

from arbkit.core.errors import ArbkitError
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.own_pages import page_label
from arbkit.web.address import describe_errors
from arbkit.web.dashboards.composed.chart import Chart, DrawFigure
from arbkit.web.dashboards.composed.shown import Shown
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.opportunities.empty import no_data
from arbkit.web.dashboards.opportunities.filters import View, parse
from arbkit.web.dashboards.opportunities.parts import ViewPart, read_page
from arbkit.web.dashboards.page import DashboardPage
from arbkit.web.dashboards.part import Part, StorePart

logger = logging.getLogger(__name__)

_HEAD = Region("head", "html")
_HINT = Region("hint", "html")
_OF_VOILA, _SCRIPT = "VOILA_PREHEAT", "SCRIPT_NAME"
"""What Voilà sets in the environment of every kernel, and the path that a browser asked for."""


class Page(DashboardPage):
    """Parts under each other: ``Page(FilterForm(), OpportunityTable(), Waterfall())`` is a page, as a cell's last line.

    Plotly figures, and functions that draw one of the opportunities shown, are parts too. All parts show the same view:
    filters, map and groups narrow it, the table orders it and selects the route of waterfall and price history.
    """

    NAME = "own"

    def __init__(
        self, *parts: Part | go.Figure | DrawFigure, title: str = "", settings: Settings | None = None
    ) -> None:
        """``title``: empty: as the file is called."""
        made = [one if isinstance(one, Part) else Chart(one) for one in parts]
        self.TITLE = title or page_label(self.file_name) or "Own page"
        regions = list(_regions(made))
        self.REGIONS = (_HEAD, _HINT, *regions)
        for part, region in zip(made, regions, strict=True):
            part.place(region.id)
        # In the cell of a notebook the document is not the page's.
        super().__init__(settings or Settings.load(), made, standalone=_OF_VOILA not in os.environ)
        self._view = View()
        self._shown: Shown | None = None
        for part in made:
            if isinstance(part, StorePart):
                part.share(self.settings)
            if isinstance(part, ViewPart):
                part.link(self._turn)

    def open(self, search: str) -> None:
        """Show what the address asks for; say what of it is ignored."""
        self._view, wrong = parse(search)
        if wrong:
            self.widget.notify(describe_errors(wrong), "bad")

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    @property
    def file_name(self) -> str:
        """The name of the notebook that Voilà serves it from; empty in JupyterLab."""
        return PurePosixPath(os.environ.get(_SCRIPT, "")).stem

    def show_header(self) -> None:
        """The links to the other pages; none in a notebook's cell, which they would leave."""
        if not self.widget.standalone:
            super().show_header()

    def show_empty(self) -> None:
        """Show that there is no data yet, and no part."""
        for region in self.parts:
            self.widget.hide(region)
        self.widget.show_html("hint", page_html("hint.html.j2", text=no_data(self.settings)))

    def is_waiting(self) -> bool:
        """Whether there are no opportunities yet."""
        return self._stats is None or not self._stats.opportunities

    def is_stale(self) -> bool:
        """Whether other routes, or other figures of them, are stored by now.

        Raises:
            ArbkitError: the store cannot be read.
        """
        _, page = read_page(self.store, self._view, now=time.time())
        return self._shown is None or (page.items, page.total) != (self._shown.page.items, self._shown.page.total)

    def load(self) -> None:
        """Read what the view asks for, and have every part show it.

        Raises:
            ArbkitError: the store cannot be read.
        """
        now = time.time()
        self.stats(now=now)
        shown = self._shown = Shown(self.store, self._view, now=now, is_watched=self.watched)
        self._view = shown.view
        self.show_header()
        self.widget.hide("hint")
        for part in self.parts.values():
            self._follow(part, shown)
        self.widget.address(self._view.search())

    def _follow(self, part: Part, shown: Shown) -> None:
        """Have a part show it; what the analyst's own code raises stands in its place, and leaves the others alone."""
        try:
            part.follow(shown)
        except ArbkitError:
            raise
        except Exception as error:  # whatever it is, it is the analyst's to see
            logger.exception("the part %s of a page failed", part.region)
            self.widget.show_fault(part.region, f"{type(error).__name__}: {error}")

    def _turn(self, view: View) -> None:
        """Show another view; what other filters find begins with their first route."""
        if view.filters() != self._view.filters():
            view = view.changed(chosen="")
        self._view = view
        self.refresh()

    def on_action(self, event: UserEvent) -> None:
        """Put the product of a route on the watchlist, or remove it."""
        if (name := event["name"]) in ("watch", "unwatch"):
            self.watch(str(event.get("id", "")), wanted=name == "watch")
            self.refresh()


def _regions(parts: Sequence[Part]) -> Iterator[Region]:
    """A region for each part, its name numbered where there are several of its kind; none is hidden in a fold."""
    names: dict[str, int] = {}
    for part in parts:
        name = part.REGION.id
        names[name] = names.get(name, 0) + 1
        yield replace(part.REGION, id=name if names[name] == 1 else f"{name}-{names[name]}")
