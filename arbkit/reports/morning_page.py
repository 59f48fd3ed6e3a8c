"""The morning report as HTML without scripts: what its notebook displays, part by part."""

from __future__ import annotations

from markupsafe import Markup

from arbkit import __version__
from arbkit.core.formatting import age_words, count, money, percent, utc_time
from arbkit.core.marketplaces import MARKETS
from arbkit.display.html import macro
from arbkit.display.notebook_html import NotebookHtml
from arbkit.display.route_tables import reasons_table, routes_table
from arbkit.display.waterfall import waterfall_table
from arbkit.reports.morning import Morning


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
    newest = _morning("age", report.at, report.quality.newest_at, "unknown")
    return [*figures, ("Newest price", newest, f"{percent(report.quality.stale_pct)} of offers are stale")]


def new(report: Morning) -> NotebookHtml:
    """Routes that were not profitable before."""
    return _changes(report, "new", routes_table(report.new), "Nothing is new.")


def gone(report: Morning) -> NotebookHtml:
    """Routes that are no longer profitable, and why."""
    currency = report.before.currency if report.before and report.before.currency else report.currency
    return _changes(report, "gone", _morning("gone", report.gone, currency), "Every route is still profitable.")


def moved(report: Morning) -> NotebookHtml:
    """Opportunities whose profit or price changed materially."""
    p = report.parameters
    rule = (
        f"Profit changed by at least {money(p.min_change, report.currency)} and {percent(p.min_change_pct)}, or a "
        f"price by at least {percent(p.min_change_pct)}."
    )
    return _changes(report, "moved", _morning("moved", report.moved), "Nothing changed.", intro=rule)


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
    stale_hours = f"{report.parameters.stale_hours:g}"
    return _part("data", quality, report.at, stale_hours, MARKETS, reasons_table(quality.unpriced or {}))


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
