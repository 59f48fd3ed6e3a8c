"""The morning report as HTML without scripts. Titles, brands and reasons come from outside: all of it is escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from arbkit import __version__
from arbkit.core.formatting import age_words, count, money, percent, signed
from arbkit.core.marketplaces import MARKETS
from arbkit.display.route_tables import STYLE, Cell, Html, route_cell, routes_table, table, title_cell
from arbkit.display.waterfall import Waterfall
from arbkit.reports.morning import Gone, Morning, Moved

__all__ = ["about", "data", "gone", "headline", "moved", "new", "top", "waterfalls"]


def headline(m: Morning) -> Html:
    """What there is, whether it is invented, and what became of it since the last report."""
    counts = m.counts()
    sub = f"{_moment(m.at)} · seller profile {escape(m.snapshot.profile or 'unknown')}"
    parts = [STYLE, _demo(m), f'<p class="ak-soft">{sub}</p>']
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
            (count(len(m.comparison.new), sign="+"), "new"),
            (count(-len(m.comparison.gone), sign="+"), "gone"),
            (count(len(m.comparison.moved)), "moved"),
        ]
    newest = m.quality.newest_at
    age = "unknown" if newest is None else age_words(m.at - newest, days="days")
    tiles.append((age, f"age of the newest price; {percent(m.quality.stale_pct)} of offers are stale"))
    shown = "".join(f'<div class="ak-tile"><b>{figure}</b><span>{what}</span></div>' for figure, what in tiles)
    return f'<div class="ak-tiles">{shown}</div>'


def new(m: Morning) -> Html:
    """Routes that were no opportunities before."""
    if m.comparison is None:
        return _nothing_compared()
    return _listed(routes_table(m.new), len(m.new), len(m.comparison.new), "Nothing is new.")


def gone(m: Morning) -> Html:
    """Routes that are no opportunities any more, and why."""
    if m.comparison is None:
        return _nothing_compared()
    currency = m.before.currency if m.before and m.before.currency else m.currency
    rows = [
        [_named(g), route_cell(g.source, g.target), (money(g.profit, currency), ""), (escape(g.why), "ak-l ak-wide")]
        for g in m.gone
    ]
    shown = table([("Product", "ak-l"), ("Route", "ak-l"), ("Profit then", ""), ("Why", "ak-l")], rows)
    return _listed(shown, len(m.gone), len(m.comparison.gone), "Nothing is gone.")


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
            title_cell(one.now),
            route_cell(one.now.source, one.now.target),
            _was(one.now.buy_price, one.buy_price, one.now.buy_currency),
            _was(one.now.sell_price, one.sell_price, one.now.sell_currency),
            _was(one.now.profit, one.profit, one.now.currency),
            _change(one),
        ]
        for one in m.moved
    ]
    listed = _listed(table(head, rows), len(m.moved), len(m.comparison.moved), "Nothing moved.")
    return Html(f'<p class="ak-soft">{rule}</p>{listed.text}')


def top(m: Morning) -> Html:
    """The routes with the most profit."""
    shown = m.top[: m.parameters.top]
    return _listed(routes_table(shown), len(shown), len(m.snapshot.routes), "There is no opportunity.")


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
    head = [
        ("Marketplace", "ak-l"),
        ("Offers known", ""),
        ("With a price", ""),
        ("Stale", ""),
        ("Newest", ""),
        ("Oldest", ""),
    ]
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
        f"<p>{count(q.offers)} offers of {count(q.products)} products; the newest price is "
        f"{_age(m.at, q.newest_at)} old, the oldest {_age(m.at, q.oldest_at)}. "
        f"{percent(q.stale_pct)} are stale: older than {stale_h:g} h.</p>" + table(head, rows)
    )
    if q.unpriced is not None and q.unpriced_at is not None:
        total = f" of {count(q.routes)} routes" if q.routes is not None else ""
        text += f"<h3>Not priced{total}</h3>"
        reasons = [[(escape(why), "ak-l ak-head"), (count(n), "")] for why, n in q.unpriced.items()]
        text += (
            table([("Reason", "ak-l"), ("Routes", "")], reasons) if reasons else "<p>Every route could be priced.</p>"
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


def _listed(rows: str, shown: int, total: int, nothing: str) -> Html:
    if not total:
        return Html(f"<p>{nothing}</p>")
    more = f'<p class="ak-soft">… and {count(total - shown)} more.</p>' if total > shown else ""
    return Html((rows if shown else "") + more)


def _named(one: Gone) -> Cell:
    return f"{escape(one.title or '(no title)')}<small>{escape(one.asin)}</small>", "ak-l ak-head"


def _was(now: float, before: float, currency: str) -> Cell:
    was = f"<small>was {money(before, currency)}</small>" if round(now - before, 2) else ""
    return f"{money(now, currency)}{was}", ""


def _change(one: Moved) -> Cell:
    change = round(one.now.profit - one.profit, 2)
    share = f"<small>{percent(100 * change / one.profit, sign='+')}</small>" if one.profit else ""
    kind = "ak-up" if change > 0 else "ak-down" if change < 0 else ""
    return f"<b>{signed(change, one.now.currency)}</b>{share}", kind


def _share(part: int, whole: int) -> str:
    return percent(100 * part / whole) if whole else "–"


def _age(now: float, at: float | None) -> str:
    return "–" if at is None else age_words(now - at, days="days")


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
