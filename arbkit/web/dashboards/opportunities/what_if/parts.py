"""The parts that ask What if: the form, what that makes of the market, and the selected route under its fields."""

from __future__ import annotations

from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.html import quote_html
from arbkit.web.dashboards.opportunities.found import FoundOpportunities
from arbkit.web.dashboards.opportunities.what_if.assumed import outcome_html
from arbkit.web.dashboards.opportunities.what_if.values import WhatIf
from arbkit.web.dashboards.part import Part


class WhatIfForm(Part):
    """What is assumed of the seller, the market and the selected route; it is filled once it is opened."""

    REGION = Region("whatif", "form", waiting="…", collapsible="What if …")
    SUBJECT = FoundOpportunities
    WHEN = "later"

    _is_hidden = False

    def follow(self, shown: FoundOpportunities) -> None:
        """Show the fields, with what is wrong in them."""
        if not shown.asks_of_route and not self._is_hidden:
            return
        self._is_hidden = False
        if shown.asks_of_route:
            # Says which field is wrong.
            shown.quote()
        self.widget.show_form(self.region, shown.what_if.fields(shown.profiles(), shown.selected))

    def hide(self) -> None:
        """Take it away until there are opportunities."""
        self._is_hidden = True
        super().hide()

    def handle(self, event: UserEvent) -> bool:
        """Take assumptions, or drop them; ask of the selected route while it is open."""
        if self.page is None:
            return False
        found = self.page.subject(FoundOpportunities)
        if event["type"] == "toggle":
            found.asks_of_route = bool(event["open"])
            self.page.redraw()
            return True
        if event["type"] == "form":
            found.what_if.update(event["values"])
            found.assume()
            # Sent before the browser had drawn the fields of the row that is selected now.
            if event.get("of") not in (None, found.view.chosen):
                found.what_if.forget_route()
        elif event["type"] == "action" and event["name"] == "reset":
            found.what_if = WhatIf()
            found.assume()
        else:
            return False
        self.page.refresh()
        return True


class WhatIfOutcome(Part):
    """What the assumptions do to the market; nothing while nothing is assumed."""

    REGION = Region("outcome", "html")
    SUBJECT = FoundOpportunities

    def follow(self, shown: FoundOpportunities) -> None:
        """Show what all routes come to, today and under the assumptions."""
        if not shown.what_if.active:
            self.hide()
            return
        wrong, currency = shown.what_if.wrong, shown.currency or "EUR"
        self.widget.show_html(
            self.region, outcome_html(shown.assumed, shown.today, currency, now=shown.now, wrong=wrong)
        )


class WhatIfQuote(Part):
    """The selected route under all fields of What if, every fee and tax of it; nothing while these are closed."""

    REGION = Region("quote", "html")
    SUBJECT = FoundOpportunities
    WHEN = "later"

    def follow(self, shown: FoundOpportunities) -> None:
        """Show the quote; one of before stays where a field is wrong."""
        if not shown.asks_of_route or shown.selected is None:
            self.hide()
            return
        found, quote = shown.selected, shown.quote()
        if quote is not None:
            self.widget.show_html(self.region, quote_html(quote, title=f"What if: {found.source} → {found.target}"))
