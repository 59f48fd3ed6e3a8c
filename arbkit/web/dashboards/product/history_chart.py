"""The history of a product as a chart, with the notes that belong below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import plotly.graph_objects as go

from arbkit.analysis.price_history import PriceLine, price_line, quantity_line
from arbkit.core.formatting import count
from arbkit.core.models import History, Offer
from arbkit.core.settings import Settings
from arbkit.display.product_chart import Panel, product_figure
from arbkit.profit import Rates, load_rates
from arbkit.web.dashboards.content import Region
from arbkit.web.dashboards.part import PriceHistory

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


class ProductHistory(PriceHistory):
    """The history of a product on every marketplace: prices in ``currency``, and other series if asked for.

    ``series`` are names of :data:`PRICES` and :data:`QUANTITIES` of the page's filters.
    """

    REGION = Region("history", "chart")

    def __init__(
        self,
        settings: Settings | None = None,
        asin: str = "",
        *,
        currency: str = "EUR",
        series: Sequence[str] = ("priced",),
    ) -> None:
        super().__init__(settings, asin, currency=currency)
        self.series = tuple(series)

    def show(self, offers: Sequence[Offer], histories: Sequence[History], currency: str, *, title: str = "") -> None:  # noqa: ARG002  # a price chart has one
        """Draw the histories of a product."""
        self.draw(offers, histories, currency)

    def draw(self, offers: Sequence[Offer], histories: Sequence[History], currency: str) -> list[str]:
        """Draw the histories of a product; the notes that belong below the chart."""
        figure, notes = history_chart(histories, offers, self.series, currency, load_rates())
        # Another product is looked at from its beginning again.
        figure.update_layout(uirevision=self.asin)
        markets = ", ".join(h.market for h in histories) or "no marketplace"
        label = f"Prices, rank, offers and sales over time in {markets}, {currency}"
        self.widget.draw(self.region, figure, label=label)
        return notes


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
