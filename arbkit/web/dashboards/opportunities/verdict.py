"""The part that says what to do with a route: buy, watch or pass."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from arbkit.analysis.verdict.rules import load_verdict_rules
from arbkit.analysis.verdict.verdict import verdict_of
from arbkit.core.errors import ConfigError
from arbkit.core.models import Offer, Opportunity
from arbkit.web.dashboards.composed.subject import ShownRoute
from arbkit.web.dashboards.content import Region
from arbkit.web.dashboards.html import page_html, verdict_html
from arbkit.web.dashboards.part import RoutePart, StorePart

if TYPE_CHECKING:
    from arbkit.analysis.forecast.profit.forecast import ProfitForecast


class VerdictPanel(RoutePart, StorePart):
    """What the rules of ``verdict.toml`` say of a route, in one line that unfolds to all of them."""

    REGION = Region("verdict", "html")
    WHEN = "last"

    def show_route(self, route: ShownRoute) -> None:
        """Judge this route, if it can be priced."""
        if route.opportunity is None:
            self.hide()
        else:
            forecast = route.forecast
            self.show(route.opportunity, route.offers, now=time.time(), forecast=forecast, route=route.name)

    def show(
        self,
        found: Opportunity,
        offers: Sequence[Offer],
        *,
        now: float,
        forecast: ProfitForecast | None = None,
        route: str = "",
    ) -> None:
        """Judge this route, whose product has these ``offers``, as of ``now`` (Unix seconds).

        ``forecast``: where none is stored with the route; ``route`` names it in the sentence.
        """
        try:
            rules = load_verdict_rules(self.settings)
        except ConfigError as error:
            # The user's file is the user's to mend; the page goes on.
            self.widget.show_html(self.region, page_html("product_warning.html.j2", text=f"No verdict: {error}"))
            return
        verdict = verdict_of(found, offers, rules, now=now, forecast=forecast)
        self.widget.show_html(self.region, verdict_html(verdict, rules, route=route))
