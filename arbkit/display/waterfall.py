"""Where a route's money goes, as HTML that needs no script: for reports that are opened years later, offline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from markupsafe import Markup

from arbkit.core.results import ComponentRow
from arbkit.display.html import render
from arbkit.display.labels import component_label
from arbkit.display.notebook_html import NotebookHtml

_MIN_WIDTH_PCT = 0.3
"""So that a component of a cent can be seen."""


class PricedRoute(Protocol):
    """A route with a known profit, such as :class:`~arbkit.core.models.Opportunity`; amounts in ``currency``."""

    @property
    def asin(self) -> str:
        """The product."""

    @property
    def title(self) -> str | None:
        """Its title; None where it is unknown."""

    @property
    def source(self) -> str:
        """The marketplace to buy on."""

    @property
    def target(self) -> str:
        """The marketplace to sell on."""

    @property
    def currency(self) -> str:
        """The currency of profit and components."""

    @property
    def profit(self) -> float:
        """Profit of one unit, after every fee and tax."""

    @property
    def demo(self) -> bool:
        """Whether the product is invented."""

    @property
    def components(self) -> Sequence[ComponentRow]:
        """The signed amounts that add up to the profit."""


@dataclass(frozen=True, slots=True)
class _Bar:
    """A line of the waterfall; offset and width are shares of the whole width, in percent."""

    label: str
    amount: float
    kind: str
    left_pct: str
    width_pct: str
    rule: str
    why: str


class Waterfall:
    """From the selling price to the profit, a bar per component, as the output of a notebook cell."""

    def __init__(self, route: PricedRoute) -> None:
        self._route = route

    def _repr_html_(self) -> str:
        return NotebookHtml(waterfall_table(self._route))._repr_html_()


def waterfall_table(route: PricedRoute) -> Markup:
    """From the selling price to the profit, a line and a bar per component; rule, table, date and source on hover."""
    demo = " (DEMO)" if route.demo else ""
    title = f"{route.title or route.asin}{demo}: {route.source} → {route.target}, {route.currency}"
    assumed = any(part["assumed"] for part in route.components)
    return render("waterfall.html.j2", title=title, bars=list(_bars(route)), assumed=assumed)


def _bars(route: PricedRoute) -> Iterator[_Bar]:
    tops = [0.0]
    for part in route.components:
        tops.append(tops[-1] + (part["amount"] or 0.0))
    low, high = min(*tops, route.profit, 0.0), max(*tops, route.profit)
    scale = 100 / (high - low or 1.0)

    def bar(label: str, amount: float, kind: str, ends: tuple[float, float], rule: str, why: str) -> _Bar:
        start, end = sorted(ends)
        width_pct = max(scale * (end - start), _MIN_WIDTH_PCT)
        return _Bar(label, amount, kind, f"{scale * (start - low):.2f}", f"{width_pct:.2f}", rule, why)

    for part, ends in zip(route.components, pairwise(tops), strict=True):
        amount = part["amount"] or 0.0
        label = component_label(part["name"]) + (" *" if part["assumed"] else "")
        yield bar(label, amount, "in" if amount >= 0 else "out", ends, part["rule"], _why(part))
    yield bar("Profit", route.profit, "sum", (0.0, route.profit), "", "The sum of all bars")


def _why(part: ComponentRow) -> str:
    table = f"\nTable: {part['table']}, valid from {part['valid_from']}" if part["table"] else ""
    source = f"\nSource: {part['source']}" if part["source"] else ""
    return f"Rule: {part['rule']}{table}{source}"
