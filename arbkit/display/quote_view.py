"""A quote for one route, as an object that a notebook displays: the money line by line, and what to ask next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from pydantic import BaseModel, JsonValue

from arbkit.core.errors import UsageError
from arbkit.core.formatting import money, number, percent
from arbkit.display.frames import DisplayFrame
from arbkit.display.html import render
from arbkit.display.labels import fulfilment_label
from arbkit.display.notebook_html import NotebookHtml
from arbkit.display.waterfall import PricedQuote, waterfall_table
from arbkit.profit.quote.results import MaxBuy, Quote

if TYPE_CHECKING:
    import plotly.graph_objects as go

_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")
_TITLE = 60
"""Characters of a title in a headline."""


class QuoteView:
    """The answer of :func:`arbkit.profit.quote.quote.quote`: amounts in ``currency``, signed, for one unit.

    ``profit``, ``roi_pct`` and ``margin_pct`` (of net revenue) are None where something needed is unknown;
    ``unknown`` names it. The components add up to the profit to the cent. A notebook displays it as a waterfall;
    :meth:`plot` gives the same as a chart, :meth:`to_dict` the document of ``arbkit profit --json``.
    """

    source: str
    """The marketplace to buy on."""
    target: str
    """The marketplace to sell on."""
    currency: str
    """The currency of all amounts: that of the seller's home."""
    profit: float | None
    """Profit of one unit after every fee and tax, with the likely package; None where it is unknown."""
    profit_low: float | None
    """The lowest profit over the packages that it may have; the same as ``profit`` where the package is measured."""
    profit_high: float | None
    """The highest one."""
    roi_pct: float | None
    """Profit in percent of what is invested; None where it is unknown."""
    margin_pct: float | None
    """Profit in percent of net revenue; None where it is unknown."""
    unknown: tuple[str, ...]
    """Why there is no profit; empty where there is one."""

    def __init__(self, quote: Quote, *, asin: str = "", title: str | None = None, demo: bool = False) -> None:
        self._quote = quote
        self.asin, self.title, self.demo = asin, title, demo
        self.source, self.target, self.currency = quote.source, quote.target, quote.currency
        self.profit, self.roi_pct, self.margin_pct = quote.profit, quote.roi_pct, quote.margin_net_pct
        bounds = quote.range
        self.profit_low = bounds.low if bounds else quote.profit
        self.profit_high = bounds.high if bounds else quote.profit
        self.unknown = quote.unknown

    @property
    def hints(self) -> tuple[str, ...]:
        """What would raise the profit, or what is missing, in the names of the arguments."""
        return tuple(_OPTION.sub(lambda m: m[1].replace("-", "_"), hint) for hint in self._quote.hints)

    @property
    def components(self) -> DisplayFrame:
        """One row per component: ``component, amount, currency, rule, table, valid_from, source, assumed``."""
        rows = [{"component": part.name, **part.model_dump()} for part in self._quote.components]
        columns = ["component", "amount", "currency", "rule", "table", "valid_from", "source", "assumed"]
        return DisplayFrame(rows, columns=columns)

    @property
    def alternatives(self) -> DisplayFrame:
        """The other fulfilment methods: ``fulfilment, profit, difference, currency, allowed, why_not``."""
        columns = ["fulfilment", "profit", "difference", "currency", "allowed", "why_not"]
        return self._cases(self._quote.alternatives, columns)

    @property
    def sensitivity(self) -> DisplayFrame:
        """Profit if a price or the exchange rate changes: ``of, change_pct, profit, currency``."""
        return self._cases(self._quote.sensitivity, ["of", "change_pct", "profit", "currency"])

    @property
    def vat_cases(self) -> DisplayFrame:
        """The same under other VAT, a row each.

        ``vat_status, input_vat, vat_class, profit, currency, roi_pct, fulfilment, why_not``.
        """
        columns = ["vat_status", "input_vat", "vat_class", "profit", "currency", "roi_pct", "fulfilment", "why_not"]
        return self._cases(self._quote.vat_grid, columns)

    def _cases(self, cases: Sequence[BaseModel], columns: list[str]) -> DisplayFrame:
        """A row per case; amounts are numbers also where all of them are unknown."""
        frame = DisplayFrame([{**case.model_dump(), "currency": self.currency} for case in cases], columns=columns)
        return frame.astype({name: "float64" for name in ("profit", "difference", "roi_pct") if name in columns})

    def plot(self) -> go.Figure:
        """From the selling price to the profit, a bar per component.

        Raises:
            UsageError: there is no profit to draw; says what is unknown.
        """
        from arbkit.display.charts import waterfall_figure
        from arbkit.display.offline import showable

        figure = waterfall_figure(self._priced())
        subject = str(figure.layout.title.text)
        title = Markup("{}: {}").format(self._name(), subject[:1].lower() + subject[1:])
        figure.update_layout(title={"text": str(title)})
        return showable(figure)

    def to_dict(self) -> dict[str, JsonValue]:
        """The document of ``arbkit profit --json``."""
        return self._quote.model_dump(mode="json")

    def _priced(self) -> PricedQuote:
        if self.profit is None:
            raise UsageError(
                f"cannot be priced: {'; '.join(self.unknown)}", field="route", value=f"{self.source} → {self.target}",
                remedy="; ".join(self.hints) or None,
            )  # fmt: skip
        parts: list[Any] = [part.model_dump() for part in self._quote.components]
        name = self.title or self.asin or "One unit"
        return PricedQuote(self.asin, name, self.source, self.target, self.currency, self.profit, self.demo, parts)

    def _name(self) -> str:
        name = _shortened(self.title) or self.asin
        return f"{name}, {self.source} → {self.target}{', DEMO market' if self.demo else ''}".removeprefix(", ")

    def _lines(self) -> list[str]:
        """The quote in words, the result first."""
        quote = self._quote
        if self.profit is None:
            return [f"{self._name()} on {quote.on}: profit unknown: {'; '.join(self.unknown)}", *self.hints]
        break_even = ", ".join(number(price) for price in quote.break_even_sell) or "none"
        package_range = package_range_text(quote)
        return [
            f"{self._name()} on {quote.on}: {money(self.profit, self.currency)} profit, "
            f"{fulfilment_label(quote.fulfilment)}, ROI {percent(self.roi_pct)}, "
            f"margin {percent(self.margin_pct)} of net revenue",
            f"Break-even selling price {break_even}; {max_cost_text(quote.max_buy)}",
            *([package_range] if package_range else []),
            *quote.warnings,
            *self.hints,
        ]

    def _repr_html_(self) -> str:
        headline, *lines = self._lines()
        breakdown = waterfall_table(self._priced()) if self.profit is not None else self.components.to_markup()
        return NotebookHtml(render("quote.html.j2", headline=headline, lines=lines, breakdown=breakdown))._repr_html_()

    def __repr__(self) -> str:
        parts = self.components[["component", "amount", "currency", "rule"]]
        return "\n".join([*self._lines(), repr(parts)])


def package_range_text(quote: Quote) -> str:
    """``profit 2.10 to 9.40 EUR, depending on the package``; empty where that is measured."""
    if quote.range is None:
        return ""
    low, high = ("unknown" if bound is None else number(bound) for bound in (quote.range.low, quote.range.high))
    return f"profit {low} to {high} {quote.currency}, depending on the package"


def max_cost_text(limit: MaxBuy) -> str:
    """The highest buying price that still reaches the targets: ``max cost 142.14 EUR (30 % ROI)``."""
    targets = f"{limit.target_roi_pct:g} % ROI"
    if limit.target_profit is not None:
        targets += f" and {number(limit.target_profit)} profit"
    return (
        f"no cost reaches {targets}"
        if limit.price is None
        else f"max cost {money(limit.price, limit.currency)} ({targets})"
    )


def _shortened(title: str | None) -> str:
    return "" if not title else title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…"
