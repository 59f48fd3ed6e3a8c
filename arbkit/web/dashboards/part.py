"""A part: one region with the data behind it and the events that it handles.

Dashboards are composed of parts; each is also a widget of its own in any notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from arbkit.analysis.price_history import price_lines
from arbkit.core.models import History, Offer, Opportunity
from arbkit.core.settings import Settings
from arbkit.display.charts import history_figure, waterfall_figure
from arbkit.profit import load_rates
from arbkit.store import Store
from arbkit.store.lazy import LazyStore
from arbkit.web.dashboards.content import Field, Region, UserEvent
from arbkit.web.dashboards.html import Figure, figures_html, store_figures
from arbkit.web.dashboards.page_widget import PageWidget

if TYPE_CHECKING:
    from arbkit.web.dashboards.composed.shown import Shown


class Part:
    """One region. ``REGION`` says how it is drawn; ``load()`` fills it from what the part was made with.

    Within a page the page attaches it to its widget and fills it; alone, :attr:`widget` (which a notebook displays
    for the part itself) loads it as soon as it is drawn. In a page of the user's own it follows what the page shows.
    """

    REGION: ClassVar[Region]

    def __init__(self) -> None:
        self._widget: PageWidget | None = None
        self._region = self.REGION.id

    @property
    def region(self) -> str:
        """The id of its region."""
        return self._region

    def place(self, region: str) -> None:
        """Be shown in the region of this id, where a page has several parts of one kind."""
        self._region = region

    @property
    def widget(self) -> PageWidget:
        """The widget that shows it: that of its page, or else one of its own."""
        if self._widget is None:
            alone = Region(self.region, self.REGION.kind, waiting=self.REGION.waiting or "Loading …")
            self._widget = PageWidget(self.region, "", [alone], self._handle_alone, standalone=True)
        return self._widget

    def attach(self, widget: PageWidget) -> None:
        """Be shown by the widget of a page."""
        self._widget = widget

    def load(self) -> None:
        """Read the data and show it.

        Raises:
            ArbkitError: the data cannot be read.
        """

    def follow(self, shown: Shown) -> None:  # noqa: ARG002  # parts that show the page's view override it
        """Show what its page shows now; a part that has its own data loads that.

        Raises:
            ArbkitError: the data cannot be read.
        """
        self.load()

    def handle(self, event: UserEvent) -> bool:  # noqa: ARG002  # parts that have controls override it
        """React to an event of the region; whether the part did."""
        return False

    def hide(self) -> None:
        """Take it away until it is shown again."""
        self.widget.hide(self.region)

    def _handle_alone(self, event: UserEvent) -> None:
        if event["type"] == "ready":
            self.load()
        else:
            self.handle(event)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)


class Figures(Part):
    """Figures side by side: label, value, and what stands small beside it; made without any, a page's own."""

    REGION = Region("figures", "html", waiting="Reading the store …")

    def __init__(self, figures: Iterable[Figure] = ()) -> None:
        super().__init__()
        self._figures = list(figures)

    def load(self) -> None:
        """Show the figures it was made with."""
        self.show(self._figures)

    def follow(self, shown: Shown) -> None:
        """Show the figures it was made with, or else what the page's opportunities come to."""
        found = store_figures(shown.stats, shown.sums, routes_priced=None, tokens=None, now=shown.now)
        self.widget.show_html(self.region, figures_html(self._figures or found))

    def show(self, figures: Iterable[Figure]) -> None:
        """Show these figures."""
        self._figures = list(figures)
        self.widget.show_html(self.region, figures_html(self._figures))


class Form(Part):
    """A form: ``on_change`` is called with the fields' values, ``on_action`` with the name of a clicked button."""

    REGION = Region("form", "form")

    def __init__(
        self,
        fields: Sequence[Field] = (),
        *,
        on_change: Callable[[Mapping[str, str | bool]], object] | None = None,
        on_action: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._fields = list(fields)
        self._on_change, self._on_action = on_change, on_action
        self.values: Mapping[str, str | bool] = {f["name"]: f.get("value", "") for f in fields if f["kind"] != "button"}

    def load(self) -> None:
        """Show the fields it was made with."""
        self.show(self._fields)

    def show(self, fields: Sequence[Field]) -> None:
        """Show these fields."""
        self._fields = list(fields)
        self.widget.show_form(self.region, self._fields)

    def handle(self, event: UserEvent) -> bool:
        """Call back with new values, or with the clicked button."""
        if event["type"] == "form":
            self.values = {**self.values, **event["values"]}
            if self._on_change is not None:
                self._on_change(self.values)
            return True
        if event["type"] == "action" and self._on_action is not None:
            self._on_action(event["name"])
            return True
        return False


class Waterfall(Part):
    """From the selling price to the profit of a route, a bar per component."""

    REGION = Region("waterfall", "chart")

    def __init__(self, route: Opportunity | None = None) -> None:
        super().__init__()
        self._route = route

    def load(self) -> None:
        """Draw the route it was made with."""
        if self._route is not None:
            self.show(self._route)

    def follow(self, shown: Shown) -> None:
        """Draw the selected route, or none where none is found."""
        if shown.selected is None:
            self.hide()
        else:
            self.show(shown.selected)

    def show(self, route: Opportunity) -> None:
        """Draw this route."""
        self._route = route
        label = f"From selling price to profit, {route.source} to {route.target}: {route.title or route.asin}"
        self.widget.draw(self.region, waterfall_figure(route), label=label)


class StorePart(Part):
    """A part that reads the store of ``settings`` (the configured ones, if not given) when it is used alone."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self._settings = settings
        self._store: LazyStore | None = None

    def share(self, settings: Settings) -> None:
        """Read the store of a page, unless it was made with settings of its own."""
        self._settings = self._settings or settings

    @property
    def settings(self) -> Settings:
        """The settings that it was made with, else those in force."""
        self._settings = self._settings or Settings.load()
        return self._settings

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            StoreError: it does not exist yet, or cannot be read.
        """
        self._store = self._store or LazyStore(self.settings)
        return self._store.get()


class PriceHistory(StorePart):
    """The price of a product on every marketplace over time, in ``currency``."""

    REGION = Region("prices", "chart")

    def __init__(self, settings: Settings | None = None, asin: str = "", *, currency: str = "EUR") -> None:
        super().__init__(settings)
        self.asin, self.currency = asin, currency

    def load(self) -> None:
        """Read the product's history and draw it.

        Raises:
            StoreError: the store cannot be read.
        """
        self.show(self.store.offers([self.asin]), self.store.history(self.asin), self.currency)

    def follow(self, shown: Shown) -> None:
        """Draw the product it was made with, or else the selected route's; none where none is found."""
        found = shown.selected
        if self.asin:
            self.load()
        elif found is None:
            self.hide()
        else:
            self.show(shown.offers, shown.store.history(found.asin), found.currency, title=found.title or found.asin)

    def show(self, offers: Sequence[Offer], histories: Sequence[History], currency: str, *, title: str = "") -> None:
        """Draw the histories of a product; prices are converted by the rate of each day."""
        lines = price_lines(histories, {o.market: o for o in offers}, currency, load_rates())
        label = f"Price on every marketplace over time: {title or self.asin}"
        self.widget.draw(self.region, history_figure(lines, currency=currency), label=label)
