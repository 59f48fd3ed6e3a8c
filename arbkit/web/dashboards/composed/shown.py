"""What the parts of a page show at one moment: one view of the store, and the selected route of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from arbkit.analysis.offers import known_offers
from arbkit.core.models import Offer, Opportunity
from arbkit.display.frames import DisplayFrame
from arbkit.display.record_frames import opportunities_frame
from arbkit.store import Page, Stats, Store, Sums
from arbkit.store.iteration import opportunity_by_id, take
from arbkit.web.dashboards.opportunities.filters import View
from arbkit.web.dashboards.opportunities.parts import read_page


class Shown:
    """What ``view`` asks for of ``store`` at ``now`` (Unix seconds); each of it is read once, when a part asks.

    ``view`` is on the last page where there are fewer pages than it asks for. All raise ``StoreError`` where the store
    cannot be read.
    """

    def __init__(
        self, store: Store, view: View, *, now: float, is_watched: Callable[[str], bool] = lambda _: False
    ) -> None:
        self.store, self.now, self.is_watched = store, now, is_watched
        self.view, self.page = read_page(store, view, now=now)

    page: Page[Opportunity]
    """The opportunities that a table shows."""

    @cached_property
    def stats(self) -> Stats:
        """The store's head figures."""
        return self.store.stats()

    @property
    def currency(self) -> str:
        """The home currency; empty while nothing is priced."""
        return self.stats.currency or ""

    @cached_property
    def sums(self) -> Sums:
        """What all opportunities of the view come to."""
        return self.store.sums(self.view.query(now=self.now))

    @cached_property
    def selected(self) -> Opportunity | None:
        """The selected route, else the first of the table; None where nothing is found."""
        chosen = self.view.chosen
        here = next((one for one in self.page.items if one.id == chosen), None)
        found = here or (opportunity_by_id(self.store, chosen) if chosen else None)
        return found or next(iter(self.page.items), None)

    @cached_property
    def offers(self) -> list[Offer]:
        """All offers of the selected route's product."""
        return known_offers(self.store, [self.selected.asin]) if self.selected else []

    def frame(self, rows: int) -> DisplayFrame:
        """The first ``rows`` opportunities of the view in its order, as ``arb.opportunities()`` has them."""
        found, _ = take(self.store.opportunities, self.view.query(now=self.now, limit=1), rows)
        return opportunities_frame(found)
