"""What pages say, as HTML. Titles, brands and reasons come from outside: all of it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from arbkit.core.formatting import UNKNOWN, age_words, count, money, percent, signed
from arbkit.core.models import Opportunity
from arbkit.display.route_tables import link
from arbkit.display.waterfall import component_label
from arbkit.profit.quote.results import Quote
from arbkit.sources.token_budget import Tokens
from arbkit.store import Stats, Sums

__all__ = [
    "answer_html",
    "demo_html",
    "figures_html",
    "head_html",
    "link_html",
    "map_html",
    "parts_html",
    "press_html",
    "route_html",
    "store_figures",
    "watch_html",
]

_AMAZON = {
    True: "Amazon itself sells it there.",
    False: "Amazon itself does not sell it there.",
    None: "Whether Amazon itself sells it there is not known.",
}
PAGES = {"opportunities": "Opportunities", "product": "Product", "pipeline": "Pipeline"}


def head_html(current: str, stats: Stats | None, *, demo_mode: bool, note: str = "") -> str:
    """The page's name, the way to the others, and whether it is invented: what is in the store decides."""
    links = "".join(
        f'<a href="{name}.ipynb"{" aria-current=page" if name == current else ""}>{label}</a>'
        for name, label in PAGES.items()
    )
    told = f'<span class="arb-quiet">{escape(note)}</span>' if note else ""
    return (
        f'<div class="arb-head"><h1>{PAGES[current]}</h1><nav aria-label="Pages of arbkit">{links}</nav>'
        f"{demo_html(stats, demo_mode=demo_mode)}{told}</div>"
    )


def demo_html(stats: Stats | None, *, demo_mode: bool) -> str:
    """The mark of invented data; empty where there is none."""
    known = stats.products if stats else 0
    invented = stats.demo_products if stats else 0
    if invented == known and (invented or demo_mode):
        return '<span class="arb-demo">DEMO: invented products and prices</span>'
    if invented:
        return f'<span class="arb-demo">DEMO: {count(invented)} of {count(known)} products are invented</span>'
    return ""


def figures_html(figures: Iterable[tuple[str, str, str]]) -> str:
    """Head figures: label, value, and what stands small beside it."""
    cells = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)} <small>{escape(small)}</small></dd></div>"
        for label, value, small in figures
    )
    return f'<dl class="arb-figures">{cells}</dl>'


def store_figures(
    stats: Stats, sums: Sums, *, routes_looked_at: int | None, tokens: Tokens | None, now: float
) -> list[tuple[str, str, str]]:
    """What the opportunities page says above everything else."""
    of = "" if sums.count == stats.opportunities else f"of {count(stats.opportunities)}"
    ages = [UNKNOWN if at is None else age_words(now - at) for at in (stats.newest_at, stats.oldest_at)]
    detected = "" if stats.evaluated_at is None else f"detected {age_words(now - stats.evaluated_at)} ago"
    return [
        ("Opportunities shown", count(sums.count), of),
        ("Profit, one unit each", money(sums.total_profit, stats.currency), ""),
        ("Products watched", count(stats.products), ""),
        ("Routes looked at", count(routes_looked_at), detected),
        ("Newest data", ages[0], "old"),
        ("Oldest data", ages[1], "old"),
        *tokens_figure(tokens, now=now),
    ]


def tokens_figure(tokens: Tokens | None, *, now: float) -> list[tuple[str, str, str]]:
    """Keepa's tokens as the producer last saw them; nothing where no producer ran."""
    if tokens is None:
        return []
    small = f"+{tokens.refill_rate}/min, {age_words(now - tokens.at)} ago"
    return [("Keepa tokens left", count(tokens.left), small)]


def link_html(url: str, text: str) -> str:
    """A link to a shop's page, or the text where it is no such address."""
    return link(url, escape(text))


def press_html(name: str, text: str, *, id: str = "", label: str = "") -> str:  # noqa: A002 - as the page calls it
    """A button that the page tells Python of."""
    named = f' aria-label="{escape(label)}"' if label else ""
    return f'<button type="button" data-press="{escape(name)}" data-id="{escape(id)}"{named}>{escape(text)}</button>'


def watch_html(asin: str, *, watched: bool) -> str:
    """The button that puts a product on the watchlist, or takes it off."""
    if watched:
        return press_html("unwatch", "Remove from the watchlist", id=asin)
    return press_html("watch", "Add to the watchlist", id=asin)


def map_html(routes: Mapping[str, Mapping[str, Any]], markets: Sequence[str], currency: str, chosen: str) -> str:
    """The twenty routes as a grid: how many opportunities, and what they leave together at one unit each."""
    most = max((r["total_profit"] for r in routes.values()), default=0.0)
    head = "".join(f'<th scope="col">{code}</th>' for code in markets)
    rows = ""
    for source in markets:
        cells = ""
        for target in markets:
            cells += f"<td>{_route_cell(source, target, routes, most, currency, chosen)}</td>"
        rows += f'<tr><th scope="row">{source}</th>{cells}</tr>'
    return (
        '<div class="arb-map"><h2>Routes: buy on (down), sell on (across)</h2><div class="arb-scroll">'
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="arb-quiet">Opportunities, and their profit in {escape(currency)}. Press one to see only it.</p>'
        "</div>"
    )


