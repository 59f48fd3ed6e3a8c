"""The morning report as HTML without scripts. Titles, brands and reasons come from outside: all of it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from arbkit import __version__
from arbkit.ages import age_words
from arbkit.amounts import count, money, percent
from arbkit.markets import MARKETS, market
from arbkit.models import Opportunity
from arbkit.morning import Gone, Morning, Moved
from arbkit.waterfall import Waterfall

__all__ = ["Html", "about", "data", "gone", "headline", "moved", "new", "top", "waterfalls"]

_STYLE = """<style>
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
.ak table { width: 100%; border-collapse: collapse; font-size: 14px; }
.ak th, .ak td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--line, #d1d9e0);
  vertical-align: top; font-variant-numeric: tabular-nums; }
.ak th { white-space: nowrap; }
.ak td { white-space: nowrap; } .ak td.ak-l { white-space: normal; overflow-wrap: anywhere; }
.ak .ak-l { text-align: left; }
.ak td small { display: block; color: var(--soft, #59636e); font-size: 12px; }
@media (max-width: 600px) {
  .ak thead { display: none; }
  .ak tr { display: block; border-bottom: 1px solid var(--line, #d1d9e0); padding: 8px 0; }
  .ak td, .ak td.ak-l { display: flex; justify-content: space-between; gap: 14px; border: 0; padding: 2px 0;
    text-align: right; }
  .ak td::before { content: attr(data-label); color: var(--soft, #59636e); flex: none; }
  .ak td.ak-head { display: block; text-align: left; font-weight: 600; }
  .ak td.ak-head::before { content: none; }
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


def headline(m: Morning) -> Html:
    """What there is, whether it is invented, and what became of it since the last report."""
    counts = m.counts()
    sub = f"{_moment(m.at)} · seller profile {escape(m.snapshot.profile or 'unknown')}"
    parts = [_STYLE, _demo(m), f'<p class="ak-soft">{sub}</p>']
    if m.stats.products == 0:
        parts.append(
            '<p class="ak-note">The store is empty: nothing has been stored yet, so there is nothing to report. '
            "Run <code>arbkit up</code>, or <code>arbkit import</code> and <code>arbkit consume</code>.</p>"
        )
    elif not counts["total"]:
        parts.append(
            '<p class="ak-note">No route leaves money now, or none has been evaluated yet: see '
            "<code>arbkit detect</code> and the data below.</p>"
        )
    if m.nothing_before is not None:
        parts.append(f"<p>{escape(m.nothing_before)}</p>")
    if m.before is not None:
        since = f"{_moment(m.before.taken_at)} ({age_words(m.at - m.before.taken_at, days='days')} ago)"
        parts.append(f"<p>Compared with the report of {since}, run {escape(m.before.run_id)}.</p>")
    parts += [f'<p class="ak-note">{escape(note)}</p>' for note in (m.comparison.notes if m.comparison else ())]
    if m.stats.products:
        parts.append(_tiles(m))
    return Html("".join(parts))


def _demo(m: Morning) -> str:
    invented, products = m.stats.demo_products, m.stats.products
    if not invented:
        return ""
    words = (
        "DEMO: invented products and prices"
        if invented == products
        else f"DEMO: {count(invented)} of {count(products)} products are invented"
    )
    return f'<span class="ak-demo">{words}</span>'


def _tiles(m: Morning) -> str:
    routes = m.snapshot.routes
    best = float(routes["profit"].max()) if len(routes) else None
    tiles = [
        (count(len(routes)), f"opportunities among {count(m.stats.products)} products"),
        (money(best, m.currency) if best is not None else "none", "best profit for one unit"),
    ]
    if m.comparison is not None:
        tiles += [
            (count(len(m.comparison.new), signed=True), "new"),
            (count(-len(m.comparison.gone), signed=True), "gone"),
            (count(len(m.comparison.moved)), "moved"),
        ]
    newest = m.quality.newest_at
    age = "unknown" if newest is None else age_words(m.at - newest, days="days")
    tiles.append((age, f"age of the newest price; {percent(m.quality.stale_pct)} of offers are stale"))
    return f'<div class="ak-tiles">{"".join(f"<div class=ak-tile><b>{a}</b><span>{b}</span></div>" for a, b in tiles)}</div>'


def new(m: Morning) -> Html:
    """Routes that were no opportunities before."""
    if m.comparison is None:
        return _nothing_compared()
    return _listed(_routes_table(m.new), len(m.new), len(m.comparison.new), "Nothing is new.")


def gone(m: Morning) -> Html:
    """Routes that are no opportunities any more, and why."""
    if m.comparison is None:
        return _nothing_compared()
    currency = m.before.currency if m.before and m.before.currency else m.currency
    rows = [[_named(g), _route(g.source, g.target), (money(g.profit, currency), ""), (escape(g.why), "ak-l")] for g in m.gone]
    table = _table([("Product", "ak-l"), ("Route", "ak-l"), ("Profit then", ""), ("Why", "ak-l")], rows)
    return _listed(table, len(m.gone), len(m.comparison.gone), "Nothing is gone.")


def moved(m: Morning) -> Html:
    """Opportunities whose profit or price changed materially."""
    if m.comparison is None:
        return _nothing_compared()
    p = m.parameters
    rule = (
        f"Profit by {money(p.min_change, m.currency)} and {percent(p.min_change_pct)} or more, or a price by "
        f"{percent(p.min_change_pct)} or more."
    )
    head = [("Product", "ak-l"), ("Route", "ak-l"), ("Buy", ""), ("Sell", ""), ("Profit", ""), ("Change", "")]
    rows = [
        [
            _titled(one.now),
            _route(one.now.source, one.now.target),
            _was(one.now.buy_price, one.buy_price, one.now.buy_currency),
            _was(one.now.sell_price, one.sell_price, one.now.sell_currency),
            _was(one.now.profit, one.profit, one.now.currency),
            _change(one),
        ]
        for one in m.moved
    ]
    listed = _listed(_table(head, rows), len(m.moved), len(m.comparison.moved), "Nothing moved.")
    return Html(f'<p class="ak-soft">{rule}</p>{listed.text}')


def top(m: Morning) -> Html:
    """The routes with the most profit."""
    shown = m.top[: m.parameters.top]
    return _listed(_routes_table(shown), len(shown), len(m.snapshot.routes), "There is no opportunity.")


def waterfalls(m: Morning) -> Html:
    """Where the money of the best routes goes, line by line."""
    chosen = m.top[: m.parameters.waterfalls]
    if not chosen:
        return Html("<p>There is none to show.</p>" if not m.top else "<p>None were asked for.</p>")
    return Html("".join(Waterfall(one)._repr_html_() for one in chosen))


def data(m: Morning) -> Html:
    """How old the data is, what is known of which marketplace, and which routes could not be priced and why."""
    q = m.quality
    if not q.offers:
        return Html("<p>There is no data yet.</p>")
    stale_h = m.parameters.stale_hours
    head = [("Marketplace", "ak-l"), ("Offers known", ""), ("With a price", ""), ("Stale", ""), ("Newest", ""), ("Oldest", "")]
    rows = [
        [
            (f"{escape(one.market)} <small>{escape(MARKETS[one.market].amazon)}</small>", "ak-l ak-head"),
            (f"{count(one.offers)} <small>{_share(one.offers, q.products)} of products</small>", ""),
            (f"{count(one.priced)} <small>{_share(one.priced, one.offers)}</small>", ""),
            (f"{count(one.stale)} <small>{_share(one.stale, one.offers)}</small>", ""),
            (_age(m.at, one.newest_at), ""),
            (_age(m.at, one.oldest_at), ""),
        ]
        for one in q.markets
    ]
    text = (
        f"<p>{count(q.offers)} offers of {count(q.products)} products; the newest price is {_age(m.at, q.newest_at)} old, "
        f"the oldest {_age(m.at, q.oldest_at)}. {percent(q.stale_pct)} are stale: older than {stale_h:g} h.</p>"
        + _table(head, rows)
    )
    if q.unpriced is not None and q.unpriced_at is not None:
        total = f" of {count(q.routes)} routes" if q.routes is not None else ""
        text += f"<h3>Not priced{total}</h3>"
        reasons = [[(escape(why), "ak-l ak-head"), (count(n), "")] for why, n in q.unpriced.items()]
        text += (
            _table([("Reason", "ak-l"), ("Routes", "")], reasons) if reasons else "<p>Every route could be priced.</p>"
        )
        text += f'<p class="ak-soft">As the detection of {_moment(q.unpriced_at)} found it.</p>'
    if q.dead_letters is not None:
        how = "See <code>arbkit dlq list</code>." if q.dead_letters else ""
        text += f"<p>Records that could not be used (dead letters): {count(q.dead_letters)}. {how}</p>"
    text += "".join(f'<p class="ak-soft">{escape(why[:1].upper() + why[1:])}.</p>' for why in q.why_not)
    return Html(text)


def about(m: Morning) -> Html:
    """What made the report."""
    tables = f" · fee tables of {escape(m.snapshot.tables_version)}" if m.snapshot.tables_version else ""
    return Html(
        f'<p class="ak-soft">Profit is for one unit, after every fee and tax, in {escape(m.currency)}. '
        f"Run {escape(m.run_id)}{tables} · arbkit {escape(__version__)}</p>"
    )


def _nothing_compared() -> Html:
    return Html('<p class="ak-soft">There is nothing to compare with.</p>')


def _listed(table: str, shown: int, total: int, nothing: str) -> Html:
    if not total:
        return Html(f"<p>{nothing}</p>")
    more = f'<p class="ak-soft">… and {count(total - shown)} more.</p>' if total > shown else ""
    return Html((table if shown else "") + more)


def _routes_table(found: Iterable[Opportunity]) -> str:
    head = [("Product", "ak-l"), ("Route", "ak-l"), ("Buy", ""), ("Sell", ""), ("Profit", ""), ("ROI", ""), ("Confidence", "")]
    rows = [
        [
            _titled(o),
            _route(o.source, o.target),
            (_link(o.source_url, money(o.buy_price, o.buy_currency)), ""),
            (_link(o.target_url, money(o.sell_price, o.sell_currency)), ""),
            (f"<b>{money(o.profit, o.currency)}</b>", ""),
            (percent(o.roi_pct), ""),
            (f'<span title="{escape("; ".join(o.confidence_reasons))}">{percent(100 * o.confidence)}</span>', ""),
        ]
        for o in found
    ]
    return _table(head, rows)


def _table(head: Sequence[tuple[str, str]], rows: Sequence[Sequence[Cell]]) -> str:
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
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _titled(found: Opportunity) -> Cell:
    tag = ' <span class="ak-tag">DEMO</span>' if found.demo else ""
    return f"{escape(found.title or '(no title)')}{tag}<small>{escape(found.asin)}</small>", "ak-l ak-head"


def _named(one: Gone) -> Cell:
    return f"{escape(one.title or '(no title)')}<small>{escape(one.asin)}</small>", "ak-l ak-head"


def _route(source: str, target: str) -> Cell:
    return f"{escape(market(source).code)}&nbsp;→&nbsp;{escape(market(target).code)}", "ak-l"


def _was(now: float, before: float, currency: str) -> Cell:
    was = f"<small>was {money(before, currency)}</small>" if round(now - before, 2) else ""
    return f"{money(now, currency)}{was}", ""


def _change(one: Moved) -> Cell:
    change = round(one.now.profit - one.profit, 2)
    share = f"<small>{percent(100 * change / one.profit, signed=True)}</small>" if one.profit else ""
    kind = "ak-up" if change > 0 else "ak-down" if change < 0 else ""
    return f"<b>{money(change, one.now.currency, signed=True)}</b>{share}", kind


def _link(url: str, text: str) -> str:
    if not url.startswith("https://"):
        return text
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{text}</a>'


def _share(part: int, whole: int) -> str:
    return percent(100 * part / whole) if whole else "–"


def _age(now: float, at: float | None) -> str:
    return "–" if at is None else age_words(now - at, days="days")


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
