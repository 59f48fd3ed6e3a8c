"""What was decided about the product of the page, and the form to decide about it or the selected route."""

from __future__ import annotations

from arbkit.core.offers.product import Product
from arbkit.core.settings import Settings
from arbkit.web.dashboards.opportunities.decision import Decided, DecisionHistory, DecisionPanel
from arbkit.web.dashboards.part import Part
from arbkit.web.dashboards.product.purchases import PurchasesTable
from arbkit.web.dashboards.product.sales_form import SalesForm


class ProductDecisions:
    """The parts of the section; the page shows a product with them, or one that is not in the store."""

    REGIONS = (DecisionPanel.REGION, DecisionHistory.REGION, PurchasesTable.REGION, SalesForm.REGION)

    def __init__(self, settings: Settings) -> None:
        self._panel = DecisionPanel(settings, on_decided=self._again)
        self._history = DecisionHistory(settings, on_decided=self._again)
        self._purchases = PurchasesTable(settings)
        self._sales = SalesForm(settings, on_taken=self._again)
        self._about: Decided | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """Those that the page attaches."""
        return (self._panel, self._history, self._purchases, self._sales)

    def show(self, product: Product, route: str) -> None:
        """Show what was decided about this product; ``route``: the selected one as ``IT:DE``, empty for none.

        Raises:
            StoreError: the store cannot be read.
        """
        source, _, target = route.partition(":")
        self._show(Decided(product.asin, source, target, product.brand))

    def show_unknown(self, asin: str) -> None:
        """Show what was decided about a product that is not in the store; nothing where nothing was.

        Raises:
            StoreError: the store cannot be read.
        """
        if asin and self._panel.store.decisions([asin]):
            self._show(Decided(asin))
        else:
            self.hide()

    def hide(self) -> None:
        """Take it away until it is shown again."""
        self._about = None
        for part in self.parts:
            part.hide()

    def _show(self, about: Decided) -> None:
        self._about = about
        self._history.show(self._panel.show(about))
        self._purchases.show(about.asin)
        self._sales.show(about.asin)

    def _again(self) -> None:
        if self._about is not None:
            self._show(self._about)
