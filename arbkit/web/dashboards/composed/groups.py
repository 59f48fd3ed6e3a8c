"""The part that groups opportunities: by brand, category, route or marketplace, in any order; a click filters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import cast, get_args

from arbkit.core.settings import Settings
from arbkit.store.grouping.groups import Group, GroupedBy
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.opportunities.filters import View
from arbkit.web.dashboards.opportunities.forms import shown_category
from arbkit.web.dashboards.opportunities.found import FoundOpportunities
from arbkit.web.dashboards.opportunities.parts import ViewPart

_LABELS: Mapping[GroupedBy, str] = {
    "brand": "Brand", "category": "Category", "route": "Route", "source": "Buy on", "target": "Sell on"
}  # fmt: skip
_FILTERS: Mapping[GroupedBy, tuple[str, ...]] = {
    "brand": ("brand",), "category": ("category",), "route": ("source", "target"), "source": ("source",),
    "target": ("target",),
}  # fmt: skip
"""The filters by which a view is narrowed to one group."""
_FIGURES: Mapping[str, str] = {
    "count": "Opportunities",
    "total_profit": "Total profit",
    "median_profit": "Median profit",
    "best_profit": "Best profit",
    "expected_profit": "Expected profit",
}


class Groups(ViewPart):
    """What the opportunities of a view come to, by brand, category or route; a click filters by a group."""

    REGION = Region("groups", "html", waiting="Groups …")

    def __init__(
        self,
        settings: Settings | None = None,
        view: View | None = None,
        *,
        by: GroupedBy = "brand",
        rows: int = 15,
        on_change: Callable[[View], None] | None = None,
    ) -> None:
        super().__init__(settings, view, on_change=on_change)
        self.by, self.rows, self._order = by, rows, "total_profit"

    def load(self) -> None:
        """Read the groups of the view and show them, also those beside the one that is filtered by.

        Raises:
            StoreError: the store cannot be read.
        """
        others = self.view.changed(**dict.fromkeys(_FILTERS[self.by]))
        found = self.store.groups(others.query(now=time.time()), self.by)
        self.show(found, self.store.stats().currency or "", self.view)

    def follow(self, shown: FoundOpportunities) -> None:
        """Show the groups of the page's view."""
        self.filter(shown.view)

    def show(self, groups: Sequence[Group], currency: str, view: View) -> None:
        """Show these groups, the first of them in the order that was clicked; ``view`` says which is filtered by."""
        self.view = view
        first = sorted(groups, key=self._place)[: self.rows]
        html = page_html(
            "groups.html.j2", groups=first, total=len(groups), by=self.by, order=self._order, labels=_LABELS,
            figures=_FIGURES, chosen=_chosen(view, self.by), currency=currency,
        )  # fmt: skip
        self.widget.show_html(self.region, html)

    def handle(self, event: UserEvent) -> bool:
        """Group by something else, order by another figure, or filter by a group or by none."""
        if event["type"] != "action":
            return False
        clicked = str(event.get("id", ""))
        match event["name"]:
            case "by" if clicked in get_args(GroupedBy):
                self.by = cast("GroupedBy", clicked)
                self.load()
            case "order" if clicked in _FIGURES:
                self._order = clicked
                self.load()
            case "group":
                self._choose(clicked)
            case _:
                return False
        return True

    def _choose(self, key: str) -> None:
        wanted = "" if key == _chosen(self.view, self.by) else key
        names = _FILTERS[self.by]
        values = [wanted] if len(names) == 1 else wanted.split(":") if wanted else [""] * len(names)
        view, wrong = self.view.with_values(dict(zip(names, values, strict=False)))
        if not wrong:
            self._change(view)

    def _place(self, group: Group) -> tuple[bool, float]:
        figure: float | None = getattr(group, self._order)
        return figure is None, -(figure or 0.0)


def _chosen(view: View, by: GroupedBy) -> str:
    """The key of the group that the view is narrowed to; empty where it is not."""
    if by == "category":
        shown = {*map(shown_category, view.category or ())}
        return shown.pop() if len(shown) == 1 else ""
    values = [getattr(view, name) or "" for name in _FILTERS[by]]
    return ":".join(values) if all(values) else ""
