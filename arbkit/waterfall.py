"""Where a route's money goes, as HTML that needs no script: for reports that are opened years later, offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol

__all__ = ["Priced", "Waterfall"]

_GREEN, _RED, _BLUE = "#1a7f37", "#cf222e", "#1f6feb"


class Priced(Protocol):
    """A route whose money is known: :class:`~arbkit.models.Opportunity`, :class:`~arbkit.answers.Answer`."""

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
    def components(self) -> Sequence[Mapping[str, Any]]: ...


class Waterfall:
    """From the selling price to the profit, a bar per component; a notebook shows it by itself."""

    def __init__(self, opportunity: Priced) -> None:
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
            colour = _GREEN if part["amount"] >= 0 else _RED
            label = str(part["name"]).replace("_", " ") + (" *" if part["assumed"] else "")
            bar = (scale * (begin - low), scale * (end - begin))
            rows += _row(label, part["amount"], bar, colour, _why(part), str(part["rule"]))
        begin, end = sorted((0.0, found.profit))
        bar = (scale * (begin - low), scale * (end - begin))
        rows += _row("profit", found.profit, bar, _BLUE, "the sum of all bars", "")
        title = f"{found.title or found.asin}: {found.source} → {found.target}, {found.currency}"
        return (
            f'<h4>{escape(title)}</h4><table style="width:100%;border-collapse:collapse;font-size:13px">{rows}</table>'
            "<small>* assumed. Rule, table, date and source of each line: hold the pointer over it.</small>"
        )


def _why(part: Mapping[str, Any]) -> str:
    table = f"\nTable: {part['table']}, valid from {part['valid_from']}" if part["table"] else ""
    source = f"\nSource: {part['source']}" if part["source"] else ""
    return f"Rule: {part['rule']}{table}{source}"


def _row(label: str, amount: float, bar: tuple[float, float], colour: str, why: str, rule: str) -> str:
    style = f"margin-left:{bar[0]:.2f}%;width:{max(bar[1], 0.3):.2f}%;background:{colour};height:14px"
    return (
        f'<tr title="{escape(why)}"><td style="text-align:left;white-space:nowrap">{escape(label)}</td>'
        f'<td style="text-align:right">{amount:.2f}</td><td style="width:45%"><div style="{style}"></div></td>'
        f'<td style="text-align:left">{escape(rule)}</td></tr>'
    )
