"""The part that shows the selected route of a page in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arbkit.web.dashboards.composed.subject import RouteSubject, ShownRoute
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.part import RoutePart, StorePart
from arbkit.web.dashboards.product.glance import route_html

if TYPE_CHECKING:
    from arbkit.web.dashboards.composed.page import Page


class RouteDetails(RoutePart, StorePart):
    """The selected route in words, with links to both of its Amazon pages, and a button to watch its product."""

    REGION = Region("route", "html")

    _watched = False

    def follow(self, shown: RouteSubject) -> None:
        """Show the selected route, also where it is the same and only its product is watched now."""
        watched = shown.route is not None and shown.page.watched(shown.route.asin)
        if watched != self._watched:
            self._watched, self._drawn = watched, None
        super().follow(shown)

    def show_route(self, route: ShownRoute) -> None:
        """Show this route, if it can be priced."""
        if route.opportunity is None:
            self.hide()
        else:
            html = route_html(route.opportunity, route.offers, route.histories, self.settings, watched=self._watched)
            self.widget.show_html(self.region, html)

    def handle(self, event: UserEvent) -> bool:
        """Put the product on the watchlist, or remove it."""
        return self.page is not None and watch_clicked(self.page, event)


def watch_clicked(page: Page, event: UserEvent) -> bool:
    """Put the product of a clicked button on the watchlist, or remove it; whether it was such a button."""
    if event["type"] != "action" or event["name"] not in ("watch", "unwatch"):
        return False
    page.watch(str(event.get("id", "")), wanted=event["name"] == "watch")
    page.redraw()
    return True
