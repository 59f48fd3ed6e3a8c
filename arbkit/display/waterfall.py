"""Where a route's money goes, as HTML that needs no script: for reports that are opened years later, offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple, TypeAlias

from markupsafe import Markup

from arbkit.core.models import Opportunity
from arbkit.core.results import ComponentRow
from arbkit.display.html import render
from arbkit.display.labels import component_label
from arbkit.display.notebook_html import NotebookHtml

_MIN_WIDTH_PCT = 0.3
"""So that a component of a cent can be seen."""


@dataclass(frozen=True, slots=True)
class PricedQuote:
    """A quote whose profit is known: signed amounts for one unit, in ``currency``, that add up to it."""

    asin: str
    title: str | None
    source: str
    target: str
    currency: str
    profit: float
    demo: bool
    components: Sequence[ComponentRow]


ProfitableRoute: TypeAlias = Opportunity | PricedQuote
"""A route whose money can be drawn."""


class _Bar(NamedTuple):
    """A line of the waterfall; offset and width are shares of the whole width, in percent."""

    label: str
    amount: float
    kind: str
    left_pct: float
    width_pct: float
    rule: str
    why: str


class Waterfall:
    """From the selling price to the profit, a bar per component, as the output of a notebook cell."""

    def __init__(self, route: ProfitableRoute) -> None:
        self._route = route

    def _repr_html_(self) -> str:
        return NotebookHtml(waterfall_table(self._route))._repr_html_()


def waterfall_table(route: ProfitableRoute) -> Markup:
    """From the selling price to the profit, a line and a bar per component; rule, table, date and source on hover."""
    demo = " (DEMO)" if route.demo else ""
    title = f"{route.title or route.asin}{demo}: {route.source} → {route.target}, {route.currency}"
    assumed = any(part["assumed"] for part in route.components)
    return render("waterfall.html.j2", title=title, bars=list(_bars(route)), assumed=assumed)


def _bars(route: ProfitableRoute) -> Iterator[_Bar]:
    amounts = [part["amount"] or 0.0 for part in route.components]
    tops = list(accumulate(amounts, initial=0.0))
    low, high = min(*tops, route.profit, 0.0), max(*tops, route.profit)
    scale = 100 / (high - low or 1.0)

    def extent(*ends: float) -> tuple[float, float]:
        start, end = sorted(ends)
        return scale * (start - low), max(scale * (end - start), _MIN_WIDTH_PCT)

    for part, amount, ends in zip(route.components, amounts, pairwise(tops), strict=True):
        label = component_label(part["name"]) + (" *" if part["assumed"] else "")
        yield _Bar(label, amount, "in" if amount >= 0 else "out", *extent(*ends), part["rule"], _why(part))
    yield _Bar("Profit", route.profit, "sum", *extent(0.0, route.profit), "", "The sum of all bars")


def _why(part: ComponentRow) -> str:
    table = f"\nTable: {part['table']}, valid from {part['valid_from']}" if part["table"] else ""
    source = f"\nSource: {part['source']}" if part["source"] else ""
    return f"Rule: {part['rule']}{table}{source}"
