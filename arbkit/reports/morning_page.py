"""The morning report as HTML without scripts: what its notebook displays, part by part."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from arbkit import __version__
from arbkit.core.formatting import age_words, count, money, percent, signed, utc_time
from arbkit.core.marketplaces import MARKETS
from arbkit.display.html import macro
from arbkit.display.notebook_html import NotebookHtml
from arbkit.display.route_tables import product_cell, reasons_table, route_label, routes_table
from arbkit.display.waterfall import waterfall_table
from arbkit.reports.data_quality import MarketData, Quality
from arbkit.reports.morning import Morning, Moved

_GONE = (("Product", "title"), ("Route", "text"), ("Profit then", "number"), ("Why", "wide"))
_MOVED = (
    ("Product", "title"), ("Route", "text"), ("Buy", "number"), ("Sell", "number"), ("Profit", "number"),
    ("Change", "number"),
)  # fmt: skip
_MARKETS = (
    ("Marketplace", "title"), ("Offers known", "number"), ("With a price", "number"), ("Stale", "number"),
    ("Newest", "number"), ("Oldest", "number"),
)  # fmt: skip


def headline(report: Morning) -> NotebookHtml:
    """The head figures, whether the data is invented, and what changed since the last report."""
    since = ""
    if report.before is not None:
        age = age_words(report.at - report.before.taken_at, days="days")
        since = f"{utc_time(report.before.taken_at)} ({age} ago)"
    figures = _figures(report) if report.stats.products else []
    return _part("headline", report, _invented(report), report.counts(), figures, since)


def _invented(report: Morning) -> str:
    invented, products = report.stats.demo_products, report.stats.products
    if not invented:
        return ""
    if invented == products:
        return "DEMO: invented products and prices"
    return f"DEMO: {count(invented)} of {count(products)} products are invented"


def _figures(report: Morning) -> list[tuple[str, str, str]]:
    """Label, value and what stands small below it."""
    routes, changes = report.snapshot.routes, report.comparison
    best = float(routes["profit"].max()) if len(routes) else None
    figures = [
        ("Opportunities", count(len(routes)), f"among {count(report.stats.products)} products"),
        ("Best profit", money(best, report.currency) if best is not None else "none", "for one unit"),
    ]
    if changes is not None:
        figures += [
            ("New", count(len(changes.new), sign="+"), ""),
            ("No longer profitable", count(-len(changes.gone), sign="+"), ""),
            ("Changed", count(len(changes.moved)), ""),
        ]
    newest = _age(report.at, report.quality.newest_at, unknown="unknown")
    return [*figures, ("Newest price", newest, f"{percent(report.quality.stale_pct)} of offers are stale")]


def new(report: Morning) -> NotebookHtml:
    """Routes that were not profitable before."""
    return _changes(report, "new", routes_table(report.new), "Nothing is new.")


def gone(report: Morning) -> NotebookHtml:
    """Routes that are no longer profitable, and why."""
    currency = report.before.currency if report.before and report.before.currency else report.currency
    rows = [
        (product_cell(g.title, g.asin), route_label(g.source, g.target), money(g.profit, currency), g.why)
        for g in report.gone
    ]
    table = macro("table", "No longer profitable", _GONE, rows)
    return _changes(report, "gone", table, "Every route is still profitable.")


def moved(report: Morning) -> NotebookHtml:
    """Opportunities whose profit or price changed materially."""
    p = report.parameters
    rule = (
        f"Profit changed by at least {money(p.min_change, report.currency)} and {percent(p.min_change_pct)}, or a "
        f"price by at least {percent(p.min_change_pct)}."
    )
    table = macro("table", "Changed", _MOVED, [_moved_row(one) for one in report.moved])
    return _changes(report, "moved", table, "Nothing changed.", intro=rule)


def _moved_row(moved: Moved) -> Sequence[str]:
    now = moved.now
    return (
        product_cell(now.title, now.asin, demo=now.demo),
        route_label(now.source, now.target),
        _was(now.buy_price, moved.buy_price, now.buy_currency),
        _was(now.sell_price, moved.sell_price, now.sell_currency),
        _was(now.profit, moved.profit, now.currency),
        _change(moved),
    )


def top(report: Morning) -> NotebookHtml:
    """The routes with the highest profit."""
    best = report.top[: report.parameters.top]
    return _routes(routes_table(best), len(best), len(report.snapshot.routes), "There are no opportunities.")


def waterfalls(report: Morning) -> NotebookHtml:
    """Where the money of the best routes goes, line by line."""
    chosen = report.top[: report.parameters.waterfalls]
    if not chosen:
        return _part("sentence", "None were requested." if report.top else "There are none to show.")
    return NotebookHtml(Markup("\n").join(waterfall_table(one) for one in chosen))


def data(report: Morning) -> NotebookHtml:
    """The age of the data, how much is known of each marketplace, and which routes could not be priced and why."""
    quality = report.quality
    if not quality.offers:
        return _part("sentence", "There is no data yet.")
    ages = {"newest": _age(report.at, quality.newest_at), "oldest": _age(report.at, quality.oldest_at)}
    markets = macro("table", "Marketplaces", _MARKETS, [_market_row(m, quality, report.at) for m in quality.markets])
    reasons = reasons_table(quality.unpriced or {})
    return _part("data", quality, ages, f"{report.parameters.stale_hours:g}", markets, reasons)


def _market_row(known: MarketData, quality: Quality, now: float) -> Sequence[str]:
    return (
        _with_small(known.market, MARKETS[known.market].amazon),
        _with_small(count(known.offers), f"{_share(known.offers, quality.products)} of products"),
        _with_small(count(known.priced), _share(known.priced, known.offers)),
        _with_small(count(known.stale), _share(known.stale, known.offers)),
        _age(now, known.newest_at),
        _age(now, known.oldest_at),
    )


def about(report: Morning) -> NotebookHtml:
    """What the report was made from: run, fee tables, version."""
    return _part("about", report, __version__)


def _part(name: str, *values: object) -> NotebookHtml:
    return NotebookHtml(_morning(name, *values))


def _morning(name: str, *values: object) -> Markup:
    return macro(name, *values, template="morning.html.j2", package="arbkit.reports")


def _changes(report: Morning, kind: str, table: Markup, nothing: str, *, intro: str = "") -> NotebookHtml:
    """What changed in one way, if there was anything to compare with."""
    total = report.counts()[kind]
    if total is None:
        return _part("sentence", "There is nothing to compare with.", True)
    return _routes(table, len(getattr(report, kind)), total, nothing, intro=intro)


def _routes(table: Markup, shown: int, total: int, nothing: str, *, intro: str = "") -> NotebookHtml:
    """A table of the first ``shown`` of ``total`` routes, or the sentence that there is nothing."""
    if not total:
        return _part("routes", _morning("sentence", nothing), 0, intro)
    return _part("routes", table if shown else "", total - shown, intro)


def _with_small(text: str, small: str) -> Markup:
    return _morning("with_small", text, small)


def _was(now: float, before: float, currency: str) -> Markup:
    return _with_small(money(now, currency), f"was {money(before, currency)}" if round(now - before, 2) else "")


def _change(moved: Moved) -> Markup:
    change = round(moved.now.profit - moved.profit, 2)
    share = percent(100 * change / moved.profit, sign="+") if moved.profit else ""
    tone = "good" if change > 0 else "bad" if change < 0 else ""
    return _morning("change", signed(change, moved.now.currency), share, tone)


def _share(part: int, whole: int) -> str:
    return percent(100 * part / whole if whole else None)


def _age(now: float, at: float | None, *, unknown: str = "–") -> str:
    return unknown if at is None else age_words(now - at, days="days")
