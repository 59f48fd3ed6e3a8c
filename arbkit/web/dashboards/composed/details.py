"""The parts that show the selected route of a page in words and in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arbkit.web.dashboards.content import Region
from arbkit.web.dashboards.html import components_html
from arbkit.web.dashboards.part import Part, StorePart
from arbkit.web.dashboards.product.glance import route_html

if TYPE_CHECKING:
    from arbkit.web.dashboards.composed.shown import Shown


class RouteDetails(StorePart):
    """The selected route in words, with links to both of its Amazon pages."""

    REGION = Region("route", "html")

    def follow(self, shown: Shown) -> None:
        """Show the selected route; nothing where none is found."""
        if (found := shown.selected) is None:
            self.hide()
        else:
            histories, watched = shown.store.history(found.asin), shown.is_watched(found.asin)
            html = route_html(found, shown.offers, histories, self.settings, watched=watched)
            self.widget.show_html(self.region, html)


class Components(Part):
    """Every fee and tax of the selected route, with its rule, table, date and source."""

    REGION = Region("components", "html")

    def follow(self, shown: Shown) -> None:
        """Show the components of the selected route; nothing where none is found."""
        if (found := shown.selected) is None:
            self.hide()
        else:
            self.widget.show_html(self.region, components_html(found.components, found.profit, found.currency))
