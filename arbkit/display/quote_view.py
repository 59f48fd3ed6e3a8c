"""What one route leaves, as an object that a notebook shows: the money line by line, and what to ask next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from arbkit.core.errors import UsageError
from arbkit.display.frames import Frame
from arbkit.display.waterfall import Waterfall
from arbkit.profit.quote.results import Quote

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Answer"]

_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")


@dataclass(frozen=True, slots=True)
class _Known:
    """A route that is priced to the end (:class:`~arbkit.display.waterfall.Priced`)."""

    asin: str
    title: str | None
    source: str
    target: str
    currency: str
    profit: float
    demo: bool
    components: Sequence[Mapping[str, Any]]


class Answer:
    """A :class:`~arbkit.profit.quote.results.Quote` of one route: amounts in ``currency``, signed, for one unit.

    ``profit``, ``roi_pct`` and ``margin_pct`` (of net revenue) are None where something needed is unknown;
    ``unknown`` says what. The components add up to the profit to the cent. A notebook shows it as a waterfall;
    :meth:`plot` is the same as a chart, :meth:`to_dict` the document of ``arbkit profit --json``.
    """

    def __init__(self, found: Quote, *, asin: str = "", title: str | None = None, demo: bool = False) -> None:
        self._found = found
        self.asin, self.title, self.demo = asin, title, demo

    @property
    def source(self) -> str:
        return self._found.source

    @property
    def target(self) -> str:
        return self._found.target

    @property
    def currency(self) -> str:
        return self._found.currency

    @property
    def profit(self) -> float | None:
        return self._found.profit

    @property
    def roi_pct(self) -> float | None:
        return self._found.roi_pct

    @property
    def margin_pct(self) -> float | None:
        return self._found.margin_net_pct

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why there is no profit; empty where there is one."""
        return self._found.unknown

    @property
    def hints(self) -> tuple[str, ...]:
        """What would leave more, or what is missing, in the names of the arguments."""
        return tuple(_OPTION.sub(lambda m: m[1].replace("-", "_"), hint) for hint in self._found.hints)

    @property
    def components(self) -> Frame:
        """One row a line of the money: ``component, amount, currency, rule, table, valid_from, source, assumed``."""
        names = ["name", "amount", "currency", "rule", "table", "valid_from", "source", "assumed"]
        rows = [[getattr(part, name) for name in names] for part in self._found.components]
        return Frame(rows, columns=["component", *names[1:]])

    @property
    def alternatives(self) -> Frame:
        """The other ways of fulfilment: ``fulfilment, profit, difference, currency, allowed, why_not``."""
        rows = [{**other.model_dump(), "currency": self.currency} for other in self._found.alternatives]
        return _numbers(rows, ["fulfilment", "profit", "difference", "currency", "allowed", "why_not"])

    @property
    def sensitivity(self) -> Frame:
        """Profit when a price or the exchange rate is other than thought: ``of, change_pct, profit, currency``."""
        rows = [{**case.model_dump(), "currency": self.currency} for case in self._found.sensitivity]
        return _numbers(rows, ["of", "change_pct", "profit", "currency"])

    @property
    def vat_cases(self) -> Frame:
        """The same under other VAT: ``vat_status, vat_class, profit, currency, roi_pct, fulfilment, why_not``."""
        rows = [{**case.model_dump(), "currency": self.currency} for case in self._found.vat_grid]
        return _numbers(rows, ["vat_status", "vat_class", "profit", "currency", "roi_pct", "fulfilment", "why_not"])

    def plot(self) -> go.Figure:
        """From the selling price to the profit, a bar per component.

        Raises:
            UsageError: there is no profit to draw; says what is unknown.
        """
        from arbkit.display.charts import waterfall_figure
        from arbkit.display.offline import showable

        figure = waterfall_figure(self._known())
        figure.update_layout(title={"text": f"{escape(self._name())}: {figure.layout.title.text[0].lower()}"
                                            f"{figure.layout.title.text[1:]}"})  # fmt: skip
        return showable(figure)

    def to_dict(self) -> dict[str, Any]:
        """The document of ``arbkit profit --json``."""
        return self._found.model_dump(mode="json")

    def _known(self) -> _Known:
        if self.profit is None:
            raise UsageError(
                f"cannot be priced: {'; '.join(self.unknown)}", field="route", value=f"{self.source} → {self.target}",
                remedy="; ".join(self.hints) or None,
            )  # fmt: skip
        parts = [part.model_dump() for part in self._found.components]
        name = self.title or self.asin or "One unit"
        return _Known(self.asin, name, self.source, self.target, self.currency, self.profit, self.demo, parts)

    def _name(self) -> str:
        name = _shortened(self.title) or self.asin
        return f"{name}, {self.source} → {self.target}{', DEMO market' if self.demo else ''}".removeprefix(", ")

    def _lines(self) -> list[str]:
        """The answer in words, the result first."""
        found = self._found
        if self.profit is None:
            return [f"{self._name()} on {found.on}: profit unknown: {'; '.join(self.unknown)}", *self.hints]
        roots = ", ".join(f"{price:.2f}" for price in found.break_even_sell) or "at no price"
        highest = found.max_buy
        price = "at no price" if highest.price is None else f"{highest.price:.2f} {highest.currency}"
        return [
            f"{self._name()} on {found.on}: {self.profit:.2f} {self.currency} profit by {found.fulfilment}, "
            f"ROI {self.roi_pct:.1f} %, margin {self.margin_pct:.1f} % of net revenue",
            f"Break-even when selling at {roots}; buy at most for {highest.target_roi_pct:g} % ROI: {price}",
            *found.warnings,
            *self.hints,
        ]

    def _repr_html_(self) -> str:
        first, *others = self._lines()
        listed = "".join(f"<li>{escape(line)}</li>" for line in others)
        drawn = Waterfall(self._known())._repr_html_() if self.profit is not None else self.components._repr_html_()
        return f"<p><b>{escape(first)}</b></p><ul>{listed}</ul>{drawn}"

    def __repr__(self) -> str:
        parts = self.components[["component", "amount", "currency", "rule"]]
        return "\n".join([*self._lines(), repr(parts)])


def _numbers(rows: list[dict[str, Any]], columns: list[str]) -> Frame:
    """Rows whose amounts are numbers also where all of them are unknown."""
    made = Frame(rows, columns=columns)
    return made.astype({name: "float64" for name in ("profit", "difference", "roi_pct") if name in columns})


def _shortened(title: str | None) -> str:
    return "" if not title else title if len(title) <= 60 else f"{title[:59]}…"