def _route_cell(
    source: str, target: str, routes: Mapping[str, Mapping[str, Any]], most: float, currency: str, chosen: str
) -> str:
    if source == target:
        return ""
    name = f"{source}:{target}"
    found = routes.get(name, {"count": 0, "total_profit": 0.0, "best_profit": 0.0})
    heat = max(0.0, found["total_profit"]) / most if most > 0 else 0.0
    label = (
        f"{source} to {target}: {count(found['count'])} opportunities, together "
        f"{money(found['total_profit'], currency)}, the best {money(found['best_profit'], currency)}"
    )
    small = f"{found['total_profit']:,.0f}" if found["count"] else "&nbsp;"
    return (
        f'<button type="button" data-press="route" data-id="{name}" '
        f'aria-label="{escape(label)}" title="{escape(label)}" '
        f'aria-pressed="{str(name == chosen).lower()}" style="--heat: {heat:.2f}">'
        f"{count(found['count'])}<small>{small}</small></button>"
    )


def route_html(found: Opportunity, *, watched: bool) -> str:
    """The chosen route in words, with both of its Amazon pages."""
    demo = ' <span class="arb-demo">DEMO</span>' if found.demo else ""
    about = " · ".join(escape(text) for text in (found.brand, found.category, found.asin) if text)
    why = "; ".join(found.confidence_reasons) or "nothing speaks against it"
    amazon = _AMAZON[found.amazon_sells]
    watch = watch_html(found.asin, watched=watched)
    return f"""<div class="arb-route">
<h2>{escape(found.title or "(no title)")}{demo}</h2>
<p class="arb-quiet">{about}</p>
<p>Buy on {_shop(found.source_url, found.source)} for <b>{money(found.buy_price, found.buy_currency)}</b>,
sell on {_shop(found.target_url, found.target)} for <b>{money(found.sell_price, found.sell_currency)}</b>
by {escape(found.fulfilment)}: profit <b>{money(found.profit, found.currency)}</b>,
ROI <b>{percent(found.roi_pct)}</b>, margin <b>{percent(found.margin_pct)}</b> of net revenue. {amazon}</p>
<p>Confidence {found.confidence:.2f}: {escape(why)}. Seller profile: {escape(found.profile)}.</p>
<div class="arb-actions"><a href="product.ipynb?asin={escape(found.asin)}">All of this product</a>{watch}</div>
</div>"""


def _shop(url: str, code: str) -> str:
    shop = url.split("/")[2].removeprefix("www.") if url.startswith("https://") else code
    return link_html(url, shop)


def parts_html(components: Sequence[Mapping[str, Any]], profit: float | None, currency: str) -> str:
    """Every component with its rule, table, date and source; they add up to the profit."""
    rows = []
    for part in components:
        table = f"{part['table']}, from {part['valid_from']}" if part["table"] else ""
        rule = str(part["rule"])
        if part["assumed"] and "assumed" not in rule:
            rule += " (assumed)"
        cells = (component_label(part["name"]), signed(part["amount"]), rule, table, part["source"] or "")
        name, amount, *rest = (escape(str(c)) for c in cells)
        rows.append(
            f'<tr><th scope="row">{name}</th><td class="n">{amount}</td>{"".join(f"<td>{c}</td>" for c in rest)}</tr>'
        )
    total = f'<th scope="row">Profit</th><td class="n">{signed(profit)}</td><td colspan="3"></td>'
    head = "".join(
        f'<th scope="col"{" class=n" if label == currency else ""}>{escape(label)}</th>'
        for label in ("Component", currency, "Rule", "Table", "Source")
    )
    return (
        f'<div class="arb-scroll"><table class="arb-parts"><thead><tr>{head}</tr></thead>'
        f'<tbody>{"".join(rows)}<tr class="sum">{total}</tr></tbody></table></div>'
    )


def answer_html(found: Quote) -> str:
    """A quote for people: profit, prices to look for, the other ways."""
    currency = found.currency
    parts = [f"<h3>{_headline(found)}</h3>"]
    if found.profit is not None:
        roots = ", ".join(f"{p:,.2f}" for p in found.break_even_sell) or "no price"
        highest = found.max_buy
        most = "no price" if highest.price is None else money(highest.price, highest.currency)
        parts.append(
            f"<p>Break-even selling at <b>{roots}</b>; buy at most for <b>{escape(most)}</b> "
            f"({highest.target_roi_pct:g} % ROI)</p>"
        )
        low, high = found.referral.profit_range or (None, None)
        if low != high:
            names = escape(", ".join(found.referral.candidates))
            span = f"{money(low, currency)} to {money(high, currency)}"
            parts.append(f"<p>{escape(span)}, as it falls under one of: {names}</p>")
    for label, texts in (("Unknown", found.unknown), ("Hint", found.hints), ("Note", found.warnings)):
        parts += [f"<p><i>{label}:</i> {escape(text)}</p>" for text in texts]
    rows = [("by " + a.fulfilment, a.profit, a.why_not) for a in found.alternatives]
    rows += [(f"{g.vat_status}, VAT class {g.vat_class}", g.profit, g.why_not) for g in found.vat_grid]
    rows += [(f"{s.of.replace('_', ' ')} {s.change_pct:+g} %", s.profit, None) for s in found.sensitivity]
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="n">{signed(profit)}</td><td>{escape(why or "")}</td></tr>'
        for name, profit, why in rows
    )
    amount = f'<th scope="col" class="n">Profit, {escape(currency)}</th>'
    head = f'<th scope="col">If instead</th>{amount}<th scope="col">Why not</th>'
    parts.append(f'<div class="arb-scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>')
    return f'<div class="arb-answer">{"".join(parts)}</div>'


def _headline(found: Quote) -> str:
    if found.profit is None:
        return "Profit unknown"
    return escape(
        f"Profit {money(found.profit, found.currency)}, ROI {percent(found.roi_pct)}, "
        f"margin {percent(found.margin_net_pct)}, by {found.fulfilment}"
    )
