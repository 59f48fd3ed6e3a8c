"""The dashboard's texts as HTML. Titles, brands and reasons come from outside: all of it is escaped."""

from __future__ import annotations

from html import escape

from arbkit.ages import age_words
from arbkit.charts import component_label
from arbkit.dashboard.data import Detail
from arbkit.models import Opportunity
from arbkit.store import Stats

__all__ = ["STYLE", "components_html", "detail_html", "error_html", "headline_html"]

STYLE = """
<style>
.arbkit-head { display: flex; gap: 14px; align-items: baseline; flex-wrap: wrap; font-size: 14px; line-height: 1.6; }
.arbkit-head h1 { font-size: 22px; margin: 0; }
.arbkit-demo { background: #ffd33d; color: #24292f; font-weight: 700; padding: 2px 10px; border-radius: 4px; }
.arbkit-error { background: #ffebe9; border: 1px solid #cf222e; padding: 6px 10px; border-radius: 4px; }
.arbkit-detail, .arbkit-whatif { font-size: 14px; line-height: 1.6; padding-top: 10px; }
.arbkit-detail h2, .arbkit-whatif h2 { font-size: 18px; margin: 0; }
.arbkit-whatif { padding-left: 20px; }
.arbkit-parts, .arbkit-whatif table { border-collapse: collapse; font-size: 12.5px; line-height: 1.5; width: 100%; }
.arbkit-parts th, .arbkit-parts td, .arbkit-whatif th, .arbkit-whatif td {
  padding: 3px 10px; text-align: left; border-bottom: 1px solid #e6eaee; vertical-align: top;
}
.arbkit-parts .n, .arbkit-whatif .n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.arbkit-parts tr.sum td { font-weight: 700; border-top: 2px solid #57606a; }
</style>
"""


def headline_html(stats: Stats | None, *, total: int, demo_mode: bool, now: float) -> str:
    """What is shown, how old it is, and whether it is invented: what is in the store decides, if anything is."""
    parts = ["<h1>Opportunities</h1>"]
    known_products = stats.products if stats else 0
    invented = stats.demo_products if stats else 0
    if invented == known_products and (invented or demo_mode):
        parts.append('<span class="arbkit-demo">DEMO: invented products and prices</span>')
    elif invented:
        parts.append(f'<span class="arbkit-demo">DEMO: {invented} of {known_products} products are invented</span>')
    if stats is not None:
        known = f"<b>{total}</b> of {stats.opportunities} opportunities among {stats.products} products"
        parts.append(f"<span>{known}</span>")
        if stats.newest_at is not None:
            parts.append(f"<span>newest price {age_words(now - stats.newest_at)} old</span>")
        if stats.evaluated_at is not None:
            parts.append(f"<span>detection {age_words(now - stats.evaluated_at)} ago</span>")
    return f'<div class="arbkit-head">{"".join(parts)}</div>'


def error_html(text: str) -> str:
    """An error as the user reads it; empty for an empty text."""
    return f'<div class="arbkit-error" role="alert">{escape(text)}</div>' if text else ""


def detail_html(found: Opportunity) -> str:
    """The chosen route in words, with both of its Amazon pages."""
    demo = ' <span class="arbkit-demo">DEMO</span>' if found.demo else ""
    about = " · ".join(escape(text) for text in (found.brand, found.category, found.asin) if text)
    why = "; ".join(found.confidence_reasons) or "nothing speaks against it"
    return f"""<div class="arbkit-detail">
<h2>{escape(found.title or "(no title)")}{demo}</h2>
<div>{about}</div>
<div>Buy on {_link(found.source_url, found.source)} for <b>{found.buy_price:.2f} {escape(found.buy_currency)}</b>,
sell on {_link(found.target_url, found.target)} for <b>{found.sell_price:.2f} {escape(found.sell_currency)}</b>
by {escape(found.fulfilment)}: profit <b>{found.profit:.2f} {escape(found.currency)}</b>,
ROI <b>{found.roi_pct:.1f} %</b>, margin <b>{found.margin_pct:.1f} %</b> of net revenue.</div>
<div>Confidence {found.confidence:.2f}: {escape(why)}. Seller profile: {escape(found.profile)}.</div>
</div>"""


def _link(url: str, code: str) -> str:
    if not url.startswith("https://"):
        return escape(code)
    shop = escape(url.split("/")[2].removeprefix("www."))
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{shop}</a>'


def components_html(detail: Detail) -> str:
    """Every component with its rule, table, date and source; they add up to the profit."""
    found = detail.opportunity
    rows = []
    for part in found.components:
        table = f"{part['table']}, from {part['valid_from']}" if part["table"] else ""
        rule = str(part["rule"])
        if part["assumed"] and "assumed" not in rule:
            rule += " (assumed)"
        cells = (component_label(part["name"]), f"{part['amount']:.2f}", rule, table, part["source"] or "")
        name, amount, *rest = (escape(str(c)) for c in cells)
        rows.append(f'<tr><td>{name}</td><td class="n">{amount}</td>{"".join(f"<td>{c}</td>" for c in rest)}</tr>')
    rows.append(f'<tr class="sum"><td>Profit</td><td class="n">{found.profit:.2f}</td><td colspan="3"></td></tr>')
    head = f'<th>Component</th><th class="n">{escape(found.currency)}</th><th>Rule</th><th>Table</th><th>Source</th>'
    return f'<table class="arbkit-parts"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
