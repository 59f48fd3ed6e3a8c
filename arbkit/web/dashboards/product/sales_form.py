"""Taking in a settlement in the browser, and which SKUs are the product of the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from arbkit.analysis.sales.importing import TakenSales, take_sales
from arbkit.core.errors import RefusedFileError
from arbkit.core.formatting import counted
from arbkit.core.settings import Settings
from arbkit.sources.settlements.files import parse_sales
from arbkit.sources.settlements.read import ReadSales
from arbkit.store import open_store
from arbkit.web.dashboards.composed.subject import RouteSubject, ShownRoute
from arbkit.web.dashboards.content import Field, Region, UserEvent
from arbkit.web.dashboards.part import RoutePart, StorePart
from arbkit.web.dashboards.uploaded import Upload

_LARGEST = 20 << 20
"""Bytes: reading more would keep the page waiting; the command takes larger ones."""
_LONGEST = 2_000
_MOST_SKUS = 100


class SalesForm(RoutePart, StorePart):
    """A field for a file and one for the SKUs of a product; ``on_taken`` is called after sales were taken in."""

    REGION = Region("salesform", "form", title="Take in what was sold")

    def __init__(
        self, settings: Settings | None = None, asin: str = "", *, on_taken: Callable[[], None] | None = None
    ) -> None:
        super().__init__(settings)
        self._asin = asin
        self._on_taken = on_taken
        self._skus = ""
        self._upload = Upload(_LARGEST)

    def load(self) -> None:
        """Show the fields for the product it was made with."""
        self.show(self._asin)

    def follow(self, shown: RouteSubject) -> None:
        """Show the fields for the page's product."""
        self._follow_route(shown.about)

    def show_route(self, route: ShownRoute) -> None:
        """Show the fields for the product of this route."""
        self.show(route.asin)

    def show(self, asin: str) -> None:
        """Show the fields; what was typed for another product is gone."""
        if asin != self._asin:
            self._asin, self._skus = asin, ""
        fields: list[Field] = [
            {
                "name": "skus", "label": "Your SKUs of this product", "kind": "text", "value": self._skus,
                "placeholder": "DE-0042, DE-0043", "of": asin, "enter": "assign_skus",
                "hint": "Sales of these SKUs are of this product; it is remembered",
            },
            {
                "name": "settlement", "label": "Settlement (Flat File V2) or CSV", "kind": "file",
                "accept": ".txt,.csv,.tsv", "largest": _LARGEST,
            },
            {"name": "assign_skus", "label": "Say which SKUs", "kind": "button"},
        ]  # fmt: skip
        self.widget.show_form(self.region, fields)

    def handle(self, event: UserEvent) -> bool:
        """Keep what is typed; take in a file once it is whole."""
        if event["type"] == "form":
            self._skus = str(event["values"].get("skus", ""))[:_LONGEST]
        elif event["type"] == "action" and event["name"] == "assign_skus":
            self._take(ReadSales((), (), 0, ()))
        elif event["type"] == "file":
            file = self._upload.take(event)
            if file is not None:
                self._take(parse_sales(file.data, file.name, added_at=time.time()))
        else:
            return False
        return True

    def _take(self, read: ReadSales) -> None:
        skus = self._said()
        if not read.lines and not read.faults and not skus:
            raise RefusedFileError("names none", field="SKUs", remedy="Write your SKUs, separated by commas")
        with open_store(self.settings) as store:
            taken = take_sales(store, read.lines, skus)
        self.widget.notify(" ".join(_words(read, taken)), "bad" if read.faults else "good")
        self.show(self._asin)
        if self.page is not None:
            self.page.subject(RouteSubject).renew_route()
            self.page.redraw()
        if self._on_taken is not None:
            self._on_taken()

    def _said(self) -> Mapping[str, str]:
        named = [sku.strip() for sku in self._skus.split(",")]
        return {sku: self._asin for sku in named[:_MOST_SKUS] if sku and self._asin}


def _words(read: ReadSales, taken: TakenSales) -> list[str]:
    """What became of a file, in sentences."""
    said = [f"{counted(taken.new, 'line')} new, {taken.changed} changed, {taken.known} known already."]
    if others := sum(read.others.values()):
        said.append(f"{counted(others, 'line')} kept that are no sale: {', '.join([*read.others][:5])}.")
    if read.faults:
        first = read.faults[0]
        said.append(f"{counted(read.left_out, 'line')} left out; row {first.number}: {first.words}.")
    said += [
        f"Settlement {one.settlement} says {one.stated:.2f}, its lines {one.found:.2f}." for one in read.mismatches
    ]
    if taken.unknown_skus:
        said.append(f"Of no known product: {', '.join([*taken.unknown_skus][:10])}.")
    return said
