"""A plotly figure of one's own as a part: a finished one, or a function of the opportunities that a page shows."""

from __future__ import annotations

import time
from collections.abc import Callable

import plotly.graph_objects as go

from arbkit.core.settings import Settings
from arbkit.display.frames import DisplayFrame
from arbkit.web.dashboards.content import Region
from arbkit.web.dashboards.opportunities.filters import View
from arbkit.web.dashboards.opportunities.found import FoundOpportunities, first_opportunities
from arbkit.web.dashboards.part import StorePart

DrawFigure = Callable[[DisplayFrame], go.Figure]
"""Draws the opportunities that pass the filters, one row each, as ``arb.opportunities()`` has them."""
_ROWS = 1_000


class Chart(StorePart):
    """A plotly figure. A function is given the first ``rows`` opportunities of the view, and drawn anew with it."""

    REGION = Region("chart", "chart", waiting="Drawing …")
    SUBJECT = FoundOpportunities

    def __init__(
        self, figure: go.Figure | DrawFigure, settings: Settings | None = None, *, rows: int = _ROWS, label: str = ""
    ) -> None:
        super().__init__(settings)
        self._figure, self._rows, self._label = figure, rows, label

    def load(self) -> None:
        """Draw it, a function with all opportunities.

        Raises:
            StoreError: the store cannot be read.
            TypeError: the function made something else than a plotly figure.
        """
        if isinstance(self._figure, go.Figure):
            self._draw(self._figure)
        else:
            self._draw(self._figure(first_opportunities(self.store, View(), self._rows, now=time.time())))

    def follow(self, shown: FoundOpportunities) -> None:
        """Draw what passes the filters of the page; a finished figure is drawn as it is."""
        if isinstance(self._figure, go.Figure):
            self._draw(self._figure)
        else:
            self._draw(self._figure(shown.frame(self._rows)))

    def _draw(self, figure: go.Figure) -> None:
        # What an analyst's function returns is known when it has run.
        if not isinstance(figure, go.Figure):
            raise TypeError(f"a chart must be a plotly figure, and this is {type(figure).__name__}")
        self.widget.draw(self.region, figure, label=self._label or figure.layout.title.text or "Chart")
