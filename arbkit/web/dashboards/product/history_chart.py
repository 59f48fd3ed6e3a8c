"""The history of a product as a chart, with the notes that belong below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import plotly.graph_objects as go

from arbkit.analysis.price_history import PriceLine, price_line, quantity_line
from arbkit.core.formatting import count
from arbkit.core.models import History, Offer
from arbkit.core.settings import Settings
from arbkit.display.charts import LAYOUT
from arbkit.display.product_chart import Panel, product_figure
from arbkit.profit import Rates, load_rates
from arbkit.web.dashboards.content import Region
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.part import Part, StorePart
from arbkit.web.dashboards.product.one_product import OneProduct

MOST_POINTS = 1_200
"""Points of a line that are sent to a browser: about as many as a wide screen has columns."""
_PANELS: Mapping[str, tuple[str, str, str]] = {
    "rank": ("sales_rank", "rank", "Sales rank, better is up (each store's own)"),
    "offers": ("offers_new", "offers", "New offers"),
    "sold": ("monthly_sold", "units sold", "Sold per month, at least (Amazon's badge)"),
    "ratings": ("reviews", "ratings", "Ratings"),
}
_NAMES = {"buy_box": "buy box price", "new": "new price", "amazon": "price of Amazon itself", "priced": "price"}


def history_chart(
    histories: Sequence[History], offers: Sequence[Offer], series: Sequence[str], currency: str, rates: Rates
) -> tuple[go.Figure, list[str]]:
    """The chart of these series (names of the page's view), and notes: what is missing, thinned or converted."""
    known = {h.market: h for h in histories}
    notes: list[str] = []
    prices: list[PriceLine] = []
    for name in (n for n in ("priced", "buy_box", "new", "amazon") if n in series):
        lines = _lines(known, offers, lambda h, o, n=name: price_line(h, o, n, currency, rates, most=MOST_POINTS))  # type: ignore[misc]
        there = {(line.market, line.basis) for line in prices}
        prices += [line for line in lines if (line.market, line.basis) not in there]
        notes += _lacking(offers, lines, _NAMES[name])
    panels = []
    for name, (field, short, title) in _PANELS.items():
        if name not in series:
            continue
        lines = _lines(known, offers, lambda h, o, f=field: quantity_line(h, o, f, most=MOST_POINTS))  # type: ignore[misc]
        panels.append(Panel(short, title, lines, reversed_log=name == "rank"))
        notes += _lacking(offers, lines, short)
    if any(o.currency != currency for o in offers) and prices:
        notes.append(f"Prices of other currencies are in {currency} by the ECB rate of each day, weekly in between.")
    drawn = [*prices, *(line for panel in panels for line in panel.lines)]
    most = max((line.points for line in drawn), default=0)
    if most > MOST_POINTS:
        notes.append(
            f"Thinned out: of up to {count(most)} points a line, {count(MOST_POINTS)} are drawn, with the lowest, the "
            "highest and every longer gap of each period; the last three months keep the most."
        )
    return product_figure(prices, panels, currency=currency), notes


class HistoryNotes(Part):
    """What belongs below the chart: what is missing, thinned or converted."""

    REGION = Region("notes", "html")

    def show(self, notes: Sequence[str]) -> None:
        """Show these notes."""
        self.widget.show_html(self.region, page_html("product_notes.html.j2", notes=notes))


class ProductHistory(StorePart):
    """The history of a product on every marketplace: prices in ``currency``, and other series if asked for.

    ``series`` are names of :data:`PRICES` and :data:`QUANTITIES` of the page's filters. In a page it is that of the
    page's product, in the currency and the series of ``SeriesForm``, unless it was made for another product.
    """

    REGION = Region("history", "chart")
    SUBJECT = OneProduct
    WHEN = "last"

    _drawn: tuple[object, ...] | None = None

    def __init__(
        self,
        settings: Settings | None = None,
        asin: str = "",
        *,
        currency: str = "EUR",
        series: Sequence[str] = ("priced",),
    ) -> None:
        super().__init__(settings)
        self.asin, self.currency, self.series = asin, currency, tuple(series)
        self._notes = HistoryNotes()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The chart and its notes."""
        return self, self._notes

    def warm_up(self) -> None:
        """Have the rates and plotly ready."""
        history_chart((), (), (), "EUR", load_rates())[0].to_json()
        go.Figure([go.Scatter(), go.Waterfall()]).update_layout(**LAYOUT).to_json()

    def load(self) -> None:
        """Read the product's history and draw it.

        Raises:
            StoreError: the store cannot be read.
        """
        self._draw(self.asin, self.store.offers([self.asin]), self.store.history(self.asin), self.series, self.currency)

    def follow(self, shown: OneProduct) -> None:
        """Draw the page's product, again only if something changed: it is the largest part of a page."""
        if self.asin:
            self.load()
            return
        if shown.product is None:
            self.hide()
            self._notes.hide()
            self._drawn = None
            return
        currency, series = shown.view.currency or shown.profile.currency, shown.view.series
        drawn = shown.product.asin, shown.sections, series, currency
        if drawn != self._drawn:
            self._draw(shown.product.asin, shown.offers, shown.histories, series, currency)
            self._drawn = drawn

    def _draw(
        self, asin: str, offers: Sequence[Offer], histories: Sequence[History], series: Sequence[str], currency: str
    ) -> None:
        figure, notes = history_chart(histories, offers, series, currency, load_rates())
        # Another product is looked at from its beginning again.
        figure.update_layout(uirevision=asin)
        markets = ", ".join(h.market for h in histories) or "no marketplace"
        label = f"Prices, rank, offers and sales over time in {markets}, {currency}"
        self.widget.draw(self.region, figure, label=label)
        self._notes.show(notes)


def _lines(
    histories: Mapping[str, History], offers: Iterable[Offer], draw: Callable[[History, Offer], PriceLine | None]
) -> list[PriceLine]:
    lines = (draw(histories[o.market], o) for o in offers if o.market in histories)
    return [line for line in lines if line is not None]


def _lacking(offers: Iterable[Offer], lines: Iterable[PriceLine], name: str) -> list[str]:
    there = {line.market for line in lines}
    lacking = [o.market for o in offers if o.market not in there]
    if not lacking:
        return []
    return [f"No history of the {name} on {', '.join(lacking) if there else 'any marketplace'}."]
