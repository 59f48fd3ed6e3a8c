"""What was bought of a product, and what came of it, on its page."""

from __future__ import annotations

from arbkit.analysis.sales.scoring import sales_report
from arbkit.analysis.sales.words import basis_words, unmatched_words
from arbkit.core.settings import Settings
from arbkit.web.dashboards.composed.subject import RouteSubject, ShownRoute
from arbkit.web.dashboards.content import Region
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.part import RoutePart, StorePart


class PurchasesTable(RoutePart, StorePart):
    """The purchases of a product: what was forecast of each against what came. ``PurchasesTable(settings, "B0…")``."""

    REGION = Region("purchases", "html")

    def __init__(self, settings: Settings | None = None, asin: str = "") -> None:
        super().__init__(settings)
        self._asin = asin

    def load(self) -> None:
        """Read the purchases and sales of the product it was made with, and show them.

        Raises:
            StoreError: the store cannot be read.
        """
        self.show(self._asin)

    def follow(self, shown: RouteSubject) -> None:
        """Show those of the page's product."""
        self._follow_route(shown.about)

    def show_route(self, route: ShownRoute) -> None:
        """Show those of the product of this route."""
        self.show(route.asin)

    def show(self, asin: str) -> None:
        """Show those of this product; nothing where nothing was bought or sold.

        Raises:
            StoreError: the store cannot be read.
        """
        self._asin = asin
        found = sales_report(self.store, asin)
        if not found.purchases and not found.unmatched.lines:
            self.hide()
            return
        known = [(one, basis_words(one)) for one in found.purchases]
        html = page_html("purchases.html.j2", purchases=known, notes=unmatched_words(found))
        self.widget.show_html(self.region, html)
