"""Where a route's money goes, as HTML that needs no script: for reports that are opened years later, offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol

from arbkit.core.formatting import number

__all__ = ["PricedRoute", "Waterfall", "component_label"]

_LABELS = {"output_vat": "Output VAT", "input_vat": "Input VAT", "import_vat": "Import VAT",
           "vat_on_fees": "VAT on fees", "fx_cost": "Exchange cost"}  # fmt: skip

_STYLE = """<style>
.waterfall { width: 100%; border-collapse: collapse; font-size: 13px; }
.waterfall td { padding: 3px 8px; text-align: left; vertical-align: top; }
.waterfall .n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.waterfall .bar { width: 40%; } .waterfall .bar div { height: 14px; margin-top: 3px; }
.waterfall .in { background: #1a7f37; } .waterfall .out { background: #cf222e; }
.waterfall .sum { background: #1f6feb; }
.waterfall tr.total td { font-weight: 700; }
@media (max-width: 600px) {
  .waterfall tr { display: grid; grid-template-columns: 1fr auto; padding: 4px 0; }
  .waterfall td { padding: 0; border: 0; } .waterfall .bar, .waterfall .rule { grid-column: 1 / 3; width: auto; }
  .waterfall .rule { opacity: 0.75; font-size: 12px; }
}
</style>"""


def component_label(name: str) -> str:
    """A component's name as people read it: ``referral_fee`` → Referral fee."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())


class PricedRoute(Protocol):
    """A priced route: :class:`~arbkit.core.models.Opportunity` or :class:`~arbkit.display.quote_view.QuoteView`."""

    @property
    def asin(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def profit(self) -> float: ...
    @property
    def demo(self) -> bool: ...
    @property
    def components(self) -> Sequence[Mapping[str, Any]]: ...


class Waterfall:
    """From the selling price to the profit, a bar per component; a notebook shows it by itself."""

    def __init__(self, opportunity: PricedRoute) -> None:
        self._found = opportunity

    def _repr_html_(self) -> str:
        found = self._found
        rows, level = "", 0.0
        tops = [0.0]
        for part in found.components:
            tops.append(tops[-1] + part["amount"])
        low, high = min(*tops, found.profit, 0.0), max(*tops, found.profit)
        scale = 100 / (high - low or 1.0)
        for part in found.components:
            begin, end = sorted((level, level + part["amount"]))
            level += part["amount"]
            label = component_label(str(part["name"])) + (" *" if part["assumed"] else "")
            bar = (scale * (begin - low), scale * (end - begin))
            kind = "in" if part["amount"] >= 0 else "out"
            rows += _row(label, part["amount"], bar, kind, _why(part), str(part["rule"]))
        begin, end = sorted((0.0, found.profit))
        bar = (scale * (begin - low), scale * (end - begin))
        rows += _row("Profit", found.profit, bar, "sum", "the sum of all bars", "", row="total")
        demo = " (DEMO)" if found.demo else ""
        title = f"{found.title or found.asin}{demo}: {found.source} → {found.target}, {found.currency}"
        assumed = "* assumed. " if any(part["assumed"] for part in found.components) else ""
        return (
            f'{_STYLE}<h4>{escape(title)}</h4><table class="waterfall">{rows}</table>'
            f"<small>{assumed}Table, date and source of each line: hold the pointer over it.</small>"
        )


def _why(part: Mapping[str, Any]) -> str:
    table = f"\nTable: {part['table']}, valid from {part['valid_from']}" if part["table"] else ""
    source = f"\nSource: {part['source']}" if part["source"] else ""
    return f"Rule: {part['rule']}{table}{source}"


def _row(label: str, amount: float, bar: tuple[float, float], kind: str, why: str, rule: str, *, row: str = "") -> str:
    style = f"margin-left:{bar[0]:.2f}%;width:{max(bar[1], 0.3):.2f}%"
    return (
        f'<tr class="{row}" title="{escape(why)}"><td>{escape(label)}</td><td class="n">{number(amount)}</td>'
        f'<td class="bar"><div class="{kind}" style="{style}"></div></td><td class="rule">{escape(rule)}</td></tr>'
    )
