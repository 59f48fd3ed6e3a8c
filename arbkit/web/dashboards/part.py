"""A part: one region with the data behind it and the events that it handles.

Pages are composed of parts; each is also a widget of its own in any notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import plotly.graph_objects as go

from arbkit.analysis.price_history import price_lines
from arbkit.core.models import History, Offer, Opportunity
from arbkit.core.settings import Settings
from arbkit.display.charts import history_figure, waterfall_figure
from arbkit.profit import load_rates
from arbkit.store import Store
from arbkit.store.lazy import LazyStore
from arbkit.web.dashboards.composed.subject import RouteSubject, ShownRoute, Subject
from arbkit.web.dashboards.content import Field, Region, UserEvent
from arbkit.web.dashboards.html import Figure, components_html, figures_html
from arbkit.web.dashboards.page_widget import PageWidget

if TYPE_CHECKING:
    from arbkit.web.dashboards.composed.page import Page


When: TypeAlias = Literal["first", "next", "later", "last"]


class Part:
    """One region. ``REGION`` says how it is drawn; ``load()`` fills it from what the part was made with.

    Within a page it follows what the page shows of its ``SUBJECT``; alone, :attr:`widget` (which a notebook displays
    for the part itself) loads it as soon as it is drawn.
    """

    REGION: Region
    SUBJECT: ClassVar[type[Subject] | None] = None
    """What it shows together with other parts of its page; None: something of its own."""
    WHEN: ClassVar[When] = "next"
    """When it is drawn: before all others, with them, or once the user has these, of these last what takes long."""

    page: Page | None = None
    """The page that it is a part of; None: it is alone in a notebook's cell."""

    def __init__(self) -> None:
        self._widget: PageWidget | None = None
        self._region = self.REGION.id

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that it consists of, where it has several regions."""
        return (self,)

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
            regions = [
                Region(one.region, one.REGION.kind, waiting=one.REGION.waiting or ("Loading …" if one is self else ""))
                for one in self.parts
            ]
            self._widget = PageWidget(self.region, "", regions, self._handle_alone, standalone=True)
            for one in self.parts:
                one.attach(self._widget)
        return self._widget

    def attach(self, widget: PageWidget) -> None:
        """Be shown by a widget that has other regions too."""
        self._widget = widget

    def join(self, page: Page) -> None:
        """Be a part of a page."""
        self.page = page
        self.attach(page.widget)

    def warm_up(self) -> None:
        """Do what the first drawing would wait for."""

    def forget(self) -> None:
        """Drop what was typed and refused: the page shows what another address asks for."""

    def load(self) -> None:
        """Read the data and show it.

        Raises:
            ArbkitError: the data cannot be read.
        """

    def follow(self, shown: Any) -> None:  # noqa: ARG002  # parts that show the page's subject override it
        """Show what its page shows now of ``SUBJECT``; a part that has its own data loads that.

        Raises:
            ArbkitError: the data cannot be read.
        """
        self.load()

    def show_empty(self) -> bool:
        """Show that the store has never answered; whether the part says what to do about it."""
        self.hide()
        return False

    async def settled(self) -> None:
        """Wait until nothing of it is done in the background."""

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
            next((one for one in self.parts if one.region == event.get("region")), self).handle(event)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)


class Slot(Part):
    """One more region of a part, which fills it and hears its events."""

    def __init__(self, region: Region, owner: Part) -> None:
        self.REGION, self._owner = region, owner
        super().__init__()

    def follow(self, shown: None) -> None:
        """Stay as its owner has filled it."""

    def show_empty(self) -> bool:
        """Stay as its owner has filled it."""
        return False

    def handle(self, event: UserEvent) -> bool:
        """Have the owner react."""
        return self._owner.handle(event)


class RoutePart(Part):
    """A part that shows the selected route of its page: drawn again only where it is another one, or is another now."""

    SUBJECT = RouteSubject
    WHEN: ClassVar[When] = "later"

    _drawn: ShownRoute | None = None

    def follow(self, shown: RouteSubject) -> None:
        """Show the selected route; nothing where none is found."""
        self._follow_route(shown.route)

    def _follow_route(self, route: ShownRoute | None) -> None:
        if route is None:
            self.hide()
        elif route is not self._drawn:
            self.show_route(route)
            self._drawn = route

    def show_route(self, route: ShownRoute) -> None:
        """Show this route.

        Raises:
            ArbkitError: what it needs cannot be read.
        """
        raise NotImplementedError

    def hide(self) -> None:
        """Take it away until a route is selected again."""
        self._drawn = None
        super().hide()


class Figures(Part):
    """Figures side by side: label, value, and what stands small beside it; made without any, a page's own."""

    REGION = Region("figures", "html", waiting="Reading the store …")
    SUBJECT = Subject

    def __init__(self, figures: Iterable[Figure] = ()) -> None:
        super().__init__()
        self._figures = list(figures)

    def load(self) -> None:
        """Show the figures it was made with."""
        self.show(self._figures)

    def follow(self, shown: Subject) -> None:
        """Show the figures it was made with, or else those of what the page shows."""
        if found := self._figures or shown.figures():
            self.widget.show_html(self.region, figures_html(found))

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
        """Show the fields it was made with, and what was typed since."""
        self.show([{**f, "value": self.values[f["name"]]} if f["name"] in self.values else f for f in self._fields])

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


