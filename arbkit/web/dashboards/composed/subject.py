"""What the parts of a page are about: read once for all of them, changed by any of them, and named by the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from arbkit.core.models import History, Offer, Opportunity
from arbkit.core.results import ComponentRow

if TYPE_CHECKING:
    from arbkit.analysis.forecast.profit.forecast import ProfitForecast
    from arbkit.store import Store
    from arbkit.web.dashboards.composed.page import Page
    from arbkit.web.dashboards.html import Figure


class Subject:
    """What several parts of a page show together.

    A part changes it and then has the page :meth:`~arbkit.web.dashboards.composed.page.Page.refresh`, or
    :meth:`~arbkit.web.dashboards.composed.page.Page.redraw` where nothing needs to be read anew: all parts follow.
    """

    NAME: ClassVar[str] = ""
    """What stands before its fields in the address of a page that has another subject too."""
    NEEDS_STORE: ClassVar[bool] = True
    """Whether nothing of it is known while the store does not answer; else it reads on its own, in the background."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            StoreError: it does not exist yet, or cannot be read.
        """
        return self.page.store

    def open(self, search: str) -> Mapping[str, str]:  # noqa: ARG002  # those that an address says something of override it
        """Take what an address' query string asks for; what is wrong in it, by field."""
        return {}

    def search(self) -> str:
        """The query string that :meth:`open` takes it from again."""
        return ""

    def load(self, *, now: float) -> None:
        """Read it as of ``now`` (Unix seconds).

        Raises:
            ArbkitError: it cannot be read.
        """

    def is_waiting(self) -> bool:
        """Whether there is nothing of it yet, so that the store is asked more often."""
        return False

    def is_stale(self) -> bool:
        """Whether what was read is not what is stored any more.

        Raises:
            ArbkitError: the store cannot be read.
        """
        return False

    def tick(self) -> None:
        """The page is being looked at, once a second."""

    def load_without_store(self) -> None:
        """Read what is known while the store has never answered."""

    async def settled(self) -> None:
        """Wait until nothing of it is read in the background."""

    def figures(self) -> list[Figure]:
        """What it comes to, for a part that shows figures."""
        return []


@dataclass(eq=False)
class ShownRoute:
    """A route that parts show. It is made anew when something of it has changed, so that parts know when to draw.

    ``opportunity`` is None where the route cannot be priced; ``name`` is said where there are several to confuse.
    """

    asin: str
    source: str
    target: str
    brand: str | None
    opportunity: Opportunity | None
    components: Sequence[ComponentRow]
    currency: str
    read_offers: Callable[[], Sequence[Offer]]
    read_histories: Callable[[], Sequence[History]]
    read_forecast: Callable[[], ProfitForecast | None] = lambda: None
    name: str = ""

    @cached_property
    def offers(self) -> Sequence[Offer]:
        """All offers of its product.

        Raises:
            StoreError: the store cannot be read.
        """
        return self.read_offers()

    @cached_property
    def histories(self) -> Sequence[History]:
        """The histories of its product.

        Raises:
            StoreError: the store cannot be read.
        """
        return self.read_histories()

    @cached_property
    def forecast(self) -> ProfitForecast | None:
        """The forecast that was made just now; None: that which is stored with the route holds.

        Raises:
            StoreError: the store cannot be read.
        """
        return self.read_forecast()


class RouteSubject(Subject):
    """A subject of which a route is selected."""

    route: ShownRoute | None = None
    """None: there is none to select."""

    @property
    def about(self) -> ShownRoute | None:
        """What may be decided about: the route, or a product of which none is selected."""
        return self.route

    def renew_route(self) -> None:
        """Have all parts about the selected route draw again."""
