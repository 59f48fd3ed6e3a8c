"""Tables of routes as HTML without scripts, for reports; on a narrow screen each row becomes a card.

Titles come from outside: all of it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from arbkit.core.formatting import money, percent
from arbkit.core.models import Opportunity

__all__ = ["STYLE", "Cell", "Html", "link", "route_cell", "routes_table", "shown", "table", "title_cell"]

STYLE = """<style>
.ak { color: var(--ink, inherit); }
.ak-demo { display: inline-block; background: #ffd33d; color: #24292f; font-weight: 700; padding: 2px 10px;
  border-radius: 4px; }
.ak-tag { background: #ffd33d; color: #24292f; font-weight: 700; padding: 0 5px; border-radius: 3px; font-size: 11px; }
.ak-tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; margin: 14px 0 6px; }
.ak-tile { background: var(--card, transparent); border: 1px solid var(--line, #d1d9e0); border-radius: 8px;
  padding: 10px 14px; }
.ak-tile b { display: block; font-size: 22px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.ak-tile span, .ak-soft { color: var(--soft, #59636e); font-size: 13px; }
.ak-note { background: var(--warn, #fff3c4); color: var(--warn-ink, #5c4400); border-radius: 6px; padding: 8px 12px;
  margin: 8px 0; }
.ak-up { color: var(--good, #1a7f37); } .ak-down { color: var(--bad, #cf222e); }
.ak-t { width: 100%; border-collapse: collapse; font-size: 14px; }
.ak-t th, .ak-t td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--line, #d1d9e0);
  vertical-align: top; font-variant-numeric: tabular-nums; white-space: nowrap; }
.ak-t .ak-l { text-align: left; } .ak-t td.ak-l { white-space: normal; overflow-wrap: anywhere; }
.ak-t td small { display: block; color: var(--soft, #59636e); font-size: 12px; font-weight: 400; }
@media (max-width: 600px) {
  .ak-t thead { display: none; }
  .ak-t tr { display: grid; grid-template-columns: 1fr 1fr; column-gap: 20px; padding: 8px 0;
    border-bottom: 1px solid var(--line, #d1d9e0); }
  .ak-t td, .ak-t td.ak-l { display: flex; justify-content: space-between; gap: 8px; border: 0; padding: 1px 0;
    text-align: right; font-size: 13px; }
  .ak-t td::before { content: attr(data-label); color: var(--soft, #59636e); flex: none; }
  .ak-t td.ak-head, .ak-t td.ak-wide { grid-column: 1 / 3; }
  .ak-t td.ak-head { display: block; text-align: left; font-weight: 600; font-size: 14px; }
  .ak-t td.ak-head::before { content: none; }
}
</style>"""

Cell = tuple[str, str]
"""A cell's HTML, made of escaped text, and its class."""


class Html:
    """HTML that a notebook shows by itself."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return f'<div class="ak">{self.text}</div>'


def shown(found: Sequence[Opportunity]) -> Html:
    """Opportunities as a notebook shows them by itself."""
    return Html(STYLE + routes_table(found) if found else "<p>No route passes these limits.</p>")


def routes_table(found: Iterable[Opportunity]) -> str:
    """Opportunities, a row each, with links to both of their Amazon pages."""
    head = [
        ("Product", "ak-l"),
        ("Route", "ak-l"),
        ("Buy", ""),
        ("Sell", ""),
        ("Profit", ""),
        ("ROI", ""),
        ("Confidence", ""),
    ]
    rows = [
        [
            title_cell(o),
            route_cell(o.source, o.target),
            (link(o.source_url, money(o.buy_price, o.buy_currency)), ""),
            (link(o.target_url, money(o.sell_price, o.sell_currency)), ""),
            (f"<b>{money(o.profit, o.currency)}</b>", ""),
            (percent(o.roi_pct), ""),
            (f'<span title="{escape("; ".join(o.confidence_reasons))}">{o.confidence:.2f}</span>', ""),
        ]
        for o in found
    ]
    return table(head, rows)


def table(head: Sequence[tuple[str, str]], rows: Sequence[Sequence[Cell]]) -> str:
    """A table; ``head`` gives each column's title (text) and class, ``ak-l`` for text, empty for numbers."""
    titles = "".join(f'<th class="{kind}">{escape(text)}</th>' for text, kind in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kind}" data-label="{escape(title)}"><span>{text}</span></td>'
            for (title, _), (text, kind) in zip(head, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<table class="ak-t"><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>'


def title_cell(found: Opportunity) -> Cell:
    """The product, marked where it is invented."""
    tag = ' <span class="ak-tag">DEMO</span>' if found.demo else ""
    return f"{escape(found.title or '(no title)')}{tag}<small>{escape(found.asin)}</small>", "ak-l ak-head"


def route_cell(source: str, target: str) -> Cell:
    """Where it is bought and sold."""
    return f"{escape(source)}&nbsp;→&nbsp;{escape(target)}", "ak-l"


def link(url: str, text: str) -> str:
    """``text`` (HTML) as a link, if ``url`` is an address of the web."""
    if not url.startswith("https://"):
        return text
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{text}</a>'
