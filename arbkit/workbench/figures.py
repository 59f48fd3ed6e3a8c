"""The figures of the workbench."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from arbkit.analysis.price_history import PriceLine, price_lines
from arbkit.analysis.routes import best_cells, best_cells_of, route_cells
from arbkit.core.errors import UsageError
from arbkit.core.input.validation import Value, suggest_arguments
from arbkit.core.models import Offer
from arbkit.display import record_frames
from arbkit.display.labels import product_heading
from arbkit.display.quote_view import QuoteView
from arbkit.profit import load_rates
from arbkit.workbench.opened import day_of
from arbkit.workbench.pricing import Pricing

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


class Figures(Pricing):
    """What is drawn, each a plotly figure."""

    @suggest_arguments
    def plot_prices(self, asin: str, *, currency: str | None = None) -> go.Figure:
        """What a product cost on every marketplace, in one currency; arguments and errors as :meth:`history`."""
        from arbkit.display.charts import history_figure
        from arbkit.display.offline import showable

        offers, lines, currency = self._lines(asin, currency)
        figure = history_figure(lines, currency=currency)
        figure.update_layout(title={"text": f"{escape(product_heading(offers))}: price, {currency}, VAT included"})
        return showable(figure)

    @suggest_arguments
    def plot_waterfall(self, route: QuoteView | pd.Series[Any] | Mapping[str, Value] | str) -> go.Figure:
        """Where the money of a route goes, priced now.

        ``route``: an answer of :meth:`profit` or :meth:`route`, a row (``.iloc[0]``) of :meth:`opportunities` or
        :meth:`routes`, or an id as ``B0…:IT:DE``.

        Raises:
            UsageError: it is none of these, or cannot be priced; says why.
        """
        if isinstance(route, QuoteView):
            return route.plot()
        given = route if isinstance(route, str) else {str(name): value for name, value in route.items()}
        return self.route(*record_frames.named_route(given)).plot()

    @suggest_arguments
    def plot_routes(self, of: str | pd.DataFrame | None = None) -> go.Figure:
        """A map of the 20 routes: the profit of a product on each, or the best of all products.

        ``of``: an ASIN; a table of :meth:`opportunities`, :meth:`reprice` or :meth:`routes`, whose best row of each
        route is drawn; or None for all that is stored.

        Raises:
            UsageError: the product is not stored, or the table has no routes with a profit.
        """
        from arbkit.display.charts import routes_figure
        from arbkit.display.offline import showable

        currency = self.profile.currency
        if of is None:
            stats = self._store().stats()
            currency = stats.currency or currency
            cells = best_cells(stats, currency)
            title = f"Best opportunity of each route{', DEMO market' if stats.demo_products else ''}"
        elif isinstance(of, str):
            cells, title = route_cells(self.routes(of)), f"{product_heading(self._offers([of]))}: profit by route"
        else:
            record_frames.check_routes(of)
            currency = next(iter(of["currency"].dropna()), currency) if "currency" in of else currency
            cells, title = best_cells_of(of, currency), f"Best of these {len(of):,} rows on each route"
        return showable(routes_figure(cells, title=title, currency=currency))

    def _lines(self, asin: str, currency: str | None) -> tuple[list[Offer], list[PriceLine], str]:
        offers, rates, currency = self._offers([asin]), load_rates(), (currency or self.profile.currency).upper()
        if rates.rate("EUR", currency, day_of(None)) is None:
            raise UsageError("there are no rates of this currency", field="currency", value=currency, remedy="Use EUR")
        lines = price_lines(self._store().history(offers[0].asin), {o.market: o for o in offers}, currency, rates)
        return offers, lines, currency