class Waterfall(RoutePart):
    """From the selling price to the profit of a route, a bar per component."""

    REGION = Region("waterfall", "chart")

    def __init__(self, route: Opportunity | None = None) -> None:
        super().__init__()
        self._route = route

    def warm_up(self) -> None:
        """Have plotly ready."""
        go.Figure(go.Waterfall()).to_json()

    def load(self) -> None:
        """Draw the route it was made with."""
        if self._route is not None:
            self.show(self._route)

    def show_route(self, route: ShownRoute) -> None:
        """Draw this route, if it can be priced."""
        if route.opportunity is None:
            self.hide()
        else:
            self.show(route.opportunity)

    def show(self, route: Opportunity) -> None:
        """Draw this route."""
        self._route = route
        label = f"From selling price to profit, {route.source} to {route.target}: {route.title or route.asin}"
        self.widget.draw(self.region, waterfall_figure(route), label=label)


class Components(RoutePart):
    """Every fee and tax of the selected route, with its rule, table, date and source."""

    REGION = Region("components", "html")

    def show_route(self, route: ShownRoute) -> None:
        """Show the components of this route."""
        profit = route.opportunity.profit if route.opportunity else None
        self.widget.show_html(self.region, components_html(route.components, profit, route.currency))


class StorePart(Part):
    """A part that reads the store of ``settings`` (the configured ones, if not given) when it is used alone."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self._settings = settings
        self._store: LazyStore | None = None

    def join(self, page: Page) -> None:
        """Be a part of a page, and read its store, unless it was made with settings of its own."""
        self._settings = self._settings or page.settings
        super().join(page)

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


class PriceHistory(RoutePart, StorePart):
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

    def warm_up(self) -> None:
        """Have the rates and plotly ready."""
        load_rates()
        history_figure((), currency="EUR").to_json()

    def follow(self, shown: RouteSubject) -> None:
        """Draw the product it was made with, or else the selected route's; none where none is found."""
        if self.asin:
            self.load()
        else:
            super().follow(shown)

    def show_route(self, route: ShownRoute) -> None:
        """Draw the product of this route."""
        found = route.opportunity
        self.show(route.offers, route.histories, route.currency, title=(found and found.title) or route.asin)

    def show(self, offers: Sequence[Offer], histories: Sequence[History], currency: str, *, title: str = "") -> None:
        """Draw the histories of a product; prices are converted by the rate of each day."""
        lines = price_lines(histories, {o.market: o for o in offers}, currency, load_rates())
        label = f"Price on every marketplace over time: {title or self.asin}"
        self.widget.draw(self.region, history_figure(lines, currency=currency), label=label)
